"""Every object route of every service, made from the OpenAPI documents, tried by whom the object is none of."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from contracts.topics import SERVICES
from rathaus.citizen import MUSTERLAND, TANGERHUETTE, Citizen
from rathaus.stack.stack import REPOSITORY, Stack

pytestmark = pytest.mark.stack

METHODS = ("get", "put", "post", "patch", "delete")
PUBLIC = {
    "verifyEmail": "the code in the body is the proof; the account's id alone opens nothing",
    "listSlots": "free times are public",
    "getService": "the catalogue is public",
}


@dataclass(frozen=True)
class Route:
    service: str
    method: str
    path: str
    operation: str
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service} {self.operation}"


def object_routes() -> list[Route]:
    found = []
    for service in SERVICES:
        document = json.loads((REPOSITORY / "openapi" / f"{service}.json").read_text())
        for path, item in document["paths"].items():
            names = [part[1:-1] for part in path.split("/") if part.startswith("{") and part != "{ars}"]
            for method in METHODS:
                if method in item and names:
                    found.append(Route(service, method, path, item[method]["operationId"], tuple(names)))
    return found


def signed_in_routes() -> list[Route]:
    found = []
    for service in SERVICES:
        document = json.loads((REPOSITORY / "openapi" / f"{service}.json").read_text())
        for path, item in document["paths"].items():
            for method in METHODS:
                if method in item and item[method].get("security"):
                    names = [part[1:-1] for part in path.split("/") if part.startswith("{") and part != "{ars}"]
                    found.append(Route(service, method, path, item[method]["operationId"], tuple(names)))
    return found


@dataclass(frozen=True)
class Owned:
    """One citizen's objects, by service and name of the path's parameter."""

    mia: Citizen
    ids: dict[tuple[str, str], str]

    def path(self, route: Route, tenant: str = TANGERHUETTE) -> str:
        """Fails where a route names an object that this test has none of: make one."""
        path = route.path.replace("{ars}", tenant)
        for name in route.parameters:
            path = path.replace("{" + name + "}", self.ids[(route.service, name)])
        return path


async def signed_in(town_hall: Stack, tenant: str = TANGERHUETTE) -> Citizen:
    citizen = Citizen(town_hall, tenant=tenant)
    await citizen.__aenter__()
    await citizen.register()
    await citizen.verify()
    await citizen.sign_in()
    return citizen


@pytest.fixture
async def owned(town_hall: Stack) -> AsyncIterator[Owned]:
    mia = await signed_in(town_hall)
    other_session = mia.session["session_id"]
    begun = (await mia.call("POST", "identity/links", 201, json={"password": mia.password})).json()
    await mia.link()
    application = await mia.begin()
    await mia.save(application, await mia.sample_answers())
    file = await mia.attach(application)
    await mia.submit(application)
    await mia.follow(application)
    reservation = await mia.reserve_any()
    await mia.mail(lambda found: "angekommen" in found["subject"])
    messages = (await mia.call("GET", "notify/messages", 200)).json()["messages"]
    ids = {
        ("identity", "session_id"): other_session,
        ("identity", "link_id"): begun["link_id"],
        ("identity", "account_id"): mia.account_id,
        ("forms", "id"): application,
        ("forms", "attachment_id"): file["attachment_id"],
        ("forms", "slug"): "youth-medical-exam",
        ("appointments", "reservation_id"): reservation["reservation_id"],
        ("appointments", "office"): "buergerbuero",
        ("notify", "message_id"): messages[0]["message_id"],
        ("osi-gateway", "application_id"): application,
    }
    yield Owned(mia, ids)
    await mia.http.aclose()


async def attempt(http: httpx.AsyncClient, route: Route, path: str, token: str | None) -> httpx.Response:
    """A request that would be good if the object were the caller's."""
    headers = {"Idempotency-Key": "try", "If-Match": '"1"'}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    call: dict[str, Any] = {}
    if route.method in ("put", "post", "patch"):
        bodies = {
            "saveAnswers": {"answers": {}},
            "completeLink": {"code": "c", "state": "s", "iss": "i"},
        }
        call = {"json": bodies[route.operation]} if route.operation in bodies else {}
        if route.operation == "attachFile":
            headers |= {"Content-Type": "application/pdf", "Content-Disposition": "attachment; filename*=UTF-8''a.pdf"}
            call = {"content": b"%PDF-1.4", "params": {"field": "id_copy"}}
    return await http.request(route.method, path, headers=headers, **call)


@pytest.mark.proves("S26")
async def test_every_object_route_is_closed_to_strangers(town_hall: Stack, owned: Owned) -> None:
    routes = [route for route in object_routes() if route.operation not in PUBLIC]
    assert len(routes) >= 10
    jonas = await signed_in(town_hall)
    stranger = await signed_in(town_hall, MUSTERLAND)
    told = []
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in routes:
            own, elsewhere = owned.path(route), owned.path(route, MUSTERLAND)
            tries = [
                ("a foreign account", own, jonas.session["access_token"], (404,)),
                ("a foreign municipality", own, stranger.session["access_token"], (404,)),
                (
                    "own token on a foreign path",
                    elsewhere,
                    owned.mia.session["access_token"],
                    (404,),
                ),
                ("nobody", own, None, (401,)),
            ]
            for who, path, token, allowed in tries:
                answer = await attempt(http, route, path, token)
                if answer.status_code not in allowed:
                    told.append(f"{route}: {who} got {answer.status_code}: {answer.text[:200]}")
    assert told == []
    for citizen in (jonas, stranger):
        await citizen.http.aclose()


@pytest.mark.proves("S26")
async def test_the_owner_is_let_in(town_hall: Stack, owned: Owned) -> None:
    """The same requests by the owner are not answered 404: the test above tries what exists."""
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in object_routes():
            if route.method == "get" and not route.path.endswith("/events") and route.operation not in PUBLIC:
                answer = await attempt(http, route, owned.path(route), owned.mia.session["access_token"])
                assert answer.status_code == 200, f"{route}: {answer.status_code} {answer.text[:200]}"


@pytest.mark.proves("S26")
async def test_every_signed_in_route_refuses_nobody_and_a_forged_token(town_hall: Stack, owned: Owned) -> None:
    forged = owned.mia.session["access_token"][:-6] + "AAAAAA"
    told = []
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in signed_in_routes():
            for who, token in (("nobody", None), ("a forged token", forged)):
                answer = await attempt(http, route, owned.path(route), token)
                if answer.status_code != 401:
                    told.append(f"{route}: {who} got {answer.status_code}: {answer.text[:200]}")
    assert told == []


def test_every_route_is_guarded_or_public_on_purpose() -> None:
    """A route without a sign-in is on this list, with the reason why."""
    open_on_purpose = {
        "listOffices", "listSlots", "listServices", "getService",
        "register", "verifyEmail", "signIn", "refreshSession", "getTokenKeys",
    }  # fmt: skip
    unguarded = set()
    for service in SERVICES:
        document = json.loads((REPOSITORY / "openapi" / f"{service}.json").read_text())
        for item in document["paths"].values():
            unguarded |= {
                item[method]["operationId"] for method in METHODS if method in item and not item[method].get("security")
            }
    assert unguarded == open_on_purpose
