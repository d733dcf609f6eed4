"""What an operator does with dead letters, over any log of records."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chassis.ids import uuid7
from contracts.topics import SERVICES, dead_letters
from rathaus.deadletters import letters as reading
from rathaus.deadletters.acts import Act, Stage, What, act_on, decoded, done, encoded, moment, waiting
from rathaus.deadletters.letters import Entry, Headers, Letter
from rathaus.stack.access import DEAD_LETTER_ACTS

_LOOK_SECONDS = 0.2


class Log(Protocol):
    """Topics as the operator sees them."""

    def read(self, topic: str) -> list[Entry]:
        """Return all that a topic holds now, each partition in its order."""
        ...

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> int:
        """Publish to a topic of one partition; return the offset once the record cannot be lost."""
        ...

    def committed(self, group: str, topic: str) -> int:
        """Offset up to which a group has worked a topic of one partition off."""
        ...


class Refused(Exception):
    """The act cannot be done; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """What came of a record that was published."""

    act: Act
    read: bool
    """Whether the group has worked it off."""
    again: Letter | None
    """The new dead letter where that failed as before."""


class Desk:
    """Dead letters of all services."""

    def __init__(self, log: Log, by: str, now: Callable[[], datetime]) -> None:
        self._log = log
        self._by = by
        self._now = now

    def waiting(self, service: str | None = None) -> list[Letter]:
        """Return what nobody has replayed or given up, the oldest first."""
        return sorted(waiting(self._letters(service), self._acts()), key=lambda letter: (letter.at, letter.id))

    def find(self, ids: Iterable[str]) -> list[Letter]:
        """Return letters by id, dealt with or not. Raises Refused."""
        known = {letter.id: letter for letter in self._letters()}
        wanted = list(dict.fromkeys(ids))
        if missing := [id_ for id_ in wanted if id_ not in known]:
            raise Refused(f"Diese toten Briefe gibt es nicht: {', '.join(missing)}")
        return [known[id_] for id_ in wanted]

    def expired(self, group: str, source: str, sequence: int) -> Letter:
        """Return what stands for a dead letter that was deleted. Raises Refused where one still lies there."""
        letter = reading.expired(group, source, sequence, self._now())
        if letter is None:
            raise Refused(f"Die Lesegruppe {group} gibt es nicht.")
        there = [one for one in self._letters(letter.service) if (one.group, one.source) == (group, source)]
        if ids := [one.id for one in there if one.sequence == sequence]:
            raise Refused(f"Nr. {sequence} von {source} liegt noch da: {', '.join(ids)}")
        return letter

    def history(self, letter: Letter) -> list[Act]:
        """Return what was done with a letter."""
        return [act for act in self._acts() if letter.id in act.letters]

    def replay(self, letters: Iterable[Letter]) -> list[Act]:
        """Let each letter's group read it again, each source in the order of its numbers.

        The event keeps its id and number, so a second replay changes nothing. Raises Refused before anything is sent.
        """
        given_up = {id_ for id_, act in done(self._acts()).items() if act.what == "give-up"}
        chosen = reading.ordered(letters)
        for letter in chosen:
            if letter.retry is None:
                raise Refused(f"{letter.id} nennt keine Lesegruppe von {letter.service}: Niemand läse ihn.")
            if letter.id in given_up:
                raise Refused(f"{letter.id} ist aufgegeben: Die Lesegruppe ist über seine Nummer hinweg.")
        copies = self._copies()
        return [
            self._act(letter, copies, "replay", None, letter.value, reading.original_headers(letter))
            for letter in chosen
        ]

    def give_up(self, letters: Iterable[Letter], reason: str, sequence: int | None = None) -> list[Act]:
        """Step past what cannot be repaired, so that the rest of its source goes on.

        ``sequence`` is the event's number where the letter does not say it. Raises Refused before anything is sent.
        """
        if not reason.strip():
            raise Refused("Es fehlt der Grund.")
        chosen = reading.ordered(letters)
        try:
            headers = [reading.standing_in(one, sequence) if one.holds_back else None for one in chosen]
        except reading.NoPlace as error:
            raise Refused(f"{error}. Mit --sequence N lässt sich die fehlende Nummer angeben.") from None
        copies = self._copies()
        return [
            self._act(letter, copies, "give-up", reason, None, instead)
            for letter, instead in zip(chosen, headers, strict=True)
        ]

    def follow(self, acts: Sequence[Act], seconds: float) -> list[Outcome]:
        """Wait until the groups have worked off what was sent, and say what came of each."""
        until = time.monotonic() + seconds
        places = {act.sent_to: act.group for act in acts if act.sent_to and act.group}
        read = {topic: self._log.committed(group, topic) for topic, group in places.items()}
        while any(not _passed(act, read) for act in acts) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            read = {topic: self._log.committed(group, topic) for topic, group in places.items()}
        letters = self._letters()
        return [self._outcome(act, _passed(act, read), letters) for act in acts]

    def _outcome(self, act: Act, passed: bool, letters: Sequence[Letter]) -> Outcome:
        if act.sent_to is None or act.offset is None or not passed:
            return Outcome(act, passed, None)
        again = reading.buried_from(letters, act.sent_to).get(act.offset)
        stage: Stage = "buried-again" if again else "read"
        self._note(replace(act, stage=stage, at=moment(self._now()), outcome=again.id if again else None))
        return Outcome(act, True, again)

    def _act(
        self,
        letter: Letter,
        copies: dict[str, list[str]],
        what: What,
        reason: str | None,
        value: bytes | None,
        headers: Headers | None,
    ) -> Act:
        act = act_on(letter, copies.get(letter.origin, ()), what, uuid7(), self._by, self._now())
        act = replace(act, reason=reason, sent_to=letter.retry if headers is not None else None)
        self._note(act)
        offset = None
        if headers is not None and act.sent_to is not None:
            offset = self._log.send(act.sent_to, letter.key, value, headers)
        sent = replace(act, stage="sent", at=moment(self._now()), offset=offset)
        self._note(sent)
        return sent

    def _note(self, act: Act) -> None:
        self._log.send(DEAD_LETTER_ACTS, act.letters[0].encode(), encoded(act), [])

    def _letters(self, service: str | None = None) -> list[Letter]:
        services = SERVICES if service is None else (service,)
        return [reading.letter_of(entry, name) for name in services for entry in self._log.read(dead_letters(name))]

    def _acts(self) -> list[Act]:
        return [decoded(entry.value) for entry in self._log.read(DEAD_LETTER_ACTS) if entry.value]

    def _copies(self) -> dict[str, list[str]]:
        copies: dict[str, list[str]] = {}
        for letter in self._letters():
            copies.setdefault(letter.origin, []).append(letter.id)
        return copies


def _passed(act: Act, read: dict[str, int]) -> bool:
    return act.sent_to is None or act.offset is None or read[act.sent_to] > act.offset
