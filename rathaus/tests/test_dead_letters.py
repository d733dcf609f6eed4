"""Dead letters by command, over the fake broker: what is listed, what a replay and a giving-up do to the reader."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.testing import START, FixedClock, MemoryBroker, MemoryBus, MemoryDatabase
from contracts.envelope import Envelope, headers_of
from contracts.event import event_classes
from contracts.identity import AccountLinked, ContactChanged, VerificationRequested
from contracts.topics import TOPICS, dead_letters
from rathaus.deadletters import masking
from rathaus.deadletters.acts import Act
from rathaus.deadletters.desk import Desk, Refused
from rathaus.deadletters.letters import NEVER_AN_EVENT, Entry, Headers, Letter, letter_of, ordered, original_headers
from rathaus.stack.access import DEAD_LETTER_ACTS

ARS = "150900546546"
ACCOUNTS = "identity.accounts"
GROUP = "osi-gateway.identity.accounts"
RETRY = f"{GROUP}.retry"
GOOD = "0197b2a4-4b6e-7c11-8f4e-2f7a1d0c9b3e"


class MemoryLog:
    """The operator's view of a fake broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker

    def read(self, topic: str) -> list[Entry]:
        records = self.broker.topics[topic]
        return [Entry(topic, 0, one.offset, START, one.key, one.value, one.headers) for one in records]

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> int:
        return self.broker.append(topic, (key or b"").decode(), value, list(headers)).offset

    def committed(self, group: str, topic: str) -> int:
        return len(self.broker.topics[topic])


class Town:
    """osi-gateway reads accounts, and an operator sits beside it."""

    def __init__(self) -> None:
        self.bus = MemoryBus("osi-gateway", MemoryDatabase(), FixedClock())
        self.broker = self.bus.broker
        self.effects: dict[str, list[int]] = {}
        self.broken: set[int] = set()
        self.bus.add(ACCOUNTS, {AccountLinked: self.note})
        self.desk = Desk(MemoryLog(self.broker), "mia", lambda: datetime(2026, 11, 25, 9, 30, tzinfo=UTC))

    async def note(self, event: Any, envelope: Envelope) -> None:
        if envelope.sequence in self.broken:
            raise RuntimeError("bug")
        self.effects.setdefault(envelope.subject, []).append(envelope.sequence)

    def put(self, subject: str, *numbers: int) -> None:
        for number in numbers:
            event = AccountLinked(occurred_at=START, account_id=subject, level="hoch")
            self.broker.put(event, tenant=ARS, subject=subject, sequence=number)

    def put_raw(self, subject: str, number: int, value: bytes, **also: bytes) -> None:
        envelope = Envelope(f"{subject}-{number}", AccountLinked.type, ARS, subject, number, START)
        headers = {**dict(headers_of(envelope)), **{name.replace("__", "-"): text for name, text in also.items()}}
        self.broker.append(ACCOUNTS, subject, value, list(headers.items()))

    async def deliver(self) -> None:
        await self.bus.deliver()

    @property
    def acts(self) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self.broker.topics[DEAD_LETTER_ACTS]]


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.mark.proves("F47")
@pytest.mark.proves("F26")
async def test_what_was_buried_inside_a_sequence_heals_in_order_and_a_second_replay_changes_nothing(
    town: Town,
) -> None:
    town.broken = {2}
    town.put("s", 1, 2, 3, 4)
    town.put("t", 1)
    await town.deliver()
    assert town.effects == {"s": [1], "t": [1]}
    (letter,) = town.desk.waiting()
    town.broken = set()
    for _ in range(2):
        town.desk.replay([letter])
        await town.deliver()
        assert town.effects == {"s": [1, 2, 3, 4], "t": [1]}
    assert town.desk.waiting() == []
    ids = [dict(record.headers)["ce_id"] for record in town.broker.topics[RETRY]]
    assert ids == [b"s-2", b"s-2"]


@pytest.mark.proves("F48")
@given(st.permutations(range(67, 137)), st.integers(0, 60))
@settings(deadline=None, max_examples=8)
async def test_dead_letters_in_any_order_heal_in_one_go(order: list[int], between: int) -> None:
    """More than may wait beside a place: only the order of the numbers heals them at once."""
    town = Town()
    town.put("s", *range(2, 66), *order[:between])
    town.put("t", *range(2, 70))
    town.put("s", 66, *order[between:])
    await town.deliver()
    town.put("s", 1)
    town.put("t", 1)
    await town.deliver()
    assert town.effects == {"s": list(range(1, 66)), "t": list(range(1, 66))}
    town.desk.replay(town.desk.waiting()[::-1])
    await town.deliver()
    assert town.effects == {"s": list(range(1, 137)), "t": list(range(1, 70))}
    assert town.desk.waiting() == []


@pytest.mark.proves("F49")
async def test_what_is_beyond_repair_is_stepped_over_and_the_rest_flows(town: Town) -> None:
    town.put("s", 1)
    town.put_raw("s", 2, b"{")
    town.put("s", 3)
    await town.deliver()
    town.desk.give_up(town.desk.waiting(), "The sender wrote half a record")
    await town.deliver()
    assert town.effects["s"] == [1, 3]
    assert town.desk.waiting() == []
    town.put("s", 4)
    await town.deliver()
    assert town.effects["s"] == [1, 3, 4]
    assert [(act["what"], act["stage"], act["by"], act["reason"]) for act in town.acts] == [
        ("give-up", "begun", "mia", "The sender wrote half a record"),
        ("give-up", "sent", "mia", "The sender wrote half a record"),
    ]
    (instead,) = town.broker.topics[RETRY]
    assert instead.value is None
    headers = dict(instead.headers)
    assert (headers["ce_id"], headers["dlq_given_up"]) == (b"s-2", b"osi-gateway.dead-letters-0-0")


@pytest.mark.proves("F49")
async def test_what_is_given_up_too_early_waits_for_its_turn(town: Town) -> None:
    town.put("s", 1)
    town.put_raw("s", 3, b"{", content__type=b"text/xml")
    town.put("s", 4)
    await town.deliver()
    town.desk.give_up(town.desk.waiting(), "not JSON")
    await town.deliver()
    assert town.effects["s"] == [1]
    town.put("s", 2)
    await town.deliver()
    assert town.effects["s"] == [1, 2, 4]


async def test_a_number_that_cannot_be_read_is_told_by_the_operator(town: Town) -> None:
    town.put("s", 1)
    town.put_raw("s", 2, b"{}", ce_sequence=b"two", ce_id=b"", ce_type=b"?", ce_source=b"?")
    town.put("s", 3)
    await town.deliver()
    letters = town.desk.waiting()
    with pytest.raises(Refused, match="nennt keine Nummer"):
        town.desk.give_up(letters, "no number")
    assert town.acts == []
    town.desk.give_up(letters, "no number", sequence=2)
    await town.deliver()
    assert town.effects["s"] == [1, 3]


@pytest.mark.proves("PL-07")
async def test_what_fails_again_is_a_new_dead_letter(town: Town) -> None:
    town.broken = {1}
    town.put("s", 1)
    await town.deliver()
    (first,) = town.desk.waiting()
    acts = town.desk.replay([first])
    await town.deliver()
    (outcome,) = town.desk.follow(acts, 1)
    (second,) = town.desk.waiting()
    assert outcome.again == second
    assert second.id != first.id
    assert [act.stage for act in town.desk.history(first)] == ["begun", "sent", "buried-again"]
    town.broken = set()
    (outcome,) = town.desk.follow(town.desk.replay([second]), 1)
    assert (outcome.read, outcome.again) == (True, None)
    await town.deliver()
    assert town.effects["s"] == [1]


async def test_two_letters_of_one_record_are_dealt_with_together(town: Town) -> None:
    town.broken = {1}
    town.put("s", 1)
    await town.deliver()
    town.bus.rewind()
    await town.deliver()
    assert len(town.broker.topics[dead_letters("osi-gateway")]) == 2
    (letter,) = town.desk.waiting()
    town.desk.replay([letter])
    assert town.desk.waiting() == []


async def test_an_act_that_was_only_begun_leaves_the_letter_on_the_list(town: Town) -> None:
    town.broken = {1}
    town.put("s", 1)
    await town.deliver()
    log = town.desk._log

    class Cut(MemoryLog):
        def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> int:
            if topic == RETRY:
                raise ConnectionError
            return super().send(topic, key, value, headers)

    town.desk._log = Cut(town.broker)
    with pytest.raises(ConnectionError):
        town.desk.replay(town.desk.waiting())
    town.desk._log = log
    assert [act["stage"] for act in town.acts] == ["begun"]
    assert len(town.desk.waiting()) == 1


async def test_what_was_given_up_is_not_replayed(town: Town) -> None:
    town.put_raw("s", 1, b"{")
    await town.deliver()
    letters = town.desk.waiting()
    town.desk.give_up(letters, "broken")
    with pytest.raises(Refused, match="aufgegeben"):
        town.desk.replay(letters)


@pytest.mark.parametrize(
    ("group", "error", "published"),
    [("osi-gateway.identity.keys", b"BadBody: x", 1), (GROUP, b"Forked: another", 0)],
    ids=["a rebuild waits for the number", "another event has the number"],
)
async def test_what_stands_in_is_published_only_where_something_waits_for_it(
    town: Town, group: str, error: bytes, published: int
) -> None:
    town.put_raw("s", 1, b"{")
    await town.deliver()
    record = town.broker.topics[dead_letters("osi-gateway")].pop()
    said = {**dict(record.headers), "dlq_group": group.encode(), "dlq_error": error}
    town.broker.append(dead_letters("osi-gateway"), "k", b"{", list(said.items()))
    (letter,) = town.desk.waiting()
    (act,) = town.desk.give_up([letter], "the newest counts")
    assert len(town.broker.topics[f"{group}.retry"]) == published
    assert act.sent_to == (f"{group}.retry" if published else None)


@pytest.mark.proves("F49")
async def test_a_number_whose_dead_letter_was_deleted_is_stepped_over(town: Town) -> None:
    town.put_raw("s", 1, b"{")
    town.put("s", 2, 3)
    await town.deliver()
    with pytest.raises(Refused, match=r"Nr\. 1 von s liegt noch da: osi-gateway\.dead-letters-0-0"):
        town.desk.expired(GROUP, "s", 1)
    town.broker.topics[dead_letters("osi-gateway")].clear()
    assert town.desk.waiting() == []
    for _ in range(2):
        town.desk.give_up([town.desk.expired(GROUP, "s", 1)], "nobody looked for a month")
        await town.deliver()
        assert town.effects == {"s": [2, 3]}
    assert [(act["sequence"], act["reason"]) for act in town.acts] == [(1, "nobody looked for a month")] * 4
    with pytest.raises(Refused, match=r"osi-gateway\.appointments\.slots gibt es nicht"):
        town.desk.expired("osi-gateway.appointments.slots", "s", 1)


@pytest.mark.parametrize("group", [b"notify.identity.contacts", b"osi-gateway.appointments.slots", b"", b"\xff"])
async def test_a_service_cannot_make_the_operator_write_to_another(town: Town, group: bytes) -> None:
    town.broker.append(dead_letters("osi-gateway"), "k", b"{}", [("dlq_group", group)])
    (letter,) = town.desk.waiting()
    assert letter.retry is None
    with pytest.raises(Refused, match="Lesegruppe"):
        town.desk.replay([letter])
    town.desk.give_up([letter], "nobody reads it")
    assert town.desk.waiting() == []


def test_an_unknown_letter_and_an_empty_reason_are_refused(town: Town) -> None:
    with pytest.raises(Refused, match=r"osi-gateway\.dead-letters-0-7"):
        town.desk.find(["osi-gateway.dead-letters-0-7"])
    with pytest.raises(Refused, match="Grund"):
        town.desk.give_up([], " ")


def test_no_event_may_be_called_as_what_stands_in() -> None:
    assert [kind.type for kind in event_classes().values() if kind.family.endswith(f".{NEVER_AN_EVENT}")] == []


def test_acts_of_a_later_version_can_be_read() -> None:
    from rathaus.deadletters.acts import act_on, decoded, encoded

    act = act_on(letter(ContactChanged, b"{}"), ["x"], "replay", "id", "mia", START)
    later = {**json.loads(encoded(act)), "new": 1}
    assert isinstance(decoded(json.dumps(later).encode()), Act)
    assert decoded(encoded(act)) == act


def letter(kind: Any, value: bytes | None, error: str = "RuntimeError: mia@example.org", **more: bytes) -> Letter:
    consumer = TOPICS[kind.topic].consumers[0]
    headers = headers_of(Envelope(GOOD, kind.type, ARS, GOOD, 7, START))
    also = {"dlq_group": TOPICS[kind.topic].group(consumer).encode(), "dlq_error": error.encode(), **more}
    entry = Entry(dead_letters(consumer), 0, 3, START, GOOD.encode(), value, (*headers, *also.items()))
    return letter_of(entry, consumer)


@pytest.mark.proves("PL-07")
def test_of_a_restricted_topic_only_ids_and_types_are_shown() -> None:
    event = VerificationRequested(
        occurred_at=START,
        account_id=GOOD,
        email="mia@example.org",
        purpose="verify-email",
        code="123456",
        expires_at=START,
    )
    said = {**json.loads(event.model_dump_json()), "more_id": "Mia Beispiel", "Mia Beispiel": [{"type": "x" * 50}]}
    shown = letter(VerificationRequested, json.dumps(said).encode(), x_name=b"Mia Beispiel")
    texts = [masking.body(shown), masking.reason(shown), *(value for _, value in masking.headers(shown))]
    for secret in ("mia@example.org", "123456", "Mia Beispiel", "xxx"):
        assert not any(secret in text for text in texts)
    assert GOOD in texts[0]
    assert masking.reason(shown) == f"RuntimeError: {masking.MASK}"
    broken = letter(VerificationRequested, b'{"email": "mia@example.org"', "BadBody: /code: wrong")
    assert "mia" not in masking.body(broken)
    assert masking.reason(broken) == "BadBody: /code: wrong"


def test_of_a_public_topic_all_is_shown_but_nothing_steers_the_terminal() -> None:
    shown = letter(AccountLinked, b'{"level": "hoch\\u001b[2J"}', "RuntimeError: \x1b[2J")
    assert '"level": "hoch' in masking.body(shown)
    assert "\x1b" not in masking.body(shown) + masking.reason(shown)
    assert masking.body(letter(AccountLinked, b"\x1b{")) == "\N{REPLACEMENT CHARACTER}{"
    assert masking.body(letter(AccountLinked, None)) == "(kein Inhalt)"


def test_the_key_says_the_source_where_the_headers_do_not() -> None:
    silent, torn, twice = (letter(AccountLinked, b"", ce_subject=text) for text in (b"x", b"\xff", b"y"))
    assert [one.said("ce_subject") for one in (silent, torn, twice)] == [None, None, None]
    assert {one.source for one in ordered([silent, torn, twice])} == {GOOD}


def test_what_is_replayed_says_nothing_of_its_burial() -> None:
    names = [name.lower() for name, _ in original_headers(letter(AccountLinked, b"", DLQ_Group=b"x"))]
    assert "ce_id" in names
    assert not [name for name in names if name.startswith("dlq_")]
