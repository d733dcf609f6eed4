"""What a consumer takes beside a record: all that is there, also what only its next fetch brings."""

from typing import Any

from chassis.broker import MOST_AT_ONCE, _Fetched


class Fetching:
    """A consumer whose fetches bring these, one after the other, once its buffer is empty."""

    def __init__(self, *fetches: list[int]) -> None:
        self.fetches = list(fetches)

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[str, list[int]]:
        found = self.fetches.pop(0) if self.fetches else []
        assert len(found) <= max_records
        return {"partition": found}


async def beside(fetched: _Fetched, *fetches: list[int]) -> list[Any]:
    return await fetched.beside(0, Fetching(*fetches))


async def test_a_record_that_came_alone_is_not_kept_waiting() -> None:
    assert await beside(_Fetched(), [1], [2, 3]) == [0, 1]


async def test_behind_a_batch_what_came_during_it_is_taken_too() -> None:
    fetched = _Fetched()
    fetched.worked_off()
    assert await beside(fetched, [1], [2, 3], [4]) == [0, 1, 2, 3]


async def test_a_batch_has_its_limit() -> None:
    fetched = _Fetched()
    fetched.worked_off()
    assert len(await beside(fetched, [1] * (MOST_AT_ONCE - 1), [2])) == MOST_AT_ONCE
