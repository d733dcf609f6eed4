"""One real process of the appointments service whose ways to database and Kafka are wires, and citizens who book.

Everything else of the stack stands untouched, so whatever happens on the wires can be looked at from beside them.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from checker import Attempt, Birth, Kept, Outcome, Seen, Story
from levers import INSIDE
from pydantic import SecretStr
from wires import Wire

from appointments.calendars.domain import ZONE
from chassis.clock import SystemClock
from chassis.documents import Database, Document
from chassis.ids import aggregate_id, uuid7
from chassis.kafka import KafkaPublisher
from chassis.leases import HELD_FOR
from chassis.outbox import SHARDS
from chassis.relay import LONGEST_BACK_OFF
from chassis.settings import ServiceSettings
from chassis.testing.example import TENANT
from chassis.testing.service import Signer
from contracts.envelope import Envelope, envelope_of, headers_of
from contracts.identity import TokenKeyPublished
from contracts.topics import TOPICS
from rathaus.stack.services import answers
from rathaus.stack.stack import Stack
from rathaus.stack.supervisor import Child

TOPIC = TOPICS["appointments.slots"]
_SLUGS = [f"office-{letter}" for letter in "abcdefghijklmnopqrst"]
_OPEN = [["08:00", "18:00"]]
_LONG = 30.0
_IDLE = httpx.Limits(keepalive_expiry=3.0)
"""Seconds until an idle connection is not used again, as at the gateway: the service closes it after 5."""
_MEMBER = "GroupCoordinator._heartbeat_routine"


class Office:
    """The process, its wires, and the offices that it serves: each test takes one for itself."""

    def __init__(self, stack: Stack, home: Path, kafka: Wire, database: Wire) -> None:
        self.stack = stack
        self.kafka = kafka
        self.database = database
        self.address = stack.address("appointments")
        self.signer = Signer(SystemClock())
        self._census = home / "census"
        self._free = list(_SLUGS)
        environment = {
            **stack.service_environment("appointments"),
            "RATHAUS_MUNICIPALITIES": str(_municipality(stack.place.repository, home)),
            "OTEL_TRACES_EXPORTER": "none",
            "PYTHONPATH": str(INSIDE),
            "REWIRE": f"{kafka.target}>{kafka.port},{database.target}>{database.port}",
            "CENSUS": str(self._census),
        }
        command = [sys.executable, "-m", "appointments"]
        self.process = Child("appointments", command, environment, home / "log", self._ready, 10)

    def __enter__(self) -> Self:
        asyncio.run(publish_key(self.stack, self.signer))
        self.process.start()
        try:
            self.process.wait_ready(60)
        except BaseException:
            self.process.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()

    def settled(self) -> dict[str, int]:
        """Its census once its consumer is a member of its group."""
        end = time.monotonic() + _LONG
        while _MEMBER not in (found := self.census()):
            assert time.monotonic() < end, found
            time.sleep(0.1)
        return found

    def heal(self) -> None:
        """Mend both wires and wait until the process is ready again."""
        self.kafka.heal()
        self.database.heal()
        self.process.wait_ready(90)

    def census(self) -> dict[str, int]:
        """What asyncio tasks the process has: how many by the name of what they do."""
        self._census.unlink(missing_ok=True)
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGUSR2)
        end = time.monotonic() + _LONG
        while not self._census.exists():
            assert time.monotonic() < end, "no census"
            time.sleep(0.01)
        found: dict[str, int] = json.loads(self._census.read_text())
        return found

    @asynccontextmanager
    async def citizens(self) -> AsyncIterator["Citizens"]:
        """Citizens of an office that nobody has booked at before."""
        async with httpx.AsyncClient(base_url=self.address, timeout=_LONG, limits=_IDLE) as http:
            yield Citizens(self, self._free.pop(), http)

    @asynccontextmanager
    async def relay_at_rest(self) -> AsyncIterator[None]:
        """Keep its relay from publishing though nothing is broken: somebody else holds all shards."""
        async with self.connected() as database:
            leases = database.collection("leases")

            async def hand_to(relay: str | None) -> None:
                until = datetime.now(UTC) + timedelta(hours=1)
                for shard in range(SHARDS):
                    change = {"$set": {"by": relay, "until": until}, "$inc": {"epoch": 1}}
                    assert await leases.update({"_id": f"shard:{shard}"}, change)

            await hand_to("nobody")
            try:
                await asyncio.sleep(HELD_FOR.total_seconds() / 2)  # it looks again after a third
                yield
            finally:
                await hand_to(None)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Database]:
        """Its database, past its wire."""
        database = await Database.connect(SecretStr(self.stack.database_url("appointments")), "appointments")
        try:
            yield database
        finally:
            await database.close()

    async def readiness(self) -> dict[str, str]:
        """What is wrong by the process's own word: reasons by check."""
        async with httpx.AsyncClient(base_url=self.address, timeout=_LONG) as http:
            checks = (await http.get("/ready")).json()["checks"]
        return {name: check["reason"] for name, check in checks.items() if not check["ok"]}

    def _ready(self) -> bool:
        return answers(f"{self.address}/ready")


async def publish_key(stack: Stack, signer: Signer) -> None:
    """Publish a key as identity does."""
    key = TokenKeyPublished(occurred_at=datetime.now(UTC), kid=signer.kid, jwk=signer.public)
    settings = ServiceSettings(
        kafka_servers=stack.kafka_servers,
        kafka_user="identity",
        kafka_password=stack.kafka_password("identity"),
    )
    publisher = await KafkaPublisher.open(settings, "test")
    envelope = Envelope(uuid7(), key.type, TENANT, key.kid, 1, datetime.now(UTC))
    body = key.model_dump_json().encode()
    await (await publisher.send(key.topic, key.kid, body, headers_of(envelope)))
    await publisher.close()


@contextmanager
def open_office(stack: Stack, home: Path) -> Iterator[Office]:
    """Start the process behind its wires."""
    with (
        Wire(stack.ports.kafka) as kafka,
        Wire(stack.ports.database) as database,
        Office(stack, home, kafka, database) as office,
    ):
        yield office


@dataclass
class Call:
    """One answer to one call."""

    status: int
    """0 where there was none."""
    seconds: float
    retry_after: str | None = None
    reservation: str = ""
    failure: str = ""
    """Why there was none."""


@dataclass
class Citizens:
    """Those who book at one office; each has an account and a key of his own."""

    office: Office
    slug: str
    http: httpx.AsyncClient
    attempts: list[Attempt] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    booked: dict[str, date] = field(default_factory=dict)
    """Days by key, of all keys that were ever tried."""
    _count: int = 0

    def day(self, number: int) -> date:
        """The open day with this number; all are workdays without a holiday."""
        return _workdays()[number % len(_workdays())]

    async def book(self, on: date, key: str = "") -> Call:
        """Ask for a place on a day, once."""
        self._count += 1
        key = key or f"{self.slug}-{self._count}"
        self.booked[key] = on
        number = int(key.rpartition("-")[2])
        starts = datetime(on.year, on.month, on.day, 8, tzinfo=ZONE) + timedelta(minutes=30 * (number % 20))
        headers = {"Authorization": f"Bearer {self.office.signer.token(key)}", "Idempotency-Key": key}
        called, began = time.monotonic_ns(), time.monotonic()
        call = Call(0, 0.0)
        try:
            answer = await self.http.post(
                f"/api/appointments/v1/{TENANT}/reservations",
                json={"office": self.slug, "starts_at": starts.isoformat()},
                headers=headers,
            )
            call = Call(answer.status_code, 0.0, answer.headers.get("Retry-After"))
            if answer.status_code == 201:
                call.reservation = answer.json()["reservation_id"]
        except httpx.HTTPError as error:
            call.failure = repr(error)
        call.seconds = time.monotonic() - began
        # 503 says that the outcome is unknown or that nothing was done: the caller is to ask again.
        outcome: Outcome = "acknowledged" if call.status == 201 else "unknown" if call.status in (0, 503) else "refused"
        self.calls.append(call)
        self.attempts.append(
            Attempt(self._source(on), key, outcome, called, time.monotonic_ns(), call.reservation or str(call.status))
        )
        return call

    async def reuse(self, key: str) -> int:
        """Ask for something else with a key that was used; the status."""
        answer = await self.http.post(
            f"/api/appointments/v1/{TENANT}/reservations",
            json={"office": self.slug, "starts_at": datetime.now(ZONE).isoformat()},
            headers={"Authorization": f"Bearer {self.office.signer.token(key)}", "Idempotency-Key": key},
        )
        return answer.status_code

    async def insist(self, on: date) -> None:
        """Book a place on a day, also where a busy process says to come again."""
        key, end = f"{self.slug}-{self._count + 1}", time.monotonic() + _LONG
        while (await self.book(on, key)).status != 201:
            assert time.monotonic() < end, f"no place on {on}"
            await asyncio.sleep(0.2)

    async def read(self) -> Call:
        """Look at one's own reservations."""
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {self.office.signer.token('mia')}"}
        answer = await self.http.get(f"/api/appointments/v1/{TENANT}/reservations", headers=headers)
        return Call(answer.status_code, time.monotonic() - began)

    async def keep_booking(self, seconds: float, callers: int = 4, pause: float = 0.1) -> list[Call]:
        """Book one after the other on changing days for so long; all calls of that time."""
        end, before = time.monotonic() + seconds, len(self.calls)

        async def one(caller: int) -> None:
            number = caller
            while time.monotonic() < end:
                await self.book(self.day(number))
                number += callers
                await asyncio.sleep(pause)

        await asyncio.gather(*(one(caller) for caller in range(callers)))
        return self.calls[before:]

    async def ask_again(self) -> None:
        """Send every command again that has no answer yet, with its key, until it has one."""
        known = {attempt.key for attempt in self.attempts if attempt.outcome != "unknown"}
        at_once = asyncio.Semaphore(8)

        async def ask(key: str, on: date) -> None:
            end = time.monotonic() + 4 * _LONG
            async with at_once:
                while (await self.book(on, key)).status in (0, 503):
                    assert time.monotonic() < end, f"{key} is never answered"
                    await asyncio.sleep(0.1)

        await asyncio.gather(*(ask(key, on) for key, on in list(self.booked.items()) if key not in known))

    async def documents(self) -> list[Document]:
        """The office's days as they lie in the database."""
        async with self.office.connected() as database:
            days = {self._source(on) for on in self.booked.values()}
            return await database.collection("days").find({"_id": {"$in": sorted(days)}}, limit=1000)

    async def backlog(self) -> int:
        """Events that wait for the broker."""
        return sum(len(found["out"]) for found in await self.documents())

    async def drained(self, seconds: float = 2 * LONGEST_BACK_OFF) -> None:
        """Wait until everything is published and marked; after a long outage a document's next try is a minute away."""
        end = time.monotonic() + seconds
        while any(found["out"] or "due" in found for found in await self.documents()):
            assert time.monotonic() < end, f"{await self.backlog()} events wait"
            await asyncio.sleep(0.05)

    async def story(self) -> Story:
        """All for the checker. An event goes by the name of its reservation: that is what document and topic share."""
        documents = await self.documents()
        published = await self._published({found["_id"] for found in documents})
        births = [
            Birth(found["_id"], TOPIC.name, number, one["id"], one["made"]["key"], 0, number, 1000)
            for found in documents
            for number, one in enumerate(found["reservations"], 1)
        ]
        kept = [
            Kept(
                found["_id"],
                {TOPIC.name: found["seq"]["appointments_slots"]},
                len(found["out"]),
                "due" in found,
                len(found["reservations"]),
                1000,
            )
            for found in documents
        ]
        effects = list(dict.fromkeys(published))  # nobody reads here
        return Story(self.attempts, births, published, effects, kept)

    async def _published(self, sources: set[str]) -> list[Seen]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.office.stack.kafka_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="admin",
            sasl_plain_password=self.office.stack.kafka_password(),
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            places = [TopicPartition(TOPIC.name, partition) for partition in range(TOPIC.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found: list[Seen] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    # By key, because others put records without headers into this topic on purpose.
                    found += [_seen(one) for one in records if (one.key or b"").decode(errors="replace") in sources]
            return found
        finally:
            await consumer.stop()

    def _source(self, on: date) -> str:
        return aggregate_id(TENANT, "day", self.slug, on.isoformat())


def _seen(record: Any) -> Seen:
    envelope = envelope_of(
        record.headers,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=(record.key or b"").decode(),
    )
    reservation = json.loads(record.value).get("reservation_id", "") if record.value[:1] == b"{" else ""
    return Seen(envelope.subject, envelope.topic, envelope.sequence, reservation)


def _workdays() -> Sequence[date]:
    from appointments.calendars.api import public_holidays

    today = datetime.now(ZONE).date()
    days = [today + timedelta(days=ahead) for ahead in range(2, 59)]
    return [day for day in days if day.weekday() < 5 and day not in public_holidays(day.year)]


def _municipality(repository: Path, home: Path) -> Path:
    """A folder with one municipality that has many offices with many places."""
    folder = home / "municipalities"
    shutil.copytree(repository / "municipalities", folder)
    file = folder / f"{TENANT}.yaml"
    town = yaml.safe_load(file.read_text())
    like = town["offices"][0]
    hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), _OPEN)
    town["offices"] = [{**like, "slug": slug, "hours": hours, "slot_minutes": 30, "capacity": 50} for slug in _SLUGS]
    file.write_text(yaml.safe_dump(town, allow_unicode=True))
    return folder
