"""The service's secret for keyed hashes: made once, sealed by the vault, the same in every process."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress

from chassis.documents import Documents, Duplicate
from chassis.vault import Vault

_ID = "pepper"


class Pepper:
    """Derives values that only this service can derive (HMAC-SHA-256).

    What is derived need not be stored: codes, refresh tokens and the secrets of a link attempt stand in no database.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    async def open(cls, documents: Documents, vault: Vault) -> "Pepper":
        """Read the secret, or make it at the first start. Of two processes that make one, the first one's stays."""
        found = await documents.get(_ID)
        if found is None:
            with suppress(Duplicate):
                await documents.insert({"_id": _ID, "sealed": vault.seal(secrets.token_bytes(32))})
            found = await documents.get(_ID)
        if found is None:
            raise LookupError("the pepper was written and cannot be read")
        return cls(vault.open(found["sealed"]))

    def derive(self, purpose: str, *parts: str) -> str:
        """Return 256 bits as 43 characters base64url, always the same for the same purpose and parts."""
        # Lengths in front, so that no two lists of parts give the same bytes.
        message = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in (purpose, *parts))
        return urlsafe_b64encode(hmac.digest(self._secret, message, "sha256")).rstrip(b"=").decode()
