"""Who publishes which shard. A lease only saves repeats: correctness does not rest on it."""

import asyncio
import math
import time
from datetime import timedelta

from chassis.clock import Clock
from chassis.documents import Documents, Duplicate
from chassis.outbox import SHARDS

HELD_FOR = timedelta(seconds=10)
_ALIVE = "relays"


class Leases:
    """The shards that one relay holds, shared out evenly among the relays that live."""

    def __init__(self, documents: Documents, me: str, clock: Clock) -> None:
        self._documents = documents
        self._me = me
        self._clock = clock
        self._until = 0.0

    async def renew(self) -> list[int]:
        """Take or keep a fair share of the shards for 10 s and give back what is more; return the shards held."""
        asked, now = time.monotonic(), self._clock.now()
        await self._documents.upsert(f"{_ALIVE}:{self._me}", {"$set": {"relay": self._me, "until": now + HELD_FOR}})
        living = await self._documents.find({"_id": {"$gte": f"{_ALIVE}:", "$lt": f"{_ALIVE};"}}, limit=200)
        relays = sum(1 for relay in living if relay["until"] > now)
        for dead in living:
            if dead["until"] <= now - HELD_FOR:  # what was killed never takes its row away
                await self._documents.delete({"_id": dead["_id"], "until": dead["until"]})
        share = math.ceil(SHARDS / max(relays, 1))
        mine = await self._take(share)
        self._until = asked + HELD_FOR.total_seconds()
        return mine

    def expired(self) -> bool:
        """Whether so much time has passed that somebody else may hold the shards (less than a quarter is left)."""
        return time.monotonic() > self._until - HELD_FOR.total_seconds() / 4

    async def give_back(self) -> None:
        """Let others take the shards at once."""
        for shard in range(SHARDS):
            await self._documents.update({"_id": f"shard:{shard}", "by": self._me}, {"$set": {"by": None}})
        await self._documents.delete({"_id": f"{_ALIVE}:{self._me}"})

    async def _take(self, share: int) -> list[int]:
        found = await self._documents.find({"_id": {"$gte": "shard:", "$lt": "shard;"}}, limit=SHARDS)
        rows = {row["_id"]: row for row in found}
        now = self._clock.now()
        mine: list[str] = []
        ids = [f"shard:{shard}" for shard in range(SHARDS)]
        for id in sorted(ids, key=lambda id: rows.get(id, {}).get("by") != self._me):
            row = rows.get(id)
            held = row is not None and row["by"] == self._me
            if len(mine) >= share:
                if held:
                    await self._documents.update({"_id": id, "by": self._me}, {"$set": {"by": None}})
            elif row is None:
                mine += await self._make(id)
            elif held or row["by"] is None or row["until"] <= now:
                change = {"$set": {"by": self._me, "until": now + HELD_FOR, "epoch": row["epoch"] + 1}}
                if await self._documents.update({"_id": id, "epoch": row["epoch"]}, change):
                    mine.append(id)
        return [int(id.partition(":")[2]) for id in mine]

    async def _make(self, id: str) -> list[str]:
        row = {"_id": id, "by": self._me, "until": self._clock.now() + HELD_FOR, "epoch": 1}
        try:
            await self._documents.insert(row)
        except Duplicate:
            return []
        return [id]


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event at most so long; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
