"""Key pairs in their collection, and the keyring that uses them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from chassis.aggregates import Aggregates, Key
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from chassis.errors import Transient
from chassis.vault import Vault
from contracts.envelope import INSTALLATION
from osi_gateway.exchange import jose
from osi_gateway.keys.domain import KeyPair, Made, Purpose, make
from osi_gateway.keys.events import publish

_PURPOSES: tuple[Purpose, ...] = ("sealing", "signing")
_MOST_KEYS = 100


class KeyPairCodec:
    """How a key pair stands in its document."""

    schema_version = 1

    def dump(self, state: KeyPair) -> Document:
        """Return the fields of the document."""
        return {
            "purpose": state.purpose,
            "public": dict(state.public),
            "private": state.private,
            "made_at": state.made_at,
        }

    def load(self, document: Document) -> KeyPair:
        """Return the state."""
        return KeyPair(
            kid=document["_id"],
            purpose=document["purpose"],
            public=document["public"],
            private=document["private"],
            made_at=document["made_at"],
        )


class KeyPairs(Aggregates[KeyPair, Made]):
    """The collection; a key's id is its ``kid``."""

    def __init__(self, database: Database, clock: Clock, kick: Callable[[], None]) -> None:
        super().__init__(
            database.collection("keys"), KeyPairCodec(), publish, service="osi-gateway", clock=clock, kick=kick
        )


class Keyring:
    """The gateway's keys, opened."""

    def __init__(self, pairs: KeyPairs, vault: Vault, clock: Clock) -> None:
        self._pairs = pairs
        self._vault = vault
        self._clock = clock
        self._open: dict[str, jose.PrivateKey] = {}
        self._newest: dict[Purpose, KeyPair] = {}

    async def open(self) -> None:
        """Read the keys; make the first of each kind. Of two processes that do so at once, one's counts for both."""
        await self._pairs.ensure([Index((("purpose", 1), ("made_at", 1)), "purpose")])
        await self._read()
        for purpose in _PURPOSES:
            if purpose not in self._newest:
                await self._make(purpose)
        await self._read()

    async def unseal(self, token: str) -> bytes:
        """Open what was sealed to one of the gateway's keys.

        Raises:
            Unreadable: broken, or made otherwise than agreed.
            Transient: sealed to a key that is not here; it may come, for another process may have just made it.
        """
        kid = str(jose.jwe_header(token).get("kid"))
        if kid not in self._open:
            await self._read()
        if kid not in self._open:
            raise Transient("the package is sealed to a key that is not here", retry_after=30)
        return await asyncio.to_thread(jose.decrypt, token, self._open[kid])

    async def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a compact JWS (PS512) with the public key in its header."""
        pair = self._newest["signing"]
        header = {"typ": "JWT", "kid": pair.kid, "jwk": dict(pair.public)}
        payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
        return await asyncio.to_thread(jose.sign, header, payload, self._open[pair.kid])

    async def check(self) -> str | None:
        """Return why packages cannot be opened: for readiness."""
        return None if "sealing" in self._newest else "there is no sealing key"

    async def _read(self) -> None:
        for purpose in _PURPOSES:
            for found in await self._pairs.find({"purpose": purpose}, sort=[("made_at", 1)], limit=_MOST_KEYS):
                pair = found.state
                if pair.kid not in self._open:
                    self._open[pair.kid] = jose.private_key(json.loads(self._vault.open(pair.private)))
                self._newest[purpose] = pair

    async def _make(self, purpose: Purpose) -> None:
        public, private = await asyncio.to_thread(jose.new_key)
        sealed = self._vault.seal(json.dumps(private).encode())
        now = self._clock.now()

        def first(kid: str) -> tuple[KeyPair, list[Made]]:
            pair, made = make(kid, purpose, public, sealed, now)
            return pair, [made]

        await self._pairs.create(INSTALLATION, Key("osi-gateway", f"first {purpose} key", purpose), first)
