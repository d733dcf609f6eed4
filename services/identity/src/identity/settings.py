"""What the identity service is told by its environment."""

from typing import Literal

from pydantic import Field, SecretStr

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Identity's own settings beside the shared ones. Environment prefix ``RATHAUS_``."""

    landeskonto_issuer: str = Field(
        "http://127.0.0.1:9000/landeskonto",
        description="Issuer of the Landeskonto (OpenID Connect), no slash at its end.",
    )
    landeskonto_client_id: str = Field("rathaus", description="Our client id at the Landeskonto.")
    landeskonto_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Our client secret at the Landeskonto."
    )
    landeskonto_level: Literal["niedrig", "substanziell", "hoch"] = Field(
        "hoch", description="Lowest level of the Landeskonto sign-in that makes a link."
    )
    hashing_threads: int = Field(
        2, ge=1, le=64, description="Passwords hashed at once; each takes 19 MiB and one core."
    )
    hashing_queue: int = Field(64, ge=1, le=10_000, description="Passwords that may wait for their hash; more get 503.")
    sign_in_free_per_network: int = Field(50, ge=1, description="Wrong passwords from one network before delays begin.")
