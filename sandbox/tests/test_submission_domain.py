"""The life of a submission: one model of it, driven at random, and each rule by itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.authority.problems import NOT_ANSWERED_IN_TIME
from sandbox.exchange import domain
from sandbox.exchange.destinations import MUSTERLAND, TANGERHUETTE
from sandbox.exchange.domain import Deleted, Rejected, State, Submission, Tags

START = datetime(2026, 11, 25, 9, tzinfo=UTC)
DRAFT = Submission(
    id="one",
    case_id="case",
    destination_id=TANGERHUETTE.id,
    client_id="town-hall",
    service=TANGERHUETTE.services[0],
    service_name="",
    region="DE150900546546",
    announced=("a", "b"),
    created_at=START,
)
TAGS = Tags("m", "d", {"a": "ta", "b": "tb"})

STEPS = {
    State.INCOMPLETE: {State.SUBMITTED, State.DELETED},
    State.SUBMITTED: {State.NOTIFIED, State.FORWARDED, State.ACCEPTED, State.REJECTED},
    State.NOTIFIED: {State.FORWARDED, State.ACCEPTED, State.REJECTED},
    State.FORWARDED: {State.ACCEPTED, State.REJECTED},
    State.ACCEPTED: {State.DELETED},
    State.REJECTED: {State.DELETED},
    State.DELETED: set[State](),
}


def submitted() -> Submission:
    full = replace(DRAFT, uploaded={"a": "ta", "b": "tb"})
    return domain.submit(full, "m", "d", START)[0]


class Life(RuleBasedStateMachine):
    """Anybody may do anything at any time; the submission only ever takes a step of the table above."""

    @initialize()
    def start(self) -> None:
        self.one, _ = domain.create(DRAFT, TANGERHUETTE)
        self.now = START
        self.accepted = self.rejected = 0

    def step(self, act: Callable[[Submission], Submission], *allowed: State) -> bool:
        before = self.one
        try:
            self.one = act(before)
        except (domain.StateInvalid, domain.AttachmentsMissing):
            assert before.state not in allowed or before.state is State.INCOMPLETE
            return False
        assert before.state in allowed
        assert self.one.state is before.state or self.one.state in STEPS[before.state]
        return True

    @rule(id=st.sampled_from("ab"))
    def upload(self, id: str) -> None:
        self.step(lambda one: domain.upload(one, id, f"t{id}"), State.INCOMPLETE)

    @rule()
    def submit(self) -> None:
        self.step(lambda one: domain.submit(one, "m", "d", self.now)[0], State.INCOMPLETE)

    @rule()
    def notify(self) -> None:
        before = self.one.state
        self.one, facts = domain.notify(self.one)
        assert bool(facts) == (before is State.SUBMITTED)

    @rule()
    def forward(self) -> None:
        self.step(domain.forward, *domain.WAITING)

    @rule()
    def accept(self) -> None:
        self.accepted += self.step(lambda one: domain.accept(one, TAGS, self.now), *domain.WAITING)

    @rule()
    def reject(self) -> None:
        self.rejected += self.step(lambda one: domain.reject(one, self.now), *domain.WAITING)

    @rule(hours=st.integers(1, 24 * 10))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.one, facts = domain.pass_time(self.one, self.now, NOT_ANSWERED_IN_TIME)
        self.rejected += sum(isinstance(fact, Rejected) for fact in facts)

    @invariant()
    def answered_at_most_once(self) -> None:
        assert self.accepted + self.rejected <= 1

    @invariant()
    def complete_when_handed_in(self) -> None:
        assert (self.one.tags is None) == (self.one.submitted_at is None)
        assert self.one.tags in (None, TAGS)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_each_announced_attachment_must_be_there() -> None:
    half = domain.upload(DRAFT, "b", "tb")
    with pytest.raises(domain.AttachmentsMissing, match="not uploaded: a"):
        domain.submit(half, "m", "d", START)


def test_an_attachment_that_was_not_announced() -> None:
    with pytest.raises(domain.AttachmentNotAnnounced, match="c was not announced"):
        domain.upload(DRAFT, "c", "tc")


def test_a_second_upload_replaces_the_first() -> None:
    assert domain.upload(domain.upload(DRAFT, "a", "old"), "a", "new").uploaded == {"a": "new"}


def test_a_second_hand_in_is_refused() -> None:
    with pytest.raises(domain.StateInvalid, match="submitted"):
        domain.submit(submitted(), "m", "d", START)


def test_acceptance_must_name_exactly_these_ciphertexts() -> None:
    for wrong in (replace(TAGS, data="x"), replace(TAGS, attachments={"a": "ta"}), replace(TAGS, metadata="")):
        with pytest.raises(domain.TagsDiffer):
            domain.accept(submitted(), wrong, START)
    assert domain.accept(submitted(), TAGS, START).state is State.ACCEPTED


@pytest.mark.parametrize(
    ("destination", "region", "covered"),
    [
        (TANGERHUETTE, "DE150900546546", True),
        (TANGERHUETTE, "DE15090", False),
        (TANGERHUETTE, "DE150909999001", False),
        (MUSTERLAND, "DE150909999000", True),
        (MUSTERLAND, "DE150909999002", True),
        (MUSTERLAND, "DE150909998001", False),
        (replace(MUSTERLAND, regions=("DE15",)), "DE150900546546", True),
        (replace(MUSTERLAND, regions=("DE000000000000",)), "DE05334", True),
    ],
)
def test_regions_are_covered_by_their_beginning(destination: domain.Destination, region: str, covered: bool) -> None:
    assert destination.covers(region) is covered


@pytest.mark.parametrize(
    ("one", "after", "state"),
    [
        (DRAFT, timedelta(hours=23, minutes=59), State.INCOMPLETE),
        (DRAFT, timedelta(days=1), State.DELETED),
        (submitted(), timedelta(days=14, seconds=-1), State.SUBMITTED),
        (submitted(), timedelta(days=14), State.REJECTED),
        (submitted(), timedelta(days=21, seconds=-1), State.REJECTED),
        (submitted(), timedelta(days=21), State.DELETED),
        (domain.forward(submitted()), timedelta(days=14), State.REJECTED),
        (domain.accept(submitted(), TAGS, START), timedelta(days=7, seconds=-1), State.ACCEPTED),
        (domain.accept(submitted(), TAGS, START), timedelta(days=7), State.DELETED),
        (domain.reject(submitted(), START), timedelta(days=7), State.DELETED),
    ],
)
def test_deadlines(one: Submission, after: timedelta, state: State) -> None:
    assert domain.pass_time(one, START + after, NOT_ANSWERED_IN_TIME)[0].state is state


@given(st.lists(st.integers(0, 40 * 24 * 3600), min_size=1, max_size=8))
def test_how_often_somebody_looks_does_not_matter(seconds: list[int]) -> None:
    last = START + timedelta(seconds=max(seconds))
    stepwise = submitted()
    for after in sorted(seconds):
        stepwise, _ = domain.pass_time(stepwise, START + timedelta(seconds=after), NOT_ANSWERED_IN_TIME)
    assert stepwise == domain.pass_time(submitted(), last, NOT_ANSWERED_IN_TIME)[0]


def test_after_three_weeks_at_once_both_facts_are_told() -> None:
    _, facts = domain.pass_time(submitted(), START + timedelta(days=30), NOT_ANSWERED_IN_TIME)
    assert facts == [Rejected((NOT_ANSWERED_IN_TIME,)), Deleted()]
