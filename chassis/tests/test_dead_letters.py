import logging
from typing import Any

import pytest

from chassis.dead_letters import DeadLetters
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
