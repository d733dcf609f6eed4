"""Load: people who book, give back, apply and register over the real gateway, each attempt written down.

Every command carries an Idempotency-Key. What got no answer is asked again with the same key: some at once, some only
at the end, after much else has happened.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx
from checker import Attempt, Outcome

from chassis.ids import aggregate_id
from rathaus.citizen import SERVICE, Citizen, TownHall, Unexpected

OFFICE = "buergerbuero"
BERLIN = ZoneInfo("Europe/Berlin")
MOST_TAKEN = 10
"""Times that one account may take on one day."""
DEFERRED = 0.3
"""Share of the commands without an answer that are asked again only at the end."""
_TIMEOUT = 8.0
_AT_ONCE = 20
"""Commands asked again at once at the end: well below the client's hundred connections."""
_KNOWN = (200, 201, 202, 204)
_UNKNOWN = (401, 408, 429, 500, 502, 503, 504)
"""Answers that say nothing of the command."""


@dataclass(frozen=True)
class Command:
    """One command of one person; ``source`` is the aggregate that it is decided on, empty where nobody can know."""

    person: Citizen
    method: str
    path: str
    source: str
    key: str = field(default_factory=lambda: secrets.token_hex(12))
    body: dict[str, Any] | None = None
    version: int | None = None


@dataclass(frozen=True)
class Reply:
    """What came back."""

    outcome: Outcome
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    version: int = 0


@dataclass
class Log:
    """All that was attempted in one town, over all loads."""

    attempts: list[Attempt] = field(default_factory=list)
    taken: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often an account took a time of a day."""
    held: dict[tuple[str, str], str] = field(default_factory=dict)
    """Days on which an account holds a time, with its path; without one where that is not known."""
    applications: dict[str, str] = field(default_factory=dict)
    """Handed in and acknowledged: application → reference."""
    moved: float = 0.0
    """Seconds that the town's clocks were set ahead."""

    def now(self) -> int:
        """The town's time in milliseconds."""
        return int((time.time() + self.moved) * 1000)


class Load:
    """Runs while it is open; at its end everything that was begun is finished and every command has an answer."""

    def __init__(
        self,
        town: TownHall,
        people: Sequence[Citizen],
        log: Log,
        *,
        seed: int = 0,
        pause: float = 0.1,
        days: int | None = None,
        applicants: int = 2,
        newcomers: int = 0,
        finish_seconds: float = 120,
    ) -> None:
        self._town = town
        self._people = people
        self.log = log
        self._random = random.Random(seed)  # noqa: S311  what people do, not a secret
        self._pause = pause
        self._days = days
        self._applicants = applicants
        self._newcomers = newcomers
        self._finish_seconds = finish_seconds
        self._later: list[Command] = []
        self._signing_in: dict[str, asyncio.Lock] = {}
        self._over = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self.retried = 0

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(base_url=self._town.api, timeout=_TIMEOUT)
        for person in self._people:
            person.http = self._http
            self._signing_in[person.email] = asyncio.Lock()
        self._slots = await self._free_slots()
        self._sample = await self._patiently(self._people[0].sample_answers)
        work = [self._book(person) for person in self._people]
        work += [self._apply(person) for person in self._people[: self._applicants]]
        work += [self._register() for _ in range(self._newcomers)]
        self._workers = [asyncio.create_task(self._again_and_again(one)) for one in work]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        try:
            async with asyncio.timeout(self._finish_seconds):
                await asyncio.gather(*self._workers)
                later, self._later = self._later, []
                few = asyncio.Semaphore(_AT_ONCE)
                await asyncio.gather(*(self._at_last(command, few) for command in later))
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            await self._http.aclose()

    @property
    def answered(self) -> int:
        """Attempts so far that got an answer."""
        return sum(attempt.outcome != "unknown" for attempt in self.log.attempts)

    async def reaches(self, more: int, seconds: float = 90) -> None:
        """Wait until so many more attempts were answered."""
        goal = self.answered + more
        async with asyncio.timeout(seconds):
            while self.answered < goal:
                await asyncio.sleep(0.1)

    async def next_acknowledgement(self, seconds: float = 90) -> None:
        """Return as soon as the next command is acknowledged, before anything else is done."""
        self._acknowledged.clear()
        async with asyncio.timeout(seconds):
            await self._acknowledged.wait()

    async def settle(self, command: Command, *, defer: bool = True) -> Reply:
        """Send a command until it is answered. Without an answer it may be left for the end."""
        while (reply := await self._attempt(command)).outcome == "unknown":
            self.retried += 1
            if defer and self._random.random() < DEFERRED:
                self._later.append(command)
                return reply
            await asyncio.sleep(self._random.uniform(0.2, 1.0))
        return reply

    async def _at_last(self, command: Command, few: asyncio.Semaphore) -> None:
        async with few:
            reply = await self.settle(command, defer=False)
        if command.body and "starts_at" in command.body:
            day = datetime.fromisoformat(command.body["starts_at"]).astimezone(BERLIN).date().isoformat()
            if reply.outcome == "acknowledged":
                self.log.held[command.person.email, day] = _path(reply)
            else:
                self.log.held.pop((command.person.email, day), None)

    async def _attempt(self, command: Command) -> Reply:
        called = self.log.now()
        reply = await self._send(command)
        if reply is None:  # nothing was sent, or nothing but the sign-in was looked at
            return Reply("unknown")
        self.log.attempts.append(
            Attempt(command.source, command.key, reply.outcome, called, self.log.now(), _answer(command, reply))
        )
        if reply.outcome == "acknowledged":
            self._acknowledged.set()
        return reply

    async def _send(self, command: Command) -> Reply | None:
        person = command.person
        headers, token = {"Idempotency-Key": command.key}, person.session.get("access_token")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if command.version is not None:
            headers["If-Match"] = f'"{command.version}"'
        service, _, rest = command.path.partition("/")
        url = f"/api/{service}/v1/{person.tenant}/{rest}"
        try:
            # A connection's lock has no time limit in httpcore: whoever waits for it would wait for good.
            async with asyncio.timeout(2 * _TIMEOUT):
                answer = await self._http.request(command.method, url, headers=headers, json=command.body)
            if answer.status_code == 401:
                await self._sign_in(person, token)
                return None
            version = int(answer.headers.get("etag", '"0"').strip('"'))
            body = answer.json() if answer.content else {}
        except (httpx.HTTPError, TimeoutError, Unexpected, ValueError):
            return Reply("unknown")
        if answer.status_code in _UNKNOWN:
            return Reply("unknown", answer.status_code)
        outcome: Outcome = "acknowledged" if answer.status_code in _KNOWN else "refused"
        return Reply(outcome, answer.status_code, body, version)

    async def _sign_in(self, person: Citizen, old: str | None) -> None:
        async with self._signing_in[person.email]:
            if person.session.get("access_token") == old:
                async with asyncio.timeout(2 * _TIMEOUT):
                    await person.sign_in()

    async def _again_and_again(self, work: Callable[[], Awaitable[None]]) -> None:
        while not self._over.is_set():
            await work()
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._pause)

    async def _patiently(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        for _ in range(60):
            try:
                return await ask()
            except (httpx.HTTPError, Unexpected):
                await asyncio.sleep(0.5)
        return await ask()

    # What people do

    def _book(self, person: Citizen) -> Callable[[], Awaitable[None]]:
        async def book() -> None:
            """Take a time; usually give it back, sooner or later."""
            wanted = self._choose(person)
            if wanted is None:
                await self._give_back(person)
                await asyncio.sleep(0.5)
                return
            day, starts_at = wanted
            said = {"office": OFFICE, "starts_at": starts_at}
            reserve = Command(person, "POST", "appointments/reservations", _day(person, day), body=said)
            reply = await self.settle(reserve)
            if reply.outcome != "refused":
                self.log.held[person.email, day] = _path(reply)
            if reply.outcome == "acknowledged" and self._random.random() < 0.7:
                await self.settle(Command(person, "DELETE", _path(reply), reserve.source))
                self.log.held.pop((person.email, day), None)

        return book

    async def _give_back(self, person: Citizen) -> None:
        """Give back one that was held for long."""
        mine = [(day, path) for (email, day), path in self.log.held.items() if email == person.email and path]
        if mine:
            day, path = self._random.choice(mine)
            await self.settle(Command(person, "DELETE", path, _day(person, day)))
            self.log.held.pop((person.email, day), None)

    def _choose(self, person: Citizen) -> tuple[str, str] | None:
        # Who holds one already is told so: that happens now and then.
        again = self._random.random() < 0.1
        open_ = [
            day
            for day in self._slots
            if self.log.taken.get((person.email, day), 0) < MOST_TAKEN
            and (again or (person.email, day) not in self.log.held)
        ]
        days = open_ if self._days is None else open_[: self._days]
        if not days:
            return None
        day = self._random.choice(days)
        self.log.taken[person.email, day] = self.log.taken.get((person.email, day), 0) + 1
        # The first two are wanted by everybody: some must be told that they are taken.
        slots = self._slots[day][:2] if self._random.random() < 0.3 else self._slots[day]
        return day, self._random.choice(slots)

    def _apply(self, person: Citizen) -> Callable[[], Awaitable[None]]:
        async def apply() -> None:
            """Begin, fill in, hand in."""
            key = secrets.token_hex(12)
            source = aggregate_id(person.tenant, person.account_id, key)
            begin = Command(person, "POST", "forms/applications", source, key, {"service": SERVICE})
            begun = await self.settle(begin, defer=False)
            if begun.outcome != "acknowledged":
                return
            answers = {**self._sample, "given_name": f"Mia {key.translate(_NO_DIGITS)}"}
            path = f"forms/applications/{source}"
            save = Command(person, "PUT", f"{path}/answers", source, body={"answers": answers}, version=begun.version)
            saved = await self._unlogged(save)
            if saved.outcome != "acknowledged":
                return
            submit = Command(person, "POST", f"{path}/submission", source, version=saved.version)
            done = await self.settle(submit, defer=False)
            if done.outcome == "acknowledged":
                self.log.applications[source] = str(done.body["reference"])
            await asyncio.sleep(self._random.uniform(0.5, 1.5))

        return apply

    async def _unlogged(self, command: Command) -> Reply:
        """A saved draft is known by what it says, not by a key: nothing to check by."""
        while (reply := await self._send(command) or Reply("unknown")).outcome == "unknown":
            await asyncio.sleep(self._random.uniform(0.2, 1.0))
        return reply

    def _register(self) -> Callable[[], Awaitable[None]]:
        async def register() -> None:
            """Ask for an account: a code comes by mail."""
            person = Citizen(self._town)
            said = {"email": person.email, "password": person.password}
            command = Command(person, "POST", "identity/accounts", "", body=said)
            before = len(self.log.attempts)
            reply = await self.settle(command, defer=False)
            for number, one in enumerate(self.log.attempts[before:], before):
                if one.key == command.key:  # which account it is follows from a secret: only the answer tells
                    source = str(reply.body.get("account_id", ""))
                    self.log.attempts[number] = Attempt(source, *(getattr(one, name) for name in _REST))
            await asyncio.sleep(self._random.uniform(2, 4))

        return register

    async def _free_slots(self) -> dict[str, list[str]]:
        """All times from the day after tomorrow on, by day."""
        person = self._people[0]
        found: dict[str, list[str]] = {}
        first = datetime.now(BERLIN).date() + timedelta(days=2)
        for week in range(4):
            start = first + timedelta(days=14 * week)

            async def ask(start: Any = start) -> httpx.Response:
                return await person.call("GET", f"appointments/offices/{OFFICE}/slots?from={start}&days=14", 200)

            for slot in (await self._patiently(ask)).json()["slots"]:
                starts_at = datetime.fromisoformat(slot["starts_at"])
                found.setdefault(starts_at.astimezone(BERLIN).date().isoformat(), []).append(slot["starts_at"])
        return found


def _day(person: Citizen, day: str) -> str:
    return aggregate_id(person.tenant, "day", OFFICE, day)


def _path(reply: Reply) -> str:
    return f"appointments/reservations/{reply.body['reservation_id']}" if reply.body else ""


_NO_DIGITS = str.maketrans("0123456789", "ghijklmnop")
_REST = ("key", "outcome", "called", "answered", "answer")


def _answer(command: Command, reply: Reply) -> str:
    """What must be the same at every repeat; of a refusal the reason, in words that the story knows."""
    if reply.outcome == "unknown":
        return str(reply.status)
    if reply.outcome == "acknowledged":
        names = ("reservation_id", "application_id", "reference", "account_id")
        return " ".join(str(reply.body[name]) for name in names if name in reply.body)
    reason = str(reply.body.get("type", reply.status)).rpartition(":")[2]
    if reason == "slot-taken" and command.body:
        return f"{reason} {command.body['starts_at']}"
    return f"{reason} {command.person.account_id}" if reason == "limit-reached" else reason


async def people(town: TownHall, count: int) -> list[Citizen]:
    """Make people with proven addresses and linked accounts: expensive, so made once and used again."""

    few = asyncio.Semaphore(2)

    async def one() -> Citizen:
        async with few, Citizen(town) as citizen:
            await citizen.register()
            await citizen.verify()
            await citizen.sign_in()
            await citizen.link()
        return citizen

    return list(await asyncio.gather(*(one() for _ in range(count))))
