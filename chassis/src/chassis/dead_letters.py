"""Dead letters: records that a group could not handle, kept with the reason until somebody replays or gives them up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from chassis.records import Record
from chassis.relay import SEND_TIMEOUT, Headers, Publisher
from contracts.topics import dead_letters

_log = logging.getLogger(__name__)
_LONGEST_REASON = 500
_OURS = "dlq_"


class DeadLetters:
    """The dead-letter topic of a service, with a producer of its own."""

    def __init__(self, service: str, open_publisher: Callable[[], Awaitable[Publisher]]) -> None:
        self._service = service
        self._open_publisher = open_publisher
        self._publisher: Publisher | None = None
        self._opening = asyncio.Lock()

    async def bury(self, record: Record, group: str, reason: Exception, tries: int) -> None:
        """Publish the record, unchanged, with where it came from and why it is here.

        An error here must reach the caller: then the record is read again, and nothing is lost.
        """
        headers = buried(record, self._service, group, reason, tries)
        await self._publish((record.key or b"").decode(errors="replace"), record.value, headers)
        about = {name: value.decode() for name, value in headers if name.startswith(_OURS)}
        # The reason in words may quote what the record says: it stays with the record.
        about["dlq_error"] = type(reason).__name__
        _log.error("dead letter", extra={"fields": about})

    async def close(self) -> None:
        """Disconnect."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            await publisher.close()

    async def _publish(self, key: str, value: bytes | None, headers: Headers) -> None:
        async with self._opening:
            publisher = self._publisher = self._publisher or await self._open_publisher()
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await (await publisher.send(dead_letters(self._service), key, value, headers))
        except BaseException:
            if self._publisher is publisher:
                await self.close()  # it may never work again; the next dead letter gets a new one
            raise


def buried(record: Record, service: str, group: str, reason: Exception, tries: int) -> Headers:
    """Return the headers of a dead letter: the record's own, where it came from and why it is here."""
    about = {
        "dlq_service": service,
        "dlq_group": group,
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
        "dlq_error": f"{type(reason).__name__}: {reason}"[:_LONGEST_REASON],
        "dlq_tries": str(tries),
    }
    own = [(name, value) for name, value in record.headers if not name.lower().startswith(_OURS)]
    return [*own, *((name, value.encode(errors="replace")) for name, value in about.items())]
