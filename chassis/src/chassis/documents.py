"""One collection of documents. The only file that knows the database driver, so that the driver can be swapped here.

Only query forms that behave alike on MongoDB and on the embedded database are offered; the contract suite
(``tests/test_documents_contract.py``) runs each of them on the fake and on the real part.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import pymongo
from bson.codec_options import CodecOptions
from bson.errors import InvalidDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr
from pymongo import UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    PyMongoError,
    WriteError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from chassis.builds import Builds
from chassis.errors import Transient
from chassis.together import Together

Document = dict[str, Any]
Where = Mapping[str, Any]
Change = Mapping[str, Any]

_ANSWER_MS = 5_000
"""Until a connection without an answer is given up, wherever none of the limits below says otherwise."""
_ACKNOWLEDGED = WriteConcern(w="majority", j=True, wtimeout=5_000)
_READ = 2.0
"""Seconds that a read may take, with all that the driver tries again: a caller waits for it."""
_WRITE = 5.0
"""The same for a write. Longer, because one that was given up may still happen."""
_BUILD = 4 * 3600.0
"""Seconds that the build of an index may take, at a start."""
_ASK_AGAIN = 1.0
_NEVER = frozenset({2, 9, 14, 28, 40, 52, 66, 121, 10334, 17280, 17419, 17420})
"""The server's codes for writes that no repeat makes better: bad values, wrong types, paths, sizes."""
_MOST_AT_ONCE = 10
"""Documents in one command. The embedded database takes 0.8 ms for each update, and who asks meanwhile waits for all of
them; all 500 of a relay's round in one command would never end within the driver's 5 s on a slow one."""
_MOST_ENTRIES = 16
"""Entries that one command takes out of documents, where they are of several."""
_DUPLICATE = 11000
_CODEC: CodecOptions[Document] = CodecOptions(document_class=dict, tz_aware=True, tzinfo=UTC)


@dataclass(frozen=True)
class Index:
    """An index of a collection, created at start."""

    keys: tuple[tuple[str, int], ...]
    name: str
    unique: bool = False
    sparse: bool = False
    only_where: Document | None = None
    """Partial index: the documents that it covers."""
    expire_after: timedelta | None = None


class Duplicate(Exception):
    """A unique index refused the write; its message names the index and no values."""


class Rejected(Exception):
    """The database will never take this write, e.g. a document over 16 MB: a bug, or too much in one place."""


class DatabaseUnavailable(Transient):
    """The database gave no answer, or none that says whether the write happened."""


class Documents:
    """One collection. Every write is acknowledged by a majority and by the journal before it returns."""

    def __init__(self, collection: Any, builds: Builds | None = None) -> None:
        self._collection = collection
        self._builds = builds or Builds()
        self.name: str = collection.name
        self._gets: Together[str, Document | None] = Together(self._get_all, _MOST_AT_ONCE)
        self._inserts: Together[Document, None] = Together(self._insert_all, _MOST_AT_ONCE)

    async def ensure(self, indexes: Sequence[Index]) -> None:
        """Create the indexes that are missing. Over many documents that takes long: ``Builds`` tells of it."""
        for index in indexes:
            options: Document = {"name": index.name, "unique": index.unique}
            if index.sparse:
                options["sparse"] = True
            if index.only_where is not None:
                options["partialFilterExpression"] = index.only_where
            if index.expire_after is not None:
                options["expireAfterSeconds"] = int(index.expire_after.total_seconds())
            build = asyncio.create_task(self._build(list(index.keys), options))
            await self._builds.wait(f"{self.name}.{index.name}", build)

    async def _build(self, keys: list[tuple[str, int]], options: Document) -> None:
        until = time.monotonic() + _BUILD
        while True:
            # Asked again it is waited for, not begun anew.
            try:
                with _translated(max(1.0, until - time.monotonic())):
                    await self._collection.create_index(keys, **options)
                return
            except DatabaseUnavailable as error:
                if not isinstance(error.__cause__, ConnectionFailure) or time.monotonic() > until:
                    raise
                await asyncio.sleep(_ASK_AGAIN)

    async def insert(self, document: Document) -> None:
        """Insert a new document, in one command with others of this moment.

        Raises:
            Duplicate: its ``_id`` or another unique value exists.
            Rejected: it will never be written.
            DatabaseUnavailable: unknown whether it was written.
        """
        await self._inserts(dict(document))

    async def _insert_all(self, documents: Sequence[Document]) -> Sequence[Exception | None]:
        with _translated(_WRITE):
            if len(documents) == 1:
                await self._collection.insert_one(documents[0])
                return [None]
            with suppress(DocumentTooLarge, InvalidDocument):  # then nothing was sent
                try:
                    await self._collection.insert_many(documents, ordered=False)
                except BulkWriteError as error:
                    return _each_of(error, len(documents))
                return [None] * len(documents)
        return [await self._insert_alone(document) for document in documents]

    async def _insert_alone(self, document: Document) -> Exception | None:
        try:
            await self._insert_all([document])
        except Exception as error:
            return error
        return None

    async def insert_each(self, documents: Sequence[Document]) -> int:
        """Insert many new documents, in no order; how many there were not yet.

        Raises:
            DatabaseUnavailable: unknown which were written.
        """
        inserted = 0
        for first in range(0, len(documents), _MOST_AT_ONCE):
            some = [dict(document) for document in documents[first : first + _MOST_AT_ONCE]]
            with _translated(_WRITE):
                try:
                    await self._collection.insert_many(some, ordered=False)
                except BulkWriteError as error:
                    if set(_codes(error)) != {_DUPLICATE}:
                        raise
                    inserted -= len(_codes(error))
            inserted += len(some)
        return inserted

    async def get(self, id: str) -> Document | None:
        """Return the document with this ``_id``; by one query with others of this moment."""
        return await self._gets(id)

    async def _get_all(self, ids: Sequence[str]) -> Sequence[Document | None]:
        with _translated(_READ):
            if len(ids) == 1:
                return [await self._collection.find_one({"_id": ids[0]})]
            different = list(dict.fromkeys(ids))
            cursor = self._collection.find({"_id": {"$in": different}}).limit(len(different))
            found = {document["_id"]: document async for document in cursor}
        return [deepcopy(found.get(id)) if ids.count(id) > 1 else found.get(id) for id in ids]

    async def find(
        self, where: Where, *, sort: Sequence[tuple[str, int]] = (), limit: int = 100, fields: Sequence[str] = ()
    ) -> list[Document]:
        """Return at most ``limit`` documents. ``where`` must be served by an index and bound its ranges."""
        with _translated(_READ):
            cursor = self._collection.find(dict(where), dict.fromkeys(fields, 1) or None)
            if sort:
                cursor = cursor.sort(list(sort))
            found: list[Document] = await cursor.limit(limit).to_list(limit)
        return found

    async def count(self, where: Where, seconds: float = _READ) -> int:
        """Return how many documents match, within so many seconds: without an index it looks at all."""
        with _translated(seconds):
            number: int = await self._collection.count_documents(dict(where))
        return number

    async def update(self, where: Where, change: Change) -> bool:
        """Change one document; whether one matched.

        Raises:
            Duplicate: a unique index refused the new values.
            Rejected: it will never be written.
            DatabaseUnavailable: unknown whether it was written.
        """
        with _translated(_WRITE):
            result = await self._collection.update_one(dict(where), dict(change))
        return bool(result.matched_count)

    async def update_each(self, pairs: Sequence[tuple[Where, Change]]) -> int:
        """Send many updates, each atomic by itself, in no order; how many matched."""
        matched = 0
        for first in range(0, len(pairs), _MOST_AT_ONCE):
            updates = [UpdateOne(dict(where), dict(change)) for where, change in pairs[first : first + _MOST_AT_ONCE]]
            with _translated(_WRITE):
                result = await self._collection.bulk_write(updates, ordered=False)
            matched += int(result.matched_count)
        return matched

    async def take_out(self, entries: Mapping[str, Sequence[str]], *, keep: int, whole: Sequence[str]) -> None:
        """Move entries of the lists ``out`` of some documents to the ends of their lists ``sent``; can be done twice.

        Each document is changed in one step, where it stands: what else waits in ``out`` stays there, and ``due`` goes
        only where nothing does. The documents of a command are one update, which costs half of one update each.

        Args:
            entries: of each document (by ``_id``) the values of ``id`` of those that go; none where only ``due`` may.
            keep: entries that remain in ``sent``, the last ones.
            whole: values of ``topic`` whose entries keep their ``body``.

        Raises:
            DatabaseUnavailable: unknown which were changed.
        """
        for some in _handfuls(entries):
            change = _taken_out([entry for id in some for entry in entries[id]], keep, list(whole))
            with _translated(_WRITE):
                await self._collection.update_many({"_id": {"$in": some}}, change)

    async def upsert(self, id: str, change: Change) -> None:
        """Change the document with this ``_id``, made first where it is absent."""
        with _translated(_WRITE):
            await self._collection.update_one({"_id": id}, dict(change), upsert=True)

    async def delete(self, where: Where) -> bool:
        """Delete one document; whether one matched."""
        with _translated(_WRITE):
            result = await self._collection.delete_one(dict(where))
        return bool(result.deleted_count)


class Database:
    """One service's database."""

    def __init__(self, client: Any, name: str, builds: Builds | None = None) -> None:
        self._client = client
        self.name = name
        self._builds = builds

    @classmethod
    async def connect(cls, url: SecretStr, name: str, builds: Builds | None = None) -> Self:
        """Open the database and wait for its first answer.

        Raises:
            DatabaseUnavailable: no answer within 2 s.
        """
        client: Any = AsyncIOMotorClient(
            url.get_secret_value(),
            serverSelectionTimeoutMS=2_000,
            connectTimeoutMS=2_000,
            socketTimeoutMS=_ANSWER_MS,
            maxPoolSize=64,
            appname=name,
        )
        database = cls(client, name, builds)
        try:
            await database.ping()
        except DatabaseUnavailable:
            client.close()
            raise
        return database

    def collection(self, name: str) -> Documents:
        """Return a collection."""
        return Documents(
            self._client[self.name].get_collection(
                name, codec_options=_CODEC, write_concern=_ACKNOWLEDGED, read_concern=ReadConcern("majority")
            ),
            self._builds,
        )

    async def rename(self, name: str, to: str) -> None:
        """Give a collection that is there, with its indexes, the name of another, gone with that: in one step."""
        with _translated():
            await self._client[self.name][name].rename(to, dropTarget=True)

    async def drop(self, name: str) -> None:
        """Remove a collection with all that it holds."""
        with _translated():
            await self._client[self.name].drop_collection(name)

    async def now(self) -> datetime:
        """Return the database's time, in UTC: the clock that leases and claims go by."""
        with _translated(_READ):
            answer = await self._client.admin.command("hello")
        time: datetime = answer["localTime"]
        return time if time.tzinfo else time.replace(tzinfo=UTC)

    async def ping(self) -> None:
        """Ask for a sign of life.

        Raises:
            DatabaseUnavailable: none came.
        """
        with _translated(_READ):
            await self._client[self.name].command("ping")

    async def close(self) -> None:
        """Close all connections."""
        self._client.close()


class _translated:  # noqa: N801 - reads as a statement: with _translated()
    """Ends the driver's work after so many seconds, and turns its errors into ours."""

    def __init__(self, seconds: float | None = None) -> None:
        self._limit = pymongo.timeout(seconds)

    def __enter__(self) -> None:
        self._limit.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.__exit__(kind, error, trace)
        if isinstance(error, DuplicateKeyError):
            raise Duplicate(_index_of(str(error))) from None
        if isinstance(error, DocumentTooLarge) or (isinstance(error, WriteError) and error.code in _NEVER):
            raise Rejected(f"the database refused the write: {type(error).__name__}") from error
        if isinstance(error, BulkWriteError):
            raise DatabaseUnavailable(f"bulk write failed: {_codes(error)}") from error
        if isinstance(error, PyMongoError):
            raise DatabaseUnavailable(f"the database failed: {type(error).__name__}") from error


def _handfuls(entries: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return documents by commands: the database looks through all of a command's entries for each that waits."""
    handfuls: list[list[str]] = []
    room = 0
    for id, own in entries.items():
        if not handfuls or len(handfuls[-1]) == _MOST_AT_ONCE or room < len(own):
            handfuls.append([])
            room = _MOST_ENTRIES
        handfuls[-1].append(id)
        room -= len(own)
    return handfuls


def _taken_out(entries: list[str], keep: int, whole: list[str]) -> list[Document]:
    goes = {"$in": ["$$entry.id", entries]}
    body = {"$cond": [{"$in": ["$$entry.topic", whole]}, "$$entry.body", None]}
    gone = {"$filter": {"input": "$out", "as": "entry", "cond": goes}}
    kept = {"$map": {"input": gone, "as": "entry", "in": {"$mergeObjects": ["$$entry", {"body": body}]}}}
    left = {"$filter": {"input": "$out", "as": "entry", "cond": {"$not": [goes]}}}
    before = {"$ifNull": ["$sent", []]}  # of what was erased none is left
    return [
        {"$set": {"sent": {"$slice": [{"$concatArrays": [before, kept]}, -keep]}, "out": left}},
        {"$set": {"due": {"$cond": [{"$eq": ["$out", []]}, "$$REMOVE", "$due"]}}},
    ]


def _each_of(error: BulkWriteError, count: int) -> list[Exception | None]:
    """Return what became of each document of a command."""
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise error
    outcomes: list[Exception | None] = [None] * count
    for entry in details.get("writeErrors", []):
        code, message = entry.get("code"), str(entry.get("errmsg", ""))
        if code == _DUPLICATE:
            outcomes[entry["index"]] = Duplicate(_index_of(message))
        elif code in _NEVER:
            outcomes[entry["index"]] = Rejected(f"the database refused the write: code {code}")
        else:
            outcomes[entry["index"]] = DatabaseUnavailable(f"the write failed: code {code}")
    return outcomes


def _index_of(message: str) -> str:
    _, found, rest = message.partition("index: ")
    return rest.split(" ", 1)[0] if found else "_id_"


def _codes(error: BulkWriteError) -> list[Any]:
    details = error.details or {}
    return [entry.get("code") for entry in details.get("writeErrors", [])]
