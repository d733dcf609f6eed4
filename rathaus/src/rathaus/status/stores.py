"""What waits in the services' databases, as the operator may see it: numbers and ids, nothing personal."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.database import Database

from chassis.outbox import AT_ONCE, SHARDS
from chassis.places import Places
from contracts.topics import SERVICES, TOPICS, Service
from rathaus.stack.database import database_of
from rathaus.status.facts import TIMER_SECONDS, Case, Gap, Late, Lease, Loss, Outbox

ANSWER_MS = 5000
_LOOKS = 5
_MOST = 100
"""Gaps and cases that are named one by one."""
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(document_class=dict, tz_aware=True, tzinfo=UTC)


class Stores:
    """The databases of all services, asked once. Raises PyMongoError."""

    def __init__(self, client: MongoClient[dict[str, Any]]) -> None:
        self._databases: dict[str, Database[dict[str, Any]]] = {
            name: client.get_database(database_of(name), _AWARE) for name in SERVICES
        }
        time = client.admin.command("hello")["localTime"]
        self._now: datetime = time if time.tzinfo else time.replace(tzinfo=UTC)
        self._indexed = {name: dict(_indexed(database)) for name, database in self._databases.items()}

    def outbox(self) -> tuple[Outbox, ...]:
        """Return what the relays have not published yet."""
        return tuple(self._outbox(service) for service in SERVICES)

    def _outbox(self, service: str) -> Outbox:
        documents = events = 0
        oldest = self._now
        for name in self._having(service, "relay"):
            for found in self._databases[service][name].find({"due": {"$gte": AT_ONCE}}, {"out.at": 1}):
                documents += 1
                events += len(found["out"])
                oldest = min([oldest, *(entry["at"] for entry in found["out"])])
        return Outbox(service, documents, events, self._since(oldest))

    def gaps(self) -> tuple[Gap, ...]:
        """Return the sources of which an event is missing."""
        return tuple(
            Gap(
                service,
                place["group"],
                place["source"],
                place["last"] + 1,
                len(place["wait"]),
                self._since(place["gap_since"]),
            )
            for service, database in self._databases.items()
            for place in database["places"].find({"gap_since": {"$gte": AT_ONCE}}, {"wait.value": 0}).limit(_MOST)
        )

    def losses(self) -> tuple[Loss, ...]:
        """Return what topics deleted before it was read."""
        return tuple(loss for service in SERVICES for loss in self._losses(service))

    def _losses(self, service: Service) -> Iterator[Loss]:
        reads = [topic for topic in TOPICS.values() if topic.forgets and service in topic.consumers]
        ids = [Places.loss_of(topic.group(service), number) for topic in reads for number in range(topic.partitions)]
        for note in self._databases[service]["places"].find({"_id": {"$in": ids}}):
            days = self._since(note["lost_at"]) / timedelta(days=1).total_seconds()
            yield Loss(service, note["group"], note["partition"], note["end"] - note["begin"], days)

    def leases(self) -> tuple[Lease, ...]:
        """Return who publishes, by service."""
        return tuple(self._lease(service) for service in SERVICES)

    def _lease(self, service: str) -> Lease:
        # A row that is being renewed while all are read may be missed: who seems to lack one is looked at again.
        looks = (self._look_at_lease(service) for _ in range(_LOOKS))
        best = Lease(service, 0, -1, SHARDS)
        for look in looks:
            best = max(best, look, key=lambda lease: lease.held)
            if best.held == SHARDS:
                break
        return best

    def _look_at_lease(self, service: str) -> Lease:
        rows = list(self._databases[service]["leases"].find())
        living = {row["relay"] for row in rows if "relay" in row and row["until"] > self._now}
        held = sum(1 for row in rows if row.get("by") in living and row["until"] > self._now)
        return Lease(service, len(living), held, SHARDS)

    def late(self) -> tuple[Late, ...]:
        """Return what timers have left undone."""
        found = (self._late(service) for service in SERVICES)
        return tuple(late for late in found if late.count)

    def _late(self, service: str) -> Late:
        where = {"at": {"$gte": AT_ONCE, "$lt": self._now - timedelta(seconds=TIMER_SECONDS)}}
        count, oldest = 0, self._now
        for name in self._having(service, "timers"):
            documents = self._databases[service][name]
            count += documents.count_documents(where)
            oldest = min([oldest, *(found["at"] for found in documents.find(where, {"at": 1}).sort("at", 1).limit(1))])
        return Late(service, count, self._since(oldest))

    def cases(self) -> tuple[Case, ...]:
        """Return the effects outside that need a person."""
        return (*self._unknown(), *self._stuck())

    def _unknown(self) -> Iterator[Case]:
        for service, database in self._databases.items():
            for row in database["inbox"].find({"unknown_at": {"$gte": AT_ONCE}}).sort("unknown_at", 1).limit(_MOST):
                yield Case(service, "unknown", row["_id"], self._since(row["unknown_at"]), "niemand weiß es")

    def _stuck(self) -> Iterator[Case]:
        submissions = self._databases["osi-gateway"]["submissions"]
        where = {"at": {"$gte": AT_ONCE}, "stuck": True}  # by the timers' index: what has ended is not looked at
        for row in submissions.find(where, {"trouble": 1}).limit(_MOST):
            yield Case("osi-gateway", "stuck", row["_id"], None, row["trouble"] or "")

    def _having(self, service: str, index: str) -> list[str]:
        return [name for name, indexes in self._indexed[service].items() if index in indexes]

    def _since(self, moment: datetime) -> float:
        return max(0.0, round((self._now - moment).total_seconds(), 1))


def _indexed(database: Database[dict[str, Any]]) -> Iterator[tuple[str, set[str]]]:
    for name in database.list_collection_names():
        yield name, set(database[name].index_information())
