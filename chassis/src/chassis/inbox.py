"""Effects outside that cannot be taken back, such as a mail: each at most once, and flagged where nobody can know.

A row per effect: claimed, then an external id stored, then sent. Who dies in between leaves a claim that runs out:
without an id nothing was sent and another takes over; with one nobody can know, and the effect is left *unknown*, for
a person to look at.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from enum import Enum

from chassis.clock import Clock
from chassis.documents import Document, Documents, Duplicate, Index
from chassis.errors import Transient
from chassis.ids import uuid7

CLAIMED_FOR = timedelta(seconds=60)
"""Longer than any sending may take, with its timeouts."""
KEPT_FOR = timedelta(days=90)
_INDEXES = (
    Index((("done_at", 1),), "expire", sparse=True, expire_after=KEPT_FOR),
    Index((("unknown_at", 1),), "unknown", sparse=True),
)


class Outcome(Enum):
    """What is known of an effect."""

    DONE = "done"
    ELSEWHERE = "elsewhere"
    """Somebody else is at it, or was a moment ago."""
    UNKNOWN = "unknown"
    """It may have happened or not; it will not be tried again."""


class NotSent(Transient):
    """The receiver surely has not taken it: it may be tried again."""


class Refused(Exception):
    """The receiver refused it for good; trying again would not help."""


class Inbox:
    """The effects of one kind."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def ensure(self) -> None:
        """Create the indexes that let done rows expire after 90 days and find the unknown ones."""
        await self._documents.ensure(_INDEXES)

    async def once(self, id: str, external_id: str, send: Callable[[str], Awaitable[None]]) -> Outcome:
        """Call ``send`` with the external id, unless it has been called for this effect.

        Args:
            id: names the effect, e.g. group and event id.
            external_id: what the receiver will know it by, e.g. a Message-ID.
            send: raises NotSent where nothing was taken, Refused where it never will be, anything else where nobody
                knows.

        Raises:
            NotSent, Refused: as raised by ``send``.
        """
        token = uuid7()
        claimed = await self._claim(id, token)
        if claimed is not None:
            return claimed
        stored = {"_id": id, "by": token, "external_id": None}
        until = self._clock.now() + CLAIMED_FOR
        try:
            mine = await self._documents.update(stored, {"$set": {"external_id": external_id, "until": until}})
        except Transient:
            # Whether the id is stored nobody knows; that nothing was sent only this process does.
            with suppress(Transient):
                await self._release(id, token)
            raise
        if not mine:
            return Outcome.ELSEWHERE
        return await self._send(id, token, external_id, send)

    async def _claim(self, id: str, token: str) -> Outcome | None:
        until = self._clock.now() + CLAIMED_FOR
        row = await self._documents.get(id)
        if row is None:
            try:
                await self._documents.insert(
                    {"_id": id, "state": "claimed", "by": token, "until": until, "external_id": None}
                )
            except Duplicate:
                return Outcome.ELSEWHERE
            return None
        if row["state"] != "claimed":
            return Outcome(row["state"])
        if row["until"] > self._clock.now():
            return Outcome.ELSEWHERE
        # As it was read: its owner may have woken up and stored an id since.
        mine = {"_id": id, "by": row["by"], "state": "claimed", "external_id": row["external_id"]}
        if row["external_id"] is not None:
            return Outcome.UNKNOWN if await self._note_unknown(mine) else Outcome.ELSEWHERE
        taken = await self._documents.update(mine, {"$set": {"by": token, "until": until}})
        return None if taken else Outcome.ELSEWHERE

    async def _send(self, id: str, token: str, external_id: str, send: Callable[[str], Awaitable[None]]) -> Outcome:
        mine = {"_id": id, "by": token}
        try:
            await send(external_id)
        except (NotSent, Refused):
            await self._release(id, token)
            raise
        except Exception:
            await self._note_unknown(mine)
            return Outcome.UNKNOWN
        await self._documents.update(mine, {"$set": {"state": "done", "done_at": self._clock.now()}})
        return Outcome.DONE

    async def _release(self, id: str, token: str) -> None:
        """Let anybody take the effect over. By nobody's token: an id that is stored late must not find the row."""
        free = {"by": uuid7(), "external_id": None, "until": self._clock.now()}
        await self._documents.update({"_id": id, "by": token, "state": "claimed"}, {"$set": free})

    async def _note_unknown(self, mine: Document) -> bool:
        return await self._documents.update(mine, {"$set": {"state": "unknown", "unknown_at": self._clock.now()}})
