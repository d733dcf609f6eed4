"""What is asked in one turn of the event loop goes out as one, and nobody waits for an earlier turn."""

import asyncio
from collections.abc import Sequence

import pytest

from chassis.together import Together


class Asked:
    """Doubles numbers, refuses those below zero, and hangs at 99 until it is let go."""

    def __init__(self, most: int = 100) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.double: Together[int, int] = Together(self._double, most)

    async def _double(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(numbers))
        if 99 in numbers:
            await self.go.wait()
        if 0 in numbers:
            raise ZeroDivisionError
        return [ValueError(number) if number < 0 else 2 * number for number in numbers]


async def test_calls_of_one_moment_go_out_together_and_each_gets_its_own_answer() -> None:
    asked = Asked(most=3)
    outcomes = await asyncio.gather(*(asked.double(number) for number in (1, -2, 3, 4)), return_exceptions=True)
    assert asked.batches == [[1, -2, 3], [4]]
    assert [outcomes[0], *outcomes[2:]] == [2, 6, 8]
    assert isinstance(outcomes[1], ValueError)


async def test_a_call_that_is_alone_goes_out_alone() -> None:
    asked = Asked()
    assert [await asked.double(number) for number in (1, 2)] == [2, 4]
    assert asked.batches == [[1], [2]]


async def test_one_that_hangs_holds_up_none_that_comes_after_it() -> None:
    asked = Asked()
    hanging = asyncio.create_task(asked.double(99))
    await asyncio.sleep(0.01)
    assert await asyncio.wait_for(asked.double(1), 5) == 2
    asked.go.set()
    assert await hanging == 198


async def test_a_caller_that_is_gone_takes_nothing_from_the_others() -> None:
    asked = Asked()
    gone, stays = (asyncio.create_task(asked.double(number)) for number in (99, 5))
    await asyncio.sleep(0.01)
    gone.cancel()
    asked.go.set()
    assert await stays == 10
    assert gone.cancelled() or await asyncio.wait([gone])


async def test_what_fails_as_a_whole_fails_for_each() -> None:
    asked = Asked()
    outcomes = await asyncio.gather(asked.double(0), asked.double(1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError, ZeroDivisionError]
    with pytest.raises(ZeroDivisionError):
        await asked.double(0)
