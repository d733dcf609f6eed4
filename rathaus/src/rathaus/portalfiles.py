"""Serves the portal's built files: ``python -m rathaus.portalfiles --port P --files portal/dist --municipalities DIR``.

Every path of a municipality is a page of the one-page application; assets carry their hash in the name.
"""

import argparse
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Content Security Policy Level 3: nothing from elsewhere, nothing inline, never in a frame."""

_HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_SHOWN = ("ars", "slug", "name", "kind", "members", "contact")


class Assets(StaticFiles):
    """Files whose name holds the hash of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Add the headers that let a browser keep the file for good."""
        response = await super().get_response(path, scope)
        response.headers.update({**_HEADERS, "cache-control": _FOR_GOOD})
        return response


def slugs(folder: Path) -> list[str]:
    """Return the short names of all municipalities, in the order of their ARS. Read anew each time: they may change."""
    return [town["slug"] for town in _towns(folder)]


def shown(folder: Path) -> list[dict[str, Any]]:
    """Return what the portal shows of each municipality."""
    return [{name: town.get(name) for name in _SHOWN} for town in _towns(folder)]


def _towns(folder: Path) -> list[dict[str, Any]]:
    return [yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*.yaml"))]


def create_app(files: Path, municipalities: Path) -> Starlette:
    """The portal over a folder of built files."""

    async def start(request: Request) -> Response:
        known = slugs(municipalities)
        if not known:
            raise HTTPException(404, "Es ist keine Kommune eingerichtet.")
        if len(known) == 1:
            return RedirectResponse(f"/{known[0]}/", headers={"cache-control": "no-store"})
        return FileResponse(files / "index.html", headers={**_HEADERS, "cache-control": _ASK_AGAIN})

    async def towns(request: Request) -> Response:
        return JSONResponse(shown(municipalities), headers={**_HEADERS, "cache-control": _ASK_AGAIN})

    async def page(request: Request) -> Response:
        name = request.path_params["path"]
        if (plain := _plain(files, name)) is not None:
            return FileResponse(plain, headers={**_HEADERS, "cache-control": _ASK_AGAIN})
        if name.partition("/")[0] not in slugs(municipalities):
            raise HTTPException(404, "Diese Seite gibt es nicht.")
        if not (files / "index.html").is_file():
            raise HTTPException(503, "Das Portal ist nicht gebaut.")
        return FileResponse(files / "index.html", headers={**_HEADERS, "cache-control": _ASK_AGAIN})

    async def health(request: Request) -> Response:
        built = (files / "index.html").is_file()
        return PlainTextResponse("ok" if built else "portal/dist fehlt", 200 if built else 503)

    return Starlette(
        routes=[
            Route("/", start),
            Route("/health", health),
            Route("/municipalities.json", towns),
            Mount("/assets", Assets(directory=files / "assets", check_dir=False)),
            Route("/{path:path}", page),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],
    )


def _plain(files: Path, name: str) -> Path | None:
    """Return a file at the top of the build, e.g. the manifest; nothing below it and never the page itself."""
    file = files / name
    return file if "/" not in name and name not in ("", ".", "..", "index.html") and file.is_file() else None


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="rathaus.portalfiles")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--municipalities", type=Path, required=True)
    given = parser.parse_args()
    app = create_app(given.files, given.municipalities)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
