"""Calls of one moment carried out as one: what a database takes for a command does not grow with what is in it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Together(Generic[A, B]):
    """Collects what is asked in one turn of the event loop. Nobody waits for what was asked earlier.

    So a call that is alone goes out at once, and one that hangs holds up none that comes after it.
    """

    def __init__(self, carry_out: Callable[[Sequence[A]], Awaitable[Sequence[B | Exception]]], most: int) -> None:
        """Name what answers many questions at once: to each its answer, or what must be raised; ``most`` at once."""
        self._carry_out = carry_out
        self._most = most
        self._asked: list[tuple[A, asyncio.Future[B]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, question: A) -> B:
        """Ask together with all others of this turn."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[B] = loop.create_future()
        self._asked.append((question, answer))
        if len(self._asked) == 1:
            loop.call_soon(self._begin)
        return await answer

    def _begin(self) -> None:
        asked, self._asked = self._asked, []
        for first in range(0, len(asked), self._most):
            task = asyncio.create_task(self._answer(asked[first : first + self._most]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, asked: Sequence[tuple[A, "asyncio.Future[B]"]]) -> None:
        answers: Sequence[B | Exception]
        try:
            answers = await self._carry_out([question for question, _ in asked])
        except Exception as error:
            answers = [error] * len(asked)
        for (_, future), answer in zip(asked, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
