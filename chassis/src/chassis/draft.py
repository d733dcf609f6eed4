"""An aggregate's document between load and write: what the decisions so far have made of it, and what is written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from chassis.documents import Document
from chassis.outbox import Outgoing, shard_of

S = TypeVar("S")

MOST_KEYS = 32
"""Commands that a document remembers as a short cut; see ``docs/architecture.md`` for documents with more."""
OWN_FIELDS = frozenset(
    {
        "_id",
        "tenant",
        "v",
        "seq",
        "shard",
        "out",
        "due",
        "born",
        "cmds",
        "sent",
        "newest",
        "src",
        "at",
        "trace",
        "schema",
        "gone",
    }
)


@dataclass(frozen=True)
class Key:
    """Whose command it is, which one, and what it says."""

    account: str
    value: str
    """The Idempotency-Key."""
    digest: str
    """SHA-256 over method, path and body."""


class Draft(Generic[S]):
    """The document as it will be once the decisions so far are written."""

    def __init__(self, id: str, outgoing: Outgoing, document: Document | None, state: S | None) -> None:
        self.id = id
        self.document = document
        self.state = state
        self.gone = bool(document and document.get("gone"))
        self.version: int = document["v"] if document else 0
        self.tenant: str | None = document["tenant"] if document else None
        self.outgoing = outgoing
        self.keys: list[Document] = []
        self.origins: dict[str, int] = dict(document.get("src", {})) if document else {}
        self.new_origins: dict[str, int] = {}
        self.trace: str | None = document.get("trace") if document else None
        self.at: datetime | None = document.get("at") if document else None
        self.changes = 0
        """Accepted decisions; each has a version of its own, so that nobody's version holds what he has not seen."""

    def known(self, key: Key) -> Document | None:
        """Return what is remembered of a command."""
        remembered = [*(self.document or {}).get("cmds", ()), *self.keys]
        born = (self.document or {}).get("born")
        for entry in [born, *remembered] if born else remembered:
            if entry["account"] == key.account and entry["key"] == key.value:
                return dict(entry)
        return None


def document_of(draft: Draft[S], fields: Document) -> Document:
    """Return the document of an aggregate that is written for the first time; ``fields`` are its state's."""
    born, others = (draft.keys[0], draft.keys[1:]) if draft.keys else (None, [])
    return {
        "_id": draft.id,
        "tenant": draft.tenant,
        "v": draft.changes,
        "shard": shard_of(draft.id),
        "trace": draft.trace,
        "born": born,
        "cmds": others,
        "src": draft.origins,
        **draft.outgoing.fields(),
        **fields,
    }


def change_to(draft: Draft[S], fields: Document, removed: list[str]) -> Document:
    """Return the update that gives the document its new state; ``removed`` are the fields that it has no more."""
    document = draft.document or {}
    changed = {name: value for name, value in fields.items() if name not in document or document[name] != value}
    if "at" in document and "at" not in fields:
        removed = [*removed, "at"]
    numbers, push = draft.outgoing.change()
    pushes: dict[str, Any] = dict(push)
    if draft.keys:
        pushes["cmds"] = {"$each": draft.keys, "$slice": -MOST_KEYS}
    return _change(draft, {**changed, **numbers}, removed, pushes)


def change_to_stub(draft: Draft[S], document: Document) -> Document:
    """Return the update that leaves what a redelivery must still meet, and nothing else.

    That is: the numbers, the sources, the creating and the erasing command, and what has not been published yet.

    Raises:
        ValueError: a compacted topic would keep the aggregate's last word: a bug.
    """
    if speaking := draft.outgoing.speaks_on(document):
        raise ValueError(f"{draft.id} is erased without a tombstone on {', '.join(speaking)}")
    numbers, push = draft.outgoing.change()
    removed = [name for name in document if name not in OWN_FIELDS or name in ("at", "sent", "schema")]
    return _change(draft, {**numbers, "gone": True, "cmds": draft.keys[-1:]}, removed, dict(push))


def _change(draft: Draft[S], sets: Document, removed: list[str], pushes: Document) -> Document:
    sources = {f"src.{origin}": number for origin, number in draft.new_origins.items()}
    change: Document = {"$inc": {"v": draft.changes}, "$set": {**sets, **sources}}
    if not change["$set"]:
        del change["$set"]
    if removed:
        change["$unset"] = dict.fromkeys(removed, 1)
    if pushes:
        change["$push"] = pushes
    return change
