"""What the sandbox is told at its start."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Addresses, clients and pace of one sandbox."""

    data: Path
    """Folder that holds everything which must survive a restart."""
    public_url: str
    """Origin under which callers reach the sandbox, without a slash at its end."""
    exchange_client_id: str
    exchange_client_secret: str
    landeskonto_client_id: str
    landeskonto_client_secret: str
    redirect_uris: tuple[str, ...] = ()
    """Registered at the Landeskonto; compared character by character (OpenID Connect Core, section 3.1.2.1)."""
    logout_uris: tuple[str, ...] = ()
    """Registered addresses to return to after signing out (OpenID Connect RP-Initiated Logout, section 3)."""
    schemas: Path | None = None
    """Folder searched for the JSON Schemas of the applications' data; without it data are only checked to be JSON."""
    authority_delay: float = 0.2
    """Seconds between finding a submission and answering it."""
    poll: float = 0.5
    """Seconds between two looks of the authority into its post, and between two looks for deadlines."""
    receiver_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """Secret of the client ``sandbox-authority``, for those who want to receive in its place."""
    clock_offset_file: Path | None = None
    """File with a number of seconds by which the sandbox's clock is moved."""

    @property
    def issuer(self) -> str:
        """The Landeskonto's issuer identifier."""
        return f"{self.public_url}/landeskonto"

    @property
    def submission_api(self) -> str:
        """Base address of the delivery service, which is also the issuer of its security event tokens."""
        return f"{self.public_url}/submission-api"
