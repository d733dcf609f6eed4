"""The envelope of an event: CloudEvents 1.0 attributes as headers of a Kafka record, binary content mode.

Sources: CloudEvents 1.0.2, Kafka protocol binding, sections 3.1 and 3.2, and its sequence extension; W3C Trace Context
for ``traceparent``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
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

_SEQUENCE = re.compile(r"[0-9]{1,18}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST_SHOWN = 80


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


def is_tombstone(type_: str) -> bool:
    """Whether records of this type have no body."""
    return type_.rpartition(".")[0].endswith("-tombstone")


def headers_of(envelope: Envelope) -> list[tuple[str, bytes]]:
    """Headers for a record that carries the event. Raises BadEnvelope where no reader would take them back."""
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": envelope.id,
        "ce_type": envelope.type,
        "ce_source": envelope.source,
        "ce_subject": envelope.subject,
        "ce_time": _time_text(envelope.time),
        # CloudEvents wants an order that plain comparison of texts finds too; ten digits hold its 32-bit Integer type.
        "ce_sequence": f"{envelope.sequence:010d}",
    }
    if not is_tombstone(envelope.type):
        headers["ce_dataschema"] = schema_uri(envelope.type)
        headers["content-type"] = CONTENT_TYPE
    if envelope.traceparent is not None:
        headers["traceparent"] = envelope.traceparent
    encoded = [(name, value.encode()) for name, value in headers.items()]
    envelope_of(encoded, topic=envelope.topic, partition=-1, offset=-1, key=envelope.key)
    return encoded


def envelope_of(headers: Iterable[tuple[str, bytes]], *, topic: str, partition: int, offset: int, key: str) -> Envelope:
    """Read the headers of a record. Headers that we don't know are ignored.

    Raises BadEnvelope with the header, its value and what was wanted: nothing may be guessed of an event's place.
    """
    texts = _texts(headers)
    _fixed(texts, "ce_specversion", SPEC_VERSION)
    type_ = _required(texts, "ce_type")
    service = _service_of(type_)
    source = SOURCE.fullmatch(_required(texts, "ce_source"))
    if source is None or source["service"] != service:
        raise BadEnvelope("ce_source", texts["ce_source"], f"urn:rathaus:<12 digits>:{service}")
    if not is_tombstone(type_):
        _json(texts)
    traceparent = texts.get("traceparent", "")
    return Envelope(
        id=_required(texts, "ce_id"),
        type=type_,
        tenant=source["tenant"],
        subject=_required(texts, "ce_subject"),
        sequence=_sequence(texts),
        time=_time(texts),
        # Trace Context, section 4.3: a traceparent that cannot be read is dropped; it must not stop the event.
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else None,
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
    )


def _texts(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if not lower.startswith("ce_") and lower not in ("content-type", "traceparent"):
            continue
        if lower in texts:
            raise BadEnvelope(lower, texts[lower], "the header only once")
        try:
            texts[lower] = value.decode()
        except UnicodeDecodeError:
            raise BadEnvelope(lower, repr(value), "UTF-8") from None
    return texts


def _required(texts: dict[str, str], name: str) -> str:
    value = texts.get(name)
    if not value:
        raise BadEnvelope(name, value, "a text that is not empty")
    return value


def _fixed(texts: dict[str, str], name: str, wanted: str) -> None:
    if texts.get(name) != wanted:
        raise BadEnvelope(name, texts.get(name), wanted)


def _json(texts: dict[str, str]) -> None:
    value = texts.get("content-type")
    if value is None or value.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise BadEnvelope("content-type", value, CONTENT_TYPE)


def _service_of(type_: str) -> str:
    match = TYPE.fullmatch(type_)
    if match is None:
        raise BadEnvelope("ce_type", type_, "de.digitales-rathaus.<service>.<event>.v<version>")
    return match["service"]


def _sequence(texts: dict[str, str]) -> int:
    value = _required(texts, "ce_sequence")
    if not _SEQUENCE.fullmatch(value) or int(value) < 1:
        raise BadEnvelope("ce_sequence", value, "a whole number from 1 on, at most 18 digits")
    return int(value)


def _time_text(time: datetime) -> str:
    if time.tzinfo is None:
        raise BadEnvelope("ce_time", time.isoformat(), "a time with its zone")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(texts: dict[str, str]) -> datetime:
    value = _required(texts, "ce_time")
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise BadEnvelope("ce_time", value, "a time as in RFC 3339") from None
    if time.tzinfo is None:
        raise BadEnvelope("ce_time", value, "a time with its zone")
    return time.astimezone(UTC)
