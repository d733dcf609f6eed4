"""A room with places that are taken and given back: small, yet every command changes something that can go wrong.

Each command names the thing that it makes or ends, and the thing keeps the command's key for good, as a calendar's day
does; so a repeat is known however many commands came between.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chassis.aggregates import Key, KeyReused
from chassis.documents import Document
from chassis.testing import START
from contracts import Event
from contracts.envelope import Envelope
from contracts.forms import ApplicationPackaged, ApplicationStatusChanged

TENANT = "150900546546"
HELD_FOR = timedelta(minutes=30)
FULL, EMPTY = "full", "empty"


class Refused(Exception):
    """The room is full, or empty."""


@dataclass(frozen=True)
class Stay:
    """A place that somebody took; stays known after its end."""

    number: int
    key: str
    digest: str
    until: datetime
    ended_by: str | None = None


@dataclass(frozen=True)
class Room:
    """Places and who took them."""

    places: int
    stays: tuple[Stay, ...] = ()
    widened_by: tuple[str, ...] = ()
    opened_by: str = ""

    def held(self) -> list[Stay]:
        return [stay for stay in self.stays if stay.ended_by is None]

    def at(self) -> datetime | None:
        return min((stay.until for stay in self.held()), default=None)


@dataclass(frozen=True)
class Fact:
    """What happened, by whose command, and what the room says afterwards."""

    kind: str
    key: str
    held: int
    places: int


Decided = tuple[Room, Sequence[Fact]]


def opened(key: str, places: int) -> Decided:
    return _with(Room(places, opened_by=key), "opened", key)


def take(room: Room, key: Key, now: datetime) -> Decided:
    known = made_by(room, key.value)
    if known is not None:
        if known.digest != key.digest:
            raise KeyReused(key.value)
        return room, ()
    if len(room.held()) >= room.places:
        raise Refused(FULL)
    stay = Stay(len(room.stays) + 1, key.value, key.digest, now + HELD_FOR)
    return _with(replace(room, stays=(*room.stays, stay)), "taken", key.value)


def give_back(room: Room, key: str) -> Decided:
    if ended_by(room, key) is not None:
        return room, ()
    if not room.held():
        raise Refused(EMPTY)
    return _end(room, room.held()[0], key, "given back")


def widen(room: Room, key: str) -> Decided:
    if key in room.widened_by:
        return room, ()
    return _with(replace(room, places=room.places + 1, widened_by=(*room.widened_by, key)), "widened", key)


def run_out(room: Room, at: datetime) -> Decided:
    facts: list[Fact] = []
    for stay in room.held():
        if stay.until == at:
            room, ended = _end(room, stay, f"timer:{at.isoformat()}:{stay.number}", "ran out")
            facts += ended
    return room, facts


def made_by(room: Room, key: str) -> Stay | None:
    return next((stay for stay in room.stays if stay.key == key), None)


def ended_by(room: Room, key: str) -> Stay | None:
    return next((stay for stay in room.stays if stay.ended_by == key), None)


def _end(room: Room, ending: Stay, key: str, kind: str) -> Decided:
    stays = tuple(replace(stay, ended_by=key) if stay is ending else stay for stay in room.stays)
    return _with(replace(room, stays=stays), kind, key)


def _with(room: Room, kind: str, key: str) -> Decided:
    return room, (Fact(kind, key, len(room.held()), room.places),)


class RoomCodec:
    """The room as fields of its document."""

    schema_version = 1

    def dump(self, state: Room) -> Document:
        return {
            "places": state.places,
            "stays": [asdict(stay) for stay in state.stays],
            "widened_by": list(state.widened_by),
            "opened_by": state.opened_by,
        }

    def load(self, document: Document) -> Room:
        stays = tuple(Stay(**stay) for stay in document["stays"])
        return Room(document["places"], stays, tuple(document["widened_by"]), document["opened_by"])


def events(state: Room, fact: Fact) -> Sequence[Event]:
    """Every fact is told in public; that a place was taken is told sealed as well, so the numbers per topic differ."""
    text = json.dumps(asdict(fact))
    public = ApplicationStatusChanged(
        occurred_at=START, application_id=text, account_id="a", status="submitted", changed_at=START
    )
    if fact.kind not in ("opened", "taken"):
        return (public,)
    sealed = ApplicationPackaged(
        occurred_at=START, application_id=text, fact_id=fact.key, account_id="a", sealed="sealed"
    )
    return (sealed, public)


def fact_of(body: bytes) -> Fact:
    return Fact(**json.loads(json.loads(body)["application_id"]))


@dataclass(frozen=True)
class Ledger:
    """What a reader has taken in of one room: topic, number and id of each event, in its order."""

    taken: tuple[tuple[str, int, str], ...] = ()


class LedgerCodec:
    """The ledger as fields of its document."""

    schema_version = 1

    def dump(self, state: Ledger) -> Document:
        return {"taken": [list(one) for one in state.taken]}

    def load(self, document: Document) -> Ledger:
        return Ledger(tuple((topic, number, event) for topic, number, event in document["taken"]))


def note(ledger: Ledger | None, envelope: Envelope) -> tuple[Ledger, Sequence[Any]]:
    taken = (ledger or Ledger()).taken
    return Ledger((*taken, (envelope.topic, envelope.sequence, envelope.id))), ()
