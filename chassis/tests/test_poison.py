"""What no reader can read: it goes to the dead letters at once, with why and from where, and holds up nobody."""

import time
from typing import Any

import pytest

from chassis.places import Places
from chassis.reader import DELAYS, Reader, Rest
from chassis.records import Record
from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT
from contracts.envelope import Envelope, headers_of
from contracts.identity import AccountLinked
from contracts.topics import TOPICS, dead_letters
from contracts.validation import BadBody

ACCOUNTS = "identity.accounts"
GROUP = "osi-gateway.identity.accounts"
GOOD = b'{"occurred_at": "2026-11-25T09:00:00Z", "account_id": "s", "level": "hoch"}'
PARTITION = 3


class Desk:
    """osi-gateway's reading of identity.accounts, with the delays between tries that the product has."""

    def __init__(self) -> None:
        database, clock = MemoryDatabase(), FixedClock()
        self.bus = MemoryBus("osi-gateway", database, clock)
        self.effects: list[str] = []
        places = Places(database.collection("places"), GROUP, forgets=False, clock=clock)
        topic = TOPICS[ACCOUNTS]
        self.reader = Reader(topic, GROUP, {AccountLinked: self.note}, places, self.bus.bury, delays=DELAYS)

    async def note(self, event: Any, envelope: Envelope) -> None:
        self.effects.append(envelope.subject)

    @property
    def dead(self) -> list[Record]:
        return self.bus.broker.topics[dead_letters("osi-gateway")]


def record(subject: str, offset: int, value: bytes = GOOD, header: dict[str, bytes] | None = None) -> Record:
    headers = {**dict(headers_of(Envelope(subject, AccountLinked.type, TENANT, subject, 1, START))), **(header or {})}
    return Record(ACCOUNTS, PARTITION, offset, subject.encode(), value, tuple(headers.items()))


@pytest.mark.proves("F23", "PL-03")
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
@pytest.mark.parametrize(
    ("value", "header", "error"),
    [
        pytest.param(b"{", {}, "BadBody", id="invalid JSON"),
        pytest.param(GOOD.replace(b', "level": "hoch"', b""), {}, "BadBody", id="wrong schema"),
        pytest.param(GOOD.replace(b'"s"', b"7"), {}, "BadBody", id="a value of another type"),
        pytest.param(GOOD.replace(b"hoch", b"x" * 1_000_000), {}, "BadBody", id="a megabyte in a field"),
        pytest.param(GOOD, {"ce_type": f"{AccountLinked.family}.v2".encode()}, "UnknownVersion", id="unknown version"),
        pytest.param(b"<a/>", {"content-type": b"text/xml"}, "BadEnvelope", id="wrong content type"),
        pytest.param(GOOD, {"ce_type": b""}, "BadEnvelope", id="no type"),
        pytest.param(GOOD, {"ce_sequence": b"two"}, "BadEnvelope", id="a number that is none"),
        pytest.param(GOOD, {"ce_subject": b"\xff"}, "BadEnvelope", id="not UTF-8"),
        pytest.param(GOOD, {"ce_source": b"urn:rathaus:1:identity"}, "BadEnvelope", id="a foreign source"),
    ],
)
async def test_poison_is_buried_at_once_with_its_reason_and_its_place(
    value: bytes, header: dict[str, bytes], error: str, together: bool
) -> None:
    """Of three times the quickest counts: a busy machine slows one, a delay between tries all."""
    desk = Desk()
    took = []
    for number in range(3):
        offset, subject, following = 40 + 2 * number, f"poison{number}", f"next{number}"
        records = (record(subject, offset, value, header), record(following, offset + 1))
        began = time.perf_counter()
        for batch in [records] if together else [records[:1], records[1:]]:
            assert await desk.reader.take_many(batch) == Rest()
        took.append(time.perf_counter() - began)
        assert desk.effects.pop() == following
        (dead,) = desk.dead
        about = dict(dead.headers)
        assert (dead.value, dead.key) == (value, subject.encode())
        assert about["dlq_error"].startswith(f"{error}: ".encode())
        assert {name: told for name, told in about.items() if name.startswith("dlq_") and name != "dlq_error"} == {
            "dlq_service": b"osi-gateway",
            "dlq_group": GROUP.encode(),
            "dlq_topic": ACCOUNTS.encode(),
            "dlq_partition": str(PARTITION).encode(),
            "dlq_offset": str(offset).encode(),
            "dlq_tries": b"1",
        }
        desk.dead.clear()
    assert desk.effects == []
    assert min(took) < 0.1


@pytest.mark.proves("PL-02")
def test_no_test_publishes_what_breaks_its_contract() -> None:
    broker = MemoryBroker()
    said: dict[str, Any] = {"occurred_at": START, "account_id": "s"}
    with pytest.raises(BadBody, match="level"):
        broker.put(AccountLinked.model_construct(**said), tenant=TENANT, subject="s", sequence=1)
    assert broker.topics[ACCOUNTS] == []
