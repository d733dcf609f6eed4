"""The Landeskonto as an OpenID provider: authorization code with PKCE, ID token checked here and nowhere else."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from chassis.errors import Transient
from identity.links.domain import LEVELS, ORDER, Expected, Level, Proof, ProofRefused, proof

ALGORITHMS = ("ES256", "PS256", "RS256")
"""Signatures that are accepted (ASVS 5.0, 9.1.2); never ``none``, never a shared secret."""
SECONDS = 10.0
"""Patience with one answer of the Landeskonto."""
CACHED = 3600.0
"""Seconds that its metadata and keys are believed."""
_RELOAD = 10.0
"""Seconds between two looks for a key that we don't know."""
_FOREIGN_KEYS = frozenset({"jku", "jwk", "x5u", "x5c"})
"""Headers by which a token brings its own key (ASVS 5.0, 9.1.3)."""


class LandeskontoUnavailable(Transient):
    """The Landeskonto gave no usable answer; nothing has been used up."""


class RedemptionFailed(Exception):
    """The code was sent and no proof came back: it is used up, so the link must be begun anew."""

    def __init__(self, reason: str) -> None:
        super().__init__("Das Landeskonto hat die Anmeldung nicht bestätigt. Bitte beginnen Sie die Verknüpfung neu.")
        self.reason = reason


@dataclass(frozen=True)
class Secrets:
    """What binds a sign-in at the Landeskonto to one attempt (RFC 6749, 10.12; RFC 7636; OpenID Core, 3.1.2.1)."""

    state: str
    nonce: str
    verifier: str


class Landeskonto:
    """One issuer. Metadata and keys are read when first needed and kept for an hour."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        # authlib's own client takes httpx or httpx2, whichever is installed; its errors would be of either.
        self._http = httpx.AsyncClient(timeout=SECONDS, transport=transport)
        self._auth = httpx.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
        self._metadata: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._read_at = -CACHED

    async def ready(self) -> None:
        """Have metadata and keys at hand.

        Raises:
            LandeskontoUnavailable: they cannot be read, or are another issuer's.
        """
        if time.monotonic() - self._read_at >= CACHED:
            await self._read()

    async def authorization_url(self, redirect_uri: str, secrets: Secrets, asked: Level) -> str:
        """Return the address at which the citizen signs in anew, at least at the asked level.

        Raises:
            LandeskontoUnavailable: its metadata cannot be read.
        """
        await self.ready()
        url: str = prepare_grant_uri(
            self._metadata["authorization_endpoint"],
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope="openid",
            state=secrets.state,
            nonce=secrets.nonce,
            code_challenge=create_s256_code_challenge(secrets.verifier),
            code_challenge_method="S256",
            acr_values=self._acr_values(asked),
            prompt="login",
            max_age="0",
        )
        return url

    async def redeem(self, code: str, redirect_uri: str, secrets: Secrets, asked: Level, now: datetime) -> Proof:
        """Exchange the code for an ID token and check it.

        Raises:
            RedemptionFailed: the code was refused, or the answer did not come.
            ProofRefused: the ID token does not prove what was asked.
        """
        try:
            answer = await self._json(
                "POST",
                self._metadata["token_endpoint"],
                auth=self._auth,
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": redirect_uri,
                    "code_verifier": secrets.verifier,
                },
            )
            claims = await self._claims(answer.get("id_token"))
        except LandeskontoUnavailable as error:
            raise RedemptionFailed(str(error)) from error
        return proof(claims, Expected(self.issuer, self._client_id, secrets.nonce, asked), now)

    def _acr_values(self, asked: Level) -> str:
        """Return the spellings of the asked level and those above it that this issuer knows, lowest first."""
        enough = set(ORDER[ORDER.index(asked) :])
        known = [name for name in self._metadata.get("acr_values_supported", ()) if LEVELS.get(name) in enough]
        return " ".join(sorted(known, key=lambda name: ORDER.index(LEVELS[name]))) or asked

    async def _claims(self, token: object) -> Mapping[str, Any]:
        if not isinstance(token, str):
            raise ProofRefused("id_token", "fehlt")
        try:
            header = jws.extract_compact(token.encode()).headers()
            if header.get("typ", "JWT") != "JWT" or _FOREIGN_KEYS & header.keys():
                raise ProofRefused("id_token", "hat unerlaubte Kopfdaten")
            return jwt.decode(token, await self._key(header.get("kid")), algorithms=list(ALGORITHMS)).claims
        except JoseError as error:
            raise ProofRefused("id_token", f"hat keine gültige Signatur ({type(error).__name__})") from error

    async def _key(self, kid: object) -> Key:
        found = self._known_key(kid)
        if found is None and time.monotonic() - self._read_at >= _RELOAD:
            await self._read()
            found = self._known_key(kid)
        if found is None:
            raise ProofRefused("kid", "nennt keinen bekannten Schlüssel")
        return found

    def _known_key(self, kid: object) -> Key | None:
        return next((key for key in self._keys if key.kid == kid and key.key_type in {"EC", "RSA"}), None)

    async def _read(self) -> None:
        metadata = await self._json("GET", f"{self.issuer}/.well-known/openid-configuration")
        if metadata.get("issuer") != self.issuer:
            # OpenID Connect Discovery 1.0, 4.3
            raise LandeskontoUnavailable(f"metadata of {self.issuer} name the issuer {metadata.get('issuer')}")
        if "S256" not in metadata.get("code_challenge_methods_supported", ["S256"]):
            raise LandeskontoUnavailable(f"{self.issuer} does not support PKCE with S256")
        try:
            keys = KeySet.import_key_set(await self._json("GET", metadata["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, KeyError, ValueError) as error:
            raise LandeskontoUnavailable(f"keys of {self.issuer} are not readable: {error}") from error
        self._metadata, self._keys, self._read_at = metadata, keys, time.monotonic()

    async def _json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            # httpx limits each read and write alone, and not the wait for a connection that another is opening.
            async with asyncio.timeout(SECONDS):
                answer = await self._http.request(method, url, **more)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise LandeskontoUnavailable(f"{url}: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise LandeskontoUnavailable(f"{url}: no JSON object")
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()
