"""Lets a town come to rest without further faults, and tells its story for the checker."""

from typing import Any

from checker import Kept, Seen, Story
from room import EMPTY, FULL
from steps import Fate
from still_time import at_once
from town import READ, Consumer, Town, Writer

REASONS = {FULL: lambda birth: birth.held >= birth.places, EMPTY: lambda birth: birth.held == 0}
MOST_ROUNDS = 40
MOST_STEPS = 4_000


def drain(town: Town) -> Story:
    """Everybody goes on, whoever got no answer asks again, what was lost is sent again, dead letters are replayed."""
    stuck: list[str] = []
    for one in town.alive():
        one.process.frozen = False
    town.broker.down = False
    _settle(town, stuck)
    while town.steps.shaky:
        town.steps.last(0, lasts=True)
    while town.steps.late:
        town.steps.happen_late(town.steps.late[0])
    town.pass_time(5)
    _settle(town, stuck)
    writer, consumer = town.start_writer(), town.start_consumer()
    replayed = 0
    for _ in range(MOST_ROUNDS):
        town.refill()
        town.pass_time(3_700)
        town.look(writer)
        _settle(town, stuck)
        town.relay_round(writer)
        _settle(town, stuck)
        _deliver(town, consumer, stuck)
        letters = town.letters()[replayed:]
        replayed += len(letters)
        for letter in letters:
            town.replay(letter)
        asked = _ask_again(town, writer, stuck)
        if not letters and not asked and _at_rest(town, consumer):
            break
    else:
        stuck.append("no rest after all rounds")
    return _story(town, stuck)


def _settle(town: Town, stuck: list[str]) -> None:
    for _ in range(MOST_STEPS):
        if not town.steps.waiting:
            return
        town.go_on(0, Fate.HAPPENS)
    stuck.append("steps without end")


def _ask_again(town: Town, writer: Writer, stuck: list[str]) -> int:
    """Send what was never answered again, with its key."""
    last = {(call.room, call.key): call for call in town.calls}
    unanswered = [call for call in last.values() if call.outcome == "unknown"]
    for call in unanswered:
        town.call(writer, _room_of(call.room, town), call.key.value, call.do, call.key.digest)
        _settle(town, stuck)
    return len(unanswered)


def _room_of(id: str, town: Town) -> str:
    return next(call.key.value for call in town.calls if call.do == "open" and call.room == id)


def _deliver(town: Town, consumer: Consumer, stuck: list[str]) -> None:
    for _ in range(MOST_STEPS):
        before = dict(consumer.offsets)
        handed_over = [topic for topic in READ if town.deliver(consumer, topic)]
        _settle(town, stuck)
        if not handed_over or before == consumer.offsets:
            return


def _at_rest(town: Town, consumer: Consumer) -> bool:
    read = all(consumer.offsets.get(topic, 0) == len(town.broker.topics[topic]) for topic in READ)
    documents = _documents(town, "rooms")
    held = any(stay["ended_by"] is None for document in documents for stay in document["stays"])
    return read and not held and not any(document["out"] or "due" in document for document in documents)


def _documents(town: Town, name: str) -> list[dict[str, Any]]:
    database = town.forms if name == "rooms" else town.gateway
    return at_once(database.collection(name).find({}, limit=1_000))


def _story(town: Town, stuck: list[str]) -> Story:
    taken = [
        Seen(document["_id"], topic, number, event)
        for document in _documents(town, "ledgers")
        for topic, number, event in document["taken"]
    ]
    kept = [
        Kept(
            document["_id"],
            {topic.replace("_", "."): number for topic, number in document["seq"].items()},
            len(document["out"]),
            "due" in document,
            sum(stay["ended_by"] is None for stay in document["stays"]),
            document["places"],
        )
        for document in _documents(town, "rooms")
    ]
    return Story(town.attempts(), town.births, town.published, taken, kept, stuck, REASONS)
