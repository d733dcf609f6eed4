"""How many requests of a costly kind may be under way at once, in all and for one account."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from chassis.errors import Transient


class Crowded(Transient):
    """As many are under way as the process can bear."""


class Gate:
    """Counts who is inside. One account cannot take the places of all."""

    def __init__(self, most: int, most_per_account: int) -> None:
        self._most = most
        self._most_per_account = most_per_account
        self._inside: Counter[str] = Counter()

    @contextmanager
    def enter(self, account: str) -> Iterator[None]:
        """Take a place for as long as the block runs.

        Raises:
            Crowded: none is free for this account.
        """
        if self._inside.total() >= self._most or self._inside[account] >= self._most_per_account:
            raise Crowded(f"{self._inside.total()} of {self._most} places are taken", retry_after=2)
        self._inside[account] += 1
        try:
            yield
        finally:
            self._inside[account] -= 1
            if not self._inside[account]:
                del self._inside[account]
