"""Signing keys in the database, the private halves sealed."""

from collections.abc import Callable

from joserfc.jwk import ECKey

from chassis.aggregates import Aggregates, Codec, Key
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from chassis.vault import Vault
from contracts.envelope import INSTALLATION
from identity.keys import domain
from identity.keys.domain import Published, SigningKey
from identity.keys.events import publish

_FIRST = Key("signing-keys", "1", "")
"""All processes make the first key under this name, so that only one of them makes it."""
_MOST = 20


class KeyCodec(Codec[SigningKey]):
    """SigningKey ↔ fields of its document."""

    schema_version = 1

    def dump(self, state: SigningKey) -> Document:
        """Return the fields; those without a value are left out."""
        fields: Document = {
            "public": state.public,
            "sealed": state.sealed,
            "created_at": state.created_at,
            "retires_at": state.retires_at,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def load(self, document: Document) -> SigningKey:
        """Return the state."""
        return SigningKey(
            kid=document["_id"],
            public=document["public"],
            sealed=document["sealed"],
            created_at=document["created_at"],
            retires_at=document.get("retires_at"),
        )


class SigningKeys(Aggregates[SigningKey, Published]):
    """All keys of the installation: they sign for every municipality."""

    @classmethod
    async def open(cls, database: Database, clock: Clock, kick: Callable[[], None], vault: Vault) -> "SigningKeys":
        """Open the collection, and make the first key where there is none."""
        documents = database.collection("signing_keys")
        keys = cls(documents, KeyCodec(), publish, service="identity", clock=clock, kick=kick)
        await keys.ensure([Index((("tenant", 1), ("created_at", 1)), "by-age")])
        if not await keys.every():
            await keys.create(INSTALLATION, _FIRST, lambda kid: domain.begin(_made(kid, vault, clock)))
        return keys

    async def every(self) -> list[SigningKey]:
        """Return all keys, oldest first."""
        found = await self.find({"tenant": INSTALLATION}, sort=[("created_at", 1)], limit=_MOST)
        return [key.state for key in found]


def _made(kid: str, vault: Vault, clock: Clock) -> SigningKey:
    pair = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
    public = {name: str(value) for name, value in pair.as_dict(private=False).items() if isinstance(value, str)}
    return SigningKey(kid, public, vault.seal(pair.as_pem(private=True)), clock.now())
