"""The mailbox as pages for people and as JSON for tests."""

from html import escape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from rathaus.mailbox.letters import Attachment, Letter, Letters

_BERLIN = ZoneInfo("Europe/Berlin")
_PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #171a2b }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; vertical-align: top }
tr { border-bottom: 1px solid #ccd } pre { white-space: pre-wrap; background: #f2f3f8; padding: 1rem }
iframe { width: 100%; height: 30rem; border: 1px solid #ccd } a { color: #1a3aa0 }
@media (prefers-color-scheme: dark) {
  body { background: #15171f; color: #eee } pre { background: #22252f } a { color: #9db4ff }
}
"""


def create_app(letters: Letters, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Pages and JSON over the given mails."""
    pages = Pages(letters)
    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", pages.inbox),
            Route("/messages/{id}", pages.letter),
            Route("/messages/{id}/html", pages.html),
            Route("/messages/{id}/attachments/{number:int}", pages.attachment),
            Route("/api/messages", pages.messages),
            Route("/api/messages/{id}", pages.message),
            Route("/style.css", style),
            Route("/health", health),
        ],
    )


class Pages:
    """What is shown of the mails."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    async def inbox(self, request: Request) -> Response:
        """All mails, or those to one address."""
        to = request.query_params.get("to") or None
        return _page("Postfach", _inbox(self._letters.newest(to), to or ""))

    async def letter(self, request: Request) -> Response:
        """One mail as a page."""
        letter = self._find(request)
        return _page(letter.subject or "(ohne Betreff)", _letter(letter))

    async def html(self, request: Request) -> Response:
        """A mail's HTML for the frame on its page: no scripts, nothing from elsewhere."""
        return HTMLResponse(self._find(request).html or "", headers={"content-security-policy": _MAIL_POLICY})

    async def attachment(self, request: Request) -> Response:
        """One attachment to save."""
        attachments = self._find(request).attachments
        number = int(request.path_params["number"])
        if number >= len(attachments):
            raise HTTPException(404, "Diesen Anhang gibt es nicht.")
        name = quote(attachments[number].filename)
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}", "x-content-type-options": "nosniff"}
        return Response(attachments[number].content, media_type=attachments[number].media_type, headers=headers)

    async def messages(self, request: Request) -> Response:
        """All mails, or those to one address, as JSON; the newest first, at most ``limit`` (100)."""
        limit = request.query_params.get("limit", "100")
        if not limit.isdecimal():
            raise HTTPException(400, f"limit ist eine Zahl, nicht {limit[:20]!r}.")
        found = self._letters.newest(request.query_params.get("to") or None, int(limit))
        return JSONResponse([_json(letter) for letter in found])

    async def message(self, request: Request) -> Response:
        """One mail as JSON."""
        return JSONResponse(_json(self._find(request)))

    def _find(self, request: Request) -> Letter:
        letter = self._letters.get(request.path_params["id"])
        if letter is None:
            raise HTTPException(404, "Diese Mail gibt es nicht.")
        return letter


async def style(request: Request) -> Response:
    """The pages' one stylesheet."""
    return Response(_STYLE, media_type="text/css")


async def health(request: Request) -> Response:
    """Whether the process answers."""
    return PlainTextResponse("ok")


def _page(title: str, body: str) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="de"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">'
        f"<main><h1>{escape(title)}</h1>{body}</main></html>",
        headers={"content-security-policy": _PAGE_POLICY, "x-content-type-options": "nosniff"},
    )


def _inbox(letters: list[Letter], to: str) -> str:
    rows = "".join(
        f"<tr><td>{_local(letter)}<td>{escape(', '.join(letter.recipients))}"
        f'<td><a href="/messages/{letter.id}">{escape(letter.subject or "(ohne Betreff)")}</a>'
        for letter in letters
    )
    return (
        f'<form><label>An: <input name="to" value="{escape(to)}"></label> <button>Suchen</button></form>'
        f"<p>{len(letters)} Mails, die neueste zuerst. Keine davon wurde zugestellt.</p>"
        f"<table><thead><tr><th>Zeit<th>An<th>Betreff<tbody>{rows}</table>"
    )


def _letter(letter: Letter) -> str:
    files = "".join(_link(letter, number, file) for number, file in enumerate(letter.attachments))
    html = f'<h2>HTML</h2><iframe title="HTML-Fassung" sandbox src="/messages/{letter.id}/html"></iframe>'
    headers = "\n".join(f"{name}: {value}" for name, value in letter.headers)
    return (
        f'<p><a href="/">Postfach</a> · {_local(letter)} · von {escape(letter.sender)} an '
        f"{escape(', '.join(letter.recipients))}</p><pre>{escape(letter.text)}</pre>"
        f"{f'<h2>Anhänge</h2><ul>{files}</ul>' if files else ''}{html if letter.html else ''}"
        f"<details><summary>Kopfzeilen</summary><pre>{escape(headers)}</pre></details>"
    )


def _link(letter: Letter, number: int, file: Attachment) -> str:
    about = f"{escape(file.filename)} ({escape(file.media_type)}, {len(file.content)} Bytes)"
    return f'<li><a href="/messages/{letter.id}/attachments/{number}">{about}</a>'


def _local(letter: Letter) -> str:
    return letter.received_at.astimezone(_BERLIN).strftime("%d.%m.%Y %H:%M:%S")


def _json(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "received_at": letter.received_at.isoformat(),
        "to": letter.recipients,
        "from": letter.sender,
        "subject": letter.subject,
        "headers": [list(header) for header in letter.headers],
        "text": letter.text,
        "html": letter.html,
        "attachments": [
            {
                "filename": file.filename,
                "media_type": file.media_type,
                "size": len(file.content),
                "path": f"/messages/{letter.id}/attachments/{number}",
            }
            for number, file in enumerate(letter.attachments)
        ],
    }
