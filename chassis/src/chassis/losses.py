"""Records that a topic deleted before a group read them: it slept for longer than the topic keeps what it holds."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from chassis.errors import told
from chassis.records import Record

_log = logging.getLogger(__name__)

_PATIENCE = 5.0
"""Seconds for the look at an assignment: aiokafka finds no new coordinator and cannot stop before it has ended."""


@dataclass(frozen=True)
class Loss:
    """A stretch of a partition that was deleted unread."""

    partition: int
    begin: int
    """Offset of the first record that was not read."""
    end: int
    """Offset of the first that was still there."""


class Followed(ConsumerRebalanceListener):  # type: ignore[misc]
    """Where one consumer of a group stands in the partitions of a topic that forgets.

    The group's committed offset is compared with the log's beginning before anything is read: the first commit moves it
    past what was deleted, in all partitions at once. While records are read, an offset that is not the next says it. It
    rests on offsets without a break: topics that forget are neither compacted nor written by transactions.
    """

    def __init__(self, topic: str, consumer: Callable[[], Any]) -> None:
        self._topic = topic
        self._consumer = consumer
        self._next: dict[int, int] = {}
        self._found: list[Loss] = []

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Another may read them from here on."""
        for partition in revoked:
            if partition.topic == self._topic:
                self._next.pop(partition.partition, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Compare how far the group has come with what is there. Called before anything is fetched."""
        own = [partition for partition in assigned if partition.topic == self._topic]
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._compare(own)
        except (KafkaError, TimeoutError) as error:
            _log.warning(
                "could not look for deleted events", extra={"fields": {"topic": self._topic, "reason": told(error)}}
            )

    async def _compare(self, own: Sequence[TopicPartition]) -> None:
        begins = await self._consumer().beginning_offsets(own) if own else {}
        for partition in own:
            committed = await self._consumer().committed(partition)
            if committed is not None:
                self._see(partition.partition, committed, begins[partition])

    def losses(self, records: Sequence[Record]) -> list[Loss]:
        """Return what was deleted before these, and is not noted yet."""
        for record in records:
            if record.topic == self._topic:
                self._see(record.partition, self._next.get(record.partition, record.offset), record.offset)
                self._next[record.partition] = record.offset + 1
        return list(self._found)

    def back(self, first: Mapping[TopicPartition, int]) -> None:
        """Say that these partitions are read again from these offsets on: what was handed out there was not read."""
        for partition, offset in first.items():
            if partition.topic == self._topic and partition.partition in self._next:
                self._next[partition.partition] = offset

    def noted(self, loss: Loss) -> None:
        """Say that it is written down."""
        self._found.remove(loss)

    def _see(self, partition: int, expected: int, there: int) -> None:
        if expected < there:
            self._found.append(Loss(partition, expected, there))
        self._next[partition] = max(expected, there)
