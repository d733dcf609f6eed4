"""The gateway's public keys, as the topic ``osi-gateway.keys`` told them, and the sealing of packages to the newest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jwe
from joserfc.jwk import RSAKey

from chassis.compacted import keep_newest
from chassis.documents import Documents
from chassis.errors import Transient

_ALGORITHM: Final = "RSA-OAEP-256"
_ENCRYPTION: Final = "A256GCM"
_SMALLEST: Final = 2048
"""Bits of an RSA key that may still protect personal data; the gateway's own have 4096 (BSI TR-02102-1)."""


class NoSealingKey(Transient):
    """The gateway has not made a key known yet, so nobody could read what is handed in now."""


@dataclass(frozen=True)
class SealingKey:
    """A public key that only the gateway can open what is sealed to."""

    kid: str
    _key: RSAKey

    def seal(self, plain: bytes) -> str:
        """Encrypt to the gateway: compact JWE, RSA-OAEP-256 and A256GCM (RFC 7516, RFC 7518)."""
        header = {"alg": _ALGORITHM, "enc": _ENCRYPTION, "kid": self.kid}
        return jwe.encrypt_compact(header, plain, self._key, algorithms=[_ALGORITHM, _ENCRYPTION])


class SealingKeys:
    """The read model of ``osi-gateway.keys``: one document per key."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def put(self, kid: str, jwk: Mapping[str, Any], published_at: datetime, sequence: int) -> None:
        """Keep a key, as the event of this number told; the same again changes nothing.

        Raises:
            ValueError: it is no public RSA key of at least 2048 bits.
        """
        _public_key(jwk)
        told = {"jwk": dict(jwk), "published_at": published_at}
        await keep_newest(self._documents, kid, sequence, {"$set": told})

    async def drop(self, kid: str, sequence: int) -> None:
        """Forget a key that the gateway has withdrawn."""
        await keep_newest(self._documents, kid, sequence, {"$unset": {"jwk": 1}})

    async def newest(self) -> SealingKey:
        """Return the key that the gateway published last.

        Raises:
            NoSealingKey: none has arrived.
        """
        newest_first = (("published_at", -1), ("_id", -1))
        found = await self._documents.find({"jwk": {"$exists": True}}, sort=newest_first, limit=1)
        if not found:
            raise NoSealingKey("no sealing key of the osi-gateway has arrived yet", retry_after=5)
        return SealingKey(found[0]["_id"], _public_key(found[0]["jwk"]))

    async def check(self) -> str | None:
        """Readiness: without a key nothing can be handed in."""
        try:
            await self.newest()
        except NoSealingKey as missing:
            return str(missing)
        return None


def _public_key(jwk: Mapping[str, Any]) -> RSAKey:
    if jwk.get("kty") != "RSA" or "d" in jwk:
        raise ValueError("a sealing key must be a public RSA key")
    # What the key is for is said here; a key_ops of "wrapKey", as FIT-Connect writes it, stops the library.
    key = RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
    if key.public_key.key_size < _SMALLEST:
        raise ValueError(f"a sealing key of {key.public_key.key_size} bits, at least {_SMALLEST} are needed")
    return key
