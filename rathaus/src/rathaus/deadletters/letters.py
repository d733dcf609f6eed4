"""What a dead letter says of itself, and what is published to heal it. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import INSTALLATION, RETRY, SOURCE, Envelope, headers_of
from contracts.topics import TOPICS, Topic

Headers = Sequence[tuple[str, bytes]]
GIVEN_UP = "dlq_given_up"
"""Header of a record that stands in for an event that was given up: the id of its dead letter."""
NEVER_AN_EVENT = "given-up"
"""Event name of such a record. No event may be called so: readers step over it because they don't know it."""

_OURS = "dlq_"
_SEQUENCE = re.compile(r"[0-9]{1,18}")
_TAKEN = "Forked:"


@dataclass(frozen=True)
class Entry:
    """A record of a topic as it was read."""

    topic: str
    partition: int
    offset: int
    at: datetime
    """When the broker took it; aware, UTC."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Letter:
    """One dead letter. What its record does not say, or says twice, is None."""

    id: str
    """Topic, partition and offset of the dead letter itself."""
    service: str
    topic: Topic | None
    """Topic that the event was published to; None where the group is none of the service's, so nobody can read a
    replay."""
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def group(self) -> str | None:
        """Group that could not handle it."""
        return self.topic.group(self.service) if self.topic else None

    @property
    def retry(self) -> str | None:
        """Topic from which that group reads replays."""
        return self.topic.retry(self.service) if self.topic else None

    @property
    def restricted(self) -> bool:
        """Whether it may hold personal data; so where nobody knows."""
        return self.topic is None or self.topic.data == "restricted"

    @property
    def type(self) -> str | None:
        """CloudEvents type."""
        return self.said("ce_type")

    @property
    def event_id(self) -> str | None:
        """CloudEvents id."""
        return self.said("ce_id")

    @property
    def source(self) -> str | None:
        """Aggregate that the event tells of: what the place is kept for. Its record's key says the same."""
        return self.said("ce_subject") or _text(self.key)

    @property
    def sequence(self) -> int | None:
        """Number of the event among those of its source."""
        said = self.said("ce_sequence") or ""
        return int(said) if _SEQUENCE.fullmatch(said) and int(said) else None

    @property
    def reason(self) -> str:
        """Error that it was buried with."""
        return self.said("dlq_error") or ""

    @property
    def tries(self) -> str:
        """How often it was tried."""
        return self.said("dlq_tries") or ""

    @property
    def origin(self) -> str:
        """The record that was buried. A crash between burying and committing makes two letters of one record."""
        where = [self.said(name) for name in ("dlq_group", "dlq_topic", "dlq_partition", "dlq_offset")]
        return "/".join(filter(None, where)) if all(where) else self.id

    @property
    def holds_back(self) -> bool:
        """Whether something waits for its number: what follows of its source, or a rebuild."""
        if self.topic is None or self.reason.startswith(_TAKEN):
            return False
        return self.topic.order == "every" or (self.source is not None and self.sequence is not None)

    def said(self, header: str) -> str | None:
        """Text of a header that stands there once."""
        found = [value for name, value in self.headers if name.lower() == header]
        return _text(found[0]) if len(found) == 1 else None


class NoPlace(Exception):
    """A letter does not say which event it was, so nothing can step past it."""

    def __init__(self, letter: Letter, missing: str) -> None:
        super().__init__(f"{letter.id} nennt keine {missing}")
        self.letter = letter
        self.missing = missing


def letter_of(entry: Entry, service: str) -> Letter:
    """Read a record of a service's dead-letter topic.

    The group is taken only where the topic table has it for this service: what a service writes there must not make
    the operator publish to another one.
    """
    id_ = f"{entry.topic}-{entry.partition}-{entry.offset}"
    letter = Letter(id_, service, None, entry.at, entry.key, entry.value, entry.headers)
    topic = TOPICS.get((letter.said("dlq_group") or "").removeprefix(f"{service}."))
    if topic is None or service not in topic.consumers:
        return letter
    return Letter(id_, service, topic, entry.at, entry.key, entry.value, entry.headers)


def expired(group: str, source: str, sequence: int, at: datetime) -> Letter | None:
    """What can still be said of an event whose dead letter was deleted; None where there is no such group."""
    service, _, name = group.partition(".")
    topic = TOPICS.get(name)
    if topic is None or service not in topic.consumers:
        return None
    headers = (("ce_subject", source.encode()), ("ce_sequence", str(sequence).encode()))
    return Letter(f"{group}/{source}/{sequence}", service, topic, at, source.encode(), None, headers)


def ordered(letters: Iterable[Letter]) -> list[Letter]:
    """Sort letters as they must be replayed: each source in the order of its numbers."""
    return sorted(letters, key=lambda one: (one.group or "", one.source or "", one.sequence or 0, one.at, one.id))


def original_headers(letter: Letter) -> list[tuple[str, bytes]]:
    """Headers as the publisher wrote them: the same event id, so that a repeat is known as one."""
    return [(name, value) for name, value in letter.headers if not name.lower().startswith(_OURS)]


def standing_in(letter: Letter, sequence: int | None = None) -> list[tuple[str, bytes]]:
    """Headers of the record that stands in for an event that is given up.

    It takes the event's number and id under a type that no reader knows: its turn comes like that of any event, then
    the place steps over it. ``sequence`` is used where the letter says none. Raises NoPlace.
    """
    number = letter.sequence or sequence
    if letter.topic is None or letter.source is None:
        raise NoPlace(letter, "Quelle")
    if number is None:
        raise NoPlace(letter, "Nummer")
    tenant = SOURCE.fullmatch(letter.said("ce_source") or "")
    envelope = Envelope(
        id=letter.event_id or f"{NEVER_AN_EVENT}:{letter.id}",
        type=f"de.digitales-rathaus.{letter.topic.producer}.{NEVER_AN_EVENT}.v1",
        tenant=tenant["tenant"] if tenant else INSTALLATION,
        subject=letter.source,
        sequence=number,
        time=letter.at,
    )
    return [*headers_of(envelope), (GIVEN_UP, letter.id.encode())]


def buried_from(letters: Iterable[Letter], retry: str) -> dict[int, Letter]:
    """Letters that were buried when they were replayed, by their offset on the retry topic."""
    again = (letter for letter in letters if letter.said("dlq_topic") == retry and retry.endswith(RETRY))
    return {int(offset): letter for letter in again if (offset := letter.said("dlq_offset") or "").isdecimal()}


def _text(value: bytes | None) -> str | None:
    try:
        return (value or b"").decode() or None
    except UnicodeDecodeError:
        return None
