import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import BadEnvelope, Envelope, envelope_of, headers_of
from contracts.envelope import SOURCE as SOURCE_RULE
from contracts.envelope import TYPE as TYPE_RULE
from contracts.envelope import is_tombstone, tombstone_type

TYPE = "de.digitales-rathaus.identity.account-linked.v1"
EVENT = Envelope(
    id="019ab2c4-2000-7000-8000-000000000001",
    type=TYPE,
    tenant="150900546546",
    subject="an account",
    sequence=7,
    time=datetime(2026, 12, 1, 8, 30, 0, 123000, tzinfo=UTC),
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
)


def read(headers: dict[str, bytes]) -> Envelope:
    return envelope_of(list(headers.items()), topic="identity.accounts", partition=3, offset=9, key="an account")


def headers(**changes: bytes | None) -> dict[str, bytes]:
    """The headers of EVENT with changes; None takes one away. Underscores stand for the dash in content-type."""
    changed: dict[str, bytes | None] = {**dict(headers_of(EVENT))}
    changed |= {name.replace("content_type", "content-type"): value for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def test_headers_follow_the_kafka_binding() -> None:
    assert dict(headers_of(EVENT)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"019ab2c4-2000-7000-8000-000000000001",
        "ce_type": TYPE.encode(),
        "ce_source": b"urn:rathaus:150900546546:identity",
        "ce_subject": b"an account",
        "ce_time": b"2026-12-01T08:30:00.123000Z",
        "ce_sequence": b"0000000007",
        "ce_dataschema": f"urn:rathaus:schema:{TYPE}".encode(),
        "content-type": b"application/json",
        "traceparent": EVENT.traceparent.encode() if EVENT.traceparent else b"",
    }


def test_a_read_envelope_knows_its_place() -> None:
    found = read(headers())
    assert (found.topic, found.partition, found.offset, found.key) == ("identity.accounts", 3, 9, "an account")
    assert (found.service, found.source) == ("identity", "urn:rathaus:150900546546:identity")


@given(
    st.builds(
        Envelope,
        id=st.text(min_size=1).filter(lambda text: text.isprintable()),
        type=st.just(TYPE),
        tenant=st.from_regex(r"[0-9]{12}", fullmatch=True),
        subject=st.text(min_size=1).filter(lambda text: text.isprintable()),
        sequence=st.integers(1, 10**18 - 1),
        time=st.datetimes(timezones=st.just(UTC)),
        traceparent=st.none() | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", fullmatch=True),
        topic=st.just("identity.accounts"),
        key=st.text(),
    )
)
def test_what_is_written_is_read_back(event: Envelope) -> None:
    found = envelope_of(headers_of(event), topic=event.topic, partition=-1, offset=-1, key=event.key)
    assert found == event


def test_sequences_order_as_texts_too() -> None:
    events = [Envelope(**{**vars(EVENT), "sequence": number}) for number in (2, 10, 900, 9_999)]
    texts = [dict(headers_of(event))["ce_sequence"] for event in events]
    assert texts == sorted(texts)


@pytest.mark.parametrize(
    ("header", "value", "wanted"),
    [
        ("ce_specversion", b"0.3", "1.0"),
        ("ce_specversion", None, "1.0"),
        ("ce_id", b"", "not empty"),
        ("ce_id", None, "not empty"),
        ("ce_id", b"\xff", "UTF-8"),
        ("ce_type", None, "not empty"),
        ("ce_type", b"com.example.order.v1", "de.digitales-rathaus"),
        ("ce_type", b"de.digitales-rathaus.identity.account-linked", "v<version>"),
        ("ce_type", b"de.digitales-rathaus.identity.account-linked.v0", "v<version>"),
        ("ce_source", b"urn:rathaus:1509:identity", "<12 digits>:identity"),
        ("ce_source", "urn:rathaus:١٥٠٩٠٠٥٤٦٥٤٦:identity".encode(), "<12 digits>:identity"),
        ("ce_source", b"urn:rathaus:150900546546:forms", "<12 digits>:identity"),
        ("ce_subject", None, "not empty"),
        ("ce_time", b"yesterday", "RFC 3339"),
        ("ce_time", b"2026-12-01T08:30:00", "zone"),
        ("ce_sequence", None, "not empty"),
        ("ce_sequence", b"0", "from 1"),
        ("ce_sequence", b"-1", "from 1"),
        ("ce_sequence", b"1.5", "from 1"),
        ("ce_sequence", b"9" * 19, "at most 18"),
        ("content-type", b"text/plain", "application/json"),
        ("content-type", None, "application/json"),
    ],
)
def test_bad_headers_name_the_header_and_the_value(header: str, value: bytes | None, wanted: str) -> None:
    with pytest.raises(BadEnvelope) as caught:
        read(headers(**{header.replace("-", "_"): value}))
    assert caught.value.header == header
    assert wanted in str(caught.value)
    assert ("absent" in str(caught.value)) == (value is None)


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(BadEnvelope) as caught:
        read(headers(ce_type=b"x" * 10_000))
    assert len(str(caught.value)) < 250


def test_a_header_that_comes_twice_is_refused() -> None:
    with pytest.raises(BadEnvelope, match="only once"):
        envelope_of([*headers_of(EVENT), ("CE_ID", b"2")], topic="t", partition=0, offset=0, key="k")


def test_foreign_headers_and_parameters_are_let_pass() -> None:
    found = read(
        {**headers(content_type=b"application/json; charset=utf-8"), "correlation_id": b"\xff", "ce_color": b"blue"}
    )
    assert found.id == EVENT.id


def test_a_broken_trace_does_not_stop_the_event() -> None:
    assert read(headers(traceparent=b"00-zz")).traceparent is None


def test_times_are_given_in_utc() -> None:
    berlin = EVENT.time.astimezone(timezone(timedelta(hours=1)))
    assert headers_of(Envelope(**{**vars(EVENT), "time": berlin})) == headers_of(EVENT)
    assert read(headers(ce_time=b"2026-12-01T09:30:00.123+01:00")).time == EVENT.time


def test_what_nobody_could_read_is_not_written() -> None:
    for change in ({"sequence": 0}, {"tenant": "1509"}, {"id": ""}, {"type": "order"}, {"time": datetime(2026, 12, 1)}):  # noqa: DTZ001  (the refusal of a time without zone is the point)
        with pytest.raises(BadEnvelope):
            headers_of(Envelope(**{**vars(EVENT), **change}))


def test_a_tombstone_has_no_body_to_describe() -> None:
    type_ = tombstone_type("identity.contacts")
    assert is_tombstone(type_)
    assert not is_tombstone(TYPE)
    written = dict(headers_of(Envelope(**{**vars(EVENT), "type": type_})))
    assert not {"content-type", "ce_dataschema"} & written.keys()
    assert read(written).type == type_


@pytest.mark.parametrize(
    ("topic", "origin"),
    [
        ("identity.messages", "identity.messages"),
        ("notify.identity.messages.retry", "identity.messages"),
        ("osi-gateway.forms.applications.retry", "forms.applications"),
    ],
)
def test_a_replayed_event_knows_its_topic_of_origin(topic: str, origin: str) -> None:
    assert Envelope(**{**vars(EVENT), "topic": topic}).topic_of_origin == origin


def plain(found: dict[str, bytes | None]) -> tuple[object, ...] | None:
    """The rules as they are said: what an envelope must say of these headers, None where it is none."""
    try:
        texts = {name: value.decode() for name, value in found.items() if value is not None}
        time = datetime.fromisoformat(texts["ce_time"])
        match = TYPE_RULE.fullmatch(texts["ce_type"])
        source = SOURCE_RULE.fullmatch(texts["ce_source"])
    except (ValueError, KeyError):
        return None
    id_, subject, number = (texts.get(f"ce_{name}", "") for name in ("id", "subject", "sequence"))
    json = texts.get("content-type", "").split(";")[0].strip().lower() == "application/json"
    good = id_ and subject and json and texts.get("ce_specversion") == "1.0" and time.tzinfo is not None
    if not good or not match or not source or match["service"] != source["service"]:
        return None
    if not re.fullmatch("[0-9]{1,18}", number) or int(number) == 0:
        return None
    parent = texts.get("traceparent", "")
    known = parent if re.fullmatch("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", parent) else None
    return id_, texts["ce_type"], source["tenant"], subject, int(number), time, known


VALUES = st.sampled_from(
    (
        *headers_of(EVENT),
        *(("", value) for value in (None, b"", b"\xff", b"0", b"12", "١".encode(), b"9" * 19, b" application/JSON ;x")),
        *(("", value) for value in (b"2026-12-01", b"2026-12-01T08:30:00+01:00", b"urn:rathaus:150900546546:forms")),
    )
).map(lambda header: header[1])


@given(st.dictionaries(st.sampled_from([name for name, _ in headers_of(EVENT)]), VALUES, max_size=3), st.booleans())
def test_no_header_is_taken_that_the_plain_rules_refuse(changes: dict[str, bytes | None], large: bool) -> None:
    changed: dict[str, bytes | None] = {**dict(headers_of(EVENT)), **changes}
    given_: Any = [(name.upper() if large else name, value) for name, value in changed.items()]
    wanted = plain(changed)
    try:
        found = envelope_of(given_, topic="t", partition=0, offset=0, key="k")
    except BadEnvelope:
        assert wanted is None
    else:
        assert wanted == (*list(vars(found).values())[:6], found.traceparent)


def test_a_header_without_a_value_is_absent() -> None:
    given_: Any = [(name, value) for name, value in headers_of(EVENT) if name != "ce_id"] + [("ce_id", None)]
    with pytest.raises(BadEnvelope, match="ce_id is absent"):
        envelope_of(given_, topic="t", partition=0, offset=0, key="k")
    assert envelope_of([*headers_of(EVENT), ("CE_x", None)], topic="t", partition=0, offset=0, key="k").id == EVENT.id  # type: ignore[list-item]
