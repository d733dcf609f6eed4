"""The envelope of an event: CloudEvents 1.0 attributes as headers of a Kafka record, binary content mode.

Sources: CloudEvents 1.0.2, Kafka protocol binding, sections 3.1 and 3.2, and its sequence extension; W3C Trace Context
for ``traceparent``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

CONTENT_TYPE: Final = "application/json"
SPEC_VERSION: Final = "1.0"
INSTALLATION: Final = "000000000000"
"""Tenant of what belongs to all municipalities of an installation, e.g. keys."""
RETRY: Final = ".retry"
TYPE: Final = re.compile(
    r"de\.digitales-rathaus\.(?P<service>[a-z][a-z-]*)\.(?P<event>[a-z][a-z-]*)\.v(?P<version>[1-9][0-9]*)"
)
SOURCE: Final = re.compile(r"urn:rathaus:(?P<tenant>[0-9]{12}):(?P<service>[a-z][a-z-]*)")

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST_SHOWN = 80
_LONGEST_NUMBER = 18
_NOT_EMPTY = "a text that is not empty"
_OURS = frozenset(
    {"ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_sequence", "ce_specversion", "ce_dataschema"}
    | {"content-type", "traceparent"}
)


class BadEnvelope(ValueError):
    """A record's headers are not those of an event. It will not get better: straight to the dead letters."""

    def __init__(self, header: str, value: str | None, wanted: str) -> None:
        shown = "absent" if value is None else repr(value[:_LONGEST_SHOWN])
        super().__init__(f"header {header} is {shown}, wanted {wanted}")
        self.header = header
        self.value = value
        self.wanted = wanted


@dataclass(frozen=True)
class Envelope:
    """What travels around the body of an event. The last four are known once it was read from a topic."""

    id: str
    """Unique for good; a repeat of the event carries the same."""
    type: str
    tenant: str
    """ARS of the municipality, 12 digits."""
    subject: str
    """Id of the aggregate, also the record's key."""
    sequence: int
    """Number of the event among those of its aggregate on its topic; the first is 1."""
    time: datetime
    """Aware, UTC."""
    traceparent: str | None = None
    """The trace that the event was born in."""
    topic: str = ""
    partition: int = -1
    offset: int = -1
    key: str = ""

    @property
    def service(self) -> str:
        """The service that published the event, out of its type. Raises BadEnvelope where it is none of ours."""
        return _service_of(self.type)

    @property
    def topic_of_origin(self) -> str:
        """The topic that its publisher wrote it to, also where it was read from ``<service>.<topic>.retry``."""
        return self.topic.removesuffix(RETRY).partition(".")[2] if self.topic.endswith(RETRY) else self.topic

    @property
    def source(self) -> str:
        """CloudEvents source, ``urn:rathaus:<ARS>:<service>``."""
        return f"urn:rathaus:{self.tenant}:{self.service}"


def schema_uri(type_: str) -> str:
    """Name of the JSON Schema of an event type: its ``dataschema`` attribute and the schema's ``$id``."""
    return f"urn:rathaus:schema:{type_}"


def tombstone_type(topic_name: str) -> str:
    """Type in the envelope of a tombstone (a record without a body) on a compacted topic."""
    service, _, noun = topic_name.partition(".")
    return f"de.digitales-rathaus.{service}.{noun}-tombstone.v1"


@lru_cache(maxsize=4096)
def is_tombstone(type_: str) -> bool:
    """Whether records of this type have no body."""
    return type_.rpartition(".")[0].endswith("-tombstone")


def headers_of(envelope: Envelope) -> list[tuple[str, bytes]]:
    """Headers for a record that carries the event. Raises BadEnvelope where no reader would take them back."""
    if not envelope.id:
        raise BadEnvelope("ce_id", envelope.id, _NOT_EMPTY)
    if not envelope.subject:
        raise BadEnvelope("ce_subject", envelope.subject, _NOT_EMPTY)
    # CloudEvents wants an order that plain comparison of texts finds too; ten digits hold its 32-bit Integer type.
    sequence = b"%010d" % envelope.sequence
    _number(sequence)
    encoded = [
        ("ce_id", envelope.id.encode()),
        ("ce_subject", envelope.subject.encode()),
        ("ce_sequence", sequence),
        ("ce_time", _time_text(envelope.time).encode()),
        *_headers_of_all(envelope.type, envelope.tenant),
    ]
    if envelope.traceparent is not None:
        encoded.append(("traceparent", envelope.traceparent.encode()))
    return encoded


@lru_cache(maxsize=4096)
def _headers_of_all(type_: str, tenant: str) -> tuple[tuple[str, bytes], ...]:
    """Headers that all events of a type and municipality share, as readers take them."""
    source = f"urn:rathaus:{tenant}:{_service_of(type_)}"
    if SOURCE.fullmatch(source) is None:
        raise BadEnvelope("ce_source", source, "urn:rathaus:<12 digits>:<service>")
    headers = {"ce_specversion": SPEC_VERSION, "ce_type": type_, "ce_source": source}
    if not is_tombstone(type_):
        headers["ce_dataschema"] = schema_uri(type_)
        headers["content-type"] = CONTENT_TYPE
    return tuple((name, value.encode()) for name, value in headers.items())


def envelope_of(headers: Sequence[tuple[str, bytes]], *, topic: str, partition: int, offset: int, key: str) -> Envelope:
    """Read the headers of a record. Headers that we don't know are ignored.

    Raises BadEnvelope with the header, its value and what was wanted: nothing may be guessed of an event's place.
    """
    found = dict(headers)
    if len(found) != len(headers) or not _OURS.issuperset(found):
        found = _sorted_out(headers)
    get = found.get
    type_, tenant = _shared(
        get("ce_specversion"), get("ce_type"), get("ce_source"), get("content-type"), get("ce_dataschema")
    )
    traceparent = _text("traceparent", get("traceparent"))
    envelope = object.__new__(Envelope)
    # Not by Envelope(...): a frozen dataclass sets its fields one by one, which costs as much as all the checks here.
    vars(envelope).update(
        id=_required("ce_id", get("ce_id")),
        type=type_,
        tenant=tenant,
        subject=_required("ce_subject", get("ce_subject")),
        sequence=_number(get("ce_sequence")),
        time=_time(get("ce_time")),
        # Trace Context, section 4.3: a traceparent that cannot be read is dropped; it must not stop the event.
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else None,
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
    )
    return envelope


@lru_cache(maxsize=4096)
def _shared(
    version: bytes | None, type_: bytes | None, source: bytes | None, content_type: bytes | None, schema: bytes | None
) -> tuple[str, str]:
    """Check what all events of a type and municipality share; return the type and the municipality."""
    text = _required("ce_type", type_)
    if version != SPEC_VERSION.encode():
        raise BadEnvelope("ce_specversion", _shown(version), SPEC_VERSION)
    service = _service_of(text)
    match = SOURCE.fullmatch(_text("ce_source", source))
    if match is None or match["service"] != service:
        raise BadEnvelope("ce_source", _shown(source or None), f"urn:rathaus:<12 digits>:{service}")
    media = _text("content-type", content_type)
    if not is_tombstone(text) and media.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise BadEnvelope("content-type", _shown(content_type), CONTENT_TYPE)
    _text("ce_dataschema", schema)
    return text, match["tenant"]


def _sorted_out(headers: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """Take out what is none of an event's; names may be written large."""
    found: dict[str, bytes] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _OURS and not lower.startswith("ce_"):
            continue
        text = _text(lower, value)
        if lower in found:
            raise BadEnvelope(lower, text, "the header only once")
        found[lower] = value
    return found


def _text(name: str, value: bytes | None) -> str:
    return _required(name, value) if value else ""


def _shown(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _required(name: str, value: bytes | None) -> str:
    if not value:
        raise BadEnvelope(name, _shown(value), _NOT_EMPTY)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadEnvelope(name, repr(value), "UTF-8") from None


def _service_of(type_: str) -> str:
    match = TYPE.fullmatch(type_)
    if match is None:
        raise BadEnvelope("ce_type", type_, "de.digitales-rathaus.<service>.<event>.v<version>")
    return match["service"]


def _number(value: bytes | None) -> int:
    if not value:
        raise BadEnvelope("ce_sequence", _shown(value), _NOT_EMPTY)
    # Digits of bytes are those of ASCII alone.
    number = int(value) if len(value) <= _LONGEST_NUMBER and value.isdigit() else 0
    if number < 1:
        raise BadEnvelope("ce_sequence", _shown(value), f"a whole number from 1 on, at most {_LONGEST_NUMBER} digits")
    return number


def _time_text(time: datetime) -> str:
    if time.tzinfo is None:
        raise BadEnvelope("ce_time", time.isoformat(), "a time with its zone")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(value: bytes | None) -> datetime:
    text = _required("ce_time", value)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadEnvelope("ce_time", text, "a time as in RFC 3339") from None
    if time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        raise BadEnvelope("ce_time", text, "a time with its zone")
    return time.astimezone(UTC)
