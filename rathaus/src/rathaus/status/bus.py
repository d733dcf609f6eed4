"""How far each consumer group is behind, as the broker knows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contracts.topics import TOPICS, Topic
from rathaus.status.facts import Group

ANSWER_SECONDS = 5.0
_SPEC: Any = OffsetSpec  # its methods have no types
_FIRST, _END = _SPEC.earliest(), _SPEC.latest()
_Offsets = dict[tuple[str, int], int]


def groups(admin: AdminClient) -> tuple[Group, ...]:
    """Return all groups of the topic table with what they have not worked off. Raises KafkaException."""
    read = [pair for topic in TOPICS.values() for pair in _readings(topic)]
    there = admin.list_topics(timeout=ANSWER_SECONDS).topics
    partitions = {name: sorted(found.partitions) for name, found in there.items()}
    known = [(group, name) for group, name in read if name in partitions]
    names = dict.fromkeys(name for _, name in known)
    wanted = [TopicPartition(name, number) for name in names for number in partitions[name]]
    first, end = _ends(admin, wanted, _FIRST), _ends(admin, wanted, _END)
    ids = list(dict.fromkeys(group for group, _ in known))
    committed, readers = _committed(admin, ids), _readers(admin, ids)
    return tuple(
        Group(group, name, _lag(name, partitions[name], committed[group], first, end), readers[group])
        for group, name in known
    )


def _readings(topic: Topic) -> Iterable[tuple[str, str]]:
    """Return who reads what because of a topic; its owner reads what is compacted, to have the last word."""
    for consumer in topic.consumers:
        yield topic.group(consumer), topic.name
        yield topic.group(consumer), topic.retry(consumer)
    if topic.compacted:
        yield topic.group(topic.producer), topic.name


def _lag(topic: str, numbers: Iterable[int], committed: _Offsets, first: _Offsets, end: _Offsets) -> int:
    places = [(topic, number) for number in numbers]
    # What retention has deleted is no work any more.
    return sum(max(0, end[place] - max(first[place], committed.get(place, 0))) for place in places)


def _ends(admin: AdminClient, wanted: list[TopicPartition], spec: Any) -> _Offsets:
    asked = admin.list_offsets(dict.fromkeys(wanted, spec), request_timeout=ANSWER_SECONDS)
    return {(place.topic, place.partition): answer.result().offset for place, answer in asked.items()}


def _committed(admin: AdminClient, ids: Iterable[str]) -> Mapping[str, _Offsets]:
    # The client takes one group a call; asked at once, answered side by side.
    asked = {
        id_: admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(id_)], request_timeout=ANSWER_SECONDS)[id_]
        for id_ in ids
    }
    return {
        id_: {(place.topic, place.partition): place.offset for place in answer.result().topic_partitions}
        for id_, answer in asked.items()
    }


def _readers(admin: AdminClient, ids: list[str]) -> Mapping[str, int]:
    asked = admin.describe_consumer_groups(ids, request_timeout=ANSWER_SECONDS)
    return {id_: len(answer.result().members) for id_, answer in asked.items()}
