"""Rules that a JSON Schema cannot say; each day is handed in."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.catalogue.domain import (
    Area,
    LevelTooLow,
    Service,
    Upload,
    age_on,
    born_between,
    check_rules,
    missing_uploads,
    months_from,
    require_level,
    responsible,
)

TODAY = date(2026, 11, 25)
CERTIFICATE = Upload(
    "employer_certificate", "Bescheinigung", "", False, (), 1, {"exam_type": ("follow-up", "further-follow-up")}
)
ID_COPY = Upload("id_copy", "Ausweis", "", False, (), 1)
TOWN = Area("150900546546", "Tangerhütte", ("39517",))
UNION = (
    Area("150909999000", "Musterland", ("39001", "39002", "39003")),
    Area("150909999001", "Alt-Musterdorf", ("39001", "39002")),
    Area("150909999002", "Neu-Musterdorf", ("39002",)),
)


def service(level: str = "basis", *uploads: Upload) -> Service:
    return Service("youth-medical-exam", 1, "T", "S", level, "99068007040000", "urn:x", "", uploads)


def faults(today: date = TODAY, **answers: Any) -> dict[str, str]:
    given_answers = {"birth_date": "2010-05-04", "start_date": "2027-08-01"} | answers
    return {fault.pointer: fault.detail for fault in check_rules(service(), given_answers, today)}


@pytest.mark.parametrize(
    ("birth_date", "start_date", "today"),
    [
        ("2010-05-04", "2027-08-01", TODAY),
        ("2013-08-01", "2027-08-01", TODAY),  # 14 on the day
        ("2009-08-02", "2027-08-01", TODAY),  # 18 one day later
        ("2009-00-00", "2027-08-01", TODAY),  # may still be 17
        ("2013-00-00", "2027-08-01", TODAY),  # may be 14 already
        ("2010-05-04", "2025-09-25", date(2026, 11, 25)),  # 14 months ago
        ("2011-05-04", "2028-05-25", TODAY),  # 18 months ahead
        ("2012-02-29", "2026-03-01", date(2026, 3, 1)),
    ],
)
def test_certificate_from_14_to_17(birth_date: str, start_date: str, today: date) -> None:
    assert faults(today, birth_date=birth_date, start_date=start_date) == {}


@pytest.mark.parametrize(
    ("birth_date", "start_date", "words"),
    [
        ("2009-08-01", "2027-08-01", "Kein Schein nötig: Beim Beginn der Arbeit sind Sie 18 Jahre alt."),
        ("2008-00-00", "2027-08-01", "Kein Schein nötig: Beim Beginn der Arbeit sind Sie 18 Jahre alt."),
        ("2008-11-25", "2026-02-01", "Kein Schein nötig: Sie sind schon 18."),
        ("2013-08-02", "2027-08-01", "sind Sie 13 Jahre alt. Den Schein gibt es von 14 bis 17 Jahren."),
    ],
)
def test_no_certificate_outside(birth_date: str, start_date: str, words: str) -> None:
    found = faults(birth_date=birth_date, start_date=start_date)
    assert list(found) == ["/answers/birth_date"]
    assert words in found["/answers/birth_date"]


@pytest.mark.parametrize("start_date", ["2025-09-24", "2028-05-26", "1999-01-01"])
def test_start_within_the_window(start_date: str) -> None:
    found = faults(start_date=start_date)
    assert list(found) == ["/answers/start_date"]
    assert "zwischen 25.09.2025 und 25.05.2028" in found["/answers/start_date"]


@pytest.mark.parametrize(
    ("birth_date", "words"), [("2026-11-26", "Zukunft"), ("2027-00-00", "Zukunft"), ("1905-11-25", "121 Jahren")]
)
def test_birth_date_is_possible(birth_date: str, words: str) -> None:
    assert words in faults(birth_date=birth_date)["/answers/birth_date"]
    assert words in faults(guardians=[{}, {"birth_date": birth_date}])["/answers/guardians/1/birth_date"]


def test_previous_exam_is_past() -> None:
    assert faults(previous_exam_date="2026-11-25") == {}
    assert list(faults(previous_exam_date="2026-11-26")) == ["/answers/previous_exam_date"]


@pytest.mark.parametrize("value", [None, "", "x", 7, "2010-99-00", "2010-05", "--", "2010-05-04-01", [], "0000-00-00"])
def test_rules_say_nothing_of_what_the_schema_refuses(value: Any) -> None:
    assert faults(birth_date=value, start_date=value, previous_exam_date=value) == {}


def test_unknown_service_has_no_rules() -> None:
    other = Service("other", 1, "", "", "basis", "99068007040000", "urn:x", "")
    assert check_rules(other, {"birth_date": "1900-01-01"}, TODAY) == ()


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)), st.integers(0, 40_000))
def test_age_grows_by_one_on_each_birthday(born: date, days: int) -> None:
    when = date.fromordinal(born.toordinal() + days)
    age = age_on(born, when)
    assert age >= 0
    assert age_on(born, date.fromordinal(when.toordinal() + 1)) - age in (0, 1)
    assert born_between(born.isoformat()) == (born, born)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)), st.integers(-600, 600))
def test_months_keep_the_day_or_take_the_last(start: date, months: int) -> None:
    there = months_from(start, months)
    assert (there.year * 12 + there.month) - (start.year * 12 + start.month) == months
    assert there.day == start.day or (there.day < start.day and date.fromordinal(there.toordinal() + 1).day == 1)


@pytest.mark.parametrize(
    ("needed", "held", "passes"),
    [
        ("basis", "basis", True),
        ("basis", "hoch", True),
        ("substanziell", "niedrig", False),
        ("hoch", "substanziell", False),
    ],
)
def test_level_of_the_service_is_required(needed: str, held: str, passes: bool) -> None:
    if passes:
        require_level(service(needed), held)
    else:
        with pytest.raises(LevelTooLow, match=f"„{needed}“.*„{held}“"):
            require_level(service(needed), held)


def test_certificate_of_the_employer_with_a_follow_up() -> None:
    exam = service("basis", ID_COPY, CERTIFICATE)
    assert missing_uploads(exam, {"exam_type": "first"}, ()) == ()
    assert missing_uploads(exam, {}, ()) == ()
    (fault,) = missing_uploads(exam, {"exam_type": "follow-up"}, ("id_copy",))
    assert fault.pointer == "/attachments/employer_certificate"
    assert missing_uploads(exam, {"exam_type": "follow-up"}, ("employer_certificate",)) == ()
    assert missing_uploads(service("basis", Upload("x", "X", "", True, (), 1)), {}, ()) != ()


@pytest.mark.parametrize(
    ("postal_code", "city", "ars"),
    [
        ("39001", "irgendwo", "150909999001"),
        ("39002", "neu-musterdorf", "150909999002"),
        ("39003", "irgendwo", "150909999000"),
    ],
)
def test_member_is_responsible_for_its_postal_codes(postal_code: str, city: str, ars: str) -> None:
    assert responsible({"postal_code": postal_code, "city": city}, UNION) == (ars, ())


def test_town_is_responsible_for_itself_only() -> None:
    assert responsible({"postal_code": "39517", "city": "Tangerhütte"}, (TOWN,)) == ("150900546546", ())
    region, (fault,) = responsible({"postal_code": "10115", "city": "Berlin"}, (TOWN,))
    assert region is None
    assert fault.pointer == "/answers/postal_code"
    assert "10115" in fault.detail
    assert "Tangerhütte" in fault.detail


def test_shared_postal_code_asks_for_the_place() -> None:
    region, (fault,) = responsible({"postal_code": "39002", "city": "Anderswo"}, UNION)
    assert region is None
    assert fault.pointer == "/answers/city"
    assert "Alt-Musterdorf, Neu-Musterdorf" in fault.detail
