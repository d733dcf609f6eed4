"""The catalogue as it lies in files: a folder per online service, each service open where the municipality lists it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chassis.errors import NotFound
from forms.catalogue.domain import LEVELS, Service, Upload
from forms.catalogue.schema import Schema

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Entry:
    """A service with its form: the schema of its answers and how they are laid out."""

    service: Service
    schema: Schema
    ui: Mapping[str, Any]
    """Layout in the shape of JSON Forms; ``Upload`` elements stand where a file is asked for."""


class Catalogue:
    """All online services, read once at the start."""

    def __init__(self, folder: Path = DATA) -> None:
        """Read every service below the folder.

        Raises:
            ValueError: a folder's name is not its service's slug, or the level is unknown.
            jsonschema.SchemaError: a schema is not valid.
        """
        self._entries = {path.parent.name: _read(path.parent) for path in sorted(folder.glob("*/service.yaml"))}

    def open_in(self, services: Sequence[str]) -> list[Entry]:
        """Return the services that a municipality lists, in its order."""
        return [self._entries[slug] for slug in services if slug in self._entries]

    def get(self, slug: str, services: Sequence[str]) -> Entry:
        """Return one service that a municipality lists.

        Raises:
            NotFound: there is no such service, or not in this municipality.
        """
        if slug not in services or slug not in self._entries:
            raise NotFound(f"Den Dienst „{slug}“ gibt es hier nicht.")
        return self._entries[slug]


def _read(folder: Path) -> Entry:
    about = yaml.safe_load((folder / "service.yaml").read_text(encoding="utf-8"))
    if about["slug"] != folder.name or about["level"] not in LEVELS:
        raise ValueError(f"{folder.name}: the slug {about['slug']!r} or the level {about['level']!r} is wrong")
    service = Service(
        slug=about["slug"],
        version=about["version"],
        title=about["title"],
        summary=about["summary"],
        level=about["level"],
        leika_key=about["leika_key"],
        schema_uri=about["schema_uri"],
        legal_basis=about["legal_basis"],
        uploads=tuple(_upload(upload) for upload in about.get("uploads", ())),
    )
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    ui = json.loads((folder / "ui.json").read_text(encoding="utf-8"))
    return Entry(service, Schema(schema), ui)


def _upload(about: Mapping[str, Any]) -> Upload:
    return Upload(
        name=about["field"],
        title=about["title"],
        help=about["help"],
        required=about["required"],
        media_types=tuple(about["media_types"]),
        max_bytes=about["max_bytes"],
        required_when={name: tuple(values) for name, values in about.get("required_when", {}).items()},
    )
