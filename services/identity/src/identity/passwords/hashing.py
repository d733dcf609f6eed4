"""argon2id in a bounded pool: hashing must neither stop the event loop nor let a flood of sign-ins fill the machine."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from chassis.errors import Transient

T = TypeVar("T")


class HashingBusy(Transient):
    """More passwords wait for the pool than it takes."""


class Hashing:
    """Hashes and checks passwords with argon2id, 19 MiB, 2 passes, 1 lane (ASVS 5.0, 11.4.2)."""

    def __init__(self, threads: int, queue: int) -> None:
        """Make the pool.

        Args:
            threads: how many hashes run at once; each needs 19 MiB and one core.
            queue: how many may be running or waiting; further ones are refused.
        """
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._queue = queue
        self._open = 0
        # Checked where there is no account, so that an unknown address takes as long as a known one.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Return the encoded hash with its parameters and salt.

        Raises:
            HashingBusy: the queue is full.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Check a password; None (no such account) takes the same time and is False.

        Raises:
            HashingBusy: the queue is full.
        """
        return await self._run(lambda: self._verified(hashed or self._nobody, password)) and hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Return whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

    def _verified(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._open >= self._queue:
            raise HashingBusy(f"{self._open} passwords wait for their hash; the limit is {self._queue}")
        self._open += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._open -= 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
