from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.calendars.domain import (
    TAKEN_PER_DAY,
    ZONE,
    Act,
    Day,
    KeyTaken,
    LimitReached,
    NoSuchSlot,
    Office,
    Released,
    Reservation,
    ReservationUnknown,
    Reserved,
    Slot,
    SlotTaken,
    TooLate,
    free_places,
    release,
    reserve,
    slots,
)

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MONDAY = date(2026, 11, 30)
OFFICE = Office(
    "buergerbuero", "Bürgerbüro", "Rathaus", {"mon": [(time(9), time(12))], "sun": [(time(0), time(6))]}, 20, 2, 60
)
NONE: frozenset[date] = frozenset()
EMPTY = Day("buergerbuero", "Bürgerbüro", "Rathaus", MONDAY)


def wish(id: str, account: str, slot: Slot, digest: str = "d") -> Reservation:
    return Reservation(id, account, slot.starts_at, slot.ends_at, Act(id, digest, NOW))


def test_a_day_has_its_opening_hours_in_slots() -> None:
    found = slots(OFFICE, MONDAY, NONE)
    assert len(found) == 9
    assert found[0] == Slot(datetime(2026, 11, 30, 8, 0, tzinfo=UTC), datetime(2026, 11, 30, 8, 20, tzinfo=UTC))
    assert slots(OFFICE, MONDAY, frozenset({MONDAY})) == ()
    assert slots(OFFICE, date(2026, 12, 1), NONE) == ()


@pytest.mark.parametrize(
    ("day", "number"), [(date(2026, 10, 25), 21), (date(2027, 3, 28), 15), (date(2026, 11, 1), 18)]
)
def test_the_days_on_which_the_clocks_change_have_real_hours(day: date, number: int) -> None:
    found = slots(OFFICE, day, NONE)
    assert len(found) == number
    assert len({slot.starts_at for slot in found}) == number


def test_exactly_as_many_reserve_as_there_are_places() -> None:
    slot = slots(OFFICE, MONDAY, NONE)[0]
    day = EMPTY
    for number in range(2):
        day, facts = reserve(day, OFFICE, NONE, wish(f"r{number}", f"a{number}", slot), NOW)
        assert [type(fact) for fact in facts] == [Reserved]
    with pytest.raises(SlotTaken, match=r"09:00 Uhr sind alle 2 Plätze vergeben\. .* noch frei: 09:20"):
        reserve(day, OFFICE, NONE, wish("r3", "a3", slot), NOW)


def test_a_repeat_changes_nothing_and_another_body_is_refused() -> None:
    first, second = slots(OFFICE, MONDAY, NONE)[:2]
    day, _ = reserve(EMPTY, OFFICE, NONE, wish("r", "a", first), NOW)
    assert reserve(day, OFFICE, NONE, wish("r", "a", first), NOW) == (day, ())
    with pytest.raises(KeyTaken):
        reserve(day, OFFICE, NONE, wish("r", "a", second, "other"), NOW)


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 11, 30, 8, 10, tzinfo=UTC),
        datetime(2026, 11, 30, 11, 0, tzinfo=UTC),
        datetime(2026, 11, 30, 3, 0, tzinfo=UTC),
    ],
)
def test_times_between_and_outside_are_refused(start: datetime) -> None:
    with pytest.raises(NoSuchSlot):
        reserve(EMPTY, OFFICE, NONE, wish("r", "a", Slot(start, start + timedelta(minutes=20))), NOW)


def test_past_and_far_times_are_refused() -> None:
    slot = slots(OFFICE, MONDAY, NONE)[0]
    with pytest.raises(NoSuchSlot):
        reserve(EMPTY, OFFICE, NONE, wish("r", "a", slot), slot.starts_at)
    with pytest.raises(NoSuchSlot):
        reserve(EMPTY, OFFICE, NONE, wish("r", "a", slot), NOW - timedelta(days=80))


def test_one_time_a_day_and_not_for_ever() -> None:
    day, day_slots = EMPTY, slots(OFFICE, MONDAY, NONE)
    for number in range(TAKEN_PER_DAY):
        day, _ = reserve(day, OFFICE, NONE, wish(f"r{number}", "a", day_slots[number % 9]), NOW)
        with pytest.raises(LimitReached):
            reserve(day, OFFICE, NONE, wish("more", "a", day_slots[8]), NOW)
        day, facts = release(day, f"r{number}", "a", Act("k", "d", NOW))
        assert [type(fact) for fact in facts] == [Released]
    with pytest.raises(LimitReached, match=str(TAKEN_PER_DAY)):
        reserve(day, OFFICE, NONE, wish("more", "a", day_slots[8]), NOW)


def test_only_its_holder_gives_a_time_back_before_it_begins() -> None:
    slot = slots(OFFICE, MONDAY, NONE)[0]
    day, _ = reserve(EMPTY, OFFICE, NONE, wish("r", "a", slot), NOW)
    with pytest.raises(ReservationUnknown):
        release(day, "r", "b", Act("k", "d", NOW))
    with pytest.raises(TooLate, match="09:00"):
        release(day, "r", "a", Act("k", "d", slot.starts_at))
    free, _ = release(day, "r", "a", Act("k", "d", NOW))
    assert free_places(free, OFFICE, slot, NOW) == 2
    assert release(free, "r", "a", Act("k2", "d", NOW)) == (free, ())


@given(st.lists(st.tuples(st.sampled_from(["take", "give"]), st.integers(0, 5), st.integers(0, 8)), max_size=60))
def test_a_day_never_holds_more_than_its_places(steps: list[tuple[str, int, int]]) -> None:
    day, day_slots = EMPTY, slots(OFFICE, MONDAY, NONE)
    taken = given_back = 0
    for number, (what, account, at) in enumerate(steps):
        try:
            if what == "take":
                day, facts = reserve(day, OFFICE, NONE, wish(f"r{number}", f"a{account}", day_slots[at]), NOW)
                taken += len(facts)
            else:
                held = [one for one in day.held() if one.account_id == f"a{account}"]
                day, facts = release(day, held[0].id if held else "none", f"a{account}", Act("k", "d", NOW))
                given_back += len(facts)
        except (SlotTaken, LimitReached, ReservationUnknown):
            continue
    assert taken - given_back == len(day.held())
    for slot in day_slots:
        assert sum(one.starts_at == slot.starts_at for one in day.held()) <= OFFICE.capacity
    assert ZONE.key == "Europe/Berlin"
