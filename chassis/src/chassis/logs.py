"""Logs: one JSON object a line on standard output, with the trace id. No personal data.

An error is logged by its type and the places in the code. Its text may quote what somebody typed, so that it is
written at level DEBUG only. Whoever logs chooses what to tell: ``log.info("…", extra={"fields": {…}})``.
"""

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from opentelemetry import trace

_FRAMES: Final = 30
_CAUSES: Final = 5
_SELDOM: Final = 5.0
"""Seconds in which aiokafka says the same thing once: while no broker answers, all its tasks say it at each try."""
_QUIET: Final = (
    "aiokafka",
    "asyncio",
    "faststream",  # two lines for each batch, and one for each reader that does not say whose it is
    "httpcore",
    "httpx",
    "opentelemetry",
    "pymongo",
    "urllib3",
    "uvicorn",  # six lines for each start and stop beside our own
)


def configure(service: str, level: str = "INFO") -> None:
    """Send every logger of the process, those of uvicorn and FastStream included, to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(service, error_texts=level == "DEBUG"))
    handler.addFilter(Seldom("aiokafka"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in list(root.manager.loggerDict):
        if name.partition(".")[0] in {"uvicorn", "faststream"}:
            found = logging.getLogger(name)
            found.handlers.clear()
            found.propagate = True
    # It says every 10 s that nobody takes traces; we say it once.
    logging.getLogger("opentelemetry.exporter").setLevel(max(logging.CRITICAL, root.level))
    # It says that a start failed; the process says why.
    logging.getLogger("uvicorn.error").addFilter(lambda told: told.msg != "Application startup failed. Exiting.")
    # The API gateway keeps the access log.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)


class Seldom(logging.Filter):
    """Lets the same message of one library through once in 5 s, then with the number of those left out.

    The same is what comes from the same line of code, whatever it tells of.
    """

    def __init__(self, library: str) -> None:
        super().__init__()
        self._library = library
        self._said: dict[tuple[str, int], float] = {}
        self._left_out: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if record.name.partition(".")[0] != self._library:
            return True
        line, now = (record.pathname, record.lineno), time.monotonic()
        if now < self._said.get(line, float("-inf")) + _SELDOM:
            self._left_out[line] = self._left_out.get(line, 0) + 1
            return False
        self._said[line] = now
        if left_out := self._left_out.pop(line, 0):
            record.fields = {"left_out": left_out}
        return True


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; everything beyond printable ASCII is escaped, so nobody forges a line."""

    def __init__(self, service: str, *, error_texts: bool = False) -> None:
        super().__init__()
        self._service = service
        self._error_texts = error_texts

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        context = trace.get_current_span().get_span_context()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
        }
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
            line["span_id"] = trace.format_span_id(context.span_id)
        fields = getattr(record, "fields", None)
        if fields:
            line["fields"] = fields
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = self._error(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)

    def _error(self, error: BaseException, depth: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "stack": _places(error.__traceback__),
        }
        if self._error_texts:
            found["text"] = str(error)
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None and depth < _CAUSES:
            found["cause"] = self._error(cause, depth + 1)
        if isinstance(error, BaseExceptionGroup) and depth < _CAUSES:
            found["errors"] = [self._error(inner, depth + 1) for inner in error.exceptions[:_CAUSES]]
        return found


def _places(tb: TracebackType | None) -> list[str]:
    return [
        f"{frame.f_code.co_filename.rpartition('site-packages/')[2]}:{line} {frame.f_code.co_name}"
        for frame, line in list(traceback.walk_tb(tb))[-_FRAMES:]
    ]
