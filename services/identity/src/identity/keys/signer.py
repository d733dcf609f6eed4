"""Signs access tokens with the opened keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth import ALGORITHM, TOKEN_TYPE
from chassis.clock import Clock
from chassis.vault import Vault
from identity.keys.domain import SigningKey, active, signer


class Signer:
    """Holds the private keys of this process in memory."""

    def __init__(self, keys: Sequence[SigningKey], vault: Vault, clock: Clock) -> None:
        """Open the sealed halves; raises what ``Vault.open`` raises where the vault's key is another one."""
        self._keys = keys
        self._private = {key.kid: ECKey.import_key(vault.open(key.sealed)) for key in keys}
        self._clock = clock

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a signed access token (RFC 9068).

        Raises:
            NoSigningKey: all keys are retired.
        """
        key = signer(self._keys, self._clock.now())
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
        return jwt.encode(header, dict(claims), self._private[key.kid])

    def published(self) -> list[dict[str, str]]:
        """Return the public halves that tokens may be checked with now, oldest first."""
        return [key.public for key in active(self._keys, self._clock.now())]
