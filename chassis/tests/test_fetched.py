"""What a consumer takes beside a record: all that is there, also what only its next fetch brings."""

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError

from chassis.broker import MOST_AT_ONCE, _Fetched

HERE, THERE, ILL = (TopicPartition("topic", number) for number in range(3))


class Fetching:
    """A consumer whose fetches bring these, one after the other, once its buffer is empty."""

    def __init__(self, *fetches: list[int]) -> None:
        self.fetches = list(fetches)
        self.buffer = self.fetches.pop(0)

    async def getmany(self, *partitions: str, timeout_ms: int, max_records: int) -> dict[str, list[int]]:
        if timeout_ms and not self.buffer and self.fetches:
            self.buffer = self.fetches.pop(0)
        found, self.buffer = self.buffer[:max_records], self.buffer[max_records:]
        return {"partition": found} if found else {}


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
    assert len(await beside(fetched, [1] * (MOST_AT_ONCE - 2), [2, 3])) == MOST_AT_ONCE
    assert len(await beside(fetched, [1] * (2 * MOST_AT_ONCE), [2, 3])) == MOST_AT_ONCE


class Position:
    """How far one partition's records have been taken: what the next commit says."""

    paused = False
    position = 5

    def consumed_to(self, offset: int) -> None:
        self.position = offset


class Fetched:
    """The records of a fetch; an error among them is what aiokafka meets while it unpacks them."""

    next_fetch_offset = 5

    def __init__(self, *items: int | Exception) -> None:
        self.items = iter(items)

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        item = next(self.items)
        if isinstance(item, Exception):
            raise item
        self.next_fetch_offset = item + 1
        return item


class Consumer:
    """aiokafka's own fetcher over what lies in its buffer, and what its next fetch brings."""

    def __init__(self, buffer: dict[TopicPartition, Any], later: dict[TopicPartition, Any]) -> None:
        self.positions = {partition: Position() for partition in (HERE, THERE, ILL)}
        self.later = later
        self.fetcher: Any = object.__new__(Fetcher)
        self.fetcher._subscriptions = SimpleNamespace(
            reassignment_in_progress=False, is_assigned=self.positions.__contains__
        )
        self.fetcher._wait_consume_future, self.fetcher._closed = None, False
        self.fetcher._records = {}
        self._fetch(buffer)

    def _fetch(self, found: dict[TopicPartition, Any]) -> None:
        assigned = SimpleNamespace(active=True, state_value=self.positions.__getitem__)
        for partition, what in found.items():
            self.fetcher._records[partition] = (
                FetchError(error=what, backoff=0)
                if isinstance(what, Exception)
                else FetchResult(partition, assignment=assigned, partition_records=what, backoff=0)
            )

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> Any:
        if timeout_ms and not self.fetcher._records:
            self._fetch(self.later)
        return await self.fetcher.fetched_records(partitions, 0, max_records=max_records)


def refused() -> Any:
    return TopicAuthorizationFailedError("topic")


def corrupt() -> Any:
    return Fetched(CorruptRecordException("crc"))


def corrupt_further_on() -> Any:
    return Fetched(5, 6, CorruptRecordException("crc"))


@pytest.mark.parametrize("ill", [refused, corrupt, corrupt_further_on])
@pytest.mark.parametrize("order", list(permutations((HERE, THERE, ILL))))
@pytest.mark.parametrize("later", [False, True])
async def test_what_was_taken_when_a_fetch_fails_is_handed_on_before_it_is_committed(
    ill: Callable[[], Any], order: Sequence[TopicPartition], later: bool
) -> None:
    known = {HERE: Fetched(5, 6), THERE: Fetched(5, 6, 7), ILL: ill()}
    there = {partition: known[partition] for partition in order}
    consumer = Consumer({HERE: Fetched(), **({} if later else there)}, there)
    fetched = _Fetched()
    fetched.worked_off()
    _, *others = await fetched.beside(0, consumer)
    assert sum(position.position - 5 for position in consumer.positions.values()) == len(others)
    assert others or (later and order[0] is ILL)
