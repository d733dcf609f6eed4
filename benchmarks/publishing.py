"""What publishing costs: our producer beside aiokafka's own pipeline, and the relay emptying outboxes, in order.

Both sides send the same bytes, headers included, to the same topic, acknowledged by all.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from chassis.clock import SystemClock
from chassis.documents import Documents
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.outbox import AT_ONCE, Outgoing, shard_of
from chassis.relay import Relay
from chassis.settings import ServiceSettings
from chassis.testing.clock import START
from chassis.testing.example import TENANT, Counted, counters, publish
from contracts.envelope import Envelope, headers_of
from contracts.forms import ApplicationStatusChanged
from frame.figures import Figure, Measured, Pace, in_turn, now
from frame.ground import Both, opened, town
from frame.results import main
from rathaus.stack.stack import Stack

TOPIC: Final = "forms.applications"
_TRACE: Final = f"00-{'a' * 32}-{'b' * 16}-01"
_EVENTS: Final = 500
"""Events of a round: what the relay collects at most."""
_WAVES: Final = 4
"""Events of one document where it has several: one wave for each."""
FIGURES: Final = (
    Figure(
        "P5",
        "records through our producer, the headers made for each",
        "/s",
        goal=0.70,
        floor=0.40,
        beside="aiokafka pipelined, the same bytes made before",
    ),
    Figure(
        "P4",
        "events that the relay publishes in order and marks, of documents with one each",
        "/s",
        goal=0.80,
        floor=0.60,
        beside="documents marked alone, by the raw driver",
        bound="The database: one update for ten documents, which takes what was published off them"
        " (docs/decisions/0062).",
    ),
    Figure(
        "P4b",
        "events that the relay publishes in order and marks, of documents with four each",
        "/s",
        goal=1.5,
        floor=1.0,
        beside="events of documents with one each",
        bound="One update takes 16 events out, of four documents here and of ten with one each; the waves take the"
        " rest.",
    ),
)


def settings(stack: Stack, principal: str = "forms") -> ServiceSettings:
    """Return how a service reaches Kafka and the database."""
    return ServiceSettings(
        kafka_servers=stack.kafka_servers,
        kafka_user=principal,
        kafka_password=stack.kafka_password(principal),
        database_url=SecretStr(stack.database_url()),
    )


def sasl(stack: Stack, principal: str) -> dict[str, Any]:
    """Return the same for aiokafka itself."""
    return {
        "bootstrap_servers": stack.kafka_servers,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": principal,
        "sasl_plain_password": stack.kafka_password(principal),
    }


class Sides:
    """What is run in turn."""

    def __init__(self, both: Both, publisher: KafkaPublisher, raw: AIOKafkaProducer, relay: Relay, pace: Pace) -> None:
        self._both = both
        self._publisher = publisher
        self._raw = raw
        self._relay = relay
        self._documents = both.ours.collection("outboxes")
        self._records = int(20_000 * pace.seconds)
        self._rounds = max(1, round(2 * pace.seconds))
        self._body = publish_one()["body"]
        self._subjects = [uuid7() for _ in range(64)]
        self._sent = [(subject.encode(), headers_of(_envelope(subject))) for subject in self._subjects]

    async def ours(self) -> float:
        """Through the chassis, with an envelope for each record."""
        return await self._pipelined(
            self._publisher.send(TOPIC, subject, self._body, headers_of(_envelope(subject)))
            for subject in itertools.islice(itertools.cycle(self._subjects), self._records)
        )

    async def pipelined(self) -> float:
        """Through aiokafka itself."""
        return await self._pipelined(
            self._raw.send(TOPIC, self._body, key=key, headers=headers)
            for key, headers in itertools.islice(itertools.cycle(self._sent), self._records)
        )

    async def _pipelined(self, sends: Any) -> float:
        began, waiting = now(), list[Awaitable[Any]]()
        for send in sends:
            waiting.append(await send)
            if len(waiting) == _EVENTS:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        return self._records / (now() - began)

    async def drain(self) -> float:
        """The relay's rounds until nothing is due, with documents of one event."""
        return await self._drain(1)

    async def drain_several(self) -> float:
        """The same with several events in each document."""
        return await self._drain(_WAVES)

    async def _drain(self, each: int) -> float:
        events = _EVENTS * self._rounds
        await self._fill(self._documents, events // each, each)
        began = now()
        while await self._relay.round():
            pass
        took = now() - began
        if await self._documents.count({"due": {"$gte": AT_ONCE}}):
            raise RuntimeError("the relay has left something")
        return events / took

    async def mark(self) -> float:
        """The update that marks a document, by the raw driver, in bulks."""
        count = _EVENTS * self._rounds
        documents = await self._fill(self._both.ours.collection("marked"), count, 1)
        collection = self._both.ours.collection("marked")
        updates = [
            (
                {"_id": document["_id"], "v": 1},
                {
                    "$set": {"out": []},
                    "$unset": {"due": 1},
                    "$push": {"sent": {"$each": document["out"], "$slice": -32}},
                },
            )
            for document in documents
        ]
        began = now()
        await collection.update_each(updates)
        return count / (now() - began)

    async def _fill(self, documents: Documents, count: int, each: int) -> list[dict[str, Any]]:
        await self._both.collection(documents.name).delete_many({})
        made = [_pending(each) for _ in range(count)]
        await documents.insert_each(made)
        return made


def _pending(events: int) -> dict[str, Any]:
    outgoing = Outgoing("forms", {})
    outgoing.add([event for _ in range(events) for event in publish_events()], at=START, trace=_TRACE)
    id = uuid7()
    return {"_id": id, "tenant": TENANT, "v": 1, "shard": shard_of(id), "count": 1, "cmds": [], **outgoing.fields()}


def publish_events() -> Sequence[Any]:
    """Return what one command publishes."""
    return publish(None, Counted(1))  # type: ignore[arg-type]  # the example's events don't look at the state


def publish_one() -> dict[str, Any]:
    """Return one event as it waits in an outbox."""
    outgoing = Outgoing("forms", {})
    outgoing.add(publish_events(), at=START, trace=_TRACE)
    return outgoing.entries[0]


def _envelope(subject: str) -> Envelope:
    return Envelope(subject, ApplicationStatusChanged.type, TENANT, subject, 1, START, _TRACE)


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    with town("database", "kafka") as stack:
        async with AsyncExitStack() as close:
            both = await close.enter_async_context(opened(stack.database_url()))
            publisher = await KafkaPublisher.open(settings(stack), "bench")
            close.push_async_callback(publisher.close)
            raw = AIOKafkaProducer(
                acks="all", enable_idempotence=True, linger_ms=0, max_batch_size=128 * 1024, **sasl(stack, "forms")
            )
            await raw.start()
            close.push_async_callback(raw.stop)
            await counters(both.ours.collection("outboxes"), SystemClock()).ensure()
            await counters(both.ours.collection("marked"), SystemClock()).ensure()
            relay = Relay(
                both.ours,
                [both.ours.collection("outboxes")],
                lambda: KafkaPublisher.open(settings(stack), "relay"),
                me="bench",
                clock=SystemClock(),
            )
            close.push_async_callback(relay._drop_publisher)
            sides = Sides(both, publisher, raw, relay, pace)
            ours, pipelined = await in_turn(pace.runs, sides.ours, sides.pipelined)
            drained, marked, several = await in_turn(pace.runs, sides.drain, sides.mark, sides.drain_several)
    return [
        Measured(FIGURES[0], ours, pipelined),
        Measured(FIGURES[1], drained, marked),
        Measured(FIGURES[2], several, drained),
    ]


if __name__ == "__main__":
    main(__file__, measure)
