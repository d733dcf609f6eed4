"""The log of records as Kafka keeps it, read and written by the operator."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from rathaus.deadletters.letters import Entry, Headers
from rathaus.stack.kafka_contents import sign_in

ANSWER_SECONDS = 10.0
_READ_SECONDS = 120.0
_GROUP = "operators.dead-letters"
"""Never joined and never committed: the client asks for a name."""
_PATIENCE_MS = 20
"""How long the broker waits for more at a topic's end before it says that this is the end."""


class KafkaLog:
    """See ``rathaus.deadletters.desk.Log``. Raises KafkaException where the broker refuses or is silent. Close it."""

    def __init__(self, servers: str, password: str, mechanism: str) -> None:
        self._sign_in: dict[str, Any] = sign_in(servers, password, mechanism)
        self._producer: Producer | None = None
        self._consumers: dict[str, Consumer] = {}

    def read(self, topic: str) -> list[Entry]:
        """Return all that a topic holds now."""
        consumer = self._consumer(_GROUP)
        known = consumer.list_topics(topic, ANSWER_SECONDS).topics[topic]
        if known.error is not None:
            raise KafkaException(known.error)
        consumer.assign([TopicPartition(topic, number, 0) for number in known.partitions])
        return list(_to_the_end(consumer, len(known.partitions)))

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> int:
        """Publish, and return the offset once all replicas have the record."""
        if self._producer is None:
            timeout = int(ANSWER_SECONDS * 1000)
            more = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": timeout, "linger.ms": 0}
            self._producer = Producer({**self._sign_in, **more})
        answers: list[tuple[KafkaError | None, Message]] = []
        self._producer.produce(
            topic,
            value=value,
            key=key,
            headers=list(headers),
            partition=0,
            on_delivery=lambda error, message: answers.append((error, message)),
        )
        self._producer.flush(2 * ANSWER_SECONDS)
        if not answers:
            raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
        error, message = answers[0]
        if error is not None:
            raise KafkaException(error)
        return int(message.offset() or 0)

    def committed(self, group: str, topic: str) -> int:
        """Offset up to which a group has worked a topic off."""
        (place,) = self._consumer(group).committed([TopicPartition(topic, 0)], ANSWER_SECONDS)
        return max(0, int(place.offset))

    def close(self) -> None:
        """Disconnect."""
        for consumer in self._consumers.values():
            consumer.close()

    def _consumer(self, group: str) -> Consumer:
        if group not in self._consumers:
            more = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
            end = {"enable.partition.eof": True, "fetch.wait.max.ms": _PATIENCE_MS}
            self._consumers[group] = Consumer({**self._sign_in, **more, **end})
        return self._consumers[group]


def _to_the_end(consumer: Consumer, partitions: int) -> Iterator[Entry]:
    until = datetime.now(UTC).timestamp() + _READ_SECONDS
    ended: set[int | None] = set()
    while len(ended) < partitions:
        message = consumer.poll(ANSWER_SECONDS)
        if message is None or datetime.now(UTC).timestamp() > until:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        error = message.error()
        if error is None:
            yield _entry(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        else:
            raise KafkaException(error)


def _entry(message: Any) -> Entry:
    _, milliseconds = message.timestamp()
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    headers = tuple((name, value or b"") for name, value in message.headers() or ())
    return Entry(message.topic(), message.partition(), message.offset(), at, message.key(), message.value(), headers)
