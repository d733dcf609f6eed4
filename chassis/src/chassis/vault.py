"""Secrets at rest, sealed with the installation's key (JWE, direct encryption, A256GCM; RFC 7516 and 7518)."""

import base64
import binascii
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import SecretStr

_KEY_BYTES: Final = 32
_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}


class CannotOpen(Exception):
    """The sealed text was changed, cut, or sealed with another key."""


class Vault:
    """Seals and opens small secrets (keys, tokens): a few KiB, held in memory."""

    def __init__(self, key: SecretStr) -> None:
        """``key``: 32 bytes, base64url. Raises ValueError otherwise, without showing it."""
        text = key.get_secret_value().encode("ascii", "replace")
        try:
            raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != _KEY_BYTES:
            raise ValueError(f"the vault's key must be {_KEY_BYTES} bytes in base64url")
        self._key = OctKey.import_key(raw)

    def seal(self, secret: bytes) -> str:
        """Return the secret as a compact JWE."""
        return jwe.encrypt_compact(_HEADER, secret, self._key)

    def open(self, sealed: str) -> bytes:
        """Return the secret.

        Raises:
            CannotOpen: it was not sealed with this key, or was changed since.
        """
        try:
            opened = jwe.decrypt_compact(sealed, self._key, algorithms=["dir", "A256GCM"])
        except (JoseError, ValueError):
            raise CannotOpen("not sealed with this key, or changed") from None
        if opened.plaintext is None:
            raise CannotOpen("empty")
        return opened.plaintext
