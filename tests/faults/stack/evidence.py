"""Evidence: everything that a town holds after it has come to rest, as plain records.

Read behind the services' backs: all databases, all topics from their first record on, mailbox and authority's inbox.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from checker import Attempt
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from pymongo import MongoClient

from contracts.envelope import BadEnvelope, envelope_of
from contracts.topics import SERVICES, TOPICS, dead_letters
from rathaus.stack import Stack, kafka_contents
from rathaus.stack.database import database_of

Document = dict[str, Any]
PLANTED = "x-planted"
"""Header of records that a test wrote itself."""
MOST = 100_000
_SPEC: Any = OffsetSpec  # its methods have no types
_SECONDS = 30.0
_Offsets = dict[tuple[str, int], int]


@dataclass(frozen=True)
class Record:
    """An event in a topic."""

    topic: str
    partition: int
    offset: int
    moment: int
    """When the broker took it, milliseconds."""
    event: str
    time: datetime
    """When it was decided, by the service's clock."""
    type: str
    source: str
    number: int
    body: bytes | None
    planted: bool = False


@dataclass(frozen=True)
class Mail:
    """A mail in the mailbox."""

    id: str
    message_id: str
    to: str
    subject: str


@dataclass(frozen=True)
class Evidence:
    """All of it."""

    attempts: Sequence[Attempt]
    applications: dict[str, str]
    """What was handed in and acknowledged: application → reference."""
    documents: dict[str, list[Document]]
    """``service.collection`` → its documents."""
    records: Sequence[Record]
    """In the order of each partition."""
    mails: Sequence[Mail]
    inbox: Sequence[Document]
    """What the authority has received."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    restless: Sequence[str] = ()
    """What did not come to rest in time."""
    capacity: int = 2
    moved: float = 0.0

    def of(self, service: str, collection: str) -> list[Document]:
        """The documents of one collection."""
        return self.documents.get(f"{service}.{collection}", [])


def aggregates(documents: dict[str, list[Document]]) -> Iterator[tuple[str, Document]]:
    """All documents with an outbox, with the name of their collection."""
    for name, found in documents.items():
        yield from ((name, one) for one in found if "out" in one)


def read_documents(stack: Stack, fields: Sequence[str] = ()) -> dict[str, list[Document]]:
    """All documents of all services, or of each these fields."""
    found: dict[str, list[Document]] = {}
    with MongoClient[Document](stack.database_url(), tz_aware=True) as client:
        for service in SERVICES:
            database = client[database_of(service)]
            for name in database.list_collection_names():
                if not name.startswith("system."):
                    found[f"{service}.{name}"] = list(database[name].find({}, fields or None))
    return found


def read_records(stack: Stack) -> tuple[list[Record], dict[str, int]]:
    """All events of all topics, and how many dead letters each service has."""
    letters: dict[str, str] = {dead_letters(service): service for service in SERVICES}
    events, buried = [], dict.fromkeys(letters.values(), 0)
    for one in read(stack, *TOPICS, *letters):
        if one.topic() in letters:
            buried[letters[one.topic()]] += 1
        else:
            events.append(_record(one))
    return events, buried


def read_mails(stack: Stack) -> list[Mail]:
    """All mails, the oldest first."""
    answer = httpx.get(f"{stack.mailbox}/api/messages", params={"limit": MOST}, timeout=60).raise_for_status()
    return [
        Mail(one["id"], dict(one["headers"]).get("Message-ID", ""), ", ".join(one["to"]), one["subject"])
        for one in reversed(answer.json())
    ]


def read_inbox(stack: Stack) -> list[Document]:
    """What the authority has received, the oldest first."""
    answer = httpx.get(f"{stack.sandbox}/admin/authority/inbox", params={"limit": MOST}, timeout=60)
    return list(reversed(answer.raise_for_status().json()["inbox"]))


def lags(stack: Stack) -> Iterator[str]:
    """Groups that have not read and committed everything."""
    admin = kafka_contents.client(stack.place)
    read = [(topic, topic.group(service)) for topic in TOPICS.values() for service in topic.consumers]
    # The client takes one group a call; asked at once, answered side by side.
    asked = {group: admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]) for _, group in read}
    ends = _ends(admin, [name for name, topic in TOPICS.items() if topic.consumers], _SPEC.latest())
    for topic, group in read:
        places = asked[group][group].result(_SECONDS).topic_partitions or ()
        committed = {(one.topic, one.partition): one.offset for one in places}
        for partition in range(topic.partitions):
            end = ends[topic.name, partition]
            at = max(0, committed.get((topic.name, partition), 0))
            if at < end:
                yield f"{group} has read {at} of {end} in partition {partition}"


def _ends(admin: AdminClient, topics: Sequence[str], spec: Any) -> _Offsets:
    there = admin.list_topics(timeout=_SECONDS).topics
    places = [TopicPartition(name, partition) for name in topics for partition in there[name].partitions]
    asked = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=_SECONDS)
    return {(one.topic, one.partition): answer.result(_SECONDS).offset for one, answer in asked.items()}


def read(stack: Stack, *topics: str) -> list[Any]:
    """All records of topics, partition by partition."""
    admin = kafka_contents.client(stack.place)
    first, ends = (_ends(admin, topics, spec) for spec in (_SPEC.earliest(), _SPEC.latest()))
    left = {place: end for place, end in ends.items() if first[place] < end}
    signed_in = kafka_contents.sign_in(stack.kafka_servers, stack.kafka_password(), kafka_contents.MECHANISM)
    consumer = Consumer({**signed_in, "group.id": "evidence", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(*place, 0) for place in left])
        found = []
        while left:
            for one in consumer.consume(10_000, 0.1):
                if one.error():
                    raise RuntimeError(str(one.error()))
                found.append(one)
            # By position: what compaction took away has offsets too.
            for at in consumer.position([TopicPartition(*place) for place in left]):
                if at.offset >= left[at.topic, at.partition]:
                    del left[at.topic, at.partition]
    finally:
        consumer.close()
    return sorted(found, key=lambda one: (one.topic(), one.partition(), one.offset()))


def _record(one: Any) -> Record:
    headers = [(name, value) for name, value in one.headers() or ()]
    where = {"topic": one.topic(), "partition": one.partition(), "offset": one.offset()}
    planted = any(name == PLANTED for name, _ in headers)
    try:
        found = envelope_of(headers, key=(one.key() or b"").decode(), **where)
    except BadEnvelope as bad:
        return Record(
            **where,
            moment=one.timestamp()[1],
            event="",
            time=datetime.now(UTC),
            type=str(bad),
            source="",
            number=0,
            body=None,
        )
    return Record(
        **where,
        moment=one.timestamp()[1],
        event=found.id,
        time=found.time,
        type=found.type.rpartition(".v")[0].rpartition(".")[2],
        source=found.subject,
        number=found.sequence,
        body=one.value(),
        planted=planted,
    )
