"""Who waits for a link: every order of arrival, with crashes and repeats, over the real handlers and timers."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.broker import listen
from chassis.testing import START, FixedClock, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT
from chassis.timers import Timer
from contracts.envelope import Envelope
from contracts.forms import ApplicationPackaged, ApplicationSubmitted
from contracts.identity import AccountLinked
from osi_gateway.accounts.domain import Account, keep_waiting, link, queue, remove
from osi_gateway.accounts.handlers import LinkHandlers
from osi_gateway.accounts.store import Accounts
from osi_gateway.accounts.worker import Releaser
from osi_gateway.submissions.domain import ORDER_PATIENCE, Decided, Submission, sent
from osi_gateway.submissions.handlers import ApplicationHandlers
from osi_gateway.submissions.store import Submissions

ACCOUNT = "acc-1"
APPLICATIONS = ("a", "b", "c")
EVENTS = ("link", *(f"{kind} {id}" for id in APPLICATIONS for kind in ("tell", "pack")))


class Crash(BaseException):
    """The process dies here."""


class Waiting:
    """Accounts and submissions of the gateway; what is released is "sent" at once by the test, in its place."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        database = MemoryDatabase("osi_gateway")
        self.bus = MemoryBus("osi-gateway", database, self.clock)
        self.accounts = Accounts(database, self.clock)
        self.submissions = Submissions(database, self.clock, lambda: None)
        self.applications = applications = ApplicationHandlers(self.submissions, self.accounts, self.clock)
        links = LinkHandlers(self.accounts, self.clock)
        listen(self.bus, "identity.accounts", {AccountLinked: links.remember_link})
        listen(self.bus, "forms.applications", {ApplicationSubmitted: applications.take_application})
        listen(self.bus, "forms.packages", {ApplicationPackaged: applications.keep_package})
        self.timer = Timer(self.accounts, self.release, clock=self.clock)
        self.senders = Timer(self.submissions, self.send, clock=self.clock)
        self.releaser = Releaser(self.accounts, self.submissions, self.clock)
        self.crash_after: int | None = None
        self.sent: list[str] = []
        self.linked = False

    async def release(self, account: Any) -> None:
        await self.releaser.release_first(account)

    async def send(self, found: Any) -> None:
        assert self.linked, "sent before the account was linked"
        assert found.state.released_at is not None
        self.sent.append(found.id)

        def done(held: Submission) -> Decided:
            return replace(sent(held, self.clock.now())[0], wake_at=None), ()

        await self.submissions.timer(found.id, found.at, done)

    def put(self, event: str) -> None:
        kind, _, id = event.partition(" ")
        if kind == "link":
            linked = AccountLinked(occurred_at=START, account_id=ACCOUNT, level="hoch")
            self.bus.broker.put(linked, tenant=TENANT, subject=ACCOUNT, sequence=1)
            self.linked = True
            return
        if kind == "tell":
            self.bus.broker.put(_told(id), tenant=TENANT, subject=id, sequence=1)
        else:
            packed = ApplicationPackaged(
                occurred_at=_at(id), application_id=id, fact_id=f"fact-{id}", account_id=ACCOUNT, sealed="x"
            )
            self.bus.broker.put(packed, tenant=TENANT, subject=id, sequence=1)

    async def take_again(self, id: str) -> None:
        """Hand an event over once more, as after a crash before its place was written."""
        told = _told(id)
        envelope = Envelope("again", told.type, TENANT, id, 1, told.occurred_at, topic="forms.applications")
        await self.applications.take_application(told, envelope)

    async def work(self, rounds: int = 12) -> None:
        for _ in range(rounds):
            await self.bus.deliver()
            await self.timer.look()
            await self.senders.look()
            self.clock.advance(1)


def _at(id: str) -> datetime:
    return START + timedelta(minutes=APPLICATIONS.index(id) if id in APPLICATIONS else int(id))


def _told(id: str) -> ApplicationSubmitted:
    return ApplicationSubmitted(
        occurred_at=_at(id),
        application_id=id,
        fact_id=f"fact-{id}",
        account_id=ACCOUNT,
        service="youth-medical-exam",
        leika_key="99068007040000",
        region=TENANT,
        level="basis",
        reference=id,
    )


class Dying:
    """Lets the process die at the n-th command from now on, before it is written or after."""

    def __init__(self, at: int, *, written: bool) -> None:
        self._left = at
        self._written = written

    def over(self, carry_out: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*given: Any, **more: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._written:
                raise Crash
            result = await carry_out(*given, **more)
            if self._left == 0:
                raise Crash
            return result

        return counted


@settings(deadline=None, max_examples=120)
@given(
    order=st.permutations(EVENTS),
    chunks=st.lists(st.integers(1, 4), min_size=1, max_size=7),
    repeats=st.lists(st.sampled_from(EVENTS), max_size=4),
)
@pytest.mark.proves("GW-29", "F45", "F63")
def test_whichever_event_comes_first_everything_goes_out_once_and_only_when_linked(
    order: list[str], chunks: list[int], repeats: list[str]
) -> None:
    async def run() -> None:
        town = Waiting()
        events = [*order]
        for size in chunks:
            for event in events[:size]:
                town.put(event)
            del events[:size]
            await town.work(2)
        for event in [*events, *repeats]:
            town.put(event)
        await town.work()
        assert sorted(town.sent) == list(APPLICATIONS)
        assert not (await town.accounts.load(TENANT, ACCOUNT)).state.waiting
        if order[-1] == "link" and sum(chunks) < len(order):
            assert town.sent == list(APPLICATIONS), "what waited goes out in the order in which it was handed in"

    asyncio.run(run())


@pytest.mark.proves("GW-29")
async def test_what_waited_goes_out_in_order_when_the_link_comes() -> None:
    town = Waiting()
    for event in ("tell c", "pack b", "pack c", "tell a", "tell b", "pack a"):
        town.put(event)
    await town.work()
    assert town.sent == []
    town.put("link")
    await town.work()
    assert town.sent == ["a", "b", "c"]


@pytest.mark.proves("GW-29")
async def test_one_whose_package_is_missing_holds_up_the_others_for_a_while_only() -> None:
    town = Waiting()
    for event in ("tell a", "tell b", "pack b", "link"):
        town.put(event)
    await town.work()
    assert town.sent == []
    town.clock.advance(ORDER_PATIENCE)
    await town.work()
    assert town.sent == ["b"]
    town.put("pack a")
    await town.work()
    assert town.sent == ["b", "a"]


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.proves("GW-29")
async def test_a_crash_at_any_write_of_the_release_is_harmless(
    monkeypatch: pytest.MonkeyPatch, at: int, written: bool
) -> None:
    town = Waiting()
    for event in ("tell b", "pack b", "tell a", "pack a", "link"):
        town.put(event)
    await town.bus.deliver()
    dying = Dying(at, written=written)
    with monkeypatch.context() as death:
        for kind in (town.accounts, town.submissions):
            death.setattr(kind, "timer", dying.over(kind.timer))
            death.setattr(kind, "command", dying.over(kind.command))
        with suppress(Crash):
            await town.work(6)
    town.clock.advance(1)
    await town.work()
    assert list(dict.fromkeys(town.sent)) == ["a", "b"]
    assert not (await town.accounts.load(TENANT, ACCOUNT)).state.waiting


async def test_an_account_stays_small_and_sends_nothing_twice_however_many_applications_it_has_had() -> None:
    town = Waiting()
    town.put("link")
    sizes = []
    for number in range(120):
        for kind in ("tell", "pack"):
            town.put(f"{kind} {number}")
        await town.work(2)
        sizes.append(len(json.dumps(await town.accounts.documents.get(ACCOUNT), default=str)))
    assert sizes[-1] < sizes[59] + 50
    sent = [*town.sent]
    await town.take_again("0")
    await town.work()
    assert town.sent == sent == [str(number) for number in range(120)]
    assert not (await town.accounts.load(TENANT, ACCOUNT)).state.waiting


def test_the_decisions_alone() -> None:
    account = queue(Account(), "b", START + timedelta(minutes=1), START)
    assert account.release_at is None
    account = queue(account, "a", START, START)
    assert [one.application_id for one in account.waiting] == ["a", "b"]
    assert queue(account, "a", START, START) == account
    account = link(account, "hoch", START, START)
    assert (account.release_at, account.level, account.linked_at) == (START, "hoch", START)
    later = START + timedelta(seconds=1)
    assert keep_waiting(account, START).release_at == later
    same = remove(account, "a", START)
    assert same.release_at is not None
    assert same.release_at > START, "the next firing has a moment of its own, however fast it comes"
    account = remove(account, "a", later)
    assert ([one.application_id for one in account.waiting], account.release_at) == (["b"], later)
    account = remove(account, "b", later)
    assert (account.waiting, account.release_at) == ((), None)
    relinked = link(account, "substanziell", later, later)
    assert (relinked.level, relinked.linked_at) == ("substanziell", START)
