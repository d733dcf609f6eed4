"""The fake database: the same adapter over an in-memory engine, held to the real one by the contract suite."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mongomock_motor import AsyncMongoMockClient

from chassis.documents import Change, Database, DatabaseUnavailable, Document, Documents, Duplicate, Index, Where


class MemoryDocuments(Documents):
    """A collection in memory. Each operation is atomic, because the engine never yields inside one.

    Nothing is carried out together, because nobody waits; so tests can go through an operation step by step.
    """

    async def insert(self, document: Document) -> None:
        """Insert it."""
        await self._insert_all([dict(document)])

    async def get(self, id: str) -> Document | None:
        """Find it."""
        [found] = await self._get_all([id])
        return found

    async def ensure(self, indexes: Sequence[Index]) -> None:
        """Create them, but nothing expires: the engine goes by the machine's date, which is not the tests' own."""
        await super().ensure([replace(index, expire_after=None) for index in indexes])

    async def insert_each(self, documents: Sequence[Document]) -> int:
        """Insert them one by one."""
        inserted = 0
        for document in documents:
            with contextlib.suppress(Duplicate):
                await self.insert(document)
                inserted += 1
        return inserted

    async def update_each(self, pairs: Sequence[tuple[Where, Change]]) -> int:
        """Do the updates one by one: the engine's bulk write does not know the driver's newest arguments."""
        return sum([await self.update(where, change) for where, change in pairs])

    async def take_out(self, entries: Mapping[str, Sequence[str]], *, keep: int, whole: Sequence[str]) -> None:
        """Take them out one by one: the engine knows no update that looks at what it changes."""
        for document in await self.find({"_id": {"$in": list(entries)}}, limit=max(1, len(entries))):
            gone = [entry for entry in document["out"] if entry["id"] in entries[document["_id"]]]
            left = [entry for entry in document["out"] if entry["id"] not in entries[document["_id"]]]
            kept = [entry if entry["topic"] in whole else {**entry, "body": None} for entry in gone]
            change: Document = {"$set": {"sent": [*document.get("sent", ()), *kept][-keep:], "out": left}}
            await self.update({"_id": document["_id"]}, change if left else {**change, "$unset": {"due": 1}})


class MemoryDatabase(Database):
    """A database that is gone with its object."""

    def __init__(self, name: str = "memory") -> None:
        super().__init__(AsyncMongoMockClient(tz_aware=True, tzinfo=UTC), name)

    def collection(self, name: str) -> Documents:
        """Return a collection."""
        collection: Any = self._client[self.name].get_collection(name)
        return MemoryDocuments(collection)

    async def rename(self, name: str, to: str) -> None:
        """See Database; those who hold the other collection go on with this one's documents."""
        database: Any = self._client[self.name]
        if name not in await database.list_collection_names():
            raise DatabaseUnavailable(f"there is no collection {name}")
        documents = [document async for document in database[name].find()]
        await database[to].delete_many({})
        for document in documents:
            await database[to].insert_one(document)
        await database.drop_collection(name)

    async def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)

    async def ping(self) -> None:
        """It is always there."""

    async def close(self) -> None:
        """There is nothing to close."""
