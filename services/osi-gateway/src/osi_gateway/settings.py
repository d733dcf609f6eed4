"""What the osi-gateway is told by its environment, beside what all services are told."""

from pathlib import Path

from pydantic import Field, SecretStr

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the osi-gateway. Environment prefix ``RATHAUS_``."""

    exchange_token_url: str = Field(description="Where the exchange gives out access tokens.")
    exchange_submission_url: str = Field(description="Base of the exchange's Submission API, without the version.")
    exchange_routing_url: str = Field(description="Base of the Routing API, without the version.")
    exchange_routing_keys_url: str = Field(description="JWKS of the portal that signs routes.")
    exchange_client_id: str = Field(description="Our name at the exchange, as a sender.")
    exchange_client_secret: SecretStr = Field(description="Our secret at the exchange, as a sender.")
    data_schemas: Path | None = Field(
        None,
        description="Folder with the JSON Schemas of applications' data, by $id; without it none is checked.",
    )
    exchange_poll_seconds: float = Field(
        30.0, gt=0, le=900, description="Shortest pause between two looks at an event log; it grows with time."
    )
