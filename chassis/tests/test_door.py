"""The door: bounds that always hold, and a whole process under load in simulated time."""

import heapq
import itertools
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.door import (
    FEWEST,
    LATELY,
    LONGEST_WAIT,
    MOST,
    MOST_WAITING,
    SHARE_ALONE,
    SHARE_BESIDE,
    SHARE_OF_ONE,
    TURN,
    WAIT,
    Door,
    TooMany,
    Visit,
)

TOWNS = ("loud", "quiet", "other")


class AnyOrder(RuleBasedStateMachine):
    """Requests come, leave, step aside and give up in any order, at any pace."""

    @initialize()
    def open(self) -> None:
        self.door = Door()
        self.now = 0.0
        self.inside: list[Visit] = []
        self.outside: list[Visit] = []
        self.waiting: dict[str, list[Visit]] = defaultdict(list)
        self.back = 0
        self.passed: Counter[str] = Counter()

    def _entered(self, visit: Visit) -> None:
        assert self.waiting[visit.tenant].pop(0) is visit, "within a municipality whoever came first is let in first"
        self.inside.append(visit)
        self.passed[visit.tenant] = 0
        for town in TOWNS:
            if town != visit.tenant and self.waiting[town] and self._has_place(town):
                self.passed[town] += 1
                assert self.passed[town] < len(TOWNS), "nobody is passed over twice by one and the same"

    def _has_place(self, town: str) -> bool:
        """Whether its own share has a place, be it a crowd or not."""
        return sum(visit.tenant == town for visit in self.inside) < self.door.places * SHARE_BESIDE

    @rule(town=st.sampled_from(TOWNS), crowd=st.integers(1, 40), pause=st.floats(0, 0.05))
    def come(self, town: str, crowd: int, pause: float) -> None:
        self.now += pause
        for _ in range(crowd):
            self._come(town)

    def _come(self, town: str) -> None:
        working, held = self.door.working, self._has_place(town)
        expected = self.door.expected_wait(town, self.now)
        try:
            visit = self.door.come(town, self.now)
        except TooMany:
            assert working >= self.door.places or not held, "nobody is refused who could have been let in"
            assert expected > WAIT or len(self.waiting[town]) == MOST_WAITING
            return
        if visit.working:
            assert not self.waiting[town], "nobody overtakes"
            self.inside.append(visit)
        else:
            visit.enter = lambda: self._entered(visit)
            self.waiting[town].append(visit)
            assert visit.until == self.now + LONGEST_WAIT

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), pause=st.floats(0, 3), how_many=st.integers(1, 30))
    def leave(self, data: st.DataObject, pause: float, how_many: int) -> None:
        self.now += pause
        for _ in range(min(how_many, len(self.inside))):
            self.door.leave(self.inside.pop(data.draw(st.integers(0, len(self.inside) - 1))), self.now)

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def wait_for_the_client(self, data: st.DataObject) -> None:
        visit = self.inside.pop(data.draw(st.integers(0, len(self.inside) - 1)))
        self.outside.append(visit)
        self.door.step_aside(visit, self.now)

    @precondition(lambda self: self.outside)
    @rule(leaves=st.booleans())
    def the_client_goes_on(self, leaves: bool) -> None:
        visit = self.outside.pop()
        if leaves:
            self.door.leave(visit, self.now)
        else:
            self.back += 1
            self.inside.append(visit)
            self.door.step_back(visit, self.now)

    @rule(long=st.booleans(), turns=st.integers(1, 200))
    def turn(self, long: bool, turns: int) -> None:
        for _ in range(turns):
            self.door.turned(TURN * 2 if long else TURN / 2, self.now)

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        town = data.draw(st.sampled_from([town for town in TOWNS if self.waiting[town]]))
        queue = self.waiting[town]
        self.door.leave(queue.pop(data.draw(st.integers(0, len(queue) - 1))), self.now)
        if not queue:
            self.passed[town] = 0  # who comes next has waited for nobody yet

    @invariant()
    def bounds_hold(self) -> None:
        if not hasattr(self, "door"):
            return
        assert self.door.working == len(self.inside)
        assert self.door.working <= MOST + self.back
        assert FEWEST <= self.door.places <= MOST
        assert self.door.waiting == sum(map(len, self.waiting.values()))
        for town in TOWNS:
            assert len(self.waiting[town]) <= MOST_WAITING
            if self.waiting[town]:
                full = self.door.working >= self.door.places or not self._has_place(town)
                assert full, "nobody waits beside a free place"

    def teardown(self) -> None:
        if not hasattr(self, "door"):
            return
        while self.inside or self.outside:
            self.door.leave(self.inside.pop() if self.inside else self.outside.pop(), self.now)
        assert self.door.working == self.door.waiting == 0


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)

READ = 0.0001
"""Seconds of work to read a request's head and to answer a refusal."""
STEP = 0.00025
STEPS = 4
DATABASE = 0.003
CAPACITY = 1 / (READ + STEPS * STEP)


@dataclass
class Seen:
    """What requests of one municipality met, in simulated seconds."""

    answered: list[float] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)
    """When, and after how long."""
    kinds: Counter[bool] = field(default_factory=Counter)

    def p99(self) -> float:
        return sorted(self.answered)[int(len(self.answered) * 0.99)]


class Process:
    """One event loop: one thing at a time, in the order in which things became ready, and a database that answers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.door = Door()
        self.stalled_until = 0.0
        self.longest_queue = 0
        self.measuring = False
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self._ready: deque[tuple[float, Callable[[], None]]] = deque()
        self._later: list[tuple[float, int, float, Callable[[], None]]] = []
        self._number = itertools.count()

    def at(self, moment: float, cost: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._later, (moment, next(self._number), cost, what))

    def arrivals(self, town: str, rate: float, begin: float, end: float) -> None:
        for number in range(int((end - begin) * rate)):
            moment = begin + number / rate
            self.at(moment, READ, lambda moment=moment: self._arrive(town, moment))  # type: ignore[misc]

    def run(self, until: float) -> None:
        while self._ready or (self._later and self._later[0][0] <= until):
            if not self._ready:
                self.now = max(self.now, self._later[0][0])
            while self._later and self._later[0][0] <= self.now:
                _, _, cost, what = heapq.heappop(self._later)
                self._ready.append((cost, what))
            cost, what = self._ready.popleft()
            self.now += cost
            what()

    def _arrive(self, town: str, since: float) -> None:
        if not self.measuring:
            self.measuring = True
            self._ready.append((0.0, self._turn_begins))
        try:
            visit = self.door.come(town, self.now)
        except TooMany as refusal:
            self.seen[town].refused.append((self.now, self.now - since))
            self.seen[town].kinds[refusal.over_share] += 1
            return

        def begin() -> None:
            self._ready.append((STEP, lambda: self._step(visit, since, 1)))

        if visit.working:
            begin()
        else:
            visit.enter = begin
            self.longest_queue = max(self.longest_queue, self.door.waiting)
            self.at(visit.until, 0.0, lambda: self._give_up(visit, since))

    def _turn_begins(self) -> None:
        since = self.now
        self._ready.append((0.0, lambda: self._turned(since)))

    def _turned(self, since: float) -> None:
        self.measuring = False
        self.door.turned(self.now - since, self.now)

    def _give_up(self, visit: Visit, since: float) -> None:
        if not visit.working and visit.until:
            self.seen[visit.tenant].refused.append((self.now, self.now - since))
            self.door.leave(visit, self.now)

    def _step(self, visit: Visit, since: float, done: int) -> None:
        visit.until = 0.0
        if done < STEPS:
            answer = max(self.now, self.stalled_until) + DATABASE
            self.at(answer, STEP, lambda: self._step(visit, since, done + 1))
            return
        self.seen[visit.tenant].answered.append(self.now - since)
        self.door.leave(visit, self.now)


@pytest.mark.proves("P9")
@pytest.mark.parametrize("times", [2, 4])
def test_what_is_accepted_beyond_capacity_is_answered_in_time_and_refusals_come_at_once(times: int) -> None:
    process = Process()
    process.arrivals("town", times * CAPACITY, 0, 10)
    process.run(until=20)
    seen = process.seen["town"]
    share_of_reading = times * CAPACITY * READ
    in_time = [took for took in seen.answered if took < 1]
    assert len(in_time) / 10 > 0.97 * (1 - share_of_reading) / (STEP * STEPS), "all time left goes into answers"
    assert len(in_time) == len(seen.answered)
    assert sorted(took for _, took in seen.refused)[int(len(seen.refused) * 0.99)] < 0.05
    assert process.longest_queue <= MOST_WAITING


def test_a_rush_that_the_process_can_work_off_is_let_in() -> None:
    process = Process()
    for number in range(200):
        process.at(number * 1e-6, READ, lambda: process._arrive("town", 0.0))
    process.run(until=20)
    assert len(process.seen["town"].answered) == 200
    assert max(process.seen["town"].answered) < 0.3


def test_one_alone_may_hold_most_of_the_places_and_a_crowd_beside_others_a_quarter() -> None:
    def let_in(door: Door, town: str, now: float) -> int:
        return sum(door.come(town, now).working for _ in range(100))

    alone, beside = Door(), Door()
    assert let_in(alone, "loud", 0) == alone.places * SHARE_ALONE
    beside.leave(beside.come("quiet", 0), 0)
    assert let_in(beside, "loud", LATELY / 2) == beside.places * SHARE_BESIDE
    assert let_in(beside, "quiet", LATELY / 2) == beside.places * SHARE_OF_ONE, "who is no crowd is not held back"


def test_company_that_left_holds_nobody_back() -> None:
    door = Door()
    door.leave(door.come("quiet", 0), 0)
    visits = [door.come("loud", 0) for _ in range(100)]
    assert door.working == door.places * SHARE_BESIDE
    door.turned(TURN / 2, LATELY / 2)
    assert door.working == door.places * SHARE_BESIDE
    door.turned(TURN / 2, 2 * LATELY)
    assert door.working == sum(visit.working for visit in visits) == door.places * SHARE_ALONE


def test_who_waits_is_let_in_town_by_town() -> None:
    door, entered = Door(), list[str]()
    inside = [door.come(f"town {number}", 0) for number in range(door.places)]
    for town in ("loud", "loud", "loud", "quiet", "other"):
        visit = door.come(town, 0)
        visit.enter = lambda town=town: entered.append(town)  # type: ignore[misc]
    while door.waiting:
        door.leave(inside.pop(0), 0)
    assert entered == ["loud", "quiet", "other", "loud", "loud"]


def test_where_its_queue_stands_a_municipality_is_refused_although_others_move() -> None:
    door = Door()
    held = [door.come("loud", 0) for _ in range(door.places)]
    assert not held[-1].working
    for moment in range(1, 60):
        door.leave(door.come("quiet", moment / 100), moment / 100)
    assert door.expected_wait("loud", WAIT + 0.1) > WAIT
    with pytest.raises(TooMany):
        door.come("loud", WAIT + 0.1)


def test_a_crowd_is_told_its_own_pace_not_that_of_those_beside_it() -> None:
    """Else hundreds wait for a second and are refused then."""
    door, entered = Door(), list[Visit]()
    quiet = [door.come("quiet", 0) for _ in range(6)]

    def loud(now: float) -> Visit:
        visit = door.come("loud", now)
        visit.enter = lambda: entered.append(visit)
        return visit

    crowd = [loud(0) for _ in range(60)]
    inside = [visit for visit in crowd if visit.working]
    foretold, last, moment = 0.0, crowd[-1], 0.0
    while last not in entered:
        moment += 0.001
        door.leave(quiet.pop(0), moment)
        quiet.append(door.come("quiet", moment))
        if round(moment * 1000) % 8 == 0:
            before = len(entered)
            door.leave(inside.pop(0), moment)
            inside += entered[before:]
        if last is crowd[-1] and moment > 0.1:
            foretold, last, begun = door.expected_wait("loud", moment), loud(moment), moment
    assert foretold == pytest.approx(moment - begun, rel=0.5)


def quiet_p99(loud: float) -> tuple[float, Process]:
    process = Process()
    process.arrivals("quiet", CAPACITY / 4, 0.0003, 10)
    if loud:
        process.arrivals("loud", loud, 0, 10)
    process.run(until=20)
    return process.seen["quiet"].p99(), process


@pytest.mark.proves("F35")
@pytest.mark.parametrize(("database", "times"), [(0.001, 2.2), (0.003, 1.5), (0.01, 1.2)])
def test_a_loud_municipality_slows_itself_alone(monkeypatch: pytest.MonkeyPatch, database: float, times: float) -> None:
    monkeypatch.setattr(sys.modules[__name__], "DATABASE", database)
    share = CAPACITY / 2
    alone, _ = quiet_p99(loud=0)
    beside_a_loud_one, process = quiet_p99(loud=7 * share)
    assert process.seen["quiet"].refused == []
    assert beside_a_loud_one <= times * alone
    loud = process.seen["loud"]
    assert loud.kinds[True] > 0.95 * len(loud.refused), "it is told that it is over its share"


def test_a_stalled_database_refuses_at_once_and_all_is_well_afterwards() -> None:
    process = Process()
    process.arrivals("town", CAPACITY / 2, 0, 10)
    process.at(2, 0, lambda: setattr(process, "stalled_until", 5.0))
    process.run(until=20)
    seen = process.seen["town"]
    assert max(took for _, took in seen.refused) < LONGEST_WAIT + 0.1
    late = [moment for moment, took in seen.refused if took > 0.05]
    assert max(late) < 2 + 2 * LONGEST_WAIT, "after the first moments nobody waits to be refused"
    assert len(seen.refused) - len(late) > 0.4 * 3 * CAPACITY / 2
    assert len(seen.answered) + len(seen.refused) == int(10 * CAPACITY / 2)
    assert len(seen.answered) > 0.95 * 7 * CAPACITY / 2
