"""JSON Schemas by which the authority reads metadata and data."""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

MAX_ERRORS = 20
"""Violations named in one rejection."""

FORMATS = FormatChecker(["date"])


@FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


@FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


@FORMATS.checks("email")
def _is_email(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", value) is not None


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", value) is not None


class Schemas:
    """The metadata schema, and the data schemas of the folder that was given at the start."""

    def __init__(self, folder: Path | None) -> None:
        own = files("sandbox.authority").joinpath("metadata-2.1.0.schema.json").read_text("utf-8")
        self._metadata = _validator(json.loads(own))
        self._data = _read(folder) if folder else {}

    def metadata_violations(self, value: Any) -> list[str]:
        """Where metadata break the schema of version 2.1.0, as ``pointer: reason``."""
        return _violations(self._metadata, value)

    def data_violations(self, schema_uri: str, value: Any) -> list[str]:
        """Where data break their schema. Without its file only an object is demanded."""
        validator = self._data.get(schema_uri)
        if validator is not None:
            return _violations(validator, value)
        return [] if isinstance(value, dict) else ["/: not an object"]

    @property
    def known(self) -> list[str]:
        """URIs of the data schemas at hand."""
        return sorted(self._data)


def _read(folder: Path) -> Mapping[str, Draft202012Validator]:
    """Every ``*.json`` file below the folder with an ``$id``.

    Raises:
        FileNotFoundError: the folder does not exist.
        jsonschema.SchemaError: a file is no JSON Schema.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    found = {}
    for file in sorted(folder.rglob("*.json")):
        schema = json.loads(file.read_text("utf-8"))
        if isinstance(schema, dict) and isinstance(schema.get("$id"), str):
            found[schema["$id"]] = _validator(schema)
    return found


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


def _violations(validator: Draft202012Validator, value: Any) -> list[str]:
    found = []
    for error in validator.iter_errors(value):
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        # Not the library's message: it quotes the value, and a rejection travels unencrypted.
        found.append(f"{pointer or '/'}: {error.validator}")
        if len(found) == MAX_ERRORS:
            break
    return found
