"""The municipalities of an installation: one YAML file each, read again when it changes.

A municipality is a tenant, named by its Amtlicher Regionalschlüssel (ARS): 2 digits state, 1 region, 2 district,
4 association of municipalities, 3 municipality (Destatis, Gemeindeverzeichnis).
"""

import itertools
import json
import logging
import time as _time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

_log = logging.getLogger(__name__)

Ars = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
PostalCode = Annotated[str, StringConstraints(pattern=r"^\d{5}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_LOOK_AGAIN: Final = 1.0
_ASSOCIATION: Final = 9
"""Digits of an ARS that name the association of municipalities."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Member(_Part):
    """A municipality that belongs to a Verbandsgemeinde."""

    ars: Ars
    name: Text
    postal_codes: Annotated[tuple[PostalCode, ...], Field(min_length=1)]


class Contact(_Part):
    """How people reach the town hall."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    phone: Text
    address: Text


class Office(_Part):
    """A place that gives appointments."""

    slug: Slug
    name: Text
    place: Text
    hours: dict[Weekday, tuple[tuple[time, time], ...]]
    """Opening hours by weekday, Europe/Berlin: pairs of (from, until), in order, apart from each other."""
    slot_minutes: Annotated[int, Field(ge=5, le=240)]
    capacity: Annotated[int, Field(ge=1, le=50)]
    """Appointments that may run side by side."""
    open_days_ahead: Annotated[int, Field(ge=1, le=366)]

    @model_validator(mode="after")
    def _hours_in_order(self) -> Self:
        for day, spans in self.hours.items():
            moments = [moment for pair in spans for moment in pair]
            if any(moment.tzinfo is not None for moment in moments):
                raise ValueError(f"hours of {day}: times have no zone, they are local")
            if any(earlier >= later for earlier, later in itertools.pairwise(moments)):
                raise ValueError(f"hours of {day}: each time must be later than the one before")
        return self


class Municipality(_Part):
    """One tenant."""

    ars: Ars
    slug: Slug
    """First part of the portal's path."""
    name: Text
    kind: Literal["gemeinde", "verbandsgemeinde"]
    postal_codes: Annotated[tuple[PostalCode, ...], Field(min_length=1)]
    members: tuple[Member, ...] = ()
    contact: Contact
    services: tuple[Slug, ...]
    """Online services that this municipality offers."""
    offices: tuple[Office, ...] = ()

    @model_validator(mode="after")
    def _members_belong(self) -> Self:
        if bool(self.members) != (self.kind == "verbandsgemeinde"):
            raise ValueError("a verbandsgemeinde has members, a gemeinde has none")
        for member in self.members:
            if member.ars[:_ASSOCIATION] != self.ars[:_ASSOCIATION]:
                raise ValueError(f"member {member.ars} is not in the association {self.ars[:_ASSOCIATION]}")
        _once("ARS", [self.ars, *(member.ars for member in self.members)])
        _once("office", [office.slug for office in self.offices])
        _once("service", self.services)
        return self

    def office(self, slug: str) -> Office | None:
        """Return an office."""
        return next((office for office in self.offices if office.slug == slug), None)


def _once(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} stands twice")


class InvalidMunicipality(Exception):
    """The file does not describe a municipality; the message says what is wrong, one place a line."""


def read(path: Path) -> Municipality:
    """Read and check one file.

    Raises:
        InvalidMunicipality: it is no YAML, has a key twice, misses or has a field too many, a value is out of bounds,
            or it is not named ``<ars>.yaml``.
        OSError: it cannot be read.
    """
    try:
        content = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - made from SafeLoader
        # By way of JSON, where strict mode takes lists for tuples and texts for times, and nothing else.
        found = Municipality.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise InvalidMunicipality("\n".join(_line(item) for item in error.errors(include_url=False))) from None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        raise InvalidMunicipality(str(error)) from None
    if path.name != f"{found.ars}.yaml":
        raise InvalidMunicipality(f"the file is named {path.name}, expected {found.ars}.yaml")
    return found


def _line(item: Any) -> str:
    return f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}"


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, where YAML libraries keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class _Read:
    stamp: tuple[int, int]
    municipality: Municipality | None


class Municipalities:
    """All municipalities in a folder. A file that is broken counts as it last was when it was good."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _Read] = {}
        self._by_ars: dict[str, Municipality] = {}
        self._looked_at: float | None = None

    def get(self, ars: str) -> Municipality | None:
        """Return a municipality by its ARS."""
        return self._current().get(ars)

    def by_slug(self, slug: str) -> Municipality | None:
        """Return a municipality by its name in the portal's path."""
        return next((found for found in self._current().values() if found.slug == slug), None)

    def all(self) -> tuple[Municipality, ...]:
        """Return all, by ARS."""
        return tuple(self._current().values())

    def _current(self) -> dict[str, Municipality]:
        now = _time.monotonic()
        if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN:
            self._looked_at = now
            self._look()
        return self._by_ars

    def _look(self) -> None:
        found = {path.name: self._read(path) for path in sorted(self._folder.glob("*.yaml"))}
        if found == self._files:
            return
        self._files = found
        self._by_ars = {}
        for entry in found.values():
            municipality = entry.municipality
            if municipality is None:
                continue
            if any(other.slug == municipality.slug for other in self._by_ars.values()):
                _log.error("two municipalities claim one slug", extra={"fields": {"slug": municipality.slug}})
                continue
            self._by_ars[municipality.ars] = municipality

    def _read(self, path: Path) -> _Read:
        before = self._files.get(path.name)
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if before is not None and before.stamp == stamp:
                return before
            return _Read(stamp, read(path))
        except InvalidMunicipality as error:
            _log.error("municipality kept as it was", extra={"fields": {"file": path.name, "reason": str(error)}})
            return _Read(stamp, before.municipality if before else None)
        except OSError as error:
            _log.error("municipality not readable", extra={"fields": {"file": path.name, "errno": error.errno}})
            return before or _Read((0, 0), None)
