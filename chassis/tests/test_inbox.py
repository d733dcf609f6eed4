from collections.abc import Coroutine, Generator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.documents import DatabaseUnavailable
from chassis.inbox import CLAIMED_FOR, Inbox, NotSent, Outcome, Refused
from chassis.testing import FixedClock, MemoryDatabase
from chassis.testing.memory import MemoryDocuments


class Pause:
    """Hands the turn back to the test, which goes on, kills the process, or lets the step fail."""

    def __await__(self) -> Generator["Pause", None, None]:
        yield self


class Stepwise(MemoryDocuments):
    """Pauses before each request and before each answer."""

    async def get(self, id: str) -> Any:
        await Pause()
        found = await super().get(id)
        await Pause()
        return found

    async def insert(self, document: Any) -> None:
        await Pause()
        await super().insert(document)
        await Pause()

    async def update(self, where: Any, change: Any) -> bool:
        await Pause()
        done = await super().update(where, change)
        await Pause()
        return done


class Town:
    """Some processes with one effect to bring about, run step by step."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.rows = MemoryDatabase().collection("inbox")
        self.inbox = Inbox(Stepwise(self.rows._collection), self.clock)
        self.sent: list[str] = []
        self.running: dict[int, Coroutine[Any, Any, Outcome]] = {}
        self.ended: list[Outcome | Exception] = []
        self.sending = False

    async def send(self, external_id: str) -> None:
        await Pause()
        self.sent.append(external_id)
        await Pause()

    def step(self, who: int, error: Exception | None = None) -> bool:
        """Take a process, started where it is not running, to its next pause; whether it goes on after that."""
        run = self.running.get(who)
        if run is None:
            run = self.running[who] = self.inbox.once("e", "id-1", self.send)
            run.send(None)
            return True
        try:
            run.send(None) if error is None else run.throw(error)
        except StopIteration as end:
            self.ended.append(end.value)
        except Exception as failure:
            self.ended.append(failure)
        else:
            return True
        del self.running[who]
        return False

    def run(self, who: int) -> Outcome | Exception:
        while self.step(who):
            pass
        return self.ended[-1]

    def kill(self, who: int) -> None:
        if run := self.running.pop(who, None):
            run.close()

    def later(self) -> None:
        self.clock.advance(CLAIMED_FOR + timedelta(seconds=1))


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(0, 2), st.integers(1, 9)),
        st.tuples(st.sampled_from(["kill", "cut"]), st.integers(0, 2), st.just(1)),
        st.tuples(st.just("later"), st.just(0), st.just(1)),
    ),
    max_size=30,
)


def play(town: Town, steps: list[tuple[str, int, int]]) -> None:
    for what, who, times in steps:
        if what == "kill":
            town.kill(who)
        elif what == "cut" and who in town.running:
            town.step(who, DatabaseUnavailable("cut"))
        elif what == "later":
            town.later()
        elif what == "go":
            for _ in range(times):
                town.step(who)
    for who in range(3):
        while who in town.running:
            town.step(who)
    town.later()


@given(_STEPS)
@settings(deadline=None, max_examples=150)
async def test_whatever_happens_it_is_sent_once_or_flagged(steps: list[tuple[str, int, int]]) -> None:
    town = Town()
    play(town, steps)
    assert len(town.sent) <= 1
    last = town.run(0)
    assert last in (Outcome.DONE, Outcome.UNKNOWN)
    assert len(town.sent) == 1 or last is Outcome.UNKNOWN
    assert town.run(1) is last


@pytest.mark.parametrize("killed_after", range(9))
async def test_a_death_at_each_step(killed_after: int) -> None:
    town = Town()
    for _ in range(killed_after):
        town.step(0)
    town.kill(0)
    if killed_after > 3:
        assert town.run(1) is Outcome.ELSEWHERE
    town.later()
    last = town.run(1)
    # 1 and 2 read, 3 and 4 claim, 5 and 6 store the id, 7 and 8 send.
    assert last is (Outcome.UNKNOWN if killed_after > 5 else Outcome.DONE)
    assert len(town.sent) == (0 if 5 < killed_after < 8 else 1)


@pytest.mark.proves("F70")
async def test_a_claim_whose_owner_wakes_up_is_not_taken_over() -> None:
    """A claims and pauses past its claim; B sees that no id is stored; A stores its id; B must not go on."""
    town = Town()
    for _ in range(5):
        town.step(0)
    town.later()
    for _ in range(3):
        town.step(1)
    for _ in range(2):
        town.step(0)
    assert town.run(1) is Outcome.ELSEWHERE
    assert town.run(0) is Outcome.DONE
    assert town.sent == ["id-1"]
    assert town.run(2) is Outcome.DONE


@pytest.mark.proves("F70")
async def test_an_owner_that_was_overtaken_does_not_send() -> None:
    town = Town()
    for _ in range(5):
        town.step(0)
    town.later()
    assert town.run(1) is Outcome.DONE
    assert town.run(0) is Outcome.ELSEWHERE
    assert town.sent == ["id-1"]


async def test_of_two_that_take_over_the_second_does_not_disturb_the_first() -> None:
    town = Town()
    for _ in range(5):
        town.step(0)
    town.kill(0)
    town.later()
    for _ in range(3):
        town.step(1)
    for _ in range(4):
        town.step(2)
    assert town.run(1) is Outcome.ELSEWHERE
    assert town.run(2) is Outcome.DONE


async def test_what_its_owner_has_ended_meanwhile_is_not_doubted() -> None:
    town = Town()
    for _ in range(6):
        town.step(0)
    town.later()
    for _ in range(3):
        town.step(1)
    assert town.run(0) is Outcome.DONE
    assert town.run(1) is Outcome.ELSEWHERE
    assert town.sent == ["id-1"]


async def test_the_claim_counts_from_the_sending() -> None:
    town = Town()
    for _ in range(4):
        town.step(0)
    town.clock.advance(CLAIMED_FOR - timedelta(seconds=1))
    for _ in range(3):
        town.step(0)
    town.clock.advance(CLAIMED_FOR - timedelta(seconds=1))
    assert town.run(1) is Outcome.ELSEWHERE
    assert town.run(0) is Outcome.DONE


async def test_of_two_at_once_one_sends() -> None:
    town = Town()
    town.step(0)
    town.step(1)
    while town.running:
        for who in list(town.running):
            town.step(who)
    assert set(town.ended) == {Outcome.DONE, Outcome.ELSEWHERE}
    assert town.sent == ["id-1"]


class Unanswered(MemoryDocuments):
    """The first change is answered by an error: it is made at once, or when it is let."""

    def __init__(self, late: bool) -> None:
        super().__init__(MemoryDatabase().collection("inbox")._collection)
        self.late, self.first = late, True
        self.held: list[tuple[Any, Any]] = []

    async def update(self, where: Any, change: Any) -> bool:
        if not self.first:
            return await super().update(where, change)
        self.first = False
        self.held = [(where, change)]
        if not self.late:
            await self.catch_up()
        raise DatabaseUnavailable("no answer")

    async def catch_up(self) -> None:
        for where, change in self.held:
            await super().update(where, change)


@pytest.mark.parametrize("late", [False, True])
async def test_whoever_has_not_sent_says_so_where_the_id_may_be_stored(late: bool) -> None:
    rows, sent = Unanswered(late), list[str]()
    inbox = Inbox(rows, FixedClock())

    async def send(external_id: str) -> None:
        sent.append(external_id)

    with pytest.raises(DatabaseUnavailable):
        await inbox.once("e", "id-1", send)
    if late:
        await rows.catch_up()
    assert sent == []
    assert await inbox.once("e", "id-2", send) is Outcome.DONE
    assert sent == ["id-2"]


async def once(inbox: Inbox, *failures: Exception | None) -> list[Outcome | Exception]:
    left = list(failures)
    ended: list[Outcome | Exception] = []

    async def send(external_id: str) -> None:
        if (failure := left.pop(0)) is not None:
            raise failure

    while left:
        try:
            ended.append(await inbox.once("e", f"id-{len(left)}", send))
        except Exception as error:
            ended.append(error)
            continue
        if ended[-1] is not Outcome.DONE:
            return [*ended, await inbox.once("e", "other", send)]
    return [*ended, await inbox.once("e", "other", send)]


@pytest.mark.parametrize("failure", [NotSent("busy"), Refused("no such box")])
async def test_what_surely_was_not_taken_may_be_sent_again_at_once(failure: Exception) -> None:
    inbox = Inbox(MemoryDatabase().collection("inbox"), FixedClock())
    assert await once(inbox, failure, None) == [failure, Outcome.DONE, Outcome.DONE]


async def test_where_nobody_knows_it_is_flagged_for_good() -> None:
    clock = FixedClock()
    inbox = Inbox(MemoryDatabase().collection("inbox"), clock)
    assert await once(inbox, ConnectionError("cut"), None) == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    clock.advance(timedelta(days=1))
    assert await once(inbox, None) == [Outcome.UNKNOWN, Outcome.UNKNOWN]


async def test_only_what_is_done_expires() -> None:
    rows = MemoryDatabase().collection("inbox")
    inbox = Inbox(rows, FixedClock())
    await inbox.ensure()
    await once(inbox, ConnectionError("cut"))
    assert "done_at" not in (await rows.get("e") or {})
    rows = MemoryDatabase().collection("inbox")
    await once(Inbox(rows, FixedClock()), None)
    assert "done_at" in (await rows.get("e") or {})
