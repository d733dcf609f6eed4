"""Who may come in now, who waits, who is refused: decided before anything of a request is read. Pure; time is given.

Everything of a process runs on one thread in turns: more requests at once than keep it busy make none faster, only
each turn longer, and every request takes several. The door keeps as many places as short turns allow, a part of them
for one municipality at most, and knows how long a request would wait for one. What would wait too long is refused at
once. Who waits is let in municipality by municipality in turn, within each in order: a loud one waits behind itself.
"""

import itertools
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FEWEST: Final = 6
"""Places that there are always: one request works while others wait for the database."""
MOST: Final = 64
"""Places that there are at most: what only waits costs memory and a connection to the database."""
_AT_FIRST: Final = 16
TURN: Final = 0.001
"""Seconds of work that a turn of the event loop should have at most: what everybody waits for again and again."""
SHARE_ALONE: Final = 0.75
"""Part of the places that a municipality may hold while no other is there: the rest is free for whoever comes."""
SHARE_OF_ONE: Final = 0.5
"""The same beside others."""
SHARE_BESIDE: Final = 0.25
"""The same beside others for a crowd (more than half of all who are here): they meet few in work, so go on soon."""
WAIT: Final = 0.5
"""Seconds that a request may be expected to wait: a rush of some hundred passes, an overload is refused."""
LONGEST_WAIT: Final = 1.0
"""Seconds after which it gives up where the process stood still against all expectation."""
MOST_WAITING: Final = 256
"""Requests of one municipality that may wait, whatever their time: bounds memory."""
LATELY: Final = 1.0
"""Seconds for which a municipality counts as present after its last request."""
_SMOOTHING: Final = 0.1
_FEWER: Final = 0.95
_MORE: Final = 0.1


@dataclass(eq=False)
class Visit:
    """One request on its way through the process."""

    tenant: str
    working: bool = False
    """Holds a place."""
    since: float = 0.0
    """Moment at which it began to wait."""
    until: float = 0.0
    """Moment at which it gives up waiting."""
    enter: Callable[[], None] = field(default=lambda: None)
    """Called when it is let in after waiting."""


class TooMany(Exception):
    """The request is not let in."""

    def __init__(self, *, over_share: bool) -> None:
        super().__init__("over its share" if over_share else "full")
        self.over_share = over_share
        """The municipality has more than its share while others are there; else the process is full."""


class Door:
    """The door of one process. Moments are seconds of one steady clock."""

    def __init__(self) -> None:
        self._working: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[Visit]] = OrderedDict()
        self._own_pace: dict[str, tuple[float, float]] = {}
        """Of each queue: when the last one was let in, and the seconds between two."""
        self._seen: dict[str, float] = {}
        self._moved_at = self._turned_at = 0.0
        self._interval = 0.0
        self._places = float(_AT_FIRST)
        self._done = False

    @property
    def places(self) -> int:
        """Requests that may be in work now."""
        return int(self._places)

    @property
    def working(self) -> int:
        """Requests in work."""
        return self._working.total()

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return sum(map(len, self._waiting.values()))

    def come(self, tenant: str, now: float) -> Visit:
        """Let a request in or let it wait.

        Raises:
            TooMany: it would have to wait too long.
        """
        self._seen.pop(tenant, None)
        self._seen[tenant] = now
        visit = Visit(tenant)
        if tenant not in self._waiting and self._has_place(tenant, now):
            self._take(visit, now)
            return visit
        queue = self._waiting.get(tenant, deque())
        if len(queue) >= MOST_WAITING or self.expected_wait(tenant, now) > WAIT:
            raise self.refusal(tenant, now)
        visit.since, visit.until = now, now + LONGEST_WAIT
        self._waiting[tenant] = queue
        self._own_pace.setdefault(tenant, (now, self._interval))
        queue.append(visit)
        return visit

    def expected_wait(self, tenant: str, now: float) -> float:
        """Return the seconds that one more request would wait, at the pace at which places have become free.

        For a crowd that pace or the one of its own queue, if that is slower: others may get most of the places. And who
        comes waits at least as long as the first of its own queue has: no pace foretells who comes between.
        """
        own = len(self._waiting.get(tenant, ()))
        ahead = sum(min(len(queue), own + 1) for queue in self._waiting.values()) + 1
        _, own_interval = self._own_pace[tenant] if own and self._is_crowd(tenant) else (0.0, 0.0)
        # What stands still shows no pace: for how long it has stood is all that is known. Time in which the process
        # did not run itself says nothing about what it waits for.
        stood = max(0.0, self._turned_at - self._moved_at)
        at_pace = max(ahead * self._interval, (own + 1) * own_interval) + stood
        return max(at_pace, now - self._waiting[tenant][0].since) if own else at_pace

    def leave(self, visit: Visit, now: float) -> None:
        """A request is answered, or has given up waiting; others may enter."""
        if visit.working:
            self._free(visit, now)
        elif visit in self._waiting.get(visit.tenant, ()):
            self._waiting[visit.tenant].remove(visit)
            self._turned_at = now
            self._forget_if_empty(visit.tenant)
        self._let_in(now)

    def step_aside(self, visit: Visit, now: float) -> None:
        """A request waits for its own client, e.g. for a slow body: its place goes to others."""
        if visit.working:
            self._free(visit, now)
            self._let_in(now)

    def step_back(self, visit: Visit, now: float) -> None:
        """The client went on, so the request does too, at once: it was let in before."""
        if not visit.working:
            self._take(visit, now)

    def turned(self, seconds: float, now: float) -> None:
        """The event loop has worked so long for one turn: fewer places after a long one, more after a short one.

        Not more where nothing gets done: what stands still is not helped by more that stand.
        """
        if seconds > TURN:
            self._places = max(FEWEST, self._places * _FEWER)
        elif self._done and self.working >= self.places * SHARE_OF_ONE:
            self._places = min(MOST, self._places + _MORE)
        # Not only after growth: who was a crowd, or had company, may be so no longer.
        self._let_in(now)
        self._done, self._turned_at = False, now

    def refusal(self, tenant: str, now: float) -> TooMany:
        """Return what to tell a request that is not let in."""
        self._seen = {other: at for other, at in self._seen.items() if now - at <= LATELY}
        present = len(self._seen.keys() | self._working.keys() | self._waiting.keys() | {tenant})
        return TooMany(over_share=present > 1 and self._present(tenant) * present > self.working + self.waiting)

    def _has_place(self, tenant: str, now: float) -> bool:
        if self.working >= self.places:
            return False
        if not self._has_company(tenant, now):
            share = SHARE_ALONE
        else:
            share = SHARE_BESIDE if self._is_crowd(tenant) else SHARE_OF_ONE
        return self._working[tenant] < self.places * share

    def _is_crowd(self, tenant: str) -> bool:
        return 2 * self._present(tenant) > self.working + self.waiting

    def _has_company(self, tenant: str, now: float) -> bool:
        latest = itertools.islice(reversed(self._seen.items()), 3)
        return any(other and other != tenant and now - at <= LATELY for other, at in latest)

    def _present(self, tenant: str) -> int:
        return self._working[tenant] + len(self._waiting.get(tenant, ()))

    def _take(self, visit: Visit, now: float) -> None:
        visit.working = True
        self._working[visit.tenant] += 1
        self._moved_at = now

    def _free(self, visit: Visit, now: float) -> None:
        visit.working = False
        self._done = True
        if not self._has_place(visit.tenant, now):
            self._interval += _SMOOTHING * (now - self._moved_at - self._interval)
        self._working[visit.tenant] -= 1
        self._working += Counter()
        self._moved_at = now

    def _let_in(self, now: float) -> None:
        while (tenant := next((one for one in self._waiting if self._has_place(one, now)), None)) is not None:
            visit = self._waiting[tenant].popleft()
            self._waiting.move_to_end(tenant)
            entered_at, interval = self._own_pace[tenant]
            self._own_pace[tenant] = now, interval + _SMOOTHING * (now - entered_at - interval)
            self._forget_if_empty(tenant)
            self._take(visit, now)
            visit.enter()

    def _forget_if_empty(self, tenant: str) -> None:
        if not self._waiting[tenant]:
            del self._waiting[tenant], self._own_pace[tenant]
