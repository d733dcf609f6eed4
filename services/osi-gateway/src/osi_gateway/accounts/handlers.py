"""Events that say whose applications may go out."""

from chassis.clock import Clock
from contracts.envelope import Envelope
from contracts.identity import AccountLinked
from osi_gateway.accounts.domain import Account, link
from osi_gateway.accounts.store import Accounts


class LinkHandlers:
    """Takes the links of accounts."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def remember_link(self, event: AccountLinked, envelope: Envelope) -> None:
        """Let what waits for this link go out."""
        now = self._clock.now()
        await self._accounts.absorb(
            event.account_id,
            envelope,
            lambda account: (link(account or Account(), event.level, event.occurred_at, now), ()),
        )
