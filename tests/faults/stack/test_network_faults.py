"""A service whose ways to Kafka and database are cut, silent, slow or forgetful: one real process behind wires."""

import asyncio
import time
from collections.abc import Iterator, Sequence

import pytest
from checker import violations
from office import Call, Citizens, Office, open_office

from appointments.calendars.store import MOST_PENDING
from chassis.draft import MOST_KEYS
from rathaus.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

PATIENCE = 2.0
"""Seconds after which a command without an answer of the database is refused."""
NOISE = 2.0
"""Seconds that a busy machine may add."""
BACK_OFF = 2.0
"""Seconds that events may wait after the broker is back because they were under way when it went, and failed."""
LATE = 0.8
"""Seconds that a byte takes to or from the database: to load and to write are then longer than anybody waits."""
LAST_REQUEST = 18.0
"""Seconds after which a reader has given up what it asked a silent broker; with aiokafka's own limit 29."""


@pytest.fixture(scope="module")
def opened(infrastructure: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(infrastructure, tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def office(opened: Office) -> Iterator[Office]:
    yield opened
    opened.heal()


async def becomes(office: Office, red: str | None, seconds: float) -> float:
    """Wait until a check is red, or until the process is ready; return the seconds."""
    began = time.monotonic()
    while True:
        wrong = await office.readiness()
        if (red in wrong) if red else not wrong:
            return time.monotonic() - began
        assert time.monotonic() - began < seconds, wrong
        await asyncio.sleep(0.1)


def statuses(calls: Sequence[Call]) -> set[int]:
    return {call.status for call in calls}


def accepted(calls: Sequence[Call]) -> int:
    """How many were accepted: nearly all; a busy process may ask a few to come again."""
    number = sum(call.status == 201 for call in calls)
    assert statuses(calls) <= {201, 503}
    assert number >= 0.9 * len(calls) > 0
    return number


def slowest(calls: Sequence[Call]) -> float:
    return max(call.seconds for call in calls)


async def published(citizens: Citizens, backlog: int) -> tuple[float, float]:
    """Seconds until the first of so many events that wait is published, and from then on until the last one is."""
    began = time.monotonic()
    while await citizens.backlog() == backlog:
        await asyncio.sleep(0.02)
    first = time.monotonic()
    await citizens.drained()
    return first - began, time.monotonic() - first


async def all_is_well(citizens: Citizens) -> None:
    """Whoever has no answer asks again; then nothing is lost, doubled, swapped or half done."""
    await citizens.ask_again()
    await citizens.drained()
    assert violations(await citizens.story()) == []


@pytest.mark.proves("F10")
@pytest.mark.parametrize("seconds", [12, pytest.param(60, marks=pytest.mark.prove)])
async def test_while_the_broker_is_away_commands_are_accepted_and_published_afterwards(
    office: Office, seconds: int
) -> None:
    """It catches up as fast as it publishes as many events that waited while nothing was broken."""
    async with office.citizens() as citizens:
        await citizens.keep_booking(1)
        async with office.relay_at_rest():
            await citizens.keep_booking(seconds)
            waited = await citizens.backlog()
        _, usual = await published(citizens, waited)
        office.kafka.cut()
        booked = accepted(await citizens.keep_booking(seconds))
        backlog = await citizens.backlog()
        assert backlog >= booked
        await becomes(office, "kafka", 10 + NOISE)
        office.kafka.heal()
        first, rest = await published(citizens, backlog)
        assert first <= 5 + NOISE, "a second is between two tries, and another producer must sign in"
        assert rest <= 2 * usual * backlog / waited + BACK_OFF + NOISE
        await becomes(office, None, 120)
        await all_is_well(citizens)


@pytest.mark.proves("F11")
async def test_a_full_outbox_refuses_cleanly_and_its_neighbours_go_on(office: Office) -> None:
    async with office.citizens() as citizens:
        day, other = citizens.day(0), citizens.day(1)
        office.kafka.cut()
        while await citizens.backlog() < MOST_PENDING:
            await asyncio.gather(*(citizens.book(day) for _ in range(8)))
        memory = office.process.memory
        refused = [call for _ in range(4) for call in await asyncio.gather(*(citizens.book(day) for _ in range(8)))]
        assert statuses(refused) == {503}, [call for call in refused if call.status != 503]
        assert all(int(call.retry_after or 0) >= 1 for call in refused)
        assert office.process.memory < 1.2 * memory
        await citizens.insist(other)
        assert await citizens.backlog() == MOST_PENDING + 1
        (full,) = [found for found in await citizens.documents() if found["date"] == day.isoformat()]
        assert len(full["reservations"]) == full["v"] == MOST_PENDING
        office.kafka.heal()
        await citizens.drained()
        await citizens.insist(day)
        await all_is_well(citizens)


@pytest.mark.proves("F16")
@pytest.mark.parametrize("seconds", [5, pytest.param(30, marks=pytest.mark.prove)])
async def test_while_the_database_is_away_commands_are_refused_in_time_and_leave_nothing_half(
    office: Office, seconds: int
) -> None:
    async with office.citizens() as citizens:
        await citizens.keep_booking(1)
        under_way = asyncio.create_task(citizens.keep_booking(1, pause=0))
        await asyncio.sleep(0.5)
        office.database.cut()
        await under_way
        calls = await citizens.keep_booking(seconds)
        assert statuses(calls) == {503}
        assert all(call.retry_after for call in calls)
        assert slowest(calls) <= PATIENCE + NOISE
        assert "database" in await office.readiness()
        office.database.heal()
        await becomes(office, None, 120)
        await citizens.insist(citizens.day(0))
        await all_is_well(citizens)


@pytest.mark.proves("F17")
async def test_where_the_answer_of_a_write_is_lost_the_command_is_carried_out_once(office: Office) -> None:
    async with office.citizens() as citizens:
        for number in range(10):
            office.database.lose_answer(
                lambda chunk: b"reservations" in chunk and (b"update" in chunk or b"insert" in chunk)
            )
            call = await citizens.book(citizens.day(number % 3))
            assert call.status in (201, 503)
        assert office.database.lost_answers == 10
        await all_is_well(citizens)


@pytest.mark.prove
@pytest.mark.proves("F57")
async def test_where_the_answer_of_a_write_comes_after_the_caller_gave_up_it_is_carried_out_once(
    office: Office,
) -> None:
    async with office.citizens() as citizens:
        await citizens.insist(citizens.day(0))
        before = sum(len(found["reservations"]) for found in await citizens.documents())
        office.database.delay = LATE
        calls = await asyncio.gather(*(citizens.book(citizens.day(0)) for _ in range(5)))
        assert statuses(calls) == {503}
        office.heal()
        after = sum(len(found["reservations"]) for found in await citizens.documents())
        assert after > before, "it was written, though nobody was told"
        await all_is_well(citizens)
        assert statuses(citizens.calls) == {201, 503}, "what was carried out is refused to nobody"


@pytest.mark.proves("F56")
async def test_a_command_is_known_after_many_others(office: Office) -> None:
    async with office.citizens() as citizens:
        day, key = citizens.day(0), f"{citizens.slug}-2"
        for _ in range(2):
            await citizens.insist(day)  # the first made the day, which remembers it for good
        for _ in range(2 * MOST_KEYS // 8):
            await asyncio.gather(*(citizens.insist(day) for _ in range(8)))
        again = await citizens.book(day, key)
        assert (again.status, again.reservation) == (201, citizens.calls[1].reservation)
        assert await citizens.reuse(key) == 422
        await all_is_well(citizens)


@pytest.mark.proves("F19")
async def test_a_slow_network_that_loses_makes_slow_answers_and_no_wrong_ones(office: Office) -> None:
    async with office.citizens() as citizens:
        for wire in (office.database, office.kafka):
            wire.delay, wire.losses = 0.1, 0.05
        calls = await citizens.keep_booking(8)
        accepted(calls)
        assert slowest(calls) <= 3 + NOISE
        office.heal()
        await all_is_well(citizens)


@pytest.mark.prove
@pytest.mark.proves("F20")
async def test_a_silent_broker_is_noticed_and_left(office: Office) -> None:
    """By reader, relay and readiness; what a reader holds beside them is in test_broker_faults.py."""
    async with office.citizens() as citizens:
        await citizens.book(citizens.day(0))
        await citizens.drained()
        before = office.settled()
        office.kafka.silence()
        await becomes(office, "kafka", 10 + NOISE)
        accepted(await citizens.keep_booking(12))  # longer than any client is quiet: metadata is asked for every 10 s
        office.kafka.heal()
        healed = time.monotonic()
        await citizens.drained()
        await becomes(office, None, 120)
        await nothing_hangs(office, before, healed + LAST_REQUEST + NOISE - time.monotonic())
        await all_is_well(citizens)


@pytest.mark.prove
@pytest.mark.proves("F20")
async def test_a_silent_database_is_noticed_and_left(office: Office) -> None:
    async with office.citizens() as citizens:
        await citizens.book(citizens.day(0))
        await citizens.drained()
        before = office.settled()
        office.database.silence()
        calls = await citizens.keep_booking(5)
        assert statuses(calls) == {503}
        assert slowest(calls) <= PATIENCE + NOISE
        assert "database" in await office.readiness()
        read = await citizens.read()
        assert (read.status, read.seconds <= PATIENCE + NOISE) == (503, True)
        office.database.heal()
        await becomes(office, None, 120)
        await nothing_hangs(office, before)
        await all_is_well(citizens)


async def nothing_hangs(office: Office, before: dict[str, int], seconds: float = 60) -> None:
    """Wait until no client waits for a connection that never answers, and no more work is open than before."""
    end = time.monotonic() + seconds
    while silent := office.kafka.silent_connections + office.database.silent_connections:
        assert time.monotonic() < end, f"{silent} silent connections are held"
        await asyncio.sleep(0.1)
    while more := {name: count for name, count in office.census().items() if count > before.get(name, 0)}:
        assert time.monotonic() < end, more
        await asyncio.sleep(0.2)
