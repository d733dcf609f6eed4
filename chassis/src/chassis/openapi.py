"""The OpenAPI documents of all services: ``python -m chassis.openapi [--check] [folder]``."""

import argparse
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from chassis.auth import COOKIE
from chassis.problems import MEDIA_TYPE, PROBLEMS, Kind, Problem
from contracts.topics import SERVICES

SIGN_IN: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"cookie": []}]
"""How a signed-in caller shows who he is: either will do."""
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}
_ALWAYS: Final = (404, 500, 503)
_WITH_SIGN_IN: Final = (400, 401)
_WITH_BODY: Final = (400, 408, 413, 415)
_WITH_HEADER: Final[Mapping[str, tuple[int, ...]]] = {"Idempotency-Key": (400,), "If-Match": (412, 428)}


def describe(app: FastAPI, problems: Mapping[type[Exception], Kind]) -> None:
    """Complete the app's document: every route names the problems that it may answer with."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _complete(document, problems)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], problems: Mapping[type[Exception], Kind]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs"))
    schemas["Problem"] = schema
    if any("security" in operation for operations in document["paths"].values() for operation in operations.values()):
        document["components"]["securitySchemes"] = _SCHEMES
    listed = "; ".join(sorted(f"{kind.status} {kind.slug}" for kind in set(problems.values())))
    for operations in document["paths"].values():
        for operation in operations.values():
            _document_problems(operation, listed)


def _document_problems(operation: dict[str, Any], listed: str) -> None:
    statuses = {*_ALWAYS, *_of_headers(operation)}
    if operation.get("security"):
        statuses |= {*_WITH_SIGN_IN}
        if "requestBody" in operation or "Idempotency-Key" in _headers(operation):
            statuses.add(403)
    if "requestBody" in operation:
        statuses |= {*_WITH_BODY}
    responses = operation["responses"]
    if responses.pop("422", None) is not None:
        statuses.add(422)
    for status in sorted(statuses):
        responses[str(status)] = _response(PROBLEMS[status].title)
    responses["default"] = _response(f"Was der Dienst ablehnt: {listed}." if listed else "Weitere Fehler.")


def _response(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _headers(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in operation.get("parameters", ()) if entry["in"] == "header"}


def _of_headers(operation: dict[str, Any]) -> set[int]:
    statuses: set[int] = set()
    for name, parameter in _headers(operation).items():
        if name in _WITH_HEADER:
            # Missing ones are answered by us with the fitting status, so FastAPI takes them for optional.
            parameter["required"] = True
            parameter["schema"] = {"type": "string"}
            statuses.update(_WITH_HEADER[name])
    return statuses


def document_of(service: str) -> dict[str, Any]:
    """Return a service's OpenAPI document, made without opening any connection."""
    from chassis.http import create_app

    app = importlib.import_module(f"{service.replace('-', '_')}.app")
    return create_app(service, app.ROUTERS, app.PROBLEMS).openapi()


def main(arguments: list[str] | None = None) -> int:
    """Write the documents, or with ``--check`` compare them with the committed ones (1 when one differs)."""
    parser = argparse.ArgumentParser(prog="python -m chassis.openapi", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("openapi"))
    parser.add_argument("--check", action="store_true", help="compare with what is committed")
    options = parser.parse_args(arguments)
    stale = []
    for service in SERVICES:
        path = options.folder / f"{service}.json"
        text = json.dumps(document_of(service), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        if options.check:
            if not path.exists() or path.read_text("utf-8") != text:
                stale.append(str(path))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if stale:
        sys.stderr.write(f"not as the code says, run `python -m chassis.openapi`: {', '.join(stale)}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
