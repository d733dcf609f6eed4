"""What every service is told by its environment."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Role = Literal["api", "consumers", "relay", "timers"]
ROLES: frozenset[Role] = frozenset(get_args(Role))

SECRETS_DIR = "RATHAUS_SECRETS_DIR"
"""Names a folder with one file per setting (``rathaus_vault_key`` …), for what must not stand in an environment."""


class ServiceSettings(BaseSettings):
    """Settings that all services share; a service's own settings are a subclass. Environment prefix ``RATHAUS_``."""

    model_config = SettingsConfigDict(env_prefix="RATHAUS_", extra="ignore", frozen=True)

    http_host: str = Field("127.0.0.1", description="Address that the HTTP server listens on.")
    http_port: int = Field(8000, ge=0, le=65535, description="Port that the HTTP server listens on.")
    kafka_servers: Annotated[list[str], NoDecode] = Field(
        default=["127.0.0.1:9092"], min_length=1, description="Kafka brokers, host:port, separated by commas."
    )
    kafka_user: str | None = Field(None, description="SCRAM-SHA-512 user; without one the connection is anonymous.")
    kafka_password: SecretStr | None = Field(None, description="SCRAM-SHA-512 password.")
    kafka_tls: bool = Field(False, description="Speak TLS with the brokers; on wherever they are not on this machine.")
    database_url: SecretStr = Field(
        default=SecretStr("mongodb://127.0.0.1:27017"), description="MongoDB connection string with user and password."
    )
    database_name: str = Field(
        "rathaus", pattern=r"^[a-z][a-z0-9_]{0,37}$", description="The service's own database, e.g. osi_gateway."
    )
    blobs_url: str | None = Field(None, description="Where files lie: a folder, file:///… or s3://bucket/prefix.")
    vault_key: SecretStr | None = Field(None, description="Key for secrets at rest: 32 bytes, base64url.")
    municipalities: Path = Field(Path("municipalities"), description="Folder with one YAML file per municipality.")
    public_url: str = Field("http://localhost:8080", description="Address of the portal as browsers see it, no slash.")
    clock_offset_file: Path | None = Field(None, description="File with seconds to move the clock by (tests only).")
    roles: Annotated[frozenset[Role], NoDecode] = Field(
        default=ROLES, min_length=1, description="What this process does: api, consumers, relay, timers; commas."
    )
    graceful_timeout: float = Field(6.0, gt=0, le=60, description="Seconds for open work at stop; production 20.")
    start_timeout: float = Field(60.0, gt=0, description="Seconds to wait for database and Kafka at start.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe line to log.")

    @field_validator("kafka_servers", "roles", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")


S = TypeVar("S", bound=ServiceSettings)


def load(settings: type[S], **given: Any) -> S:
    """Read settings from the environment and the secrets folder; ``given`` (the command line) wins.

    Raises ``pydantic.ValidationError``, which names the setting but never a secret's value.
    """
    return settings(_secrets_dir=os.environ.get(SECRETS_DIR), **given)
