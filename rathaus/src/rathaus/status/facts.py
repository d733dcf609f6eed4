"""What is known of a running town hall, and which of it needs somebody. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OUTBOX_SECONDS = 60.0
"""Age at which an event that is not published yet is a worry: as long as the relay's longest back-off."""
GAP_SECONDS = 10.0
LOSS_DAYS = 30
"""How long a loss is a worry: as long as dead letters are kept."""
LETTER_DAYS = 20
"""Age at which a dead letter's own end is a worry: ten days before it."""
TIMER_SECONDS = 60.0
"""How late a moment may be worked off before it is a worry."""


@dataclass(frozen=True)
class PartState:
    """One process, by its own answer."""

    name: str
    ready: bool
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Of ``/ready``: each check that is red, and why."""


@dataclass(frozen=True)
class Group:
    """How far a consumer group is behind on one topic."""

    group: str
    topic: str
    lag: int
    """Records that it has not worked off, all partitions together."""
    readers: int
    """Members of the group now."""


@dataclass(frozen=True)
class Outbox:
    """Events of one service that are stored and not published yet."""

    service: str
    documents: int
    events: int
    oldest_seconds: float
    """0 where nothing waits."""


@dataclass(frozen=True)
class Gap:
    """A source of which an event is missing, so that what follows waits."""

    service: str
    group: str
    source: str
    missing: int
    waiting: int
    seconds: float


@dataclass(frozen=True)
class Loss:
    """Records that a topic deleted before a group read them: the last such stretch of one partition."""

    service: str
    group: str
    partition: int
    records: int
    days: float
    """Since it was seen."""


@dataclass(frozen=True)
class Lease:
    """Who publishes a service's events: 16 shards, shared out among its relays."""

    service: str
    relays: int
    held: int
    """Shards that a living relay holds."""
    shards: int


@dataclass(frozen=True)
class Late:
    """What should have happened by now and has not: moments of one service that its timers have not worked off."""

    service: str
    count: int
    seconds: float
    """Of the oldest."""


@dataclass(frozen=True)
class Case:
    """One effect outside that needs a person: nobody knows whether it happened, or it cannot go on."""

    service: str
    kind: str
    """``unknown``: a mail that went out or did not. ``stuck``: a submission that only a repair can move."""
    id: str
    seconds: float | None
    reason: str


@dataclass(frozen=True)
class Status:
    """Everything. What could not be asked is None, and ``silent`` says why."""

    parts: tuple[PartState, ...] = ()
    silent: Mapping[str, str] = field(default_factory=dict)
    """Broker or database that gave no answer, and the error."""
    groups: tuple[Group, ...] | None = None
    dead_letters: Mapping[str, int] | None = None
    """Of each service: what nobody has replayed or given up."""
    oldest_dead_letter_days: Mapping[str, float] | None = None
    """Of each service that has some: the age of the oldest one."""
    outbox: tuple[Outbox, ...] | None = None
    gaps: tuple[Gap, ...] | None = None
    losses: tuple[Loss, ...] | None = None
    leases: tuple[Lease, ...] | None = None
    late: tuple[Late, ...] | None = None
    cases: tuple[Case, ...] | None = None

    def worries(self) -> list[str]:
        """Return, in German, what needs somebody; empty where all is well."""
        return [*_of_parts(self), *_of_events(self), *_of_people(self)]

    def as_data(self) -> dict[str, Any]:
        """Return everything for a program."""
        return {**asdict(self), "worries": self.worries()}


def _of_parts(status: Status) -> Iterator[str]:
    for name, why in status.silent.items():
        yield f"{name} antwortet nicht: {why}"
    for part in status.parts:
        if not part.ready:
            why = "; ".join(f"{check}: {reason}" for check, reason in part.reasons.items())
            yield f"{part.name} ist nicht bereit{f' ({why})' if why else ''}"
    for lease in status.leases or ():
        if lease.held < lease.shards:
            yield f"{lease.service}: {lease.shards - lease.held} von {lease.shards} Teilen veröffentlicht niemand"
    for group in _without_readers(status):
        yield f"Niemand liest in der Gruppe {group}"


def _of_events(status: Status) -> Iterator[str]:
    for outbox in status.outbox or ():
        if outbox.oldest_seconds > OUTBOX_SECONDS:
            yield (
                f"{outbox.service}: {outbox.events} Ereignisse warten auf Kafka, "
                f"das älteste seit {outbox.oldest_seconds:.0f} s"
            )
    for gap in status.gaps or ():
        if gap.seconds > GAP_SECONDS:
            yield (
                f"{gap.group}: von {gap.source} fehlt Nr. {gap.missing} seit {gap.seconds:.0f} s, "
                f"{gap.waiting} Ereignisse warten dahinter"
            )
    for loss in status.losses or ():
        if loss.days < LOSS_DAYS:
            yield (
                f"{loss.group}: {loss.records} Ereignisse der Partition {loss.partition} wurden gelöscht, "
                f"ehe sie gelesen waren (bemerkt vor {loss.days:.0f} Tagen)"
            )
    for late in status.late or ():
        yield f"{late.service}: {late.count} Zeitpunkte sind überfällig, der älteste seit {late.seconds:.0f} s"


def _of_people(status: Status) -> Iterator[str]:
    for service, count in (status.dead_letters or {}).items():
        if count:
            days = (status.oldest_dead_letter_days or {}).get(service, 0)
            ends = f", der älteste seit {days:.0f} Tagen: nach {LOSS_DAYS} ist er weg" if days > LETTER_DAYS else ""
            yield f"{service}: {'1 toter Brief wartet' if count == 1 else f'{count} tote Briefe warten'}{ends}"
    for case in status.cases or ():
        yield f"{case.service}: {_CASES[case.kind]} {case.id}: {case.reason}"


def _without_readers(status: Status) -> list[str]:
    return list(dict.fromkeys(group.group for group in status.groups or () if not group.readers))


_CASES = {"unknown": "vielleicht gesendet, wird nicht wiederholt:", "stuck": "kommt ohne Hilfe nicht weiter: Antrag"}
