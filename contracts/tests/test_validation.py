import json

import pytest

from contracts import BadBody, UnknownType, UnknownVersion, validate
from contracts.forms import ApplicationSubmitted
from contracts.identity import ContactChanged

BODY = {"occurred_at": "2026-12-01T08:30:00Z", "account_id": "a", "email": "mia.beispiel@example.org", "language": "de"}


def body(**changes: object) -> bytes:
    return json.dumps({name: value for name, value in {**BODY, **changes}.items() if value is not ...}).encode()


def test_a_good_body_becomes_its_event() -> None:
    event = validate(ContactChanged.type, body())
    assert isinstance(event, ContactChanged)
    assert event.email == "mia.beispiel@example.org"


def test_readers_ignore_what_they_do_not_know() -> None:
    assert validate(ContactChanged.type, body(more="x")) == validate(ContactChanged.type, body())


@pytest.mark.proves("F64")
def test_an_unknown_type_and_an_unknown_version_are_told_apart() -> None:
    with pytest.raises(UnknownVersion) as version:
        validate("de.digitales-rathaus.identity.contact-changed.v9", body())
    assert version.value.known == (ContactChanged.type,)
    with pytest.raises(UnknownType, match="contact-painted"):
        validate("de.digitales-rathaus.identity.contact-painted.v1", body())


@pytest.mark.proves("PL-03")
@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        (b"{", ""),
        (b"\xff", ""),
        (b"[]", ""),
        (b"null", ""),
        (body(email=...), "/email"),
        (body(email=3), "/email"),
        (body(email=None), "/email"),
        (body(language="fr"), "/language"),
        (body(occurred_at="2026-12-01T08:30:00"), "/occurred_at"),
        (body(occurred_at=1764577800), "/occurred_at"),
    ],
)
def test_a_body_that_breaks_its_contract_is_refused_with_a_pointer(bad: bytes, pointer: str) -> None:
    with pytest.raises(BadBody) as caught:
        validate(ContactChanged.type, bad)
    assert caught.value.problems[0][0] == pointer
    assert ContactChanged.type in str(caught.value)


def test_the_error_does_not_repeat_what_stood_there() -> None:
    with pytest.raises(BadBody) as caught:
        validate(ContactChanged.type, body(email=["mia.beispiel@example.org"], language="Beispielsprache"))
    assert "Beispiel" not in str(caught.value)
    assert "mia" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_number_of_a_digit_is_not_its_text() -> None:
    arabic = {"leika_key": "٩٩٠٠٠٠٠٠٠٠٠٠٠٠"}
    with pytest.raises(BadBody) as caught:
        validate(ApplicationSubmitted.type, json.dumps(arabic).encode())
    assert "/leika_key" in dict(caught.value.problems)
