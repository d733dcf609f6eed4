"""Online services and the rules that a JSON Schema cannot say."""

from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Answers = Mapping[str, Any]

LEVELS = ("basis", "niedrig", "substanziell", "hoch")
"""Assurance levels of the German service accounts, lowest first (BSI TR-03107-1, TR-03160-1)."""
OLDEST = 120
"""Years; a birth date further back is a slip of the pen."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request, and where."""

    pointer: str
    """JSON Pointer (RFC 6901) into the request, e.g. ``/answers/given_name``."""
    detail: str
    """For people, German."""


class LevelTooLow(Exception):
    """The service asks for a higher assurance level than the sign-in has (BSI TR-03107-1)."""

    def __init__(self, needed: str, held: str) -> None:
        super().__init__(
            f"Für diesen Dienst brauchen Sie das Vertrauensniveau „{needed}“. Angemeldet sind Sie mit „{held}“."
        )
        self.needed = needed
        self.held = held


@dataclass(frozen=True)
class Upload:
    """A file that may or must come with an application."""

    name: str
    title: str
    help: str
    required: bool
    media_types: tuple[str, ...]
    max_bytes: int
    required_when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Answers that make the file necessary: it is, when each named answer is one of those listed."""

    def needed(self, answers: Answers) -> bool:
        """Tell whether the application is incomplete without this file."""
        if self.required:
            return True
        return bool(self.required_when) and all(
            answers.get(name) in values for name, values in self.required_when.items()
        )


@dataclass(frozen=True)
class Service:
    """One online service as citizens find it in the catalogue."""

    slug: str
    version: int
    title: str
    summary: str
    level: str
    """The lowest of ``LEVELS`` that may hand it in."""
    leika_key: str
    """Key in the state's catalogue of services (LeiKa), 14 digits."""
    schema_uri: str
    legal_basis: str
    uploads: tuple[Upload, ...] = ()

    def upload(self, name: str) -> Upload | None:
        """Return the upload of that name, or None where the service has none."""
        return next((upload for upload in self.uploads if upload.name == name), None)


@dataclass(frozen=True)
class Area:
    """Where a municipality, or a member of a Verbandsgemeinde, is responsible."""

    ars: str
    name: str
    postal_codes: tuple[str, ...]


def require_level(service: Service, held: str) -> None:
    """Let pass who is signed in with at least the service's level.

    Raises:
        LevelTooLow: with the level that is needed and the one that is held.
    """
    if LEVELS.index(held) < LEVELS.index(service.level):
        raise LevelTooLow(service.level, held)


def missing_uploads(service: Service, answers: Answers, attached: Collection[str]) -> tuple[Fault, ...]:
    """Name each file that the answers make necessary and that is not attached."""
    return tuple(
        Fault(f"/attachments/{upload.name}", f"„{upload.title}“ fehlt. Bitte laden Sie die Datei hoch.")
        for upload in service.uploads
        if upload.name not in attached and upload.needed(answers)
    )


def responsible(answers: Answers, areas: Sequence[Area]) -> tuple[str | None, tuple[Fault, ...]]:
    """Find the area whose authority is responsible for the address, by postal code and where that is shared by place.

    The first area is the municipality itself, the others are its members; a member comes before the whole.
    Returns the ARS, or None and the reason.
    """
    postal_code, city = answers.get("postal_code"), answers.get("city")
    whole, *members = areas
    found = [area for area in members if postal_code in area.postal_codes]
    if not found and postal_code in whole.postal_codes:
        found = [whole]
    if len(found) > 1:
        names = ", ".join(area.name for area in found)
        found = [area for area in found if str(city).casefold() == area.name.casefold()]
        if not found:
            return None, (
                Fault("/answers/city", f"Zur Postleitzahl {postal_code} gehören {names}. Bitte einen davon angeben."),
            )
    if not found:
        detail = (
            f"Für die Postleitzahl {postal_code} ist {whole.name} nicht zuständig. "
            "Bitte wenden Sie sich an die Gemeinde am Wohnort."
        )
        return None, (Fault("/answers/postal_code", detail),)
    return found[0].ars, ()


def check_rules(service: Service, answers: Answers, today: date) -> tuple[Fault, ...]:
    """Check the answers of a service against its rules that reach beyond one field or depend on the day."""
    rules = _RULES.get(service.slug)
    return rules(answers, today) if rules else ()


def youth_medical_exam(answers: Answers, today: date) -> tuple[Fault, ...]:
    """Check an application for the medical examination of young workers (sections 32 and 33 JArbSchG).

    The certificate is for those who are 14 to 17 when the work begins and not yet 18 today. The work begins at most
    14 months ago, within which an examination counts (section 32), and at most 18 months ahead.
    """
    people = [("/answers", answers)]
    people += [(f"/answers/guardians/{i}", person) for i, person in enumerate(answers.get("guardians", ()))]
    faults = [fault for pointer, person in people for fault in _birth_date_faults(pointer, person, today)]
    faults += _previous_exam_faults(answers, today)
    start = day(answers.get("start_date"))
    if start is None:
        return tuple(faults)
    first, last = months_from(today, -14), months_from(today, 18)
    if not first <= start <= last:
        faults.append(
            Fault(
                "/answers/start_date",
                f"Der Beginn muss zwischen {shown(first)} und {shown(last)} liegen, nicht am {shown(start)}.",
            )
        )
    if not faults:
        faults += _age_faults(answers, start, today)
    return tuple(faults)


def _birth_date_faults(pointer: str, person: Answers, today: date) -> list[Fault]:
    born = born_between(person.get("birth_date"))
    if born is None:
        return []
    if born[0] > today:
        return [Fault(f"{pointer}/birth_date", "Das Geburtsdatum liegt in der Zukunft.")]
    if (age := age_on(born[1], today)) > OLDEST:
        return [
            Fault(
                f"{pointer}/birth_date",
                f"Das Geburtsdatum ergibt ein Alter von {age} Jahren; möglich sind höchstens {OLDEST}.",
            )
        ]
    return []


def _previous_exam_faults(answers: Answers, today: date) -> list[Fault]:
    previous = day(answers.get("previous_exam_date"))
    if previous is None or previous <= today:
        return []
    return [
        Fault(
            "/answers/previous_exam_date",
            f"Die letzte Untersuchung kann nicht am {shown(previous)} gewesen sein: Das liegt in der Zukunft.",
        )
    ]


def _age_faults(answers: Answers, start: date, today: date) -> list[Fault]:
    born = born_between(answers.get("birth_date"))
    if born is None:
        return []
    at_least, at_most = age_on(born[1], start), age_on(born[0], start)
    if at_least >= 18:
        why = f"Beim Beginn der Arbeit sind Sie {at_least} Jahre alt."
        detail = f"Kein Schein nötig: {why} Den Schein brauchen nur Jugendliche unter 18."
    elif age_on(born[1], today) >= 18:
        detail = "Kein Schein nötig: Sie sind schon 18. Den Schein brauchen nur Jugendliche unter 18."
    elif at_most < 14:
        detail = f"Beim Beginn der Arbeit sind Sie {at_most} Jahre alt. Den Schein gibt es von 14 bis 17 Jahren."
    else:
        return []
    return [Fault("/answers/birth_date", detail)]


_RULES = {"youth-medical-exam": youth_medical_exam}


def day(text: Any) -> date | None:
    """Read a full ISO date; None for anything else."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def born_between(text: Any) -> tuple[date, date] | None:
    """Return the first and the last day that a birth date can mean.

    Identity cards may leave out the day, or day and month: ``2010-05-00`` and ``2010-00-00``.
    """
    full = day(text)
    if full is not None:
        return full, full
    try:
        year, month, dayless = (int(part) for part in text.split("-"))
        if dayless != 0:
            return None
        if month == 0:
            return date(year, 1, 1), date(year, 12, 31)
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    except (AttributeError, TypeError, ValueError):
        return None


def age_on(born: date, when: date) -> int:
    """Return the completed years of life; a year is full on the birthday (sections 187(2), 188(2) BGB)."""
    return when.year - born.year - ((when.month, when.day) < (born.month, born.day))


def months_from(start: date, months: int) -> date:
    """Return the day that many months later; where the month is too short, its last day (section 188(3) BGB)."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def shown(when: date) -> str:
    """Write a date as people here do."""
    return f"{when:%d.%m.%Y}"
