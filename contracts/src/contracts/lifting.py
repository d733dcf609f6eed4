"""From one version of an event to the next, so that a reader that knows the newer one understands both.

Readers move first and listen to the new class alone, then the publisher switches, and may switch back. Never are both
published for one fact (``chassis.outbox`` refuses it): who knows both would count it twice.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from contracts.envelope import is_tombstone
from contracts.event import Event, Tombstone, event_class
from contracts.validation import UnknownVersion

O = TypeVar("O", bound=Event)  # noqa: E741 - the old one
N = TypeVar("N", bound=Event)

_next: dict[type[Event], tuple[type[Event], Callable[[Any], Event]]] = {}


def lifts(old: type[O], new: type[N]) -> Callable[[Callable[[O], N]], Callable[[O], N]]:
    """Mark the function that says in the words of ``new`` what ``old`` said.

    Raises:
        TypeError: they are not two versions of one event on one topic, or ``old`` has such a function already.
    """
    if old.family != new.family or old.topic != new.topic or old is new:
        raise TypeError(f"{new.type} on {new.topic} is no later version of {old.type} on {old.topic}")
    if old in _next:
        raise TypeError(f"{old.type} is lifted to {_next[old][0].type} already")

    def mark(function: Callable[[O], N]) -> Callable[[O], N]:
        _next[old] = (new, function)
        return function

    return mark


def understood(type_: str, wanted: Collection[type[Event] | type[Tombstone]]) -> type[Event] | type[Tombstone] | None:
    """Return under which of the classes a reader of these gets an event of a type; None where it does not act on it.

    Raises:
        UnknownVersion: it acts on another version of this event alone.
    """
    if is_tombstone(type_):
        return Tombstone if Tombstone in wanted else None
    found = event_class(type_)
    while found is not None and found not in wanted:
        found = _next[found][0] if found in _next else None
    if found is None and (known := _versions(type_, wanted)):
        raise UnknownVersion(type_, known)
    return found


def _versions(type_: str, wanted: Collection[type[Event] | type[Tombstone]]) -> tuple[str, ...]:
    family = type_.rpartition(".")[0]
    return tuple(sorted(kind.type for kind in wanted if issubclass(kind, Event) and kind.family == family))


def lifted(event: Event, kind: type[Event]) -> Event:
    """Return the event in the words of ``kind``, one version after the other."""
    while type(event) is not kind:
        _, function = _next[type(event)]
        event = function(event)
    return event
