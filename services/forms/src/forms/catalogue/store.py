"""The catalogue as it lies in files: a folder for each online service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chassis.errors import NotFound
from chassis.municipalities import Municipalities, Municipality
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
    """All online services, read once at the start. Each is open where the municipality's file lists it."""

    def __init__(self, municipalities: Municipalities, folder: Path = DATA) -> None:
        """Read every service below the folder.

        Raises:
            ValueError: a folder's name is not its service's slug, or the level is unknown.
            jsonschema.SchemaError: a schema is not valid.
        """
        self._municipalities = municipalities
        self._entries = {path.parent.name: _read(path.parent) for path in sorted(folder.glob("*/service.yaml"))}

    def municipality(self, ars: str) -> Municipality:
        """Return a municipality.

        Raises:
            NotFound: there is none.
        """
        found = self._municipalities.get(ars)
        if found is None:
            raise NotFound(f"municipality {ars}")
        return found

    def open_in(self, ars: str) -> list[Entry]:
        """Return the services of a municipality, in the order of its file.

        Raises:
            NotFound: there is no such municipality.
        """
        return [self._entries[slug] for slug in self.municipality(ars).services if slug in self._entries]

    def get(self, ars: str, slug: str) -> Entry:
        """Return one service of a municipality.

        Raises:
            NotFound: there is no such service, or not in this municipality.
        """
        if slug not in self.municipality(ars).services or slug not in self._entries:
            raise NotFound(f"service {slug} in {ars}")
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
