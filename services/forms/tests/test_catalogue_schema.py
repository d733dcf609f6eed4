"""The youth examination's schema: one complete sample, each condition, the vectors of German data."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chassis.municipalities import Municipalities
from forms.catalogue.domain import Fault
from forms.catalogue.schema import Schema, as_e164
from forms.catalogue.store import Catalogue, Entry

SLUG = "youth-medical-exam"


@pytest.fixture(scope="module")
def entry() -> Entry:
    return Catalogue(Municipalities(Path("municipalities"))).get("150900546546", SLUG)


@pytest.fixture
def schema(entry: Entry) -> Schema:
    return entry.schema


@pytest.fixture
def answers(schema: Schema) -> dict[str, Any]:
    return copy.deepcopy(schema.document["examples"][0])


def pointers(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.pointer for fault in faults]


def test_sample_is_complete(schema: Schema, answers: dict[str, Any]) -> None:
    assert schema.complete(answers) == ()
    assert schema.draft(answers) == ()
    assert schema.normalised(answers) == answers


def test_every_required_field_is_asked_for_by_its_title(schema: Schema) -> None:
    faults = schema.complete({})
    assert set(pointers(faults)) == {f"/answers/{name}" for name in schema.document["required"]}
    assert Fault("/answers/given_name", "„Vorname(n)“ fehlt.") in faults
    assert pointers(faults)[:2] == ["/answers/exam_type", "/answers/applicant_role"], "in the order of the form"


@pytest.mark.parametrize("exam_type", ["follow-up", "further-follow-up"])
def test_follow_up_needs_employer_and_previous_exam(schema: Schema, answers: dict[str, Any], exam_type: str) -> None:
    answers["exam_type"] = exam_type
    del answers["employer_name"], answers["employer_city"]
    assert pointers(schema.complete(answers)) == [
        "/answers/employer_name",
        "/answers/employer_city",
        "/answers/previous_exam_date",
    ]
    answers |= {"employer_name": "Werkstatt", "employer_city": "Musterstadt", "previous_exam_date": "2026-09-01"}
    assert schema.complete(answers) == ()


def test_first_exam_needs_no_employer(schema: Schema, answers: dict[str, Any]) -> None:
    del answers["employer_name"], answers["employer_city"]
    assert schema.complete(answers) == ()


def test_pdf_in_the_portal_needs_consent(schema: Schema, answers: dict[str, Any]) -> None:
    answers |= {"delivery": "portal-pdf", "electronic_delivery": False}
    (fault,) = schema.complete(answers)
    assert fault.pointer == "/answers/electronic_delivery"
    assert "Einverständnis" in fault.detail


def test_electronic_answer_needs_an_address(schema: Schema, answers: dict[str, Any]) -> None:
    del answers["email"]
    assert pointers(schema.complete(answers)) == ["/answers/email"]
    answers["electronic_delivery"] = False
    assert schema.complete(answers) == ()


@pytest.mark.parametrize("name", ["guardian_consent", "privacy_ack", "truth_ack"])
def test_declarations_must_be_given(schema: Schema, answers: dict[str, Any], name: str) -> None:
    answers[name] = False
    assert pointers(schema.complete(answers)) == [f"/answers/{name}"]
    assert schema.draft(answers) == (), "a draft may wait for them"


@pytest.mark.parametrize("count", [0, 3])
def test_one_or_two_guardians(schema: Schema, answers: dict[str, Any], count: int) -> None:
    answers["guardians"] = [{"given_name": "Jörg", "surname": "Beispiel"}] * count
    assert pointers(schema.complete(answers)) == ["/answers/guardians"]


def test_fault_inside_a_guardian_is_pointed_at(schema: Schema, answers: dict[str, Any]) -> None:
    answers["guardians"] = [{"given_name": "J0rg", "surname": "Beispiel"}, {"given_name": "Anna", "x": 1}]
    assert pointers(schema.complete(answers)) == [
        "/answers/guardians/0/given_name",
        "/answers/guardians/1/surname",
        "/answers/guardians/1/x",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Nguyễn Thị",
        "Ó Ceallaigh",
        "O’Neill",
        "D'Arc",
        "Müller-Lüdenscheidt",
        "Łukasz",
        "Şükrü",
        "Ƀ",
        "Zəfər",
        "C̆ela",
        "Jr. St.",
    ],
)
def test_names_of_din_91379_pass(schema: Schema, answers: dict[str, Any], name: str) -> None:
    answers["surname"] = name
    assert schema.complete(answers) == ()


@pytest.mark.parametrize(
    "name", ["M1a", "Мия", "Μία", "名", "Mia\u0000", "Mia\u202e", "Mia\nX", "M@ia", "---", "Mia😀", "a\n"]
)
def test_other_characters_are_refused_in_names(schema: Schema, answers: dict[str, Any], name: str) -> None:
    answers["surname"] = name
    assert pointers(schema.complete(answers)) == ["/answers/surname"]


def test_no_text_field_lets_control_characters_through(schema: Schema, answers: dict[str, Any]) -> None:
    strings = [name for name, value in schema.document["properties"].items() if _is_string(schema, value)]
    assert len(strings) > 20
    for name in strings:
        for character in "\u0000\u000a\u001b\u202e\u2066\ufeff":
            spoiled = answers | {name: f"{answers.get(name, 'a')}{character}"}
            assert f"/answers/{name}" in pointers(schema.complete(spoiled)), (name, hex(ord(character)))


def _is_string(schema: Schema, rule: dict[str, Any]) -> bool:
    return rule.get("type") == "string" or rule.get("$ref") in ("#/$defs/name", "#/$defs/text")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("(03935) 9317-20", "+493935931720"),
        ("+49 (0) 3935 931720", "+493935931720"),
        ("030 23125 000", "+493023125000"),
        ("+4915123456789", "+4915123456789"),
        ("112", None),
        ("12", None),
        ("", None),
        ("Telefon", None),
    ],
)
def test_telephone_numbers(number: str, expected: str | None) -> None:
    assert as_e164(number) == expected


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("postal_code", "00123"),
        ("postal_code", "3951"),
        ("postal_code", "٣٩٥١٧"),
        ("house_number", "zwölf"),
        ("house_number", "12345"),
        ("house_number", "1٢"),
        ("birth_date", "2010-02-30"),
        ("birth_date", "04.05.2010"),
        ("birth_date", "2010-13-00"),
        ("start_date", "2027-00-00"),
        ("start_date", "20270801"),
        ("email", "mia"),
        ("email", "mia@localhost"),
        ("email", "mia@@example.org"),
        ("email", "mia@example.org\n"),
        ("email", f"{'a' * 65}@example.org"),
        ("phone", "112"),
        ("country", "AT"),
        ("title", "Graf"),
        ("exam_type", "second"),
        ("city", "😀"),
    ],
)
def test_bad_values_are_refused_with_own_words(schema: Schema, answers: dict[str, Any], name: str, bad: str) -> None:
    answers[name] = bad
    (fault,) = schema.complete(answers)
    assert fault.pointer == f"/answers/{name}"
    assert fault.detail.startswith(("Bitte", "Der Antrag"))


@pytest.mark.parametrize("good", ["1", "12a", "12 a", "12-14", "12/3b"])
def test_house_numbers(schema: Schema, answers: dict[str, Any], good: str) -> None:
    answers["house_number"] = good
    assert schema.complete(answers) == ()


@pytest.mark.parametrize("good", ["2010-05-00", "2010-00-00"])
def test_birth_date_may_be_incomplete(schema: Schema, answers: dict[str, Any], good: str) -> None:
    answers["birth_date"] = good
    assert schema.complete(answers) == ()


def test_draft_may_be_partial_but_not_wrong(schema: Schema) -> None:
    assert schema.draft({}) == ()
    assert schema.draft({"surname": "M1a", "postal_code": "3"}) == ()
    faults = schema.draft(
        {"surname": 7, "privacy_ack": "ja", "guardians": {}, "given_name": "x" * 81, "delivery": "bote"}
    )
    assert {fault.pointer: fault.detail for fault in faults} == {
        "/answers/surname": "„Familienname“ hat den falschen Typ; erwartet wird Text.",
        "/answers/given_name": "„Vorname(n)“ ist mit 81 Zeichen zu lang; erlaubt sind 80.",
        "/answers/guardians": "„Gesetzliche Vertretung“ hat den falschen Typ; erwartet wird eine Liste.",
        "/answers/delivery": "Bitte eine der Möglichkeiten auswählen.",
        "/answers/privacy_ack": "„Ich habe die Hinweise zum Datenschutz gelesen.“ hat den falschen Typ; "
        "erwartet wird Ja oder Nein.",
    }


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"$ne": 1}, "/answers/$ne"),
        ({"a/b~c": 1}, "/answers/a~1b~0c"),
        ({"surname": {"$gt": ""}}, "/answers/surname"),
        ({"guardians": [{"$where": "1"}]}, "/answers/guardians/0/$where"),
        ({"given_name": None}, "/answers/given_name"),
        ({"privacy_ack": 1}, "/answers/privacy_ack"),
    ],
)
def test_unknown_fields_and_query_operators_are_refused(schema: Schema, answers: dict[str, Any], pointer: str) -> None:
    assert pointers(schema.draft(answers)) == [pointer]


def test_kept_form_is_tidy(schema: Schema) -> None:
    given = {"surname": " Mu\u0308ller ", "birth_name": "  ", "phone": "(03935) 9317-20", "guardians": [{"title": ""}]}
    assert schema.normalised(given) == {
        "surname": "Müller",
        "phone": "+493935931720",
        "guardians": [{}],
        "country": "DE",
    }


def test_at_most_fifty_faults_are_told(schema: Schema) -> None:
    assert len(schema.draft({f"x{number}": 1 for number in range(500)})) == 50


def test_every_field_has_its_place_in_the_form(entry: Entry) -> None:
    assert sorted(_scopes(entry.ui)) == sorted(entry.schema.document["properties"])
    assert sorted(_uploads(entry.ui)) == sorted(upload.name for upload in entry.service.uploads)


def test_every_field_says_what_it_is_and_what_was_wrong(entry: Entry) -> None:
    for name in entry.schema.document["properties"]:
        rule = entry.schema.rule((name,))
        assert rule["title"], name
        assert "x-error" in rule or rule["type"] == "boolean", name


def _scopes(element: Mapping[str, Any]) -> list[str]:
    own = [element["scope"].removeprefix("#/properties/")] if "scope" in element else []
    return own + [scope for inner in element.get("elements", ()) for scope in _scopes(inner)]


def _uploads(element: Mapping[str, Any]) -> list[str]:
    own = [element["field"]] if element["type"] == "Upload" else []
    return own + [field for inner in element.get("elements", ()) for field in _uploads(inner)]
