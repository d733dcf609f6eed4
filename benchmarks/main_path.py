"""The main path without its HTTP edge: a command is written, its event relayed, read, and takes effect.

All in one process, on the real database and the real Kafka: how many in a second with traces and without, and how long
one takes from its acceptance to its effect, beside a record that is only sent and received.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from opentelemetry import trace
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from chassis import tracing
from chassis.aggregates import Key
from chassis.broker import Bus
from chassis.clock import SystemClock
from chassis.ids import uuid7
from chassis.relay import Relay
from chassis.testing.example import TENANT, Counter, count_up, counters, start
from contracts.envelope import Envelope
from contracts.forms import ApplicationStatusChanged
from frame.figures import Figure, Measured, Pace, in_turn, now, percentile
from frame.ground import Both, opened, town
from frame.results import main
from publishing import publish_one, sasl, settings
from rathaus.stack.stack import Stack

TOPIC: Final = "forms.applications"
READER: Final = "osi-gateway"
_CALLERS: Final = 32
_PACE: Final = 200
"""Commands in a second where time is measured."""
_LONGEST: Final = 60.0
FIGURES: Final = (
    Figure("P7", "commands up to their effects, with traces", "/s", goal=0.90, floor=0.60, beside="without traces"),
    Figure(
        "P8",
        f"from acceptance to effect, median at {_PACE}/s",
        "ms",
        goal=2.0,
        floor=40.0,
        beside="raw record sent and received",
        at_most=True,
        bound="Five steps one after the other, each 0.7 to 2.5 ms on the embedded database: the relay's look, Kafka, "
        "the places, the targets, the commit of the batch before (docs/decisions/0051).",
    ),
    Figure("P8b", f"from acceptance to effect, 99 of 100 at {_PACE}/s", "ms", goal=25.0, floor=150, at_most=True),
)


class _Encoded(SpanExporter):
    """Does all of an exporter's work but sending."""

    def __init__(self) -> None:
        self._zipkin = ZipkinExporter()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        self._zipkin.encoder.serialize(spans, self._zipkin.local_node)  # type: ignore[arg-type]  # it only reads them
        return SpanExportResult.SUCCESS


class Path:
    """Commands, relay and reader; notes when each event took effect."""

    def __init__(self, both: Both, stack: Stack, pace: Pace) -> None:
        self._stack = stack
        self._pace = pace
        self._clock = SystemClock()
        self._both = both
        self._effects: dict[str, float] = {}
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(tracing.DiscreetExporter(_Encoded())))
        self._tracers = {True: provider.get_tracer("bench"), False: trace.NoOpTracer()}
        self.worst: list[float] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Path"]:
        """Start relay and reader."""
        written, taken = self._both.ours.collection("written"), self._both.ours.collection("taken")
        self._targets = counters(taken, self._clock)
        publishes = Bus(settings(self._stack), "forms", self._both.ours, self._clock)
        relay = Relay(self._both.ours, [written], publishes.open_publisher, me="bench", clock=self._clock)
        self._commands = counters(written, self._clock)
        self._commands._group._kick = relay.kick
        await self._commands.ensure()
        await self._targets.ensure()
        self._bus = Bus(settings(self._stack, READER), READER, self._both.ours, self._clock)
        self._bus.add(TOPIC, {ApplicationStatusChanged: self._take})
        await self._bus.start(consumers=True)
        task = asyncio.create_task(relay.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._bus.stop()

    async def _take(self, event: ApplicationStatusChanged, envelope: Envelope) -> None:
        await self._targets.absorb(envelope.subject, envelope, lambda state: count_up(state or Counter()))
        self._effects[envelope.subject] = now()

    async def _command(self) -> str:
        with tracing.span("command"):
            done = await self._commands.create(TENANT, Key("account", uuid7(), "d" * 64), lambda id: start())
        return done.id

    async def traced(self) -> float:
        """Commands up to their effects, with traces."""
        return await self._throughput(traced=True)

    async def untraced(self) -> float:
        """The same without."""
        return await self._throughput(traced=False)

    async def _throughput(self, *, traced: bool) -> float:
        setattr(tracing, "_TRACER", self._tracers[traced])  # noqa: B010 - a constant for everybody else
        count, began = int(300 * self._pace.seconds), now()
        left, ids = iter(range(count)), list[str]()

        async def call() -> None:
            for _ in left:
                ids.append(await self._command())

        await asyncio.gather(*(call() for _ in range(_CALLERS)))
        await _until(lambda: all(id in self._effects for id in ids))
        return count / (max(self._effects[id] for id in ids) - began)

    async def accepted_to_effect(self) -> float:
        """Milliseconds, median, with traces."""
        setattr(tracing, "_TRACER", self._tracers[True])  # noqa: B010
        accepted: dict[str, float] = {}

        async def call() -> None:
            id = await self._command()
            accepted[id] = now()

        count = await _steadily(call, self._pace)
        await _until(lambda: len(accepted) == count and all(id in self._effects for id in accepted))
        took = [max(0.0, self._effects[id] - at) * 1_000 for id, at in accepted.items()]
        self.worst.append(percentile(took, 0.99))
        return percentile(took, 0.5)

    async def sent_to_received(self) -> float:
        """Milliseconds, median, of a record through aiokafka alone."""
        topic, body = "notify.messages", publish_one()["body"]
        producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **sasl(self._stack, "admin"))
        consumer = AIOKafkaConsumer(topic, auto_offset_reset="latest", **sasl(self._stack, "admin"))
        await producer.start()
        await consumer.start()
        sent: dict[bytes, float] = {}
        took: list[float] = []

        async def receive() -> None:
            async for record in consumer:
                took.append((now() - sent[record.key]) * 1_000)

        async def call() -> None:
            key = uuid7().encode()
            sent[key] = now()
            await producer.send_and_wait(topic, body, key=key)

        await asyncio.gather(*(consumer.position(partition) for partition in consumer.assignment()))
        receiving = asyncio.create_task(receive())
        try:
            count = await _steadily(call, self._pace)
            await _until(lambda: len(took) == count)
        finally:
            receiving.cancel()
            with suppress(asyncio.CancelledError):
                await receiving
            await consumer.stop()
            await producer.stop()
        return percentile(took, 0.5)


async def _steadily(call: Callable[[], Any], pace: Pace) -> int:
    """Begin a call at each beat, however long the others take; how many that were."""
    count, began = int(_PACE * pace.seconds), now()
    async with asyncio.TaskGroup() as calls:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / _PACE - now()))
            calls.create_task(call())
    return count


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LONGEST):
        while not done():  # noqa: ASYNC110 - a look each 10 ms at what many callbacks note
            await asyncio.sleep(0.01)


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    before = tracing._TRACER
    async with AsyncExitStack() as close:
        stack = close.enter_context(town("database", "kafka"))
        both = await close.enter_async_context(opened(stack.database_url()))
        path = await close.enter_async_context(Path(both, stack, pace).open())
        traced, untraced = await in_turn(pace.runs, path.traced, path.untraced)
        took, raw = await in_turn(pace.runs, path.accepted_to_effect, path.sent_to_received)
    setattr(tracing, "_TRACER", before)  # noqa: B010
    return [
        Measured(FIGURES[0], traced, untraced),
        Measured(FIGURES[1], took, raw),
        Measured(FIGURES[2], tuple(path.worst[1:])),
    ]


if __name__ == "__main__":
    main(__file__, measure)
