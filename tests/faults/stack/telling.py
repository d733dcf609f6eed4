"""Turns evidence into the story that the checker knows."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checker import Attempt, Birth, Bound, Kept, Reading, Seen, Story
from evidence import Document, Evidence, Mail, Record, aggregates

from appointments.calendars.store import MOST_PENDING as MOST_OF_A_DAY
from chassis.ids import aggregate_id
from chassis.outbox import MOST_PENDING, field_of
from chassis.places import MOST_WAITING
from contracts.topics import TOPICS

SLACK = 500
"""Milliseconds by which the clocks of a caller and of a service may differ."""
SWAP = 1_000.0
"""Milliseconds of the services' clocks, which are corrected now and then, from which on an order counts as swapped."""
DAYS = "appointments.days"
_FIELDS = {field_of(topic): topic for topic in TOPICS}
_ASKS_FOR_MAIL = {"slot-reserved", "slot-released", "verification-requested", "submission-accepted"} | {
    "submission-rejected"
}
_STEPS = {"submission-forwarded": "forwarded", "submission-accepted": "accepted", "submission-rejected": "rejected"}


def tell(evidence: Evidence, bounds: Sequence[Bound] = ()) -> Story:
    """Return the story of a town at rest."""
    births, kept, remembered = _documents(evidence)
    days = _Days(evidence)
    births += days.births
    attempts = [_with_slack(one) if one.outcome == "refused" else one for one in evidence.attempts if one.source]
    return Story(
        attempts=attempts,
        births=births,
        published=[_seen(record) for record in evidence.records if not record.planted],
        readings=[*_readings(evidence), *_places(evidence)],
        remembered=remembered,
        documents=[days.with_held(one) for one in kept],
        stuck=[*evidence.restless, *_buried(evidence)],
        bounds=[*bounds, *_queues(evidence)],
        reasons={one.answer: days.justifies(one.answer) for one in attempts if days.knows(one.answer)},
    )


def repeats(evidence: Evidence, topic: str) -> tuple[int, int]:
    """How many records of a topic are repeats, and how many events it has."""
    records = [record for record in evidence.records if record.topic == topic and not record.planted]
    events = len({record.event for record in records})
    return len(records) - events, events


def _seen(record: Record) -> Seen:
    return Seen(record.source, record.topic, record.number, record.event)


def _with_slack(one: Attempt) -> Attempt:
    return replace(one, called=one.called - SLACK, answered=one.answered + SLACK)


def _buried(evidence: Evidence) -> Iterator[str]:
    for service, count in evidence.dead_letters.items():
        if count:
            yield f"{service} has {count} dead letters"


def _queues(evidence: Evidence) -> Iterator[Bound]:
    pending = [(kind == DAYS, len(found["out"])) for kind, found in aggregates(evidence.documents)]
    of_days, of_others = (max((held for day, held in pending if day == wanted), default=0) for wanted in (True, False))
    yield Bound("events that wait for the broker in a calendar's day", of_days, MOST_OF_A_DAY)
    yield Bound("events that wait for the broker in one document", of_others, MOST_PENDING)
    waiting = [len(place.get("wait", ())) for place in _all_places(evidence)]
    yield Bound("events that wait behind a gap", max(waiting, default=0), MOST_WAITING)


# --- what was born ----------------------------------------------------------------------------------------------------


def _documents(evidence: Evidence) -> tuple[list[Birth], list[Kept], list[tuple[str, str]]]:
    births: list[Birth] = []
    kept: dict[str, Kept] = {}
    remembered: list[tuple[str, str]] = []
    for name, document in aggregates(evidence.documents):
        id = document["_id"]
        keys = [one["key"] for one in (document.get("born"), *document.get("cmds", ())) if one]
        if name != DAYS:  # there the reservation itself remembers
            remembered += [(id, key) for key in keys]
        numbers = {_FIELDS[field]: number for field, number in document["seq"].items()}
        # Two services may keep a document under one id; they never write the same topic.
        other = kept.get(id, Kept(id, {}, 0, False, 0, 1))
        pending, due = other.pending + len(document["out"]), other.due or "due" in document
        kept[id] = replace(other, numbers={**other.numbers, **numbers}, pending=pending, due=due)
        if name != DAYS:
            handed_in = keys[-1] if name == "forms.applications" and document["status"] != "draft" else ""
            births += [_birth(id, entry, handed_in) for entry in _ring(document)]
    return births, list(kept.values()), remembered


def _ring(document: Document) -> list[Document]:
    """What a document itself says of its events: those that wait, and the last ones that do not."""
    entries = {entry["id"]: entry for entry in [*document.get("sent", ()), *document["out"]]}
    return sorted(entries.values(), key=lambda entry: (entry["topic"], entry["seq"]))


def _birth(source: str, entry: Document, handed_in: str) -> Birth:
    kind = (entry["type"] or "").rpartition(".v")[0].rpartition(".")[2]
    key = handed_in if kind in ("application-submitted", "application-packaged") else ""
    return Birth(source, entry["topic"], entry["seq"], entry["id"], key, 0)


class _Days:
    """The calendars: a day has more events than it remembers, but each stands for a reservation or its end."""

    def __init__(self, evidence: Evidence) -> None:
        self._capacity = evidence.capacity
        self.births: list[Birth] = []
        self._held: dict[str, int] = {}
        self._slots: dict[str, dict[str, int]] = {}
        """After each event: how many hold each time."""
        self._mine: dict[str, dict[str, tuple[int, int]]] = {}
        """After each event: how many times each account holds, and how many it has taken."""
        published: dict[tuple[str, str, str], Record] = {}
        for record in evidence.records:
            if record.topic == "appointments.slots" and not record.planted:
                reservation = json.loads(record.body or b"{}").get("reservation_id", "")
                published.setdefault((record.source, record.type, reservation), record)
        for day in evidence.of("appointments", "days"):
            self._tell(day, published)

    def _tell(self, day: Document, published: dict[tuple[str, str, str], Record]) -> None:
        facts = [("slot-reserved", one, one["made"]) for one in day["reservations"]]
        facts += [("slot-released", one, one["released"]) for one in day["reservations"] if one["released"]]
        found = []
        for kind, one, act in facts:
            record = published.get((day["_id"], kind, one["id"]))
            number, event = (record.number, record.event) if record else (0, f"{kind} {one['id']}")
            found.append(
                (number, kind, one, Birth(day["_id"], "appointments.slots", number, event, act["key"], _ms(act)))
            )
        slots: dict[str, int] = defaultdict(int)
        mine: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for _, kind, one, birth in sorted(found, key=lambda each: each[0]):
            change = 1 if kind == "slot-reserved" else -1
            slots[_text(one["starts_at"])] += change
            holds, taken = mine[one["account_id"]]
            mine[one["account_id"]] = (holds + change, taken + max(change, 0))
            self._slots[birth.event], self._mine[birth.event] = dict(slots), dict(mine)
            self.births.append(replace(birth, held=max(slots.values()), places=self._capacity))
        self._compare_with_ring(day)
        now: dict[str, int] = defaultdict(int)
        for one in day["reservations"]:
            now[_text(one["starts_at"])] += one["released"] is None
        self._held[day["_id"]] = max(now.values(), default=0)

    def _compare_with_ring(self, day: Document) -> None:
        known = {(birth.number, birth.event) for birth in self.births if birth.source == day["_id"]}
        for entry in _ring(day):
            if (entry["seq"], entry["id"]) not in known:
                self.births.append(Birth(day["_id"], entry["topic"], entry["seq"], entry["id"], "", 0))

    def with_held(self, one: Kept) -> Kept:
        """The same document with how many hold its fullest time, if it is a day."""
        held = self._held.get(one.source)
        return one if held is None else replace(one, held=held, places=self._capacity)

    def knows(self, answer: str) -> bool:
        """Whether a refusal rests on a state of a day."""
        return answer.startswith(("slot-taken ", "limit-reached "))

    def justifies(self, answer: str) -> Any:
        """Return what tells whether a state justifies this refusal."""
        reason, _, about = answer.partition(" ")

        def slot_taken(birth: Birth) -> bool:
            return self._slots.get(birth.event, {}).get(_text(datetime.fromisoformat(about)), 0) >= self._capacity

        def limit_reached(birth: Birth) -> bool:
            holds, taken = self._mine.get(birth.event, {}).get(about, (0, 0))
            return holds >= 1 or taken >= 10

        return slot_taken if reason == "slot-taken" else limit_reached


def _ms(act: Document) -> int:
    return int(act["at"].timestamp() * 1000)


def _text(moment: datetime) -> str:
    return str(int(moment.timestamp()))


# --- what took effect -------------------------------------------------------------------------------------------------


def _readings(evidence: Evidence) -> Iterator[Reading]:
    yield from _messages(evidence)
    yield _statuses(evidence)
    yield _forwarding(evidence)
    yield _authority(evidence)


def _first_times(evidence: Evidence, kinds: Sequence[str] | set[str]) -> list[Record]:
    """Each event of these kinds once, planted ones too: they are repeats of real ones."""
    found = {record.event: record for record in evidence.records if record.type in kinds and not record.planted}
    return sorted(found.values(), key=lambda record: (record.source, record.topic, record.number))


def _numbered(records: Sequence[Record]) -> list[Seen]:
    """The records with numbers that count only these."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    seen = []
    for record in records:
        counted[record.source, record.topic] += 1
        seen.append(Seen(record.source, record.topic, counted[record.source, record.topic], record.event))
    return seen


def _messages(evidence: Evidence) -> Iterator[Reading]:
    """notify keeps one message for each event that asks for one, and sends one mail for each."""
    tenants = {str(document["_id"]): str(document["tenant"]) for document in evidence.of("notify", "messages")}
    asked = _first_times(evidence, _ASKS_FOR_MAIL)
    due = _numbered(asked)
    by_message = {aggregate_id(tenant, "message", seen.event): seen for seen in due for tenant in {*tenants.values()}}
    messages = {document["_id"]: document for document in evidence.of("notify", "messages")}
    kept = sorted(
        ((by_message.get(id) or Seen(id, "unknown", 1, id), message) for id, message in messages.items()),
        key=lambda pair: (pair[0].source, pair[0].topic, pair[0].number),
    )
    yield Reading("notify", due, _as_taken(kept))
    # Mails of one person may overtake each other: they are counted, not ordered.
    mails = [*_mailed(evidence.mails, by_message), *_shown(evidence, by_message)]
    yield Reading("mail", due, sorted(mails, key=lambda seen: (seen.source, seen.topic, seen.number)))


def _as_taken(kept: list[tuple[Seen, Document]]) -> list[Seen]:
    """By the time of taking; nearly equal times say nothing."""
    times = []
    last: dict[tuple[str, str], float] = {}
    for seen, message in kept:
        made = message["made_at"].timestamp() * 1000
        before = last.get((seen.source, seen.topic), made)
        at = made if made < before - SWAP else max(made, before)
        last[seen.source, seen.topic] = at
        times.append((at, seen))
    return [seen for _, seen in sorted(times, key=lambda pair: pair[0])]


def _mailed(mails: Sequence[Mail], by_message: dict[str, Seen]) -> Iterator[Seen]:
    """One per mail, as often as it arrived."""
    for mail in mails:
        id = mail.message_id.strip("<>").partition("@")[0]
        yield by_message.get(id) or Seen(id, "unknown", 1, id)


def _shown(evidence: Evidence, by_message: dict[str, Seen]) -> Iterator[Seen]:
    """Those of which nobody can know are shown to a clerk; a code that ran out is no use to anybody."""
    mailed = {mail.message_id.strip("<>").partition("@")[0] for mail in evidence.mails}
    for message in evidence.of("notify", "messages"):
        pointless = message["status"] == "dropped" and message["kind"] in ("verification", "already-registered")
        if message["_id"] not in mailed and (message["status"] == "failed" or pointless):
            yield by_message.get(message["_id"]) or Seen(message["_id"], "unknown", 1, message["_id"])


def _statuses(evidence: Evidence) -> Reading:
    """forms keeps every status that the gateway's events gave an application."""
    due = _numbered(_first_times(evidence, list(_STEPS)))
    kinds = {record.event: _STEPS[record.type] for record in evidence.records if record.type in _STEPS}
    by_step = {(seen.source, kinds[seen.event]): seen for seen in due}
    taken = [
        by_step.get((application["_id"], step["status"])) or Seen(application["_id"], "unknown", 1, step["status"])
        for application in evidence.of("forms", "applications")
        for step in application["steps"]
        if step["status"] != "submitted"
    ]
    return Reading("forms", due, taken)


def _forwarding(evidence: Evidence) -> Reading:
    """osi-gateway puts the public and the sealed event of an application into one submission."""
    due = _numbered(_first_times(evidence, ["application-submitted", "application-packaged"]))
    by_source = {(seen.source, seen.topic): seen for seen in due}
    taken = []
    for submission in evidence.of("osi-gateway", "submissions"):
        topics = ["forms.applications"] if submission["request"] else []
        if submission["package"] or submission["answer"]:  # an accepted package is not kept
            topics.append("forms.packages")
        id = submission["_id"]
        taken += [by_source.get((id, topic)) or Seen(id, topic, 1, f"submission {id}") for topic in topics]
    return Reading("osi-gateway", due, taken)


def _authority(evidence: Evidence) -> Reading:
    """The authority holds each application that was handed in, once."""
    handed_in = [one for one in evidence.of("forms", "applications") if one["status"] != "draft"]
    due = {one["reference"]: Seen(one["_id"], "authority", 1, one["reference"]) for one in handed_in}
    for application, reference in evidence.applications.items():
        due.setdefault(reference, Seen(application, "authority", 1, reference))
    taken = [due.get(row["reference"]) or Seen("?", "authority", 1, str(row["reference"])) for row in evidence.inbox]
    return Reading("authority", list(due.values()), taken)


def _all_places(evidence: Evidence) -> Iterator[Document]:
    for name, documents in evidence.documents.items():
        if name.endswith(".places"):
            yield from documents


def _places(evidence: Evidence) -> Iterator[Reading]:
    """Every group stands behind the last event of every source, and nothing waits."""
    last: dict[str, dict[str, Record]] = defaultdict(dict)
    for record in evidence.records:
        if not record.planted and record.number >= last[record.topic].get(record.source, record).number:
            last[record.topic][record.source] = record
    places = {(place["group"], place["source"]): place for place in _all_places(evidence)}
    for topic in TOPICS.values():
        for service in topic.consumers:
            group = topic.group(service)
            due = [Seen(record.source, topic.name, 1, record.event) for record in last[topic.name].values()]
            taken = []
            for seen in due:
                place = places.get((group, seen.source))
                if place and not place["wait"] and place["last"] == last[topic.name][seen.source].number:
                    taken.append(replace(seen, event=place["event"]))
            yield Reading(f"place {group}", due, taken)
