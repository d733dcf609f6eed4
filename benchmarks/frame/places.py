"""Places of a reader without a database: what is measured is what the chassis does about them."""

from collections.abc import Sequence
from typing import Any

from chassis.documents import Change, Database, Document, Documents, Where


class InMemory(Documents):
    """Places in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, Document] = {}
        self.name = "places"

    async def ensure(self, indexes: Any) -> None:
        """There are none."""

    async def find(self, where: Where, **_: Any) -> list[Document]:
        """Find by a list of ids, or nothing."""
        wanted = where.get("_id", {}).get("$in", ())
        return [self._kept[id] for id in wanted if id in self._kept]

    async def insert_each(self, documents: Sequence[Document]) -> int:
        """Keep new ones."""
        self._kept.update({document["_id"]: dict(document) for document in documents})
        return len(documents)

    async def update_each(self, pairs: Sequence[tuple[Where, Change]]) -> int:
        """Move places that are where they were loaded."""
        moved = 0
        for where, change in pairs:
            found = self._kept[where["_id"]]
            if found["last"] == where["last"]:
                found.update(change["$set"])
                moved += 1
        return moved


class Memory(Database):
    """A database of such collections."""

    def __init__(self) -> None:
        self._documents = InMemory()

    def collection(self, name: str) -> Documents:
        """Return the one there is."""
        return self._documents
