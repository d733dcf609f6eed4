"""What is due at a moment, in running processes: the clock jumps by a day, and they die between reading and writing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from evidence import Document, Mail, read_mails, read_records
from levers import Levers, environment
from pymongo import MongoClient

from chassis.kafka import KafkaPublisher
from chassis.settings import ServiceSettings
from contracts import Event
from contracts.appointments import SlotReserved
from contracts.envelope import Envelope, headers_of
from contracts.identity import ContactChanged
from rathaus.citizen import TANGERHUETTE, Citizen
from rathaus.stack import Ports, Stack
from rathaus.stack.testing import chosen

pytestmark = [pytest.mark.stack, pytest.mark.prove, pytest.mark.timeout(240)]

ALL, A_LOOK = 60, 50
"""Due at one moment, and as many of them as a timer takes up at once."""
DAY = 86_400.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Accounts and messages alone: what a day more or less does to the others is no matter here."""
    home, ports = tmp_path_factory.mktemp("moments"), Ports.free()
    parts = ("database", "kafka", "mailbox", "identity", "notify")
    with chosen(home, ports, parts=parts, services_also=environment(home, ports)) as stack:
        yield stack


@pytest.fixture(scope="module")
def opened(stack: Stack) -> Iterator["Town"]:
    """The services, and what their documents say. One for all tests: its clock never goes back."""
    with MongoClient[Document](stack.database_url(), tz_aware=True) as client:
        yield Town(stack, client)


@pytest.fixture
def town(opened: "Town") -> Iterator["Town"]:
    yield opened
    opened.disarm()


class Town(Levers):
    """Levers and evidence."""

    def __init__(self, stack: Stack, client: MongoClient[Document]) -> None:
        super().__init__(stack)
        self._client = client
        self._moved = 0.0

    def jump(self, seconds: float) -> None:
        """Set the town's clock ahead, at one moment."""
        self._moved += seconds
        self.stack.move_clock(self._moved)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._moved)

    def all(self, service: str, collection: str) -> list[Document]:
        """All documents, the one that is due first ahead; what is due no more comes last."""
        found = list(self._client[service][collection].find({}))
        return sorted(found, key=lambda one: one.get("at") or datetime.max.replace(tzinfo=UTC))

    async def until(self, holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(holds):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{what}: not within {seconds:g} s") from None

    async def publish(self, principal: str, events: Sequence[tuple[str, Event]]) -> None:
        """Tell what other services would tell, each event as the first of its source."""
        settings = ServiceSettings(
            kafka_servers=self.stack.kafka_servers,
            kafka_user=principal,
            kafka_password=self.stack.kafka_password(principal),
        )
        publisher = await KafkaPublisher.open(settings, "test")
        for source, event in events:
            envelope = Envelope(f"{source}-{event.type}", event.type, TANGERHUETTE, source, 1, self.now())
            body = event.model_dump_json().encode()
            await (await publisher.send(event.topic, source, body, headers_of(envelope)))
        await publisher.close()


@pytest.mark.proves("F72")
async def test_what_ran_out_in_a_day_is_given_up_once_and_in_order_whatever_dies(town: Town) -> None:
    """Accounts whose owner never proved his address. The state's version counts the writes."""
    async with httpx.AsyncClient(base_url=town.stack.address("identity"), timeout=60) as http:
        few = asyncio.Semaphore(8)
        await asyncio.gather(*(_register(town.stack, http, few, number) for number in range(ALL)))
    waiting = town.all("identity", "accounts")
    assert [one["v"] for one in waiting] == [1] * ALL
    order = [one["_id"] for one in waiting]

    # The clock of a running process jumps, and it dies between reading what is due and writing it.
    town.arm("identity", "write", "before", inside="fire")
    town.jump(DAY)
    await town.struck("identity", 1)
    assert versions(town, order) == [1] * ALL

    # The next one finds all of it a day late, and dies with the first handful written, remembering nothing of it.
    await town.strike("identity", "write", "after", inside="fire", call=A_LOOK)
    assert versions(town, order) == [2] * A_LOOK + [1] * (ALL - A_LOOK)

    await town.until(lambda: versions(town, order).count(1) == 0, "all given up")
    assert versions(town, order) == [2] * ALL
    assert {one["status"] for one in town.all("identity", "accounts")} == {"lapsed"}


@pytest.mark.proves("F72")
async def test_what_should_have_gone_out_a_day_ago_goes_out_once_in_order_and_not_all_at_once(town: Town) -> None:
    """Mails that wait for an address: it came while nobody looked, and so did a day."""
    people = [f"account-{number:02}" for number in range(ALL)]
    await town.until(lambda: not pending(town), "no other message waits")
    await town.publish("appointments", [(f"day-{who}", _reserved(who)) for who in people])
    await town.until(lambda: len(reservations(town)) == ALL, "all messages begun")
    town.jump(3_600)
    later = town.now() + timedelta(minutes=4)
    await town.until(lambda: all(one["at"] > later for one in reservations(town)), "all put off")
    await town.publish("identity", [(who, _contact(who)) for who in people])
    await town.until(lambda: {*people} <= {one["_id"] for one in town.all("notify", "contacts")}, "all addresses known")
    order = [one["account_id"] for one in reservations(town)]
    assert mailed(town) == []

    struck = town.count("notify")
    town.arm("notify", "fire", "before")
    town.jump(DAY)
    await town.struck("notify", struck + 1)
    assert mailed(town) == []

    await town.strike("notify", "fire", "before", call=A_LOOK + 1)
    assert sorted(mailed(town)) == sorted(order[:A_LOOK])

    await town.until(lambda: {one["status"] for one in reservations(town)} == {"sent"}, "all sent")
    await town.until(lambda: not any(one["out"] for one in reservations(town)), "all told")
    assert sorted(mailed(town)) == people
    records, _ = await asyncio.to_thread(read_records, town.stack)
    events = {(one.source, one.event) for one in records if one.type == "message-sent"}  # the dead may repeat one
    ours = {one["_id"] for one in reservations(town)}
    assert sorted(source for source, _ in events if source in ours) == sorted(ours)


def versions(town: Town, order: Sequence[str]) -> list[int]:
    """How often each account was written, in the order in which they ran out."""
    found = {one["_id"]: one["v"] for one in town.all("identity", "accounts")}
    return [found[id] for id in order]


def reservations(town: Town) -> list[Document]:
    return [one for one in town.all("notify", "messages") if one["kind"] == "reservation"]


def pending(town: Town) -> list[Document]:
    return [one for one in town.all("notify", "messages") if one["status"] == "pending"]


def mailed(town: Town) -> list[str]:
    """Who got a mail about an appointment, in the order of the mails; twice who got two."""
    mails: Sequence[Mail] = read_mails(town.stack)
    return [one.to.partition("@")[0] for one in mails if one.to.startswith("account-")]


async def _register(stack: Stack, http: httpx.AsyncClient, few: asyncio.Semaphore, number: int) -> None:
    citizen = Citizen(stack, email=f"mia.beispiel+{number}@example.org")
    citizen.http = http  # identity's own door: there is no gateway here
    async with few:
        await citizen.register()


def _reserved(who: str) -> SlotReserved:
    when: Any = datetime(2027, 3, 1, 9, tzinfo=UTC)
    return SlotReserved(
        occurred_at=datetime.now(UTC),
        reservation_id=f"reservation-{who}",
        account_id=who,
        office="buergerbuero",
        office_name="Bürgerbüro",
        place="Markt 1",
        starts_at=when,
        ends_at=when + timedelta(minutes=15),
    )


def _contact(who: str) -> ContactChanged:
    return ContactChanged(occurred_at=datetime.now(UTC), account_id=who, email=f"{who}@example.org")
