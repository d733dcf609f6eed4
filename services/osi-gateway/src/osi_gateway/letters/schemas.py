"""Validation of what is about to be sent: the authority would refuse it anyway (FIT-Connect, "verification")."""

import json
import logging
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

METADATA = "urn:rathaus:schema:fit-connect-metadata:2.1.0"
_MOST_SHOWN = 5
_log = logging.getLogger(__name__)


class Invalid(Exception):
    """Something does not follow its schema. The message holds places and rules, never values."""


class Schemas:
    """The metadata schema, and the data schemas of a folder, by ``$id``."""

    def __init__(self, folder: Path | None) -> None:
        """Read the schemas.

        Raises:
            FileNotFoundError: the folder is not there.
            jsonschema.SchemaError: a file's ``$schema`` is broken.
        """
        own = files("osi_gateway.letters").joinpath("schemas/metadata-2.1.0.schema.json").read_text("utf-8")
        self._by_id = {METADATA: _validator(json.loads(own))}
        self._complete = folder is not None
        if folder is None:
            _log.warning("no folder of data schemas: applications' data are sent unchecked")
            return
        if not folder.is_dir():
            raise FileNotFoundError(f"no such folder: {folder}")
        for file in sorted(folder.rglob("*.json")):
            schema = json.loads(file.read_text("utf-8"))
            if isinstance(schema, dict) and isinstance(schema.get("$id"), str):
                self._by_id[schema["$id"]] = _validator(schema)

    def check(self, schema_uri: str, document: Mapping[str, Any], what: str) -> None:
        """Check a document.

        Raises:
            Invalid: it breaks the schema, or the folder does not have the schema.
        """
        validator = self._by_id.get(schema_uri)
        if validator is None:
            if self._complete:
                raise Invalid(f"{what}: the schema {schema_uri} is not known here")
            return
        broken = [_shown(error) for error in validator.iter_errors(document)]
        if broken:
            raise Invalid(f"{what} breaks {schema_uri}: {', '.join(sorted(broken)[:_MOST_SHOWN])}")


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _shown(error: ValidationError) -> str:
    pointer = "".join(f"/{part}" for part in error.absolute_path)
    return f"{pointer or '/'} ({error.validator})"
