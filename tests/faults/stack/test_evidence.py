"""The checker finds a loss, a double and a swap that are planted into the evidence of a real town."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from checker import violations
from evidence import Document, Evidence, Record
from fault_town import FaultTown
from telling import tell

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
T = TypeVar("T")
Plant = Callable[[Evidence], Evidence]


def without(found: Sequence[T], one: T) -> list[T]:
    return [other for other in found if other is not one]


def record(evidence: Evidence, topic: str, number: int = 1) -> Record:
    """An event of a source that has at least two on this topic."""
    many = Counter(one.source for one in evidence.records if one.topic == topic)
    return next(
        one for one in evidence.records if one.topic == topic and one.number == number and many[one.source] >= 2
    )


def document(evidence: Evidence, name: str, one: Document, **changed: object) -> Evidence:
    """The evidence with one changed document."""
    documents = [{**other, **changed} if other is one else other for other in evidence.documents[name]]
    return replace(evidence, documents={**evidence.documents, name: documents})


def lost(topic: str, number: int) -> Plant:
    def plant(evidence: Evidence) -> Evidence:
        gone = record(evidence, topic, number).event
        return replace(evidence, records=[one for one in evidence.records if one.event != gone])

    return plant


def swapped(topic: str) -> Plant:
    def plant(evidence: Evidence) -> Evidence:
        records = list(evidence.records)
        first = record(evidence, topic, 1)
        second = next(one for one in records if (one.source, one.topic, one.number) == (first.source, topic, 2))
        at, other = records.index(first), records.index(second)
        records[at], records[other] = second, first
        # What was published twice has its right order elsewhere.
        return replace(
            evidence, records=[one for one in records if one in (first, second) or one.source != first.source]
        )

    return plant


def overwritten(evidence: Evidence) -> Evidence:
    one = record(evidence, "appointments.slots")
    return replace(evidence, records=[*evidence.records, replace(one, event="another")])


def born_of_nothing(evidence: Evidence) -> Evidence:
    one = record(evidence, "appointments.slots")
    return replace(evidence, records=[*evidence.records, replace(one, event="phantom", source="nobody")])


def reservation_lost(evidence: Evidence) -> Evidence:
    day = next(day for day in evidence.of("appointments", "days") if day["reservations"])
    return document(evidence, "appointments.days", day, reservations=day["reservations"][1:])


def overbooked(evidence: Evidence) -> Evidence:
    day = next(day for day in evidence.of("appointments", "days") if day["reservations"])
    held = {**day["reservations"][0], "released": None}
    more = [{**held, "id": f"more {number}"} for number in range(3)]
    return document(evidence, "appointments.days", day, reservations=[*day["reservations"], *more])


def application_lost(evidence: Evidence) -> Evidence:
    names = set(evidence.applications)
    documents = [one for one in evidence.of("forms", "applications") if one["_id"] not in names]
    return replace(evidence, documents={**evidence.documents, "forms.applications": documents})


def status_twice(evidence: Evidence) -> Evidence:
    one = next(one for one in evidence.of("forms", "applications") if len(one["steps"]) >= 3)
    return document(evidence, "forms.applications", one, steps=[*one["steps"], one["steps"][-1]])


def statuses_swapped(evidence: Evidence) -> Evidence:
    one = next(one for one in evidence.of("forms", "applications") if len(one["steps"]) >= 3)
    first, *rest = one["steps"]
    return document(evidence, "forms.applications", one, steps=[first, *reversed(rest)])


def message_lost(evidence: Evidence) -> Evidence:
    messages = evidence.of("notify", "messages")
    return replace(evidence, documents={**evidence.documents, "notify.messages": messages[1:]})


def place_behind(evidence: Evidence) -> Evidence:
    place = next(one for one in evidence.of("notify", "places") if one["last"] >= 2)
    return document(evidence, "notify.places", place, last=place["last"] - 1)


def mail_lost(evidence: Evidence) -> Evidence:
    return replace(evidence, mails=evidence.mails[1:])


def mail_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, mails=[*evidence.mails, replace(evidence.mails[0], id="again")])


def mail_of_nobody(evidence: Evidence) -> Evidence:
    return replace(evidence, mails=[*evidence.mails, replace(evidence.mails[0], message_id="<other@example.org>")])


def never_arrived(evidence: Evidence) -> Evidence:
    return replace(evidence, inbox=evidence.inbox[1:])


def arrived_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, inbox=[*evidence.inbox, {**evidence.inbox[0], "submission_id": "again"}])


def answered_otherwise(evidence: Evidence) -> Evidence:
    one = next(one for one in evidence.attempts if one.outcome == "acknowledged" and one.answer)
    return replace(evidence, attempts=[*evidence.attempts, replace(one, answer="something else")])


def full_that_never_was(evidence: Evidence) -> Evidence:
    day = next(day for day in evidence.of("appointments", "days") if day["reservations"])
    one = next(one for one in evidence.attempts if one.source == day["_id"])
    lie = replace(one, key="lie", outcome="refused", answer="slot-taken 2001-01-01T08:00:00Z")
    return replace(evidence, attempts=[*evidence.attempts, lie])


def still_waiting(evidence: Evidence) -> Evidence:
    day = evidence.of("appointments", "days")[0]
    return document(evidence, "appointments.days", day, due="1970")


PLANTS: dict[str, tuple[str, Plant]] = {
    "an event lost in the topic": ("I1", lost("appointments.slots", 2)),
    "an application's event lost in the topic": ("I1", lost("forms.applications", 1)),
    "two events swapped in the topic": ("I3", swapped("appointments.slots")),
    "two events under one number": ("I2", overwritten),
    "an event without a document": ("I2", born_of_nothing),
    "a reservation lost in its day": ("I1", reservation_lost),
    "more reservations than places": ("I5", overbooked),
    "an application lost": ("I1", application_lost),
    "a status that took effect twice": ("I4 forms", status_twice),
    "two statuses swapped": ("I4 forms", statuses_swapped),
    "a message lost": ("I4 notify", message_lost),
    "a reader that stands before the end": ("I4 place", place_behind),
    "a mail lost": ("I4 mail", mail_lost),
    "a mail sent twice": ("I4 mail", mail_twice),
    "a mail that nobody asked for": ("I4 mail", mail_of_nobody),
    "an application that never arrived": ("I4 authority", never_arrived),
    "an application that arrived twice": ("I4 authority", arrived_twice),
    "two answers to one command": ("I7", answered_otherwise),
    "a refusal for what never was": ("I6", full_that_never_was),
    "a document that is due for nothing": ("I1", still_waiting),
    "something that did not come to rest": ("I9", lambda evidence: replace(evidence, restless=["something"])),
    "a dead letter": ("I9", lambda evidence: replace(evidence, dead_letters={"notify": 1})),
}


def unfound(evidence: Evidence) -> Iterator[str]:
    for name, (invariant, plant) in PLANTS.items():
        found = violations(tell(plant(evidence)))
        if not any(one.startswith(invariant) for one in found):
            yield f"{name}: {found}"


async def test_what_is_planted_into_real_evidence_is_found(fault_town: FaultTown) -> None:
    async with fault_town.load(days=2, newcomers=1, pause=0.05) as load:
        await load.reaches(60)
    evidence = await fault_town.rest()
    assert violations(tell(evidence, fault_town.bounds())) == []
    assert list(unfound(evidence)) == []
