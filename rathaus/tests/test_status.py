"""``rathaus status`` against the real parts: what waits, who does nothing, what needs a person."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chassis.aggregates import _INDEXES
from chassis.clock import SystemClock
from chassis.documents import Database
from chassis.ids import uuid7
from chassis.inbox import Inbox
from chassis.outbox import AT_ONCE
from chassis.places import Places
from chassis.testing import FixedClock
from contracts.envelope import Envelope
from contracts.topics import SERVICES
from rathaus import running
from rathaus.__main__ import main
from rathaus.addresses import Addresses
from rathaus.citizen import Citizen
from rathaus.stack import Stack
from rathaus.stack.kafka_contents import MECHANISM
from rathaus.status import commands
from rathaus.status.facts import Case, Gap, Group, Late, Lease, Loss, Outbox, PartState, Status
from rathaus.status.look import Access, look

GROUP = "notify.osi-gateway.submissions"
CODES = "notify.identity.messages"


def access(stack: Stack, *, parts: bool = True) -> Access:
    addresses = Addresses.of(stack).parts if parts else {}
    return Access(stack.kafka_servers, stack.kafka_password(), MECHANISM, stack.database_url(), addresses)


async def seen(stack: Stack, good: Callable[[Status], bool], seconds: float = 60) -> Status:
    """Look until it is as it should be."""
    async with asyncio.timeout(seconds):
        while not good(status := await asyncio.to_thread(look, access(stack))):
            await asyncio.sleep(0.5)
    return status


@asynccontextmanager
async def asleep(stack: Stack, name: str) -> AsyncIterator[None]:
    stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        stack.kill(name, signal.SIGCONT)


@asynccontextmanager
async def database(stack: Stack, service: str) -> AsyncIterator[Database]:
    found = await Database.connect(SecretStr(stack.database_url(service)), service.replace("-", "_"))
    yield found
    await found.close()


def lag(status: Status, group: str) -> int:
    return sum(found.lag for found in status.groups or () if found.group == group)


def outbox(status: Status, service: str) -> int:
    return sum(found.events for found in status.outbox or () if found.service == service)


@pytest.mark.stack
@pytest.mark.timeout(300)
async def test_in_a_running_town_hall_all_are_ready_read_and_publish(town_hall: Stack) -> None:
    status = await seen(town_hall, lambda found: not [*found.silent, *(one for one in found.parts if not one.ready)])
    assert {part.name for part in status.parts} == set(town_hall.names) - {"kafka", "database"}
    assert status.groups is not None
    assert [found.group for found in status.groups if found.readers != 1] == []
    assert {found.group for found in status.groups} >= {GROUP, "osi-gateway.forms.packages", "identity.identity.keys"}
    assert status.leases == tuple(Lease(service, 1, 16, 16) for service in SERVICES)


@pytest.mark.stack
@pytest.mark.timeout(300)
async def test_a_service_that_sleeps_is_behind_and_a_silent_broker_fills_the_outbox(town_hall: Stack) -> None:
    group = "notify.identity.messages"
    async with Citizen(town_hall) as mia, asleep(town_hall, "notify"):
        await mia.register()
        behind = await seen(town_hall, lambda found: lag(found, group) > 0)
        assert [part.ready for part in behind.parts if part.name == "notify"] == [False]
        assert any(worry.startswith("notify ist nicht bereit") for worry in behind.worries())
    await seen(town_hall, lambda found: lag(found, group) == 0)
    async with Citizen(town_hall) as eve:
        async with asleep(town_hall, "kafka"):
            await eve.register()
            silent = await seen(town_hall, lambda found: outbox(found, "identity") > 0)
            assert set(silent.silent) == {"Kafka"}
            assert silent.groups is None
            assert any(worry.startswith("Kafka antwortet nicht") for worry in silent.worries())
        await eve.verify()
        await seen(town_hall, lambda found: outbox(found, "identity") == 0 and not found.silent)


@pytest.mark.stack
async def test_what_is_missing_unknown_or_stuck_is_named(infrastructure: Stack) -> None:
    source, effect, application = uuid7(), uuid7(), uuid7()
    ago = FixedClock()
    ago.advance(datetime.now(UTC) - timedelta(minutes=5) - ago.now())
    async with database(infrastructure, "notify") as notify:
        places = Places(notify.collection("places"), GROUP, forgets=False, clock=ago)
        await places.ensure()
        early = Envelope(uuid7(), "x.v1", "150900546546", source, 3, ago.now())
        assert await places.hold(await places.load(early), [(early, {"value": b"secret"})])
        codes = Places(notify.collection("places"), CODES, forgets=True, clock=ago)
        await codes.note_loss(3, 40, 47)
        inbox = Inbox(notify.collection("inbox"), ago)
        await inbox.ensure()

        async def cut(external_id: str) -> None:
            raise ConnectionResetError

        await inbox.once(effect, "id@example.org", cut)
    async with database(infrastructure, "osi-gateway") as gateway:
        row = {"_id": application, "stuck": True, "trouble": "no key", "at": ago.now()}
        await gateway.collection("submissions").insert(row)
    status = await asyncio.to_thread(look, access(infrastructure, parts=False))
    assert status.gaps is not None
    (gap,) = [found for found in status.gaps if found.source == source]
    assert (gap.service, gap.group, gap.missing, gap.waiting) == ("notify", GROUP, 1, 1)
    assert 290 < gap.seconds < 400
    assert [(one.service, one.group, one.partition, one.records) for one in status.losses or ()] == [
        ("notify", CODES, 3, 7)
    ]
    assert status.cases is not None
    cases = {found.id: found for found in status.cases}
    assert (cases[effect].service, cases[effect].kind) == ("notify", "unknown")
    assert cases[application] == Case("osi-gateway", "stuck", application, None, "no key")
    assert "secret" not in json.dumps(status.as_data())
    async with database(infrastructure, "osi-gateway") as gateway, database(infrastructure, "notify") as notify:
        await gateway.collection("submissions").delete({"_id": application})
        await notify.collection("places").delete({"source": source})
        await notify.collection("places").delete({"_id": Places.loss_of(CODES, 3)})
        await notify.collection("inbox").delete({"_id": effect})


@pytest.mark.stack
async def test_what_waits_for_the_broker_and_what_timers_left_is_counted(infrastructure: Stack) -> None:
    clock, id = SystemClock(), uuid7()
    entry = {
        "id": uuid7(),
        "topic": "forms.applications",
        "seq": 1,
        "body": b"",
        "at": clock.now() - timedelta(hours=1),
    }
    async with database(infrastructure, "forms") as forms:
        applications = forms.collection("applications")
        await applications.ensure(_INDEXES)
        before = await asyncio.to_thread(look, access(infrastructure, parts=False))
        await applications.insert(
            {"_id": id, "out": [entry, entry], "due": AT_ONCE, "at": clock.now() - timedelta(hours=2)}
        )
        status = await asyncio.to_thread(look, access(infrastructure, parts=False))
        await applications.delete({"_id": id})
    assert status.outbox is not None
    assert status.late is not None
    (waiting,) = [found for found in status.outbox if found.service == "forms"]
    # Other tests kill services of this name, and leave behind what these had not published yet.
    left = [(found.documents, found.events) for found in before.outbox or () if found.service == "forms"]
    documents, events = left[0] if left else (0, 0)
    assert (waiting.documents, waiting.events, round(waiting.oldest_seconds / 60)) == (documents + 1, events + 2, 60)
    (late,) = [found for found in status.late if found.service == "forms"]
    assert (late.count, round(late.seconds / 60)) == (1, 120)
    assert [found.readers for found in status.groups or ()] == [0] * len(status.groups or ())


def test_each_worry_is_one_sentence_and_a_quiet_town_has_none() -> None:
    quiet = Status(
        parts=(PartState("forms", True),),
        groups=(Group("forms.identity.keys", "identity.keys", 7, 1),),
        dead_letters={"forms": 0},
        outbox=(Outbox("forms", 3, 3, 59),),
        gaps=(Gap("forms", "g", "s", 1, 1, 9),),
        losses=(Loss("notify", "g", 3, 2, 31),),
        leases=(Lease("forms", 1, 16, 16),),
        late=(),
        cases=(),
    )
    assert quiet.worries() == []
    ill = Status(
        parts=(PartState("forms", False, {"kafka": "Kafka does not answer"}), PartState("gateway", False)),
        silent={"Datenbank": "ServerSelectionTimeoutError"},
        groups=(Group("g", "t", 0, 0), Group("g", "t.retry", 0, 0)),
        dead_letters={"forms": 1, "notify": 2},
        oldest_dead_letter_days={"forms": 21.3, "notify": 19.9},
        outbox=(Outbox("forms", 3, 4, 61),),
        gaps=(Gap("forms", "g", "s", 4, 2, 11),),
        losses=(Loss("notify", "g", 3, 2, 1.4),),
        leases=(Lease("forms", 1, 12, 16),),
        late=(Late("forms", 2, 70),),
        cases=(Case("notify", "unknown", "m", 5, "niemand weiß es"), Case("osi-gateway", "stuck", "a", None, "no key")),
    )
    assert ill.worries() == [
        "Datenbank antwortet nicht: ServerSelectionTimeoutError",
        "forms ist nicht bereit (kafka: Kafka does not answer)",
        "gateway ist nicht bereit",
        "forms: 4 von 16 Teilen veröffentlicht niemand",
        "Niemand liest in der Gruppe g",
        "forms: 4 Ereignisse warten auf Kafka, das älteste seit 61 s",
        "g: von s fehlt Nr. 4 seit 11 s, 2 Ereignisse warten dahinter",
        "g: 2 Ereignisse der Partition 3 wurden gelöscht, ehe sie gelesen waren (bemerkt vor 1 Tagen)",
        "forms: 2 Zeitpunkte sind überfällig, der älteste seit 70 s",
        "forms: 1 toter Brief wartet, der älteste seit 21 Tagen: nach 30 ist er weg",
        "notify: 2 tote Briefe warten",
        "notify: vielleicht gesendet, wird nicht wiederholt: m: niemand weiß es",
        "osi-gateway: kommt ohne Hilfe nicht weiter: Antrag a: no key",
    ]


@pytest.mark.stack
def test_it_is_typed_by_people_and_read_by_programs(
    infrastructure: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "HOME", infrastructure.home)
    Addresses.of(infrastructure).write(infrastructure.home)
    assert main(["status"]) == 1
    said = capsys.readouterr().out
    assert f"Daten in {infrastructure.home}" in said
    assert f"! Niemand liest in der Gruppe {GROUP}" in said
    assert main(["status", "--json"]) == 1
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(told) >= {
        "parts",
        "groups",
        "outbox",
        "gaps",
        "losses",
        "leases",
        "late",
        "cases",
        "dead_letters",
        "oldest_dead_letter_days",
        "worries",
    }
    Addresses.forget(infrastructure.home)


def test_without_a_town_hall_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "HOME", tmp_path)
    assert main(["status"]) == 1
    assert capsys.readouterr().out == "Es läuft kein Rathaus.\n"


def test_in_the_containers_the_set_ups_access_is_used() -> None:
    found = commands.find(
        {
            "SETUP_KAFKA": "kafka:9094",
            "SETUP_KAFKA_MECHANISM": "PLAIN",
            "SETUP_KAFKA_ADMIN": "one",
            "SETUP_DATABASE": "database:27017",
            "SETUP_DATABASE_ADMIN": "two",
        }
    )
    url = "mongodb://admin:two@database:27017/?authSource=admin&directConnection=true"
    assert found == Access("kafka:9094", "one", "PLAIN", url, {})
