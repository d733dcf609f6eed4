"""Settings of the appointments service."""

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """It needs nothing beyond what all services have."""
