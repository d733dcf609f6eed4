"""Passwords, throttles and keys: small rules, each as a table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.keys.domain import NoSigningKey, SigningKey, active, signer
from identity.passwords.domain import PasswordRefused, accepted, context_words
from identity.throttles.domain import Limit, Throttled, Tries, check, counted

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LIMIT = Limit(free=5, longest=timedelta(seconds=60))
WORDS = context_words("mia.beispiel@example.org", "Verbandsgemeinde Musterland", "tangerhuette")


@pytest.mark.parametrize(
    "password", ["korrekt pferd batterie", "x" * 127 + "y", "Zwölf Böden", "abcd efgh ijkl", "🐎🔋📎🐎🔋📎🐎🔋"]
)
def test_long_and_unusual_passwords_are_accepted(password: str) -> None:
    assert accepted(password, WORDS) == password


@pytest.mark.parametrize(
    "password",
    [
        "kurz",
        "1234567",
        "x" * 128 + "y",
        "passwort",
        "Passwort123!",
        "12345678",
        "zzzzzzzzzz",
        "mia.beispiel",
        "MiaBeispiel1",
        "beispiel2026",
        "Musterland!!",
        "mia.beispiel@example.org",
        "Tangerhuette1",
        "Verbandsgemeinde Musterland",
    ],
)
def test_short_long_common_and_context_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordRefused):
        accepted(password, {*WORDS, "Verbandsgemeinde Musterland"})


def test_one_password_typed_on_two_keyboards_is_one() -> None:
    assert accepted("Zwo\u0308lf Bo\u0308den") == accepted("Zwölf Böden")


def test_delays_grow_and_end_at_their_limit() -> None:
    tries, now, delays = None, NOW, []
    for _ in range(14):
        tries = counted(tries, LIMIT, now)
        delays.append(int((tries.next_at - now).total_seconds()))
        now = tries.next_at
    assert delays == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_try_within_the_delay_is_refused_with_the_seconds_left() -> None:
    check(None, NOW)
    check(Tries(9, NOW, NOW), NOW)
    with pytest.raises(Throttled) as refused:
        check(Tries(9, NOW, NOW + timedelta(seconds=7, milliseconds=1)), NOW)
    assert refused.value.retry_after == 8


def test_quiet_time_makes_a_new_beginning() -> None:
    assert counted(Tries(40, NOW, NOW), LIMIT, NOW + LIMIT.forget + timedelta(seconds=1)).count == 1


@given(st.integers(0, 10_000))
def test_ten_thousand_tries_never_lock_for_longer_than_the_limit(count: int) -> None:
    tries = counted(Tries(count, NOW, NOW), LIMIT, NOW)
    assert timedelta() <= tries.next_at - NOW <= LIMIT.longest


def key(kid: str, minutes: int, retires_in: int | None = None) -> SigningKey:
    retires_at = None if retires_in is None else NOW + timedelta(minutes=retires_in)
    return SigningKey(kid, {}, "", NOW - timedelta(minutes=minutes), retires_at)


def test_the_oldest_active_key_signs() -> None:
    keys = [key("new", 1), key("old", 60), key("retired", 600, retires_in=0), key("older", 90, retires_in=1)]
    assert [found.kid for found in active(keys, NOW)] == ["older", "old", "new"]
    assert signer(keys, NOW).kid == "older"
    assert signer(keys, NOW + timedelta(minutes=1)).kid == "old"


def test_without_an_active_key_nothing_is_signed() -> None:
    with pytest.raises(NoSigningKey):
        signer([key("retired", 60, retires_in=0)], NOW)
