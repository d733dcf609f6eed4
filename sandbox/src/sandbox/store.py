"""The sandbox's memory: one SQLite file, written in one thread, synced before anybody is answered."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

Connection = sqlite3.Connection


class StoreInUse(Exception):
    """Another process has the file open."""


class Store:
    """Runs transactions one after the other; what has returned survives the end of the process and of the machine."""

    def __init__(self, connection: Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    @classmethod
    async def open(cls, file: Path, tables: Sequence[str]) -> "Store":
        """Open or create the file with these tables; StoreInUse when another process holds it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(thread, _connect, file, tables)
        except sqlite3.OperationalError as error:
            thread.shutdown(wait=False)
            if "locked" in str(error):
                raise StoreInUse(f"{file} wird schon von einer anderen Sandbox benutzt") from error
            raise
        return cls(connection, thread)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction: all of it or, when it raises, nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._connection)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return result

    async def close(self) -> None:
        """Finish what runs and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


def _connect(file: Path, tables: Sequence[str]) -> Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=1)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in tables:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection
