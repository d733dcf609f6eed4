from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from identity.accounts import domain
from identity.accounts.domain import Account, Link, Linked, Registered, RegisteredAgain, Verified

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BLANK = Account("a-1", "Mia@example.org", "hash", "de", NOW, "unverified")


def registered(*, known: bool = False) -> Account:
    return domain.register(BLANK, "123456", "digest", known=known, now=NOW)[0]


def active() -> Account:
    return domain.verify(registered(), "digest", NOW)[0]


def link(attempt: str = "l-1", at: datetime = NOW) -> Link:
    return Link("https://konto.example.org", "bpk-1", "hoch", at, at, attempt)


def test_registration_asks_for_a_code_and_tells_it_once() -> None:
    account, facts = domain.register(BLANK, "123456", "digest", known=False, now=NOW)
    assert facts == [Registered("123456")]
    assert "123456" not in repr(account)


def test_registration_of_a_known_address_looks_alike_and_has_no_code() -> None:
    decoy, facts = domain.register(BLANK, "123456", "digest", known=True, now=NOW)
    assert facts == [RegisteredAgain()]
    for left in (4, 3, 2, 1, 0):
        decoy, facts = domain.verify(decoy, "digest", NOW)
        assert (decoy.status, domain.tries_left(decoy), list(facts)) == ("unverified", left, [])
    with pytest.raises(domain.TooManyTries):
        domain.verify(decoy, "digest", NOW)


@pytest.mark.parametrize("after", [timedelta(), timedelta(minutes=10) - SECOND])
def test_the_right_code_in_time_proves_the_address(after: timedelta) -> None:
    account, facts = domain.verify(registered(), "digest", NOW + after)
    assert (account.status, account.verified_at, account.challenge) == ("active", NOW + after, None)
    assert facts == [Verified(NOW + after)]


def test_a_code_is_over_after_ten_minutes_and_after_use() -> None:
    with pytest.raises(domain.CodeExpired):
        domain.verify(registered(), "digest", NOW + timedelta(minutes=10))
    with pytest.raises(domain.CodeExpired):
        domain.verify(active(), "digest", NOW)


def test_the_right_code_after_five_wrong_ones_is_refused() -> None:
    account = registered()
    for _ in range(5):
        account, _ = domain.verify(account, "wrong", NOW)
    with pytest.raises(domain.TooManyTries):
        domain.verify(account, "digest", NOW)


def test_an_unproven_account_lapses_and_forgets_what_its_maker_wrote() -> None:
    account = registered()
    assert domain.lapses_at(account) == NOW + timedelta(minutes=10)
    lapsed, facts = domain.lapse(account)
    assert (lapsed.status, lapsed.email, lapsed.password, domain.lapses_at(lapsed)) == ("lapsed", "", "", None)
    assert list(facts) == []
    assert domain.lapse(active()) == (active(), [])
    with pytest.raises(domain.CodeExpired):
        domain.verify(lapsed, "digest", NOW)


def test_a_link_leaves_only_the_session_that_made_it() -> None:
    account, facts = domain.link(active(), link(), "s-1")
    assert facts == [Linked("hoch", NOW)]
    assert domain.allows(account, "s-1", NOW - SECOND)
    assert not domain.allows(account, "s-2", NOW - SECOND)
    assert domain.allows(account, "s-3", NOW + SECOND)


def test_a_link_is_made_once() -> None:
    account, _ = domain.link(active(), link("l-1"), "s-1")
    assert domain.link(account, link("l-1", NOW + SECOND), "s-1") == (account, [])
    with pytest.raises(domain.AlreadyLinked):
        domain.link(account, link("l-2"), "s-1")
    with pytest.raises(domain.AccountInactive):
        domain.link(registered(), link(), "s-1")


def test_a_stronger_hash_replaces_only_the_one_it_was_made_for() -> None:
    assert domain.rehash(active(), "hash", "stronger")[0].password == "stronger"
    assert domain.rehash(active(), "another", "stronger")[0].password == "hash"


def test_spellings_of_one_mailbox_are_equal() -> None:
    assert domain.address_key("Mia@Example.org") == domain.address_key("mia@example.org")


class AccountLife(RuleBasedStateMachine):
    """Whatever happens in whatever order: five tries, one proof, one link, nothing left of the unproven."""

    @initialize(known=st.booleans())
    def register(self, known: bool) -> None:
        self.now = NOW
        self.known = known
        self.account = registered(known=known)
        self.facts: list[domain.Fact] = []
        self.wrong = 0

    def decide(self, outcome: domain.Outcome) -> None:
        self.account, facts = outcome
        self.facts += facts

    @rule(seconds=st.integers(0, 400))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(digest=st.sampled_from(["digest", "wrong", ""]))
    def try_code(self, digest: str) -> None:
        before = self.account
        try:
            self.decide(domain.verify(before, digest, self.now))
        except (domain.CodeExpired, domain.TooManyTries):
            assert before.status != "unverified" or self.wrong == 5 or self.now >= NOW + domain.CODE_LIFE
            return
        if self.account.status == "unverified":
            self.wrong += 1

    @rule()
    def lapse(self) -> None:
        at = domain.lapses_at(self.account)
        if at is not None and at <= self.now:
            self.decide(domain.lapse(self.account))

    @rule(attempt=st.sampled_from(["l-1", "l-2"]))
    def link(self, attempt: str) -> None:
        linked = self.account.link
        try:
            self.decide(domain.link(self.account, link(attempt, self.now), "s-1"))
        except domain.AlreadyLinked:
            assert linked is not None
            assert linked.attempt != attempt
        except domain.AccountInactive:
            assert self.account.status != "active"

    @invariant()
    def holds(self) -> None:
        assert self.wrong <= 5
        verified = [fact for fact in self.facts if isinstance(fact, Verified)]
        linked = [fact for fact in self.facts if isinstance(fact, Linked)]
        assert len(verified) == (self.account.status == "active")
        assert len(linked) == (self.account.link is not None)
        assert not (self.known and verified)
        if self.account.status == "lapsed":
            assert (self.account.email, self.account.password) == ("", "")


AccountLife.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAccountLife = AccountLife.TestCase
