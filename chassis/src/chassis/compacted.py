"""Topics that keep only the newest record of each key: what their readers keep, and the owner's duty.

A repeat that reaches such a topic late, from a producer that was believed dead, would become the last word there: an
erased address would be back (``docs/promises.md``, F53). So the owner reads its own compacted topics, and where an
older number follows a newer one it writes its last state again, as a new event behind all others.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

from chassis.documents import Change, Documents
from chassis.ids import uuid7
from chassis.outbox import AT_ONCE, field_of
from contracts.envelope import Envelope
from contracts.topics import TOPICS, Topic

_log = logging.getLogger(__name__)

Late = Callable[[Envelope], Awaitable[None]]
"""What to do about an event that follows a newer one of its source."""


def own_compacted(service: str) -> list[Topic]:
    """Return the topics that a service has to watch."""
    return [topic for topic in TOPICS.values() if topic.compacted and topic.producer == service]


def corrected_from(collections: Sequence[Documents]) -> Late:
    """Return what writes the last state of a source again; its aggregate is in one of the collections."""

    async def correct(late: Envelope) -> None:
        fields = {"topic": late.topic, "source": late.subject, "sequence": late.sequence}
        for documents in collections:
            if await _write_again(documents, late):
                _log.warning(
                    "a late repeat became the last word; the last state is written again", extra={"fields": fields}
                )
                return
        _log.error("a late repeat is the last word, and its aggregate is not here", extra={"fields": fields})

    return correct


async def keep_newest(documents: Documents, id: str, sequence: int, change: Change) -> bool:
    """Change a document as an event of its source tells, unless a newer one has; whether it was changed.

    Who slept on the way here must not take back what others have done meanwhile. So the number stays in the document,
    and the document stays when all that was told is taken out of it.
    """
    await documents.upsert(id, {"$max": {"seq": 0}})
    numbered = {**change, "$set": {**change.get("$set", {}), "seq": sequence}}
    return await documents.update({"_id": id, "seq": {"$lt": sequence}}, numbered)


async def _write_again(documents: Documents, late: Envelope) -> bool:
    """Put a copy of the newest event into its document's outbox, with the next number.

    Under a number and id of its own, so that no relay that has been asleep can mark it as published.
    """
    field = field_of(late.topic)
    while (document := await documents.get(late.subject)) is not None:
        newest = document.get("newest", {}).get(field)
        if newest is None:
            return False
        entry = {**newest, "id": uuid7(), "seq": document["seq"][field] + 1}
        change = {
            "$inc": {"v": 1},
            "$set": {f"seq.{field}": entry["seq"], "due": AT_ONCE},
            "$push": {"out": entry},
        }
        if await documents.update({"_id": late.subject, "v": document["v"]}, change):
            return True
    return False
