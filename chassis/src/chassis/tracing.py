"""One trace from the click to the authority's answer (OpenTelemetry, W3C Trace Context).

Where spans go is told by the standard variables ``OTEL_TRACES_EXPORTER`` (``zipkin``, ``otlp`` over HTTP, ``none``),
``OTEL_EXPORTER_ZIPKIN_ENDPOINT``, ``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``. Without an exporter there
are still trace ids, so that a log line and a problem answer can name one. No personal data leaves in a span.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = [
    "DiscreetExporter",
    "Span",
    "SpanKind",
    "current_traceparent",
    "followed",
    "setup",
    "shutdown",
    "span",
    "together",
    "trace_id",
]

_log = logging.getLogger(__name__)
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_TRACER: Final = trace.get_tracer("chassis")
_NOTHING: Final = Context()

_MOST_LINKS: Final = 128
"""The SDK's own limit; more would push the first ones out."""

_DROPPED: Final = frozenset(
    {
        "messaging.kafka.message.key",
        "messaging.kafka.message_key",
        "messaging.message.conversation_id",
        "url.query",
        "client.address",
        "net.peer.ip",
        "user_agent.original",
        "http.user_agent",
        "exception.message",
        "exception.stacktrace",
    }
)
"""What instrumentations write of their own accord and may name a person: keys, addresses, quoted input."""
_ADDRESSES: Final = frozenset({"http.url", "url.full", "http.target"})


def setup(service: str) -> TracerProvider:
    """Start tracing for this process and for its HTTP clients; call once, before the first span."""
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME") or service})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = _exporter()
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(DiscreetExporter(exporter)))
    trace.set_tracer_provider(provider)
    # Only the trace's identity crosses to others, no baggage.
    propagate.set_global_textmap(_PROPAGATOR)
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    return provider


def shutdown() -> None:
    """Send what has not been sent yet and stop; blocks until the exporter answers (its own time limit, 10 s)."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def _exporter() -> SpanExporter | None:
    """Return the exporter that the environment names.

    Raises:
        ValueError: it names one that we don't have.
    """
    match os.environ.get("OTEL_TRACES_EXPORTER", "none"):
        case "zipkin":
            from opentelemetry.exporter.zipkin.json import ZipkinExporter

            return ZipkinExporter()
        case "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter()
        case "none" | "":
            return None
        case other:
            raise ValueError(f"OTEL_TRACES_EXPORTER is {other!r}; known are zipkin, otlp, none")


@contextmanager
def span(
    name: str,
    parent: str | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """Time a piece of work as a span of the current trace, or of the stored trace ``parent`` (a traceparent).

    An error passes through and leaves its type on the span, not its text, which may quote what somebody typed.
    """
    context = None if parent is None else _stored(parent)
    started = _TRACER.start_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    )
    token = otel_context.attach(trace.set_span_in_context(started, context))
    try:
        yield started
    except Exception as error:
        started.set_attribute("error.type", type(error).__qualname__)
        started.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        otel_context.detach(token)
        started.end()


def followed(name: str, parent: str | None, *, alone: bool) -> AbstractContextManager[object]:
    """Go on with the trace of an event that has arrived: alone in a span of its own, else within ``together``."""
    return span(name, parent, kind=SpanKind.CONSUMER) if alone else _Within(parent)


class _Within:
    """The trace of one of many events: entered for each of them, so no generator and no look into the trace's id."""

    __slots__ = ("_parent", "_token")

    def __init__(self, parent: str | None) -> None:
        self._parent = parent

    def __enter__(self) -> None:
        self._token = otel_context.attach(trace.set_span_in_context(_Arrived(self._parent), _NOTHING))

    def __exit__(self, *_: object) -> None:
        otel_context.detach(self._token)


class _Arrived(trace.NonRecordingSpan):
    """The span that an event came from. Most handlers never ask for its ids, so they are read where one does."""

    def __init__(self, parent: str | None) -> None:
        self._parent = parent

    @cached_property
    def _context(self) -> SpanContext:  # type: ignore[override]
        parent = self._parent or ""
        if not parent.startswith("00-"):
            return trace.get_current_span(_stored(parent)).get_span_context()
        # The envelope has checked its form.
        _, trace_id, span_id, flags = parent.split("-")
        return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


@contextmanager
def together(name: str, traces: Iterable[str], *, alone: bool) -> Iterator[None]:
    """Time many events as one span that links to theirs: a span for each would cost more than the work."""
    if alone:
        yield
        return
    links = [Link(_Arrived(one).get_span_context()) for one in islice(traces, _MOST_LINKS)]
    with span(name, "", kind=SpanKind.CONSUMER, links=links):
        yield


def _stored(parent: str) -> Context:
    return _PROPAGATOR.extract({"traceparent": parent}, context=Context())


def current_traceparent() -> str | None:
    """Return the current span as a W3C ``traceparent``, to be stored or sent; None outside of any trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """Return the current trace's id, 32 hexadecimal digits; None outside of any trace."""
    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else None


class DiscreetExporter(SpanExporter):
    """Passes spans on without the attributes that may name a person, and addresses without their query."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._taken = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans. Where nobody takes them they are gone; that is said once, until some are taken again."""
        reason = "not taken"
        try:
            result = self._exporter.export([_discreet(item) for item in spans])
        except Exception as error:
            result, reason = SpanExportResult.FAILURE, type(error).__name__
        taken = result is SpanExportResult.SUCCESS
        if self._taken and not taken:
            _log.warning("traces are lost", extra={"fields": {"reason": reason}})
        self._taken = taken
        return result

    def shutdown(self) -> None:
        """Close the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits, within milliseconds."""
        return self._exporter.force_flush(timeout_millis)


def _discreet(item: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=item.name,
        context=item.context,
        parent=item.parent,
        resource=item.resource,
        attributes=_kept(item.attributes),
        events=[Event(event.name, _kept(event.attributes), event.timestamp) for event in item.events],
        links=item.links,
        kind=item.kind,
        status=Status(item.status.status_code),
        start_time=item.start_time,
        end_time=item.end_time,
        instrumentation_scope=item.instrumentation_scope,
    )


def _kept(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name: _without_query(value) if name in _ADDRESSES else value
        for name, value in (attributes or {}).items()
        if name not in _DROPPED
    }


def _without_query(address: object) -> str:
    parts = urlsplit(str(address))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
