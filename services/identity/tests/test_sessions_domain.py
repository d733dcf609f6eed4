from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from identity.sessions import domain
from identity.sessions.domain import Ended, Session

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened() -> Session:
    return domain.begin("s-1", "a-1", "basis", "cookie", "Browser", NOW)[0]


def test_a_refresh_rotates_the_token() -> None:
    session, facts = domain.refresh(opened(), 1, NOW + SECOND)
    assert (session.generation, session.rotated_at, list(facts)) == (2, NOW + SECOND, [])


@pytest.mark.parametrize("after", [timedelta(), domain.OVERLAP])
def test_two_refreshes_within_ten_seconds_get_the_same_new_token(after: timedelta) -> None:
    first, _ = domain.refresh(opened(), 1, NOW)
    second, facts = domain.refresh(first, 1, NOW + after)
    assert second == first
    assert list(facts) == []


@pytest.mark.parametrize(("generation", "after"), [(2, domain.OVERLAP + SECOND), (1, timedelta())])
def test_an_older_token_ends_the_session(generation: int, after: timedelta) -> None:
    session, _ = domain.refresh(opened(), 1, NOW)
    session, _ = domain.refresh(session, 2, NOW)
    session, facts = domain.refresh(session, generation, NOW + after)
    assert (session.reason, session.ended_at) == ("refresh-reused", NOW + after)
    assert list(facts) == [Ended("refresh-reused", NOW + after)]
    with pytest.raises(domain.SessionOver):
        domain.refresh(session, 3, NOW + after)


def test_a_token_that_was_never_given_out_is_refused_without_harm() -> None:
    with pytest.raises(domain.RefreshRefused):
        domain.refresh(opened(), 2, NOW)


def test_a_session_is_over_when_idle_and_after_twelve_hours() -> None:
    session = opened()
    domain.check_live(session, NOW + domain.IDLE - SECOND)
    with pytest.raises(domain.SessionOver):
        domain.refresh(session, 1, NOW + domain.IDLE)
    while session.rotated_at + domain.IDLE < NOW + domain.LONGEST:
        session, _ = domain.refresh(session, session.generation, session.rotated_at + domain.IDLE - SECOND)
    domain.check_live(session, NOW + domain.LONGEST - SECOND)
    with pytest.raises(domain.SessionOver):
        domain.refresh(session, session.generation, NOW + domain.LONGEST)


def test_a_raised_level_is_out_of_reach_of_the_token_before() -> None:
    session, _ = domain.elevate(opened(), "hoch", NOW - SECOND, NOW)
    assert (session.level, session.authenticated_at, session.generation) == ("hoch", NOW - SECOND, 2)
    with pytest.raises(domain.RefreshRefused):
        domain.refresh(session, 1, NOW + SECOND)
    ended, _ = domain.refresh(session, 1, NOW + domain.OVERLAP + SECOND)
    assert ended.reason == "refresh-reused"


def test_ending_twice_is_one_end() -> None:
    session, facts = domain.end(opened(), "signed-out", NOW)
    assert list(facts) == [Ended("signed-out", NOW)]
    assert domain.end(session, "revoked", NOW + SECOND) == (session, [])
    with pytest.raises(domain.SessionOver):
        domain.elevate(session, "hoch", NOW, NOW)


class Family(RuleBasedStateMachine):
    """Any mix of holders and thieves: one live token, one end, and what is over stays over."""

    @initialize()
    def open(self) -> None:
        self.now = NOW
        self.session = opened()
        self.ends: list[Ended] = []
        self.over = False

    def decide(self, outcome: domain.Outcome) -> None:
        self.session, facts = outcome
        self.ends += facts

    @rule(seconds=st.sampled_from([0, 1, 9, 11, 60, 1700, 1800]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(back=st.integers(-1, 3))
    def refresh(self, back: int) -> None:
        before, generation = self.session, self.session.generation - back
        try:
            self.decide(domain.refresh(before, generation, self.now))
        except domain.SessionOver:
            assert not domain.is_live(before, self.now)
        except domain.RefreshRefused:
            assert back == -1 or (back == 1 and not before.overlap)
        else:
            assert domain.is_live(before, self.now)
            if back >= 2:
                assert self.session.reason == "refresh-reused"
            if back == 0:
                assert self.session.generation == before.generation + 1

    @precondition(lambda self: self.session.generation < 50)
    @rule()
    def elevate(self) -> None:
        try:
            self.decide(domain.elevate(self.session, "hoch", self.now, self.now))
        except domain.SessionOver:
            assert not domain.is_live(self.session, self.now)

    @rule(reason=st.sampled_from(["signed-out", "revoked"]))
    def end(self, reason: domain.Reason) -> None:
        self.decide(domain.end(self.session, reason, self.now))

    @invariant()
    def holds(self) -> None:
        live = domain.is_live(self.session, self.now)
        assert not (self.over and live)
        self.over = not live
        assert len(self.ends) == (self.session.ended_at is not None)
        assert self.session.rotated_at <= NOW + domain.LONGEST


Family.TestCase.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
TestFamily = Family.TestCase
