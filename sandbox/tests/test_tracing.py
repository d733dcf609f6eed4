"""One trace from the request that hands in to the authority's answer."""

import asyncio

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sandbox.testing import Sender

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.mark.proves("PL-09")
async def test_the_trace_of_the_hand_in_reaches_the_answer(
    spans: InMemorySpanExporter, sender: Sender, http: httpx.AsyncClient
) -> None:
    draft = await sender.draft()
    await sender.send(draft, headers={"traceparent": PARENT})
    for _ in range(100):
        if len(await sender.log(draft)) == 4:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    found = {one.name: one for one in spans.get_finished_spans() if _trace(one) == TRACE}
    edges = {name: _parent_name(one, found) for name, one in found.items()}
    assert edges["sandbox submit"] == "caller"
    assert edges["sandbox authority receives"] == "sandbox submit"
    assert edges["sandbox authority answers"] == "sandbox submit"
    assert edges["sandbox post-event"] == "sandbox authority answers"


async def test_looking_for_post_leaves_no_traces(
    spans: InMemorySpanExporter, sender: Sender, http: httpx.AsyncClient
) -> None:
    await asyncio.sleep(0.2)
    await sender.create()
    assert spans.get_finished_spans() == ()


def _trace(one: ReadableSpan) -> str:
    assert one.context
    return trace.format_trace_id(one.context.trace_id)


def _parent_name(one: ReadableSpan, found: dict[str, ReadableSpan]) -> str:
    assert one.parent
    named = [other.name for other in found.values() if other.context and other.context.span_id == one.parent.span_id]
    return named[0] if named else "caller"
