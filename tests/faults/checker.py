"""What "nothing lost" means: what was told to callers held against documents, topics and effects.

It works on plain records, so that one checker serves whatever ran: see ``Story``. The names I1 to I9 stand for

- I1: what was acknowledged is in its document, and all its events are in the topic;
- I2: no event without a document that gave birth to it;
- I3: per source and topic the numbers run 1..n, without gap, swap or a second event for one number;
- I4: each event takes effect exactly once at its reader, in order;
- I5: nothing holds more than its places;
- I6: what was refused left nothing, and was refused for a reason that held between call and answer;
- I7: a command that is sent again with the same key is carried out once and answered alike;
- I8: what is bounded stays within its bounds: memory, what waits for the broker, what waits behind a gap;
- I9: all comes to rest within a stated time.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Outcome = Literal["acknowledged", "refused", "unknown"]


@dataclass(frozen=True)
class Attempt:
    """One call as its caller saw it. Moments are numbers that grow."""

    source: str
    key: str
    outcome: Outcome
    called: int
    answered: int
    answer: str = ""
    """What was answered, or why it was refused."""


@dataclass(frozen=True)
class Birth:
    """An event as it was stored together with its state; what the state says afterwards."""

    source: str
    topic: str
    number: int
    event: str
    key: str
    at: int
    """The moment from which the write lasts."""
    held: int = 0
    places: int = 1


@dataclass(frozen=True)
class Seen:
    """An event in a topic, or as a reader took it, in the order in which that happened."""

    source: str
    topic: str
    number: int
    event: str


@dataclass(frozen=True)
class Kept:
    """A document at the end."""

    source: str
    numbers: dict[str, int]
    """Last number per topic."""
    pending: int
    due: bool
    held: int
    places: int


@dataclass(frozen=True)
class Reading:
    """What one reader should have taken, and what it took, each in its order. Numbers count what it should take."""

    reader: str
    due: Sequence[Seen]
    taken: Sequence[Seen]


@dataclass(frozen=True)
class Bound:
    """Something measured that must not grow beyond a limit."""

    what: str
    measured: float
    limit: float


@dataclass(frozen=True)
class Story:
    """All that is known after everything has come to rest."""

    attempts: Sequence[Attempt] = ()
    births: Sequence[Birth] = ()
    """In the order of writing."""
    published: Sequence[Seen] = ()
    """All that the broker ever acknowledged or took, in its order."""
    effects: Sequence[Seen] = ()
    """What the one reader took of all that was published; where there are more, ``readings`` say it."""
    documents: Sequence[Kept] = ()
    stuck: Sequence[str] = ()
    """What did not come to rest in time."""
    reasons: dict[str, Callable[[Birth], bool]] = field(default_factory=dict)
    """When a refusal is right: its words, and whether a state justifies it."""
    readings: Sequence[Reading] = ()
    remembered: Sequence[tuple[str, str]] = ()
    """Source and key of commands that a document remembers without an event."""
    bounds: Sequence[Bound] = ()


def violations(story: Story) -> list[str]:
    """Return each broken invariant, named, with what broke it; empty where all hold."""
    rules = (_i1, _i2, _i3, _i4, _i5, _i6, _i7, _i8)
    return [*(f"I9 stuck: {what}" for what in story.stuck), *(found for rule in rules for found in rule(story))]


def _carried_out(story: Story) -> set[tuple[str, str]]:
    return {*((birth.source, birth.key) for birth in story.births), *story.remembered}


def _i1(story: Story) -> Iterator[str]:
    carried_out = _carried_out(story)
    for attempt in story.attempts:
        if attempt.outcome == "acknowledged" and (attempt.source, attempt.key) not in carried_out:
            yield f"I1 acknowledged {attempt.key} left nothing in {attempt.source}"
    published = {seen.event for seen in story.published}
    for birth in story.births:
        if birth.event not in published:
            yield f"I1 {_name(birth)} was never published"
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    for birth in story.births:
        numbers[birth.source][birth.topic] = birth.number
    for document in story.documents:
        if document.pending or document.due:
            yield f"I1 {document.source} at rest has {document.pending} events pending and due={document.due}"
        last = numbers[document.source]
        if last != document.numbers:
            yield f"I1 {document.source} counts {document.numbers}, but gave birth to {last}"


def _i2(story: Story) -> Iterator[str]:
    born = {birth.event for birth in story.births}
    sources = {document.source for document in story.documents}
    for seen in dict.fromkeys(story.published):
        if seen.event not in born or seen.source not in sources:
            yield f"I2 {_name(seen)} has no document"


def _i3(story: Story) -> Iterator[str]:
    yield from _in_order("I3", story.published, repeats=True)
    yield from _in_order("I3 birth", story.births, repeats=False)


def _i4(story: Story) -> Iterator[str]:
    one = Reading("", tuple(dict.fromkeys(story.published)), story.effects)
    for reading in story.readings or (one,):
        name = f"I4 {reading.reader}".strip()
        yield from _in_order(name, reading.taken, repeats=False)
        for event, times in Counter(seen.event for seen in reading.taken).items():
            if times > 1:
                yield f"{name} event {event} took effect {times} times"
        taken, due = {seen.event for seen in reading.taken}, {seen.event for seen in reading.due}
        yield from (f"{name} {_name(seen)} took no effect" for seen in reading.due if seen.event not in taken)
        for seen in reading.taken:
            if seen.event not in due:
                yield f"{name} {_name(seen)} took effect without being published"


def _i5(story: Story) -> Iterator[str]:
    states: list[Birth | Kept] = [*story.births, *story.documents]
    for one in states:
        if one.held > one.places or one.held < 0:
            yield f"I5 {one.source} holds {one.held} of {one.places}"
    births = {birth.source: birth for birth in story.births}
    for document in story.documents:
        last = births.get(document.source)
        if last and (last.held, last.places) != (document.held, document.places):
            yield f"I5 {document.source} holds {document.held} of {document.places}, its events say {last}"


def _i6(story: Story) -> Iterator[str]:
    carried_out = _carried_out(story)
    open_keys: set[tuple[str, str]] = set()
    outcomes: dict[tuple[str, str], set[Outcome]] = defaultdict(set)
    for attempt in story.attempts:
        outcomes[attempt.source, attempt.key].add(attempt.outcome)
    states = defaultdict(list)
    for birth in story.births:
        states[birth.source].append(birth)
    for attempt in sorted(story.attempts, key=lambda attempt: attempt.called):
        name = (attempt.source, attempt.key)
        if attempt.outcome != "refused":
            open_keys.add(name)
            continue
        if name in carried_out and name not in open_keys and outcomes[name] == {"refused"}:
            yield f"I6 refused {attempt.key} left something in {attempt.source}"
        justifies = story.reasons.get(attempt.answer)
        if justifies and not any(justifies(state) for state in _between(states[attempt.source], attempt)):
            yield f'I6 {attempt.key} was told "{attempt.answer}", which {attempt.source} never was meanwhile'


def _i7(story: Story) -> Iterator[str]:
    per_key: dict[tuple[str, str], set[int]] = defaultdict(set)
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for birth in story.births:
        if birth.key:
            topics = per_key[birth.source, f"{birth.key} on {birth.topic}"]
            topics.add(birth.number)
    for (source, key), numbers in per_key.items():
        if len(numbers) > 1:
            yield f"I7 {key} was carried out {len(numbers)} times in {source}"
    for attempt in story.attempts:
        if attempt.outcome == "acknowledged":
            answers[attempt.source, attempt.key].add(attempt.answer)
    for (source, key), told in answers.items():
        if len(told) > 1:
            yield f"I7 {key} in {source} was answered {sorted(told)}"


def _i8(story: Story) -> Iterator[str]:
    for bound in story.bounds:
        if bound.measured > bound.limit:
            yield f"I8 {bound.what} is {bound.measured:g}, at most {bound.limit:g}"


def _between(states: Sequence[Birth], attempt: Attempt) -> Iterator[Birth]:
    """The states that held at some moment between call and answer; those inside one write held at its moment."""
    for state, following in pairwise([*states, None]):
        until = attempt.answered if following is None else following.at
        if state is not None and state.at <= attempt.answered and until >= attempt.called:
            yield state


def _in_order(name: str, seen: Sequence[Seen] | Sequence[Birth], *, repeats: bool) -> Iterator[str]:
    last: dict[tuple[str, str], int] = defaultdict(int)
    known: dict[tuple[str, str, int], str] = {}
    for one in seen:
        before = last[one.source, one.topic]
        if known.setdefault((one.source, one.topic, one.number), one.event) != one.event:
            yield f"{name} {_name(one)} has the number of another event"
        elif one.number <= before and repeats:
            continue
        elif one.number != before + 1:
            yield f"{name} {_name(one)} came after number {before}"
        last[one.source, one.topic] = max(before, one.number)


def _name(one: Seen | Birth) -> str:
    return f"{one.source} {one.topic} {one.number} ({one.event})"
