"""Topics of Kafka read from their beginning, without a group: nothing is committed, nobody else is disturbed."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.kafka import sasl_of
from chassis.rebuild import Offsets
from chassis.records import Record
from chassis.settings import ServiceSettings

_WAIT_MS = 200
_MOST = 500


class KafkaTopicLog:
    """See ``chassis.rebuild.TopicLog``. Open as an async context manager."""

    def __init__(self, settings: ServiceSettings, name: str, topics: Sequence[str]) -> None:
        self._consumer: Any = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=settings.kafka_servers,
            client_id=name,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **sasl_of(settings),
        )

    async def __aenter__(self) -> "KafkaTopicLog":
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def ends(self) -> Offsets:
        """Return where each partition ends now."""
        found = await self._consumer.end_offsets(self._consumer.assignment())
        return {(place.topic, place.partition): end for place, end in found.items()}

    async def read(self, ends: Offsets) -> AsyncIterator[list[Record]]:
        """Return what has not been returned yet, at least up to these ends, by batches of one partition."""
        places = {TopicPartition(*at): end for at, end in ends.items()}
        while any([await self._consumer.position(place) < end for place, end in places.items()]):
            found = await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=_MOST)
            for records in found.values():
                yield [_record(one) for one in records]


def _record(one: Any) -> Record:
    return Record(one.topic, one.partition, one.offset, one.key, one.value, tuple(one.headers))
