"""Check the body of an event against its contract: before it is stored for publishing, and again where it is read."""

from pydantic import ValidationError

from contracts.event import Event, event_class, event_classes


class UnknownType(LookupError):
    """No event of this name is known here. A reader steps over it: its publisher may be newer."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"unknown event type {event_type!r}")
        self.event_type = event_type


class UnknownVersion(LookupError):
    """The event is known, this version of it is not: a dead letter until the reader is updated."""

    def __init__(self, event_type: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown version {event_type!r}, known are {', '.join(known)}")
        self.event_type = event_type
        self.known = known


class BadBody(ValueError):
    """The body breaks its contract: a dead letter.

    Says where and which rule, as JSON pointers, but not what stood there: bodies of restricted topics are personal
    data.
    """

    def __init__(self, event_type: str, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(f"{event_type}: " + "; ".join(f"{pointer or '/'}: {detail}" for pointer, detail in problems))
        self.event_type = event_type
        self.problems = problems


def validate(event_type: str, body: bytes) -> Event:
    """Return the event that the body says.

    Raises UnknownType, UnknownVersion or BadBody; none of them gets better by trying again.
    """
    found = event_class(event_type)
    if found is None:
        raise _unknown(event_type)
    try:
        return found.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise BadBody(event_type, _problems(error)) from None


def _unknown(event_type: str) -> UnknownType | UnknownVersion:
    family = event_type.rpartition(".")[0]
    known = tuple(sorted(type_ for type_, known_class in event_classes().items() if known_class.family == family))
    return UnknownVersion(event_type, known) if known else UnknownType(event_type)


def _problems(error: ValidationError) -> tuple[tuple[str, str], ...]:
    return tuple(
        ("".join(f"/{step}" for step in found["loc"]), found["msg"])
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    )
