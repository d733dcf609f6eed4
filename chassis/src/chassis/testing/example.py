"""A small aggregate for tests of the chassis: a counter whose facts travel as forms' status events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.aggregates import Aggregates
from chassis.clock import Clock
from chassis.documents import Document, Documents
from chassis.testing.clock import START
from contracts.forms import ApplicationStatusChanged

TENANT = "150900546546"
OTHER_TENANT = "150909999000"


class Full(Exception):
    """The counter has reached its limit."""


@dataclass(frozen=True)
class Counter:
    """Counts up to a limit."""

    count: int = 0
    limit: int = 1_000_000
    at: datetime | None = None


@dataclass(frozen=True)
class Counted:
    """One more."""

    count: int


def start(limit: int = 1_000_000) -> tuple[Counter, Sequence[Counted]]:
    """Begin at 1."""
    return Counter(1, limit), (Counted(1),)


def count_up(state: Counter) -> tuple[Counter, Sequence[Counted]]:
    """Count one more, or refuse at the limit."""
    if state.count >= state.limit:
        raise Full(f"{state.count} of {state.limit}")
    return replace(state, count=state.count + 1), (Counted(state.count + 1),)


class CounterCodec:
    """The counter as fields of its document."""

    schema_version = 1

    def dump(self, state: Counter) -> Document:
        """Return the fields."""
        return {"count": state.count, "limit": state.limit, "moment": state.at}

    def load(self, document: Document) -> Counter:
        """Return the state."""
        return Counter(document["count"], document["limit"], document.get("moment"))


def publish(state: Counter, fact: Counted) -> Sequence[ApplicationStatusChanged]:
    """Tell the fact as an event; its ``application_id`` is the count."""
    return (
        ApplicationStatusChanged(
            occurred_at=START, application_id=str(fact.count), account_id="a", status="submitted", changed_at=START
        ),
    )


def counters(documents: Documents, clock: Clock) -> Aggregates[Counter, Counted]:
    """Return the counters of a collection."""
    return Aggregates(documents, CounterCodec(), publish, service="forms", clock=clock, due_at=lambda state: state.at)
