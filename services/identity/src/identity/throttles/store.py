"""How often an address was tried, for all processes."""

from datetime import timedelta

from chassis.clock import Clock
from chassis.documents import Database, Document, Documents, Duplicate, Index
from chassis.errors import Transient
from identity.pepper.store import Pepper
from identity.throttles.domain import Limit, Tries, check, counted

_ROUNDS = 20


class ThrottleBusy(Transient):
    """Too many tries at the same instant to count them."""


class Throttles:
    """Counts tries under keyed hashes, so that the collection names no addresses."""

    def __init__(self, documents: Documents, pepper: Pepper, clock: Clock) -> None:
        self._documents = documents
        self._pepper = pepper
        self._clock = clock

    @classmethod
    async def open(cls, database: Database, pepper: Pepper, clock: Clock) -> "Throttles":
        """Open the collection and create its index."""
        documents = database.collection("throttles")
        await documents.ensure([Index((("last_at", 1),), "forgotten", expire_after=timedelta(days=1))])
        return cls(documents, pepper, clock)

    async def check(self, *address: str) -> None:
        """Refuse a try that comes too early, without counting it.

        Raises:
            Throttled: with the seconds to wait.
        """
        check(_tries(await self._documents.get(self._id(address))), self._clock.now())

    async def count(self, limit: Limit, *address: str) -> None:
        """Count a try, or refuse it where it comes too early. Of many at once only the free ones pass.

        Raises:
            Throttled: with the seconds to wait.
            ThrottleBusy: others counted at the same instant, twenty times in a row.
        """
        id = self._id(address)
        for _ in range(_ROUNDS):
            found = await self._documents.get(id)
            now = self._clock.now()
            check(_tries(found), now)
            tries = counted(_tries(found), limit, now)
            fields = {"count": tries.count, "last_at": tries.last_at, "next_at": tries.next_at}
            if await self._write(id, found, fields):
                return
        raise ThrottleBusy(f"tries at one address could not be counted in {_ROUNDS} rounds")

    async def forget(self, *address: str) -> None:
        """Start from zero: the right person was there."""
        await self._documents.delete({"_id": self._id(address)})

    async def _write(self, id: str, found: Document | None, fields: Document) -> bool:
        if found is not None:
            return await self._documents.update(
                {"_id": id, "count": found["count"], "last_at": found["last_at"]}, {"$set": fields}
            )
        try:
            await self._documents.insert({"_id": id, **fields})
        except Duplicate:
            return False
        return True

    def _id(self, address: tuple[str, ...]) -> str:
        return self._pepper.derive("throttle", *address)


def _tries(document: Document | None) -> Tries | None:
    return None if document is None else Tries(document["count"], document["last_at"], document["next_at"])
