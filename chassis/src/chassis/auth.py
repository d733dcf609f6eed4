"""Who calls: the check of access tokens (RFC 9068) and the read model of the keys that sign them."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.clock import Clock
from chassis.compacted import keep_newest
from chassis.documents import Documents
from chassis.errors import Transient
from chassis.parsing import Unparsable, parse
from contracts import Tombstone
from contracts.identity import Level, TokenKeyPublished

if TYPE_CHECKING:
    from contracts.envelope import Envelope

_log = logging.getLogger(__name__)

ISSUER: Final = "urn:rathaus:identity"
AUDIENCE: Final = "rathaus"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type, no secret
ALGORITHM: Final = "ES256"
COOKIE: Final = "__Host-session"
_HEADER: Final = frozenset({"alg", "typ", "kid"})
"""Header parameters that a token has. Anything that brings or names a key (jwk, jku, x5u, x5c) is refused."""
_SKEW: Final = timedelta(seconds=5)
"""How far ahead of ours the issuer's clock may be."""
_MAX_TOKEN: Final = 4_096
_LOOK_AGAIN: Final = timedelta(seconds=1)
_REFRESH: Final = timedelta(seconds=30)
_PATIENCE: Final = 0.2
"""Seconds that a caller whose key is known waits for the keys to be read anew: a silent database must not be waited
for twice, here and where the command is decided."""
_MOST_KEYS: Final = 1_000
"""Token keys that can be in use at once; identity has one or two."""
_MOST_VERIFIED: Final = 4_096
"""Tokens whose signature is remembered as good: some MB."""


class Rejected(Exception):
    """The token is not one of ours, or not any more. The message is for the log, not for the caller."""


@dataclass(frozen=True)
class Caller:
    """Who is signed in, as the access token says."""

    account: str
    tenant: str
    """ARS of the municipality."""
    session: str
    level: Level
    linked: bool
    """Whether a Landeskonto is linked to the account."""
    roles: tuple[str, ...]
    org: str | None
    authenticated_at: datetime


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    iss: str
    aud: str
    sub: Annotated[str, Field(min_length=1, max_length=64)]
    tenant: Annotated[str, Field(pattern=r"^\d{12}$")]
    sid: Annotated[str, Field(min_length=1, max_length=64)]
    acr: Level
    linked: bool
    roles: list[str]
    org: str | None = None
    auth_time: int
    iat: int
    exp: int
    nbf: int | None = None
    jti: str


@dataclass(frozen=True)
class _Verified:
    kid: str
    key: ECKey
    """Which key it was: while this very object is the one in use, its signature need not be computed again."""
    claims: _Claims
    caller: Caller


class TokenKeys:
    """The public keys of access tokens: identity's own, or the copy that a service keeps of ``identity.keys``.

    Every process reads them from its service's database, so that the process that listens may be another one.
    """

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._keys: dict[str, tuple[ECKey, datetime | None]] = {}
        self._read_at: datetime | None = None
        """When the keys at hand were asked for."""
        self._reading: asyncio.Task[None] | None = None
        self._verified: dict[bytes, _Verified] = {}

    async def put(self, kid: str, jwk: Mapping[str, Any], retires_at: datetime | None) -> None:
        """Keep a public key of one's own.

        Raises:
            ValueError: it is not a public key on P-256.
        """
        key = _public_key(jwk)
        await self._documents.upsert(kid, {"$set": {"jwk": dict(jwk), "retires_at": retires_at}})
        self._keys[kid] = (key, retires_at)

    async def keep_token_key(self, event: TokenKeyPublished, envelope: "Envelope") -> None:
        """Keep a key that identity made known; doing it twice changes nothing."""
        key, told = _public_key(event.jwk), {"jwk": dict(event.jwk), "retires_at": event.retires_at}
        if await keep_newest(self._documents, event.kid, envelope.sequence, {"$set": told}):
            self._keys[event.kid] = (key, event.retires_at)

    async def drop_token_key(self, event: Tombstone, envelope: "Envelope") -> None:
        """Drop a key that identity has erased."""
        if await keep_newest(self._documents, envelope.key, envelope.sequence, {"$unset": {"jwk": 1}}):
            self._keys.pop(envelope.key, None)

    async def find(self, kid: str) -> ECKey | None:
        """Return a key that is in use now. An unknown one is looked for in the database, at most once a second.

        A known one counts on while the database is silent, and is looked for again a second later.
        """
        now = self._clock.now()
        await self._renew(now, known=kid in self._keys)
        return self._in_use(kid, now)

    async def verified(self, token: str) -> _Verified:
        """Return what a token says, once its form and signature are known to be good.

        A citizen's clicks bring the same token again and again. What is remembered goes with the keys, which are
        read anew every 30 s; whether the token is valid *now* is never remembered.

        Raises:
            Rejected, JoseError, ValueError, TypeError, KeyError, Unparsable: it is not good.
        """
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None or await self.find(known.kid) is not known.key:
            known = await _verify(token, self)
            if len(self._verified) >= _MOST_VERIFIED:
                self._verified.clear()
            self._verified[digest] = known
        return known

    async def check(self) -> str | None:
        """Readiness: without a key nobody can be let in."""
        now = self._clock.now()
        await self._renew(now, known=bool(self._keys))
        usable = any(self._in_use(kid, now) for kid in self._keys)
        return None if usable else "no token key of identity has arrived yet"

    def _older_than(self, age: timedelta, now: datetime) -> bool:
        return self._read_at is None or abs(now - self._read_at) >= age

    def _in_use(self, kid: str, now: datetime) -> ECKey | None:
        key, retires_at = self._keys.get(kid, (None, None))
        return key if retires_at is None or now < retires_at else None

    async def _renew(self, now: datetime, *, known: bool) -> None:
        """Read the keys where those at hand are too old; who comes meanwhile waits for what is being read.

        Whoever went on without it would be turned away for a key that is good.
        """
        if not self._older_than(_REFRESH if known else _LOOK_AGAIN, now):
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(now))
            self._reading.add_done_callback(_heard)
        try:
            async with asyncio.timeout(_PATIENCE if known else None):
                await asyncio.shield(self._reading)
        except (Transient, TimeoutError):
            if not known:
                raise
            self._read_at = now - _REFRESH + _LOOK_AGAIN

    async def _read(self, now: datetime) -> None:
        try:
            found = await self._documents.find({"jwk": {"$exists": True}}, limit=_MOST_KEYS)
            self._keys = {entry["_id"]: (_public_key(entry["jwk"]), entry.get("retires_at")) for entry in found}
            self._read_at = now
            self._verified.clear()
        finally:
            self._reading = None


def _heard(reading: asyncio.Task[None]) -> None:
    if not reading.cancelled():
        reading.exception()  # who waited for it may have gone on without it, and the next one asks again


def _public_key(jwk: Mapping[str, Any]) -> ECKey:
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise ValueError("a token key must be a public EC key on P-256")
    return ECKey.import_key(dict(jwk))


async def check_token(token: str, keys: TokenKeys, now: datetime) -> Caller:
    """Return whom an access token speaks for.

    Raises:
        Rejected: form, algorithm, type, key, signature, issuer, audience, time or a claim is wrong.
    """
    if len(token) > _MAX_TOKEN:
        raise Rejected(f"token of {len(token)} characters, at most {_MAX_TOKEN}")
    try:
        found = await keys.verified(token)
    except (JoseError, ValueError, TypeError, KeyError, Unparsable) as error:
        # ValidationError is a ValueError; its text quotes claims and stays out of the log.
        raise Rejected(_reason(error)) from None
    _check_claims(found.claims, now)
    return found.caller


async def _verify(token: str, keys: TokenKeys) -> _Verified:
    kid = _key_id(jws.extract_compact(token.encode("ascii")).headers())
    key = await keys.find(kid)
    if key is None:
        raise Rejected("unknown or retired key")
    payload = jws.deserialize_compact(token, key, algorithms=[ALGORITHM]).payload
    claims = _Claims.model_validate(parse(payload))
    caller = Caller(
        account=claims.sub,
        tenant=claims.tenant,
        session=claims.sid,
        level=claims.acr,
        linked=claims.linked,
        roles=tuple(claims.roles),
        org=claims.org,
        authenticated_at=datetime.fromtimestamp(claims.auth_time, UTC),
    )
    return _Verified(kid, key, claims, caller)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return f"claims: {', '.join(str(item['loc'][0]) for item in error.errors() if item['loc'])}"
    return type(error).__name__


def _key_id(header: Mapping[str, Any]) -> str:
    if set(header) != _HEADER:
        raise Rejected(f"header parameters must be {sorted(_HEADER)}")
    if header["alg"] != ALGORITHM or header["typ"] != TOKEN_TYPE or not isinstance(header["kid"], str):
        raise Rejected(f"header must say {ALGORITHM} and {TOKEN_TYPE}")
    return header["kid"]


def _check_claims(claims: _Claims, now: datetime) -> None:
    if claims.iss != ISSUER or claims.aud != AUDIENCE:
        raise Rejected("issuer or audience")
    seconds = now.timestamp()
    if seconds >= claims.exp:
        raise Rejected("expired")
    if max(claims.iat, claims.auth_time, claims.nbf or 0) > seconds + _SKEW.total_seconds():
        raise Rejected("not valid yet")
