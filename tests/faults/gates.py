"""Database and broker in memory whose every operation is a step."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from steps import Process, Step, Steps
from still_time import at_once

from chassis.documents import Change, Document, Documents, Duplicate, Where
from chassis.relay import Headers
from chassis.testing import MemoryBroker, MemoryDatabase, MemoryDocuments, MemoryPublisher

Noted = Callable[[str, Sequence[Document]], None]


class Shelf:
    """One collection as all processes share it."""

    def __init__(self, documents: Documents, steps: Steps, noted: Noted) -> None:
        self.documents = documents
        self._steps = steps
        self._noted = noted

    def before(self, id: str) -> Document | None:
        return at_once(self.documents.get(id))

    def put(self, id: str, document: Document | None) -> None:
        at_once(self.documents.delete({"_id": id}))
        if document is not None:
            at_once(self.documents.insert(document))

    def lasts(self, id: str, born: Sequence[Document]) -> None:
        self._noted(id, born)

    def shaky(self) -> dict[str, Document | None]:
        """Return the documents with writes that can be taken back, as they were before."""
        return {step.ids[0]: before for step, before, _ in self._steps.shaky if step.store is self}


class GatedDocuments(MemoryDocuments):
    """A collection as one process sees it. What it reads, no crash can take back."""

    finds_what_lasts = True

    def __init__(self, collection: Any, shelf: Shelf, steps: Steps, process: Process) -> None:
        super().__init__(collection)
        self.still = MemoryDocuments(collection)
        """The same, with no steps: for what asks more than once within one."""
        self._shelf = shelf
        self._steps = steps
        self._process = process

    async def insert(self, document: Document) -> None:
        born = document.get("out") or []
        await self._write("insert", [document["_id"]], lambda: MemoryDocuments.insert(self, document), born)

    async def get(self, id: str) -> Document | None:
        found: Document | None = await self._read("get", lambda: self._lasting(lambda: self._now_get(id)))
        return found

    async def find(
        self, where: Where, *, sort: Sequence[tuple[str, int]] = (), limit: int = 100, fields: Sequence[str] = ()
    ) -> list[Document]:
        def find() -> list[Document]:
            return at_once(MemoryDocuments.find(self, where, sort=sort, limit=limit, fields=fields))

        view = self._lasting if self.finds_what_lasts else _as_is
        found: list[Document] = await self._read("find", lambda: view(find))
        return found

    async def update(self, where: Where, change: Change) -> bool:
        pushed = change.get("$push", {}).get("out", {})
        born = pushed.get("$each", [pushed] if pushed else [])
        act = lambda: MemoryDocuments.update(self, where, change)  # noqa: E731
        return bool(await self._write(f"update {', '.join(change)}", [where["_id"]], act, born))

    async def update_each(self, pairs: Sequence[tuple[Where, Change]]) -> int:
        if not pairs:
            return 0

        async def each() -> int:
            return sum([at_once(MemoryDocuments.update(self, where, change)) for where, change in pairs])

        what = f"update_each {', '.join(pairs[0][1])}"
        return int(await self._write(what, [where["_id"] for where, _ in pairs], each))

    async def take_out(self, entries: Mapping[str, Sequence[str]], *, keep: int, whole: Sequence[str]) -> None:
        async def each() -> None:
            at_once(self.still.take_out(entries, keep=keep, whole=whole))

        await self._write("take_out", list(entries), each)

    async def insert_each(self, documents: Sequence[Document]) -> int:
        if not documents:
            return 0

        async def each() -> int:
            return sum([at_once(_inserted(self, document)) for document in documents])

        return int(await self._write("insert_each", [document["_id"] for document in documents], each))

    def _now_get(self, id: str) -> Document | None:
        return at_once(MemoryDocuments.get(self, id))

    def _lasting(self, read: Callable[[], Any]) -> Any:
        shaky = self._shelf.shaky()
        present = {id: self._now_get(id) for id in shaky}
        for id, before in shaky.items():
            self._shelf.put(id, before)
        try:
            return read()
        finally:
            for id, document in present.items():
                self._shelf.put(id, document)

    async def _read(self, what: str, read: Callable[[], Any]) -> Any:
        async def act() -> Any:
            return read()

        return await self._steps.ask(self._process, f"{self.name} {what}", "read", act)

    async def _write(self, what: str, ids: list[str], act: Any, born: Sequence[Document] = ()) -> Any:
        what = f"{self.name} {what}"
        return await self._steps.ask(self._process, what, "write", act, store=self._shelf, ids=ids, born=born)


async def _inserted(documents: MemoryDocuments, document: Document) -> bool:
    try:
        await MemoryDocuments.insert(documents, document)
    except Duplicate:
        return False
    return True


def _as_is(read: Callable[[], Any]) -> Any:
    return read()


class GatedDatabase(MemoryDatabase):
    """A database as one process sees it. Leases are outside the game: they may be wrong, and cost no steps."""

    def __init__(
        self, shared: MemoryDatabase, shelves: dict[str, Shelf], steps: Steps, process: Process, leases: str
    ) -> None:
        self._client = shared._client
        self.name = shared.name
        self._shared = shared
        self._shelves = shelves
        self._steps = steps
        self._process = process
        self._leases = leases

    def collection(self, name: str) -> Documents:
        if name == "leases":
            return self._shared.collection(self._leases)
        raw: Any = self._client[self.name].get_collection(name)
        return GatedDocuments(raw, self._shelves[name], self._steps, self._process)


class GatedPublisher:
    """A producer whose every record is a step; what it has not sent when it is thrown away is gone."""

    def __init__(self, broker: MemoryBroker, steps: Steps, process: Process, noted: Callable[[Any], None]) -> None:
        self._publisher = MemoryPublisher(broker)
        self._broker = broker
        self._steps = steps
        self._process = process
        self._noted = noted

    async def send(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Awaitable[object]:
        async def act() -> None:
            self._noted(self._broker.append(topic, key, value, headers))

        number = dict(headers)["ce_sequence"].decode()
        await self._steps.ask(self._process, f"send {topic} {number}", "send", act)
        return _acknowledged()

    async def close(self) -> None:
        await self._publisher.close()


async def _acknowledged() -> None:
    return None


__all__ = ["GatedDatabase", "GatedDocuments", "GatedPublisher", "Shelf", "Step"]
