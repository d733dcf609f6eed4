"""Settings of the notify service."""

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The mail server, beside what all services have."""

    smtp_host: str = Field("127.0.0.1", description="Mail server that takes our mails for delivery.")
    smtp_port: int = Field(1025, ge=1, le=65535, description="Its port.")
    mail_from: str = Field(
        "rathaus@example.org", pattern=r"^[^@\s]+@[^@\s]+$", description="Sender address; its domain names our mails."
    )
