"""Dead letters: records that a group could not handle, kept with the reason until somebody replays or gives them up."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from faststream import BaseMiddleware
from faststream.exceptions import HandlerException
from opentelemetry import trace

from chassis.reader import Record
from chassis.relay import Publisher
from contracts.topics import dead_letters

_log = logging.getLogger(__name__)
_LONGEST_REASON = 500


class DeadLetters:
    """The dead-letter topic of a service."""

    def __init__(self, service: str, publisher: Callable[[], Awaitable[Publisher]]) -> None:
        self._service = service
        self._publisher = publisher

    async def bury(self, record: Record, group: str, reason: Exception, tries: int) -> None:
        """Publish the record, unchanged, with where it came from and why it is here.

        An error here must reach the caller: then the record is read again, and nothing is lost.
        """
        text = f"{type(reason).__name__}: {reason}"[:_LONGEST_REASON]
        about = {
            "dlq_service": self._service,
            "dlq_group": group,
            "dlq_topic": record.topic,
            "dlq_partition": str(record.partition),
            "dlq_offset": str(record.offset),
            "dlq_error": text,
            "dlq_tries": str(tries),
        }
        headers = [(name, value) for name, value in record.headers if not name.startswith("dlq_")]
        headers += [(name, value.encode()) for name, value in about.items()]
        publisher = await self._publisher()
        key = (record.key or b"").decode(errors="replace")
        await (await publisher.send(dead_letters(self._service), key, record.value, headers))
        span = trace.get_current_span()
        span.record_exception(reason)
        span.set_status(trace.StatusCode.ERROR, text)
        _log.error("dead letter", extra={"fields": about})


class Unreadable(BaseMiddleware):
    """Catches what FastStream could not even parse, such as headers that are not UTF-8: it never reaches a reader."""

    def __init__(self, msg: Any, /, *, context: Any, bury: Callable[[Any, str, Exception], Awaitable[None]]) -> None:
        super().__init__(msg, context=context)
        self._bury = bury

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: Any = None,
    ) -> bool | None:
        """Bury a record whose parsing failed; errors of the handler were dealt with by the reader."""
        if isinstance(exc_val, (UnicodeDecodeError, ValueError)) and not isinstance(exc_val, HandlerException):
            group = self.context.get_local("handler_").group_id
            await self._bury(self.msg, group, exc_val)
            return True
        return False
