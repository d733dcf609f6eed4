"""Weaker forms of the protocol's rules, each a few lines over the real chassis, named as where they were first tried.

Every one looks simpler than the rule, and every one loses, doubles or swaps something: ``test_protocol_model.py``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import room
from gates import GatedDocuments

import chassis.aggregates
import chassis.group
from chassis.documents import DatabaseUnavailable, Document, Documents
from chassis.draft import Draft
from chassis.group import Group, Waiting
from chassis.places import Place
from chassis.reader import Reader
from chassis.records import Record
from chassis.relay import Relay
from contracts.envelope import Envelope

Patch = Callable[[pytest.MonkeyPatch], None]
Due = list[Document]


def one_number_per_source(patches: pytest.MonkeyPatch) -> None:
    """W1: a target remembers one number per source, while numbers count per topic."""
    patches.setattr(chassis.aggregates, "origin_of", lambda envelope: envelope.subject)


def stand_still_on_a_gap(patches: pytest.MonkeyPatch) -> None:
    """W2: an early event is not put aside; the reader waits for the missing one."""

    async def hold(self: Reader, place: Place, record: Record, envelope: Envelope) -> bool:
        raise DatabaseUnavailable(f"number {place.last + 1} is missing")

    async def one_by_one(self: Reader, place: Place, events: Sequence[object]) -> bool:
        return False

    patches.setattr(Reader, "_hold", hold)
    patches.setattr(Reader, "_held_together", one_by_one)


def bury_and_go_on(patches: pytest.MonkeyPatch) -> None:
    """W3: a dead letter advances the place, and what follows is applied."""
    tried = Reader._tried

    async def always(self: Reader, record: Record, envelope: Envelope, alone: bool) -> Any:
        worked, failed = await tried(self, record, envelope, alone)
        if failed is not None:
            await self._bury_failed(record, failed)
        return worked, None

    patches.setattr(Reader, "_tried", always)


def skip_the_missing(patches: pytest.MonkeyPatch) -> None:
    """W3: a gap is stepped over."""
    verdict = Place.verdict
    patches.setattr(Place, "verdict", lambda self, number, order: verdict(self, number, "newest"))


def only_a_ring_of_keys(patches: pytest.MonkeyPatch) -> None:
    """W10: commands are remembered in the document's ring alone, not by the thing that they made or ended."""
    patches.setattr(room, "made_by", lambda state, key: None)
    patches.setattr(room, "ended_by", lambda state, key: None)


def refuse_at_once(patches: pytest.MonkeyPatch) -> None:
    """W13: a refusal does not wait for the write that it rests on."""
    decide = Group._decide

    def at_once(self: Group[Any, Any], draft: Draft[Any], waiting: Waiting[Any, Any]) -> Callable[[], None]:
        end = decide(self, draft, waiting)
        if getattr(end, "__defaults__", None):  # only refusals carry one: the error
            end()
        return end

    patches.setattr(Group, "_decide", at_once)


def join_after_the_load(patches: pytest.MonkeyPatch) -> None:
    """W13: commands that arrive while the document is loaded are decided on it."""

    async def late(self: Group[Any, Any], id: str, batch: list[Waiting[Any, Any]]) -> bool:
        document = await self._documents.get(id)
        batch.extend(self._queues[id])
        self._queues[id].clear()
        draft = self._draft(id, document)
        settle = [self._decide(draft, waiting) for waiting in batch]
        if draft.changes and not await self._write(draft):
            return False
        for end in settle:
            end()
        return True

    patches.setattr(Group, "_decide_once", late)


def unset_due_unseen(patches: pytest.MonkeyPatch) -> None:
    """W17: after marking, ``due`` is dropped without looking whether a command has added events meanwhile."""

    async def mark(self: Relay, documents: Documents, due: Due, acknowledged: dict[str, Due]) -> None:
        for id, entries in acknowledged.items():
            ids = [entry["id"] for entry in entries]
            await documents.update({"_id": id}, {"$pull": {"out": {"id": {"$in": ids}}}, "$unset": {"due": 1}})

    patches.setattr(Relay, "_mark", mark)


def clear_the_outbox(patches: pytest.MonkeyPatch) -> None:
    """W17: marking clears all pending events instead of those that were acknowledged, by their ids."""

    async def mark(self: Relay, documents: Documents, due: Due, acknowledged: dict[str, Due]) -> None:
        for id, entries in acknowledged.items():
            if entries:
                await documents.update({"_id": id}, {"$set": {"out": []}, "$unset": {"due": 1}})

    patches.setattr(Relay, "_mark", mark)


def relay_what_may_be_taken_back(patches: pytest.MonkeyPatch) -> None:
    """W22: the relay reads writes that a crash of the database can take back."""
    patches.setattr(GatedDocuments, "finds_what_lasts", False)


WEAKER: dict[str, Patch] = {
    "W1": one_number_per_source,
    "W2": stand_still_on_a_gap,
    "W3-bury": bury_and_go_on,
    "W3-skip": skip_the_missing,
    "W10": only_a_ring_of_keys,
    "W13": refuse_at_once,
    "W17-unset": unset_due_unseen,
    "W17-clear": clear_the_outbox,
    "W22": relay_what_may_be_taken_back,
}

JOINING = join_after_the_load
"""Breaks in a schedule so rare that it is written out by hand."""
