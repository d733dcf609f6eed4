"""The main job, played in front of people: one application goes to the state's exchange and its receipt comes back."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console
from rich.table import Table

from rathaus.addresses import Addresses
from rathaus.citizen import Citizen, Unexpected

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One step as it went."""

    name: str
    seconds: float
    trace: str
    """Address of its trace."""
    result: str


@dataclass(frozen=True)
class Played:
    """The whole job."""

    steps: tuple[Step, ...]
    seconds: float
    submission_trace: str
    """Trace of the click on "submit", to the authority's answer."""


class Play:
    """Plays the steps and notes how each went."""

    def __init__(self, addresses: Addresses, traces: str, tell: Callable[[Step], None]) -> None:
        self.citizen = Citizen(addresses)
        self._traces = traces
        self._tell = tell
        self._steps: list[Step] = []

    async def run(self) -> Played:
        """Play it.

        Raises:
            Unexpected: a step went wrong.
        """
        began = time.perf_counter()
        async with self.citizen as mia:
            await self._step("Konto anlegen", mia.register, lambda _: f"{mia.email}")
            await self._step("Code aus der Mail eingeben", mia.verify, lambda _: "Adresse bestätigt")
            await self._step("Anmelden", mia.sign_in, lambda _: f"Niveau {mia.session['level']}")
            await self._step("Landeskonto verknüpfen", mia.link, lambda _: f"Niveau {mia.session['level']}")
            application = await self._step("Dienst öffnen, Entwurf beginnen", mia.begin, lambda id: id)
            answers = await mia.sample_answers()
            await self._step(
                "Angaben speichern", lambda: mia.save(application, answers), lambda _: f"{len(answers)} Felder"
            )
            await self._step(
                "PDF anhängen", lambda: mia.attach(application), lambda found: f"{found['size']} Byte, verschlüsselt"
            )
            await self._step("Absenden", lambda: mia.submit(application), lambda found: str(found["reference"]))
            submitted = self._steps[-1].trace
            told = await self._step(
                "Antwort der Behörde abwarten",
                lambda: mia.follow(application),
                lambda told: " → ".join(told),
                submitted,
            )
            if told[-1] != "accepted":
                raise Unexpected(f"the authority did not accept: {told}")
            await self._step(
                "Termin zur Abholung reservieren", mia.reserve_any, lambda found: _local(found["starts_at"])
            )
            await self._step("Quittung im Postfach", self._receipt, lambda mail: str(mail["subject"]))
            await self._step("Terminmail mit Kalenderdatei", self._calendar, lambda mail: str(mail["subject"]))
        return Played(tuple(self._steps), time.perf_counter() - began, submitted)

    async def _receipt(self) -> dict[str, Any]:
        return await self.citizen.mail(lambda mail: "angekommen" in mail["subject"])

    async def _calendar(self) -> dict[str, Any]:
        return await self.citizen.mail(lambda mail: mail["subject"].startswith("Ihr Termin"))

    async def _step(
        self, name: str, act: Callable[[], Awaitable[T]], result: Callable[[T], str], trace: str | None = None
    ) -> T:
        began = time.perf_counter()
        done = await act()
        address = trace or f"{self._traces}/zipkin/traces/{self.citizen.trace_id}"
        step = Step(name, time.perf_counter() - began, address, result(done))
        self._steps.append(step)
        self._tell(step)
        return done


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo('Europe/Berlin')):%d.%m.%Y, %H:%M Uhr}"


def play(addresses: Addresses, *, as_json: bool = False) -> int:
    """Play the job, print each step with its time and the address of its trace; return the exit code."""
    console = Console()
    table = Table(title="Ein Antrag vom Absenden bis zur Quittung", title_justify="left")
    table.add_column("Schritt")
    table.add_column("ms", justify="right")
    table.add_column("Ergebnis", overflow="fold")
    table.add_column("Spur", no_wrap=True)

    def tell(step: Step) -> None:
        short = step.trace.rpartition("/")[2]
        table.add_row(step.name, f"{step.seconds * 1000:.0f}", step.result, f"[link={step.trace}]{short}[/link]")

    try:
        played = asyncio.run(Play(addresses, addresses.traces, tell).run())
    except (Unexpected, httpx.HTTPError, TimeoutError) as error:
        console.print(table)
        console.print(f"Die Vorführung ist stehen geblieben: {error or type(error).__name__}")
        return 1
    if as_json:
        console.print_json(json.dumps(asdict(played)))
        return 0
    console.print(table)
    console.print(f"Spuren: {addresses.traces}/zipkin/traces/<Spur>", soft_wrap=True)
    console.print(f"Der ganze Weg in {played.seconds:.1f} s. Vom Absenden bis zur Antwort der Behörde in einer Spur:")
    console.print(played.submission_trace, soft_wrap=True)
    return 0
