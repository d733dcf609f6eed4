from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from identity.links import domain
from identity.links.domain import Attempt, Expected, Proof

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
STAMP = int(NOW.timestamp())
EXPECTED = Expected("https://konto.example.org", "rathaus", "nonce", "hoch")
CLAIMS: dict[str, Any] = {
    "iss": "https://konto.example.org",
    "aud": "rathaus",
    "sub": "bpk-1",
    "nonce": "nonce",
    "acr": "STORK-QAA-Level-4",
    "exp": STAMP + 300,
    "iat": STAMP,
    "auth_time": STAMP,
}


def started() -> Attempt:
    return domain.start("a-1", "s-1", "hoch", NOW)[0]


def test_a_good_id_token_is_a_proof() -> None:
    assert domain.proof(CLAIMS, EXPECTED, NOW) == Proof("https://konto.example.org", "bpk-1", "hoch", NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["rathaus"]},
        {"aud": ["rathaus", "other"], "azp": "rathaus"},
        {"azp": "rathaus"},
        {"auth_time": STAMP - 300},
        {"exp": STAMP - 59},
        {"nbf": STAMP + 59},
        {"acr": "http://eidas.europa.eu/LoA/high"},
    ],
)
def test_id_tokens_that_prove_as_much(changed: dict[str, Any]) -> None:
    assert domain.proof(CLAIMS | changed, EXPECTED, NOW).subject == "bpk-1"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://other.example.org"),
        ("iss", None),
        ("aud", "other"),
        ("aud", []),
        ("aud", None),
        ("azp", "other"),
        ("nonce", "another"),
        ("nonce", None),
        ("sub", ""),
        ("sub", 7),
        ("sub", "x" * 256),
        ("exp", STAMP - 60),
        ("exp", None),
        ("exp", True),
        ("exp", "tomorrow"),
        ("exp", 1e300),
        ("iat", STAMP + 61),
        ("iat", None),
        ("nbf", STAMP + 61),
        ("auth_time", STAMP - 361),
        ("auth_time", STAMP + 61),
        ("auth_time", None),
    ],
)
def test_id_tokens_that_prove_nothing(claim: str, value: object) -> None:
    with pytest.raises(domain.ProofRefused) as refused:
        domain.proof(CLAIMS | {claim: value}, EXPECTED, NOW)
    assert refused.value.claim == claim


def test_several_audiences_need_an_authorized_party() -> None:
    with pytest.raises(domain.ProofRefused):
        domain.proof(CLAIMS | {"aud": ["rathaus", "other"]}, EXPECTED, NOW)


@pytest.mark.parametrize("acr", ["STORK-QAA-Level-3", "basis", "http://eidas.europa.eu/LoA/low", "", None, 4, "HOCH"])
def test_levels_below_the_asked_one_are_refused(acr: object) -> None:
    with pytest.raises(domain.LevelTooLow):
        domain.proof(CLAIMS | {"acr": acr}, EXPECTED, NOW)


def test_a_higher_level_than_asked_is_taken() -> None:
    assert (
        domain.proof(CLAIMS, Expected("https://konto.example.org", "rathaus", "nonce", "niedrig"), NOW).level == "hoch"
    )


@pytest.mark.parametrize(
    ("state", "issuer"),
    [("other", EXPECTED.issuer), ("", EXPECTED.issuer), ("ä", EXPECTED.issuer), ("state", "https://x")],
)
def test_a_return_with_another_state_or_issuer_is_refused(state: str, issuer: str) -> None:
    domain.check_return("state", EXPECTED.issuer, "state", EXPECTED.issuer)
    with pytest.raises(domain.ReturnRefused):
        domain.check_return(state, issuer, "state", EXPECTED.issuer)


def test_an_attempt_is_used_once_and_within_ten_minutes() -> None:
    used, _ = domain.redeem(started(), NOW + domain.LIFE - SECOND)
    with pytest.raises(domain.LinkUsed):
        domain.redeem(used, NOW)
    with pytest.raises(domain.LinkExpired):
        domain.redeem(started(), NOW + domain.LIFE)


class AttemptLife(RuleBasedStateMachine):
    """In any order: at most one redemption, and a conclusion is final for new redemptions."""

    @initialize()
    def start(self) -> None:
        self.now = NOW
        self.attempt = started()
        self.redeemed = 0

    @rule(seconds=st.integers(0, 300))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def redeem(self) -> None:
        try:
            self.attempt, _ = domain.redeem(self.attempt, self.now)
        except (domain.LinkUsed, domain.LinkExpired):
            assert self.attempt.status != "started" or self.now >= NOW + domain.LIFE
        else:
            self.redeemed += 1

    @rule(linked=st.booleans())
    def conclude(self, linked: bool) -> None:
        if self.attempt.status == "redeeming":
            self.attempt, _ = domain.conclude(self.attempt, linked=linked)

    @invariant()
    def holds(self) -> None:
        assert self.redeemed == (self.attempt.status != "started")


AttemptLife.TestCase.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
TestAttemptLife = AttemptLife.TestCase
