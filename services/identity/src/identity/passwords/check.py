"""Is this the right password? Slowly enough for the right person, too slowly for a guesser."""

from dataclasses import replace
from datetime import timedelta

from identity.passwords.domain import normalised
from identity.passwords.hashing import Hashing
from identity.throttles.domain import Limit
from identity.throttles.store import Throttles

PER_ADDRESS = Limit(free=5, longest=timedelta(seconds=60))
"""Tries at one mail address, whether or not it has an account: at most 1,445 a day, and its holder waits a minute."""
PER_NETWORK = Limit(free=50, longest=timedelta(minutes=5))
"""Wrong tries from one network at any addresses; a town hall's or a school's holds many people."""


class PasswordCheck:
    """Checks passwords under the limits."""

    def __init__(self, hashing: Hashing, throttles: Throttles, *, free_per_network: int = PER_NETWORK.free) -> None:
        self._hashing = hashing
        self._throttles = throttles
        self._per_network = replace(PER_NETWORK, free=free_per_network)

    async def matches(self, tenant: str, address: str, hashed: str | None, password: str, network: str) -> bool:
        """Return whether the password fits.

        Args:
            tenant: municipality.
            address: the mail address as it is compared, also where it has no account.
            hashed: the account's hash; None where there is none.
            password: as typed.
            network: where the request came from.

        Raises:
            Throttled: too many tries at this address or from this network.
            HashingBusy: too many passwords are being checked.
        """
        await self._throttles.check("network", network)
        # Counted before the outcome is known: many tries at once would else all be free.
        await self._throttles.count(PER_ADDRESS, "sign-in", tenant, address)
        if await self._hashing.matches(hashed, normalised(password)):
            await self._throttles.forget("sign-in", tenant, address)
            return True
        await self._throttles.count(self._per_network, "network", network)
        return False
