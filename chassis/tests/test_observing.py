"""Traces, logs and health: they tell the truth and name nobody."""

import asyncio
import io
import json
import logging
import socket
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from opentelemetry import trace
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from chassis import health, logs, tracing
from chassis.clock import SystemClock
from chassis.health import clock_check, health_router, task_check
from chassis.http import create_app
from chassis.logs import JsonLines, Seldom
from chassis.reader import TRACED_ALONE
from chassis.testing import START, FixedClock, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT
from chassis.tracing import DiscreetExporter, SpanKind, current_traceparent, span, trace_id
from contracts.envelope import Envelope, headers_of
from contracts.identity import AccountLinked

_memory = InMemorySpanExporter()
MIA = "Mia Beispiel"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        # Once for the process: the global provider can be set only once.
        provider = tracing.setup("test")
        # Or every later test's own requests would carry a trace of this process.
        HTTPXClientInstrumentor().uninstrument()
    processor = SimpleSpanProcessor(DiscreetExporter(_memory))
    provider.add_span_processor(processor)
    _memory.clear()
    yield _memory
    provider._active_span_processor._span_processors = ()


def _named(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {item.name: item for item in spans}


def test_a_stored_trace_goes_on_elsewhere(spans: InMemorySpanExporter) -> None:
    with span("write"):
        stored = current_traceparent()
        first = trace_id()
    assert current_traceparent() is None
    with span("unrelated"), span("timer", stored, kind=SpanKind.CONSUMER, attributes={"topic": "t"}), span("effect"):
        assert trace_id() == first
    found = _named(spans.get_finished_spans())
    written, timer, effect = found["write"], found["timer"], found["effect"]
    assert timer.parent is not None
    assert effect.parent is not None
    assert timer.parent.span_id == written.context.span_id
    assert effect.parent.span_id == timer.context.span_id
    assert found["unrelated"].context.trace_id != written.context.trace_id
    assert (timer.kind, dict(timer.attributes or {})) == (SpanKind.CONSUMER, {"topic": "t"})


@pytest.mark.parametrize("stored", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_an_unreadable_trace_begins_a_new_one(spans: InMemorySpanExporter, stored: str) -> None:
    with span("work", stored):
        assert trace_id() is not None
    assert _named(spans.get_finished_spans())["work"].parent is None


def test_an_error_leaves_its_type_and_not_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=MIA), span("work"):
        raise ValueError(MIA)
    found = _named(spans.get_finished_spans())["work"]
    assert found.status.status_code is StatusCode.ERROR
    assert dict(found.attributes or {}) == {"error.type": "ValueError"}
    assert MIA not in found.to_json()


def test_what_instrumentations_tell_of_people_is_dropped(spans: InMemorySpanExporter) -> None:
    tracer = trace.get_tracer("instrumentation")
    with (
        pytest.raises(RuntimeError),
        tracer.start_as_current_span(
            "GET /x",
            attributes={
                "messaging.kafka.message.key": MIA,
                "url.query": f"name={MIA}",
                "http.url": f"http://mia:secret@h/p?name={MIA}#f",
                "url.full": f"http://h/p?name={MIA}",
                "user_agent.original": MIA,
                "client.address": MIA,
                "http.route": "/x",
            },
        ),
    ):
        raise RuntimeError(MIA)
    found = spans.get_finished_spans()[0]
    assert dict(found.attributes or {}) == {
        "http.url": "http://h/p",
        "url.full": "http://h/p",
        "http.route": "/x",
    }
    assert [set(event.attributes or {}) & {"exception.message", "exception.stacktrace"} for event in found.events] == [
        set()
    ]
    for secret in (MIA, "secret"):
        assert secret not in found.to_json()


async def test_a_request_is_a_span_with_route_and_the_caller_as_parent(spans: InMemorySpanExporter) -> None:
    router = APIRouter()

    @router.get("/things/{name}", operation_id="thing", response_model=dict[str, str | None])
    async def thing(name: str) -> dict[str, str | None]:
        return {"trace": trace_id()}

    app = create_app("test", [router, health_router("test", {})], {}, clock=FixedClock())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rathaus.test") as client:
        with span("browser"):
            headers = {"traceparent": current_traceparent() or ""}
            answer = await client.get(f"/things/x?name={MIA}", headers=headers)
            missing = await client.get("/nothing", headers=headers)
        await client.get("/health")
        await client.get("/ready")
    found = spans.get_finished_spans()
    served = next(item for item in found if item.kind is SpanKind.SERVER and item.name.startswith("GET /things"))
    browser = _named(found)["browser"]
    assert answer.json()["trace"] == trace.format_trace_id(browser.context.trace_id)
    assert missing.json()["traceId"] == answer.json()["trace"]
    assert served.name == "GET /things/{name}"
    assert not any(
        "health" in item.name or "ready" in str(item.attributes) for item in found if item.kind is SpanKind.SERVER
    )
    assert not any(MIA.split()[0] in item.to_json() for item in found)


@pytest.mark.parametrize("count", [TRACED_ALONE, TRACED_ALONE + 8])
async def test_few_events_are_spans_and_many_are_one_that_links_to_them(
    spans: InMemorySpanExporter, count: int
) -> None:
    bus = MemoryBus("osi-gateway", MemoryDatabase(), FixedClock())
    traces: dict[str, str | None] = {}

    async def handle(event: AccountLinked, envelope: Envelope) -> None:
        traces[envelope.traceparent or ""] = trace_id()

    bus.add("identity.accounts", {AccountLinked: handle})
    event = AccountLinked(occurred_at=START, account_id="a", level="hoch")
    for number in range(count):
        source, trace_of_it = f"s{number}", f"00-{number + 1:032x}-{number + 1:016x}-01"
        envelope = Envelope(source, event.type, TENANT, source, 1, START, trace_of_it)
        bus.broker.append("identity.accounts", source, event.model_dump_json().encode(), headers_of(envelope))
    await bus.deliver()
    assert len(traces) == count
    assert all(seen == parent.split("-")[1] for parent, seen in traces.items())
    found = spans.get_finished_spans()
    assert {item.name for item in found} == {"identity.accounts process"}
    parents = {item.parent.span_id for item in found if item.parent}
    links = {link.context.span_id for item in found for link in item.links}
    published = set(range(1, count + 1))
    assert (parents, links) == ((published, set()) if count == TRACED_ALONE else (set(), published))
    assert len(found) == (count if count == TRACED_ALONE else 1)


@pytest.mark.parametrize("exporter", ["jaeger", "console"])
def test_an_unknown_exporter_is_named(monkeypatch: pytest.MonkeyPatch, exporter: str) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporter)
    with pytest.raises(ValueError, match=exporter):
        tracing._exporter()


@pytest.mark.parametrize(("exporter", "name"), [("zipkin", "ZipkinExporter"), ("otlp", "OTLPSpanExporter")])
def test_exporters_are_chosen_by_the_standard_variable(
    monkeypatch: pytest.MonkeyPatch, exporter: str, name: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporter)
    assert type(tracing._exporter()).__name__ == name


def test_a_trace_store_that_is_away_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        exporter = DiscreetExporter(ZipkinExporter(endpoint=f"http://127.0.0.1:{found.getsockname()[1]}/api/v2/spans"))
        assert [exporter.export([]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    exporter.shutdown()
    kept = InMemorySpanExporter()
    exporter = DiscreetExporter(kept)
    exporter.export([])
    kept.shutdown()
    exporter.export([])
    exporter.export([])
    assert [(record.message, record.exc_info) for record in caplog.records] == [("traces are lost", None)] * 2


# -- logs


def _logged(*, texts: bool = False, **record: Any) -> dict[str, Any]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines("forms", error_texts=texts))
    logger = logging.Logger("forms.test")
    logger.addHandler(handler)
    logger.info(record.pop("message", "done"), **record)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].isascii()
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_a_line_is_one_object_with_the_trace(spans: InMemorySpanExporter) -> None:
    with span("work") as current:
        line = _logged(extra={"fields": {"application_id": "7"}})
        assert line["trace_id"] == trace_id()
        assert line["span_id"] == trace.format_span_id(current.get_span_context().span_id)
    assert (line["service"], line["logger"], line["level"], line["message"]) == ("forms", "forms.test", "INFO", "done")
    assert line["fields"] == {"application_id": "7"}
    assert "trace_id" not in _logged()


def test_nobody_forges_a_line() -> None:
    forged = 'x\n{"level":"ERROR"}\r\x1b[31m\u2028\x85'
    assert _logged(message=forged)["message"] == forged


def test_what_a_library_repeats_is_written_once_with_the_number_of_those_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines("forms"))
    handler.addFilter(Seldom("aiokafka"))
    chatty, ours = logging.Logger("aiokafka.client"), logging.Logger("aiokafkaesque")
    chatty.addHandler(handler)
    ours.addHandler(handler)
    for number in range(4):
        chatty.warning("no node %s", number)
        ours.warning("our own")
        if number == 2:
            monkeypatch.setattr(logs, "_SELDOM", 0.0)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["message"] for line in lines if line["logger"] == ours.name] == ["our own"] * 4
    told = [(line["message"], line.get("fields")) for line in lines if line["logger"] == chatty.name]
    assert told == [("no node 0", None), ("no node 3", {"left_out": 2})]


def test_an_error_is_told_by_type_and_place_and_its_text_only_when_debugging() -> None:
    def fail() -> None:
        try:
            int(MIA)
        except ValueError as error:
            raise KeyError(MIA) from error

    with pytest.raises(KeyError) as caught:
        fail()
    line = _logged(exc_info=caught.value)
    assert line["error"]["type"] == "builtins.KeyError"
    assert line["error"]["stack"][-1].endswith(" fail")
    assert line["error"]["cause"]["type"] == "builtins.ValueError"
    assert MIA not in json.dumps(line)
    assert MIA in json.dumps(_logged(exc_info=caught.value, texts=True))


# -- health


async def _ready(checks: dict[str, health.Check]) -> httpx.Response:
    app = create_app("forms", [health_router("forms", checks)], {}, clock=FixedClock())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rathaus.test") as client:
        assert (await client.get("/health")).status_code == 200
        return await client.get("/ready")


async def test_ready_names_every_check_and_is_red_when_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIME_LIMIT", 0.05)

    async def good() -> str | None:
        return None

    async def bad() -> str | None:
        return "lag of 9"

    async def breaks() -> str | None:
        raise ConnectionError(MIA)

    async def hangs() -> str | None:
        await asyncio.sleep(10)
        return None

    assert (await _ready({"database": good})).status_code == 200
    answer = await _ready({"database": good, "relay": bad, "kafka": breaks, "slow": hangs})
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"] == {"ok": True}
    assert checks["relay"] == {"ok": False, "reason": "lag of 9"}
    assert checks["kafka"] == {"ok": False, "reason": "ConnectionError"}
    assert checks["slow"]["reason"].startswith("no answer")
    assert MIA not in answer.text


async def test_a_clock_that_is_off_and_a_task_that_ended_are_told() -> None:
    clock = SystemClock()
    assert await clock_check(clock)() is None
    clock.drift = timedelta(seconds=-0.6)
    assert "-0.600 s" in (await clock_check(clock)() or "")

    async def ends() -> None:
        return None

    task = asyncio.create_task(ends(), name="relay")
    assert await task_check(task)() is None
    await task
    assert await task_check(task)() == "relay has stopped"
