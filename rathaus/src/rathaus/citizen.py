"""A citizen as a script: every step of the main job over the API gateway, as the portal does it.

The demo plays it to people, the journeys in ``tests/`` assert on it.
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, urlsplit

import httpx

TANGERHUETTE = "150900546546"
MUSTERLAND = "150909999000"
SERVICE = "youth-medical-exam"
FINAL = ("accepted", "rejected")
CROWDED = "urn:rathaus:problem:crowded"
_TRIES = 10
"""How often somebody asks who is told to come again in a moment."""


def small_pdf() -> bytes:
    """Return a PDF of one empty page (ISO 32000-1, 7.5)."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    )
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 4\n" + table + trailer


PDF = small_pdf()


class Unexpected(Exception):
    """The town hall answered otherwise than the job needs; the message names the step and the answer."""


class TownHall(Protocol):
    """Where the town hall is reached: ``rathaus.stack.Stack`` or ``rathaus.addresses.Addresses``."""

    @property
    def api(self) -> str:
        """The API gateway."""

    @property
    def mailbox(self) -> str:
        """The mailbox page."""


@dataclass
class Citizen:
    """One invented person with a bearer session. Open as an async context manager."""

    town_hall: TownHall
    tenant: str = TANGERHUETTE
    email: str = field(default_factory=lambda: f"mia.beispiel+{secrets.token_hex(6)}@example.org")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    account_id: str = ""
    session: dict[str, Any] = field(default_factory=dict)
    trace_id: str = ""
    """Trace of the last step."""
    version: int = 0
    """Version of the application that was seen last."""

    async def __aenter__(self) -> Self:
        self.http = httpx.AsyncClient(base_url=self.town_hall.api, timeout=30)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def call(self, method: str, path: str, *expected: int, key: str | None = None, **call: Any) -> httpx.Response:
        """Send one request in its own trace, and again where it is crowded. ``path`` begins with the service's name.

        Raises:
            Unexpected: the status is none of those expected.
        """
        service, _, rest = path.partition("/")
        self.trace_id = secrets.token_hex(16)
        headers = {"traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01", **call.pop("headers", {})}
        if self.session:
            headers["Authorization"] = f"Bearer {self.session['access_token']}"
        if method == "POST" or key:
            headers["Idempotency-Key"] = key or secrets.token_hex(8)
        url = f"/api/{service}/v1/{self.tenant}/{rest}"
        for _ in range(_TRIES):
            answer = await self.http.request(method, url, headers=headers, **call)
            if CROWDED not in answer.text:
                break
            await asyncio.sleep(int(answer.headers["retry-after"]))
        if expected and answer.status_code not in expected:
            raise Unexpected(f"{method} {url} answered {answer.status_code}: {answer.text[:500]}")
        if "etag" in answer.headers:
            self.version = int(answer.headers["etag"].strip('"'))
        return answer

    # Account

    async def register(self) -> None:
        """Ask for an account."""
        said = {"email": self.email, "password": self.password}
        self.account_id = (await self.call("POST", "identity/accounts", 202, json=said)).json()["account_id"]

    async def verify(self) -> None:
        """Take the code out of the mailbox and enter it."""
        mail = await self.mail(lambda found: "Code" in found["subject"])
        code = re.search(r"\b\d{6}\b", mail["text"])
        if code is None:
            raise Unexpected(f"no code in the mail: {mail['text'][:200]}")
        path = f"identity/accounts/{self.account_id}/verification"
        await self.call("POST", path, 204, json={"code": code[0]})

    async def sign_in(self) -> None:
        """Open a session."""
        said = {"email": self.email, "password": self.password, "transport": "bearer"}
        self.session = {}
        self.session = (await self.call("POST", "identity/sessions", 201, json=said)).json()
        self.account_id = self.session["account_id"]

    async def refresh(self) -> None:
        """Use the refresh token."""
        token = self.session["refresh_token"]
        self.session = {}
        self.session = (await self.call("POST", "identity/sessions/refresh", 200, json={"refresh_token": token})).json()

    async def sign_out(self) -> None:
        """End the session."""
        await self.call("DELETE", "identity/sessions/current", 204)
        self.session = {}

    async def link(self) -> None:
        """Prove the local account and the Landeskonto freshly, and link them."""
        begun = (await self.call("POST", "identity/links", 201, json={"password": self.password})).json()
        came_back = await sign_in_at_landeskonto(begun["authorization_url"], number=self.email.partition("+")[2][:12])
        path = f"identity/links/{begun['link_id']}/completion"
        self.session = (await self.call("POST", path, 200, json=came_back)).json()

    # Application

    async def begin(self, service: str = SERVICE) -> str:
        """Begin a draft; return its id."""
        made = (await self.call("POST", "forms/applications", 201, json={"service": service})).json()
        return str(made["application_id"])

    async def sample_answers(self, service: str = SERVICE) -> dict[str, Any]:
        """Return the complete example that the service's schema carries."""
        found = (await self.call("GET", f"forms/services/{service}", 200)).json()
        return dict(found["schema"]["examples"][0])

    async def save(self, application: str, answers: dict[str, Any]) -> None:
        """Save answers of a draft."""
        path = f"forms/applications/{application}/answers"
        await self.call("PUT", path, 200, json={"answers": answers}, headers=self._if_match())

    async def attach(self, application: str, content: bytes = PDF, filename: str = "ausweis.pdf") -> dict[str, Any]:
        """Attach a file."""
        headers = {
            "Content-Type": "application/pdf",
            "Content-Disposition": f"attachment; filename*=UTF-8''{filename}",
            **self._if_match(),
        }
        path = f"forms/applications/{application}/attachments?field=id_copy"
        answer = await self.call("POST", path, 201, content=content, headers=headers)
        return dict(answer.json())

    async def submit(self, application: str, key: str | None = None) -> dict[str, Any]:
        """Hand the application in."""
        path = f"forms/applications/{application}/submission"
        return dict((await self.call("POST", path, 202, key=key, headers=self._if_match())).json())

    async def apply(self, answers: dict[str, Any] | None = None, *, with_file: bool = False) -> str:
        """Begin, fill in and hand in an application; return its id."""
        application = await self.begin()
        await self.save(application, answers or await self.sample_answers())
        if with_file:
            await self.attach(application)
        await self.submit(application)
        return application

    async def status(self, application: str) -> str:
        """Return the application's status."""
        return str((await self.call("GET", f"forms/applications/{application}", 200)).json()["status"])

    async def follow(
        self, application: str, until: Callable[[str], bool] = lambda status: status in FINAL
    ) -> list[str]:
        """Listen to the server-sent events until a status; return all that were told."""
        told: list[str] = []
        url = f"/api/forms/v1/{self.tenant}/applications/{application}/events"
        headers = {"Authorization": f"Bearer {self.session['access_token']}"}
        async with asyncio.timeout(60), self.http.stream("GET", url, headers=headers) as answer:
            if answer.status_code != 200:
                raise Unexpected(f"GET {url} answered {answer.status_code}")
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    told.append(json.loads(line[5:])["status"])
                    if until(told[-1]):
                        break
        return told

    # Appointment

    async def free_slots(self, office: str = "buergerbuero") -> list[dict[str, Any]]:
        """Return the free times of the next two weeks."""
        today = time.strftime("%Y-%m-%d", time.gmtime())
        found = await self.call("GET", f"appointments/offices/{office}/slots?from={today}&days=14", 200)
        return [slot for slot in found.json()["slots"] if slot["free"]]

    async def reserve(self, slot: dict[str, Any], office: str = "buergerbuero") -> dict[str, Any]:
        """Reserve a time."""
        said = {"office": office, "starts_at": slot["starts_at"]}
        return dict((await self.call("POST", "appointments/reservations", 201, json=said)).json())

    async def reserve_any(self, office: str = "buergerbuero") -> dict[str, Any]:
        """Reserve one of the free times; others may be quicker with some."""
        said: dict[str, Any] = {"office": office}
        for slot in await self.free_slots(office):
            said["starts_at"] = slot["starts_at"]
            answer = await self.call("POST", "appointments/reservations", 201, 409, json=said)
            if answer.status_code == 201:
                return dict(answer.json())
        raise Unexpected("no free time in two weeks")

    # Mail

    async def mail(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """Wait for a mail to this citizen."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for found in await self.mails():
                if wanted(found):
                    return found
            await asyncio.sleep(0.1)
        raise Unexpected(f"no such mail to {self.email} within {seconds:g} s")

    async def mails(self) -> list[dict[str, Any]]:
        """Return all mails to this citizen, newest first."""
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{self.town_hall.mailbox}/api/messages", params={"to": self.email})
        return list(answer.raise_for_status().json())

    def _if_match(self) -> dict[str, str]:
        return {"If-Match": f'"{self.version}"'}


class _Form(HTMLParser):
    """The fields of the first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the form's address and its hidden fields."""
        found = {name: value or "" for name, value in attributes}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        if tag == "input" and found.get("type") == "hidden":
            self.fields[found["name"]] = found.get("value", "")


async def sign_in_at_landeskonto(url: str, person: str = "mia-beispiel", number: str = "") -> dict[str, str]:
    """Sign in at the sandbox's Landeskonto as a browser would; return what it sends back: code, state, iss."""
    async with httpx.AsyncClient() as http:
        page = await http.get(url)
        form = _Form()
        form.feed(page.text)
        said = {**form.fields, "person": person, "number": number, "action": "sign-in"}
        answer = await http.post(str(httpx.URL(url).join(form.action)), data=said)
    if answer.status_code not in (302, 303):
        raise Unexpected(f"the Landeskonto answered {answer.status_code}: {answer.text[:300]}")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: query[name][0] for name in ("code", "state", "iss") if name in query}
