"""Every operation on database and broker as a step that waits until somebody decides what becomes of it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Protocol

from still_time import at_once

from chassis.documents import DatabaseUnavailable
from chassis.relay import NotPublished


class Fate(Enum):
    """What becomes of a step."""

    HAPPENS = "happens"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    SLOW = "happens, and its answer comes later"
    LATE = "happens after its caller gave up"
    SHAKY = "visible, but a crash of the database can take it back"
    DIES = "happens, and its process dies"
    BROKEN = "the handler has a bug"


FATES = {
    "read": (Fate.HAPPENS, Fate.SLOW, Fate.REQUEST_LOST),
    "write": (Fate.HAPPENS, Fate.SLOW, Fate.REQUEST_LOST, Fate.ANSWER_LOST, Fate.LATE, Fate.SHAKY, Fate.DIES),
    "send": (Fate.HAPPENS, Fate.SLOW, Fate.REQUEST_LOST, Fate.ANSWER_LOST, Fate.LATE, Fate.DIES),
    "handle": (Fate.HAPPENS, Fate.BROKEN),
    "answer": (Fate.HAPPENS, Fate.REQUEST_LOST),
}


class HandlerBug(Exception):
    """The reader's own code fails."""


class Store(Protocol):
    """What a write can be taken back from."""

    def before(self, id: str) -> Any:
        """Return what to put back."""

    def put(self, id: str, document: Any) -> None:
        """Put it back."""

    def lasts(self, id: str, born: Sequence[dict[str, Any]]) -> None:
        """Take note of a write that no crash can take back any more."""


@dataclass(eq=False)
class Process:
    """What lives, rests and dies as one."""

    name: str
    alive: bool = True
    frozen: bool = False


@dataclass(eq=False)
class Step:
    """One operation that waits."""

    process: Process
    what: str
    kind: str
    act: Callable[[], Coroutine[Any, Any, Any]]
    answer: "asyncio.Future[Any]"
    store: Store | None = None
    ids: Sequence[str] = ()
    born: Sequence[dict[str, Any]] = ()

    def unknown(self) -> Exception:
        """Return what the caller hears where no answer comes."""
        error = NotPublished if self.what.startswith("send") else DatabaseUnavailable
        return error(f"{self.what}: no answer")


@dataclass
class Steps:
    """All steps that wait, and what has begun without being over."""

    waiting: list[Step] = field(default_factory=list)
    late: list[Step] = field(default_factory=list)
    shaky: list[tuple[Step, Any, Any]] = field(default_factory=list)
    """Step, the document before it, its result."""
    now: int = 0
    told: list[str] = field(default_factory=list)
    """What was decided, for people."""
    dies: Callable[[Process], None] = lambda process: None

    async def ask(
        self,
        process: Process,
        what: str,
        kind: str,
        act: Callable[[], Coroutine[Any, Any, Any]],
        *,
        store: Store | None = None,
        ids: Sequence[str] = (),
        born: Sequence[dict[str, Any]] = (),
    ) -> Any:
        """Wait for what becomes of an operation. The dead wait for ever."""
        answer = asyncio.get_running_loop().create_future()
        if process.alive:
            self.waiting.append(Step(process, what, kind, act, answer, store, ids, born))
        return await answer

    def go_on(self, step: Step, fate: Fate) -> None:
        """Decide what becomes of a step."""
        self.now += 1
        self.told.append(f"{self.now} {step.process.name} {step.what}: {fate.value}")
        self.waiting.remove(step)
        if step.answer.done():
            self._heard_by_nobody(step, fate)
        elif fate is Fate.HAPPENS:
            self._answer(step, step.act)
        elif fate is Fate.SLOW:
            self._slowly(step)
        elif fate is Fate.BROKEN:
            step.answer.set_exception(HandlerBug(step.what))
        elif fate is Fate.SHAKY and step.store is not None and len(step.ids) == 1:
            self._shakily(step, step.store)
        elif fate is Fate.DIES:
            self._do_silently(step)
            self.kill(step.process)
        else:
            if fate is Fate.LATE:
                self.late.append(step)
            elif fate is not Fate.REQUEST_LOST:
                self._do_silently(step)
            step.answer.set_exception(step.unknown())

    def _heard_by_nobody(self, step: Step, fate: Fate) -> None:
        """Whoever asked has given up meanwhile. What is on its way arrives all the same, or does not."""
        if fate is Fate.LATE:
            self.late.append(step)
        elif fate is not Fate.REQUEST_LOST:
            self._do_silently(step)
        if fate is Fate.DIES:
            self.kill(step.process)

    def kill(self, process: Process) -> None:
        """End a process between two of its steps."""
        self.told.append(f"{self.now} {process.name} dies")
        process.alive = False
        self.waiting = [step for step in self.waiting if step.process is not process]
        self.dies(process)

    def happen_late(self, step: Step) -> None:
        """Let a write arrive that nobody waits for any more."""
        self.now += 1
        self.told.append(f"{self.now} {step.process.name} {step.what}: arrives late")
        self.late.remove(step)
        self._do_silently(step)

    def last(self, index: int, *, lasts: bool) -> None:
        """Make a shaky write last, or take it back by a crash of the database."""
        self.now += 1
        step, before, result = self.shaky.pop(index)
        self.told.append(f"{self.now} {step.process.name} {step.what}: {'lasts' if lasts else 'taken back'}")
        assert step.store is not None
        if lasts:
            step.store.lasts(step.ids[0], step.born)
        else:
            step.store.put(step.ids[0], before)
        if not step.answer.done():
            if lasts:
                step.answer.set_result(result)
            else:
                step.answer.set_exception(step.unknown())

    def steady(self, store: Store, ids: Sequence[str]) -> None:
        """Make last what was shaky in these documents: nothing is written on top of it before."""
        for index, (step, _, _) in reversed([*enumerate(self.shaky)]):
            if step.store is store and step.ids[0] in ids:
                self.last(index, lasts=True)

    def _slowly(self, step: Step) -> None:
        done: asyncio.Future[Any] = asyncio.Future(loop=step.answer.get_loop())
        self._answer(replace(step, answer=done), step.act)
        done.exception()  # its caller may be dead by then, and nobody else asks

        async def answer() -> Any:
            return done.result()

        self.waiting.append(Step(step.process, f"{step.what}, its answer", "answer", answer, step.answer))

    def _answer(self, step: Step, act: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        try:
            result = self._do(step, act)
        except Exception as error:
            step.answer.set_exception(error)
        else:
            step.answer.set_result(result)

    def _do(self, step: Step, act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        if step.store is not None and step.kind == "write":
            self.steady(step.store, step.ids)
        result = at_once(act())
        if step.store is not None and step.born and result is not False:
            step.store.lasts(step.ids[0], step.born)
        return result

    def _do_silently(self, step: Step) -> None:
        try:
            self._do(step, step.act)
        except Exception as error:
            self.told.append(f"{self.now} {step.what}: {error!r}, which nobody hears")

    def _shakily(self, step: Step, store: Store) -> None:
        self.steady(store, step.ids)
        before = store.before(step.ids[0])
        try:
            result = at_once(step.act())
        except Exception as error:
            step.answer.set_exception(error)
            return
        if result is False:
            step.answer.set_result(False)
        else:
            self.shaky.append((step, before, result))
