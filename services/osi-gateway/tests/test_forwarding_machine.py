"""The worker against a model of the exchange: killed, paused and overtaken between any two steps.

However it goes, the exchange holds one submission in effect, and its tags are those that were written down.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chassis.aggregates import Key
from chassis.errors import Transient
from chassis.testing import START, FixedClock, MemoryDatabase
from chassis.testing.example import TENANT
from osi_gateway.applications.domain import File, Package, Request
from osi_gateway.letters.domain import tags_of
from osi_gateway.submissions import domain
from osi_gateway.submissions.domain import Submission
from osi_gateway.submissions.store import Submissions
from osi_gateway.submissions.worker import Forwarder

ID = "app-1"
GOALS = (
    *("before write", "after write", "before create", "after create", "before save", "after save"),
    *("before upload", "before submit", "after submit", "before log", "before erase", "the end"),
)


@pytest.fixture(autouse=True)
def model(model_of_exchange: type[Any]) -> None:
    Forwarding.model_of_exchange = model_of_exchange


class _Worker(Forwarder):
    """A worker whose every write has a moment before it and one after it."""

    gates: Any

    async def _write(self, *given: Any) -> Submission:
        failure = await self.gates.pass_("before save")
        if failure == "refused-before":
            raise Transient("the database is silent")
        submission = await super()._write(*given)
        await self.gates.pass_("after save")
        return submission


class Forwarding(RuleBasedStateMachine):
    """Workers on one submission, moved by hand."""

    model_of_exchange: ClassVar[type[Any]]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FixedClock()
        self.model = self.model_of_exchange(self.clock)
        self.gates = self.model.gates
        self.submissions = Submissions(MemoryDatabase(), self.clock, lambda: None)
        self.workers: list[asyncio.Task[None]] = []
        self.strays: set[str] = set()
        """What workers left behind that slept beyond the end and then died: ciphertexts that nobody knows of."""

    def teardown(self) -> None:
        try:
            self.run(self._settle())
        finally:
            self.run(self._end())
            self.loop.close()

    async def _end(self) -> None:
        for task in self.workers:
            task.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def _rest(self) -> None:
        """Let every worker come to its next gate."""
        for _ in range(60):
            await asyncio.sleep(0)

    async def _state(self) -> Submission:
        return (await self.submissions.load(TENANT, ID)).state

    @initialize()
    def hand_in(self) -> None:
        request = Request("f", "acc", "s", "99068007040000", "150900546546", "hoch", "T", START)
        files = tuple(File(str(n), f"b/{n}", "0" * 128, 1, "application/pdf") for n in range(2))
        ready = domain.Submission(ID)
        ready = domain.take_request(ready, request, START)
        ready = domain.take_package(ready, Package("f", "acc", "sealed", files), START)

        def begin(held: Submission) -> domain.Decided:
            return domain.release(ready, START), ()

        self.run(
            self.submissions.command(TENANT, ID, Key("test", "begin", ""), begin, initial=lambda: domain.Submission(ID))
        )

    @rule()
    def wake(self) -> None:
        """Another process looks, with what it has read before anybody else goes on."""

        async def look() -> None:
            found = await self.submissions.load(TENANT, ID)
            if found.at is not None and found.at <= self.clock.now() and len(self.workers) < 8:
                self.workers.append(asyncio.ensure_future(self._worker().forward(found)))
            await self._rest()

        self.run(look())

    def _worker(self) -> _Worker:
        model: Any = self.model
        reader: Any = SimpleNamespace(read=self.model.log)
        worker = _Worker(self.submissions, model, model, reader, self.clock, timedelta(seconds=30))
        worker.gates = self.gates
        return worker

    @precondition(lambda self: self.gates.waiting)
    @rule(which=st.integers(0, 20), failure=st.sampled_from([None, None, None, "no", "refused-before", "lost"]))
    def go_on(self, which: int, failure: str | None) -> None:
        """One of the workers that stand still takes its next step."""
        _, gate = self.gates.waiting.pop(which % len(self.gates.waiting))

        async def move() -> None:
            if not gate.done():
                gate.set_result(failure)
            await self._rest()

        self.run(move())

    @precondition(lambda self: self.gates.waiting)
    @rule(which=st.integers(0, 20), goal=st.sampled_from(GOALS))
    def hurry(self, which: int, goal: str) -> None:
        """One of them goes on without trouble until it stands before a certain step, or has nothing more to do."""
        self.run(self._hurry(which % len(self.gates.waiting), goal))

    @precondition(lambda self: self.gates.waiting)
    @rule(seconds=st.sampled_from([31, 3_700, 90_100]), goal=st.sampled_from(GOALS))
    def overtake(self, seconds: int, goal: str) -> None:
        """While all stand still, their claims run out and another process takes over."""
        self.clock.advance(seconds)
        standing = len(self.gates.waiting)
        self.wake()
        if len(self.gates.waiting) > standing:
            self.run(self._hurry(standing, goal))

    async def _hurry(self, which: int, goal: str) -> None:
        for _ in range(60):
            name, gate = self.gates.waiting[which]
            if name == goal:
                return
            del self.gates.waiting[which]
            which = len(self.gates.waiting)
            if not gate.done():
                gate.set_result(None)
            await self._rest()
            if len(self.gates.waiting) == which:
                return

    @rule(astray=st.booleans(), unverifiable=st.booleans())
    def trouble(self, astray: bool, unverifiable: bool) -> None:
        """From now on a front answers 404 in the exchange's place, or no key verifies its log; or it is over."""
        self.gates.astray, self.model.unverifiable = astray, unverifiable

    @precondition(lambda self: self.gates.waiting)
    @rule(which=st.integers(0, 20), astray=st.booleans())
    def lose(self, which: int, astray: bool) -> None:
        """The exchange takes a submission, but its answer is lost, and trouble begins."""
        self.run(self._hurry(which % len(self.gates.waiting), "before submit"))
        for goal, failure in (("before submit", "lost"), ("after submit", None)):
            if self.gates.waiting and self.gates.waiting[-1][0] == goal:
                self.go_on(len(self.gates.waiting) - 1, failure)
                self.trouble(astray, not astray)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 20))
    def kill(self, which: int) -> None:
        """A process dies where it stands."""
        task = self.workers[which % len(self.workers)]

        async def die() -> None:
            task.cancel()
            await self._rest()
            if (await self._state()).swept:
                self.strays |= set(self.model.blobs)

        self.run(die())
        self.gates.waiting = [(name, gate) for name, gate in self.gates.waiting if not gate.done()]

    @rule(seconds=st.sampled_from([1, 31, 300, 3_700, 90_100]))
    def wait(self, seconds: int) -> None:
        """Time passes, perhaps beyond a claim or beyond what the exchange remembers."""
        self.clock.advance(seconds)

    @precondition(lambda self: self.model.in_effect())
    @rule()
    def accept(self) -> None:
        """The authority accepts."""
        self.model.accepted = True

    @invariant()
    def one_submission_at_most_is_in_effect(self) -> None:
        assert len(self.model.in_effect()) <= 1

    @invariant()
    def what_was_written_down_is_what_was_sent(self) -> None:
        async def check() -> None:
            if await self.submissions.documents.get(ID) is None:
                return
            state = await self._state()
            if state.sent_at is not None:
                assert state.case is not None
                assert state.letter is not None
                assert self.model.submissions[state.case.submission_id].tags == tags_of(state.letter)
            assert bool(state.alarms) <= bool(self.gates.refusals)

        self.run(check())

    async def _settle(self) -> None:
        """No more faults: it must come to its end, once, and leave nothing behind."""
        if await self.submissions.documents.get(ID) is None:
            return
        self.gates.open = True
        self.trouble(astray=False, unverifiable=False)
        for _, gate in self.gates.waiting:
            if not gate.done():
                gate.set_result(None)
        await asyncio.gather(*self.workers, return_exceptions=True)
        for _ in range(80):
            self.clock.advance(3_700)
            self.model.accepted = bool(self.model.in_effect())
            found = await self.submissions.load(TENANT, ID)
            if found.at is None:
                break
            await self._worker().forward(found)
        state = await self._state()
        assert domain.state(state) == "accepted"
        assert len(self.model.in_effect()) == 1
        document = await self.submissions.documents.get(ID)
        assert document is not None
        published = [entry["type"].split(".")[-2] for entry in document["out"]]
        assert published == ["submission-forwarded", "submission-accepted"]
        assert state.swept
        assert set(self.model.blobs) <= self.strays


@pytest.mark.proves("F70")
def test_one_submission_in_effect_whatever_happens_between_two_steps() -> None:
    run_state_machine_as_test(
        Forwarding,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


def _scenario() -> Forwarding:
    scenario = Forwarding()
    scenario.hand_in()
    scenario.wake()
    return scenario


def _checked(scenario: Forwarding) -> None:
    scenario.one_submission_at_most_is_in_effect()
    scenario.what_was_written_down_is_what_was_sent()
    scenario.teardown()


@pytest.mark.proves("F70")
def test_a_sender_that_slept_between_the_stored_id_and_sending_sends_nothing_twice() -> None:
    scenario = _scenario()
    scenario.hurry(0, "before submit")
    scenario.overtake(31, "the end")
    assert len(scenario.model.in_effect()) == 1
    scenario.hurry(0, "the end")
    _checked(scenario)


@pytest.mark.proves("F70")
@pytest.mark.parametrize(("astray", "hours"), [(True, 1), (True, 60), (False, 60)])
def test_what_was_taken_without_an_answer_is_not_sent_again_because_nobody_can_tell(astray: bool, hours: int) -> None:
    scenario = _scenario()
    scenario.lose(0, astray)
    assert len(scenario.model.in_effect()) == 1
    for _ in range(hours):
        for seconds in (300, 3_300):
            scenario.wait(seconds)
            scenario.wake()
            while scenario.gates.waiting:
                scenario.hurry(0, "the end")
    scenario.trouble(astray=False, unverifiable=False)
    _checked(scenario)


@pytest.mark.parametrize("goal", ["before save", "before upload", "before submit"])
def test_a_worker_that_lost_its_claim_erases_what_it_wrote_and_nothing_else(goal: str) -> None:
    scenario = _scenario()
    scenario.hurry(0, "after write")
    own = set(scenario.model.blobs)
    scenario.overtake(31, "after write")
    scenario.hurry(1, goal)
    others = set(scenario.model.blobs) - own
    scenario.hurry(0, "the end")
    assert (bool(own), bool(others), set(scenario.model.blobs)) == (True, True, others)
    _checked(scenario)


def test_an_announcement_by_an_overtaken_worker_is_left_to_expire() -> None:
    scenario = _scenario()
    scenario.hurry(0, "before create")
    scenario.overtake(31, "the end")
    scenario.hurry(0, "the end")
    assert len(scenario.model.submissions) == 2
    _checked(scenario)


def test_what_was_refused_is_announced_anew_only_when_no_sleeper_can_send_it_any_more() -> None:
    scenario = _scenario()
    scenario.hurry(0, "before submit")
    scenario.overtake(31, "before submit")
    scenario.go_on(1, "no")
    scenario.hurry(1, "the end")
    for _ in range(3):
        scenario.wait(3_700)
        scenario.wake()
        if len(scenario.gates.waiting) > 1:
            scenario.hurry(1, "the end")
    scenario.hurry(0, "the end")
    _checked(scenario)


@pytest.mark.parametrize("dies", [True, False])
def test_letters_that_nobody_sends_are_erased(dies: bool) -> None:
    scenario = _scenario()
    scenario.hurry(0, "after write")
    if dies:
        scenario.kill(0)
    scenario.wait(31)
    scenario.wake()
    while scenario.gates.waiting:
        scenario.hurry(len(scenario.gates.waiting) - 1, "the end")
    _checked(scenario)
