"""What becomes due for an account."""

from collections.abc import Awaitable, Callable

from chassis.aggregates import Loaded
from identity.accounts.domain import Account, lapse
from identity.accounts.store import Accounts


def lapse_unproven(accounts: Accounts) -> Callable[[Loaded[Account]], Awaitable[None]]:
    """Return the function that gives up accounts whose code has run out."""

    async def fire(found: Loaded[Account]) -> None:
        if found.at is not None:
            await accounts.timer(found.id, found.at, lapse)

    return fire
