"""Writes events into topics behind the services' backs: again, and in the wrong order.

Such records carry a header of their own, by which the checker leaves them out of what the services themselves did.
"""

import asyncio
from collections.abc import Iterable

from confluent_kafka import Producer
from evidence import PLANTED, Document, aggregates, read, read_documents

from contracts.envelope import Envelope, headers_of
from rathaus.stack import Stack, kafka_contents

ANY = -1
"""The partition that the key leads to."""
Planted = tuple[str, int, bytes, bytes | None, list[tuple[str, bytes]]]
"""Topic, partition, key, value, headers."""


async def publish_again(stack: Stack, topic: str) -> int:
    """Publish everything on a topic once more, the last first; return how many."""
    return await asyncio.to_thread(_again, stack, topic)


async def publish_backwards(stack: Stack, service: str) -> int:
    """Publish what waits in a service's documents, of each document the last first; return how many.

    The service must stand still meanwhile.
    """
    return await asyncio.to_thread(_backwards, stack, service)


def _again(stack: Stack, topic: str) -> int:
    found = reversed(read(stack, topic))
    return _publish(
        stack, [(topic, one.partition(), one.key(), one.value(), list(one.headers() or ())) for one in found]
    )


def _backwards(stack: Stack, service: str) -> int:
    found = aggregates(read_documents(stack))
    waiting = [
        _planted(document, entry)
        for name, document in found
        if name.startswith(f"{service}.")
        for entry in reversed(document["out"])
    ]
    return _publish(stack, waiting)


def _planted(document: Document, entry: Document) -> Planted:
    envelope = Envelope(
        id=entry["id"],
        type=entry["type"],
        tenant=document["tenant"],
        subject=document["_id"],
        sequence=entry["seq"],
        time=entry["at"],
    )
    return entry["topic"], ANY, document["_id"].encode(), entry["body"], headers_of(envelope)


def _publish(stack: Stack, records: Iterable[Planted]) -> int:
    signed_in = kafka_contents.sign_in(stack.kafka_servers, stack.kafka_password(), kafka_contents.MECHANISM)
    # The partition of a key must be the one that aiokafka chooses.
    producer, count = Producer({**signed_in, "partitioner": "murmur2_random", "enable.idempotence": True}), 0
    for topic, partition, key, value, headers in records:
        producer.produce(topic, value, key, partition, headers=[*headers, (PLANTED, b"1")])
        count += 1
    if left := producer.flush(60):
        raise TimeoutError(f"{left} of {count} records were not taken within 60 s")
    return count
