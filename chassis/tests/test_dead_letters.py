import asyncio
import logging
from typing import Any

import pytest

from chassis.dead_letters import DeadLetters, buried
from chassis.records import Record
from chassis.testing import MemoryBroker, MemoryPublisher
from contracts.topics import dead_letters


async def test_the_reason_stays_with_the_record_and_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    broker = MemoryBroker()

    async def open_publisher() -> Any:
        return MemoryPublisher(broker)

    letters = DeadLetters("notify", open_publisher)
    record = Record("identity.contacts", 3, 17, b"a", b"{}", (("ce_id", b"e"),))
    with caplog.at_level(logging.DEBUG):
        await letters.bury(record, "notify.identity.contacts", ValueError("cannot write to mia@example.org"), 2)
    (kept,) = broker.topics[dead_letters("notify")]
    about = dict(kept.headers)
    assert (kept.value, about["ce_id"]) == (b"{}", b"e")
    assert about["dlq_error"] == b"ValueError: cannot write to mia@example.org"
    assert (about["dlq_topic"], about["dlq_partition"], about["dlq_offset"]) == (b"identity.contacts", b"3", b"17")
    (line,) = caplog.records
    assert line.fields["dlq_error"] == "ValueError"  # type: ignore[attr-defined]
    assert "mia@example.org" not in str(line.__dict__)


@pytest.mark.parametrize("name", ["dlq_group", "DLQ_Group"])
def test_what_a_record_says_of_its_own_burial_is_left_out(name: str) -> None:
    record = Record("identity.contacts", 3, 17, b"a", b"{}", (("ce_id", b"e"), (name, b"x")))
    headers = buried(record, "notify", "notify.identity.contacts", ValueError("x"), 1)
    assert [value for key, value in headers if key.lower() == "dlq_group"] == [b"notify.identity.contacts"]


@pytest.mark.proves("F20")
async def test_a_dead_letter_that_nobody_acknowledges_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the reader would stand still behind it for good."""
    monkeypatch.setattr("chassis.dead_letters.SEND_TIMEOUT", 0.05)
    opened: list[_Silent] = []

    async def open_publisher() -> Any:
        opened.append(_Silent(MemoryBroker()))
        return opened[-1]

    letters = DeadLetters("notify", open_publisher)
    record = Record("identity.contacts", 3, 17, b"a", b"{}", (("ce_id", b"e"),))
    for _ in range(2):
        async with asyncio.timeout(5):
            with pytest.raises(TimeoutError):
                await letters.bury(record, "notify.identity.contacts", ValueError("x"), 2)
    assert [one.closed for one in opened] == [True, True]


class _Silent(MemoryPublisher):
    closed = False

    async def send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        return asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        self.closed = True
