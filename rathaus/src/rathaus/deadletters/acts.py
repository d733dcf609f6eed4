"""What operators did with dead letters: the records of the topic of acts. Pure.

Each act is written before it is done (``begun``) and after (``sent``), and once more where somebody waited for what
came of it. A letter is off the list once its act was sent.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from rathaus.deadletters.letters import Letter

What = Literal["replay", "give-up"]
Stage = Literal["begun", "sent", "read", "buried-again"]


@dataclass(frozen=True)
class Act:
    """One stage of one act on one letter."""

    id: str
    what: What
    stage: Stage
    by: str
    at: str
    """ISO 8601, UTC."""
    letters: tuple[str, ...]
    """The letter and its copies."""
    group: str | None
    event_id: str | None
    source: str | None
    sequence: int | None
    reason: str | None = None
    """Why it was given up."""
    sent_to: str | None = None
    offset: int | None = None
    """Where the replay, or the record that stands in, lies; None where nothing had to be published."""
    outcome: str | None = None
    """Id of the new dead letter where it was buried again."""


def act_on(letter: Letter, copies: Iterable[str], what: What, id_: str, by: str, at: datetime) -> Act:
    """Begin an act."""
    names = (letter.id, *sorted(set(copies) - {letter.id}))
    return Act(id_, what, "begun", by, moment(at), names, letter.group, letter.event_id, letter.source, letter.sequence)


def moment(at: datetime) -> str:
    """Write a time as acts do."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encoded(act: Act) -> bytes:
    """Body of the record."""
    return json.dumps(asdict(act), ensure_ascii=False).encode()


def decoded(body: bytes) -> Act:
    """Read a record back. Fields of later versions are ignored."""
    said = json.loads(body)
    said["letters"] = tuple(said["letters"])
    return Act(**{name: said[name] for name in Act.__dataclass_fields__ if name in said})


def done(acts: Iterable[Act]) -> dict[str, Act]:
    """Return the last act that was sent, by letter."""
    return {letter: act for act in acts if act.stage == "sent" for letter in act.letters}


def waiting(letters: Iterable[Letter], acts: Iterable[Act]) -> list[Letter]:
    """Return the letters that nobody has dealt with, of copies the first."""
    handled = done(acts)
    found: dict[str, Letter] = {}
    for letter in letters:
        if letter.id not in handled:
            found.setdefault(letter.origin, letter)
    return list(found.values())
