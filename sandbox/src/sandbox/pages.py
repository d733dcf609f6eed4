"""The sandbox's few pages: plain HTML in German, no script, nothing from elsewhere."""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_FOLDER = files("sandbox.landeskonto").joinpath("pages")


def page(
    name: str, values: Mapping[str, str], *, fragments: Mapping[str, str] = {}, status: int = 200, form_target: str = ""
) -> HTMLResponse:
    """Fill a page. ``values`` are escaped, ``fragments`` are HTML already.

    ``form_target`` is an address that a submitted form may be redirected to: browsers hold ``form-action`` against
    redirects, too.
    """
    template = Template(_FOLDER.joinpath(f"{name}.html").read_text("utf-8"))
    filled = template.substitute({key: escape(value) for key, value in values.items()}, **fragments)
    return HTMLResponse(filled, status, headers=_headers(form_target))


def _headers(form_target: str) -> dict[str, str]:
    target = urlsplit(form_target)
    origin = f" {target.scheme}://{target.netloc}" if target.netloc else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'self'; form-action 'self'{origin}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: then browsers would send forms with "Origin: null".
        "Referrer-Policy": "same-origin",
    }


async def style(request: Request) -> Response:
    """The pages' style sheet."""
    text = _FOLDER.joinpath("style.css").read_text("utf-8")
    return Response(text, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})
