"""Releases what waits for a link, one after the other."""

from chassis.aggregates import Key, Loaded
from chassis.clock import Clock
from osi_gateway.accounts.domain import Account, keep_waiting, remove
from osi_gateway.accounts.store import Accounts
from osi_gateway.submissions.domain import gone_out, release
from osi_gateway.submissions.store import Submissions


class Releaser:
    """What the timers do with an account whose applications may go out."""

    def __init__(self, accounts: Accounts, submissions: Submissions, clock: Clock) -> None:
        self._accounts = accounts
        self._submissions = submissions
        self._clock = clock

    async def release_first(self, account: Loaded[Account]) -> None:
        """Release the first that waits, and forget it once nothing behind it could overtake it.

        A crash between the two writes repeats the release, which then changes nothing.
        """
        if account.at is None or not account.state.waiting:
            return
        now = self._clock.now()
        first, *behind = account.state.waiting
        id = first.application_id
        key = Key(account.id, f"release:{id}", "")
        done = await self._submissions.command(account.tenant, id, key, lambda held: (release(held, now), ()))
        if behind and not gone_out(done.state, now):
            await self._accounts.timer(account.id, account.at, lambda held: (keep_waiting(held, now), ()))
        else:
            await self._accounts.timer(account.id, account.at, lambda held: (remove(held, id, now), ()))
