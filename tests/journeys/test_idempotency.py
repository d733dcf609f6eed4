"""Every command that takes an Idempotency-Key, sent as by a double click and by a storm of retries."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from contracts.topics import SERVICES
from rathaus.citizen import PDF, SERVICE, Citizen
from rathaus.stack.stack import REPOSITORY, Stack

pytestmark = pytest.mark.stack

STORM = 12
CALM = 4
"""Where more at once, of one address or password, are a guesser and no storm."""
PRIVATE = ("account_id", "link_id", "authorization_url", "application_id", "reference", "reservation_id", "blob")
"""Fields of answers that are nobody else's."""
REUSED = "urn:rathaus:problem:key-reused"


@dataclass(frozen=True)
class Command:
    """One request, and another one that must not pass under its key."""

    method: str
    path: str
    status: int
    said: dict[str, Any]
    other: dict[str, Any]
    makes: str | None
    """Field of the answer that names what was made; None where the command acts on something of the caller's."""
    at_once: int = STORM
    other_path: str = ""


def keyed_operations() -> set[str]:
    """All operations of all services that take the header."""
    found = set()
    for service in SERVICES:
        document = json.loads((REPOSITORY / "openapi" / f"{service}.json").read_text())
        for item in document["paths"].values():
            for operation in item.values():
                names = {parameter.get("name", "").lower() for parameter in operation.get("parameters", ())}
                if "idempotency-key" in names:
                    found.add(operation["operationId"])
    return found


async def commands_of(mia: Citizen) -> dict[str, Command]:
    """One command of each kind, each on something of its own."""
    drafts = [await mia.begin() for _ in range(2)]
    await mia.save(drafts[1], await mia.sample_answers())
    await mia.attach(drafts[1])
    version = mia.version
    slots = [slot for slot in await mia.free_slots() if slot["free"] > 1]
    days = {slot["starts_at"][:10]: slot["starts_at"] for slot in slots}
    starts, ends, elsewhere, *_ = days.values()
    held = await mia.reserve({"starts_at": ends})
    file = {"Content-Type": "application/pdf", "Content-Disposition": "attachment; filename*=UTF-8''a.pdf"}
    email = f"ole.beispiel+{secrets.token_hex(6)}@example.org"
    office, as_json = {"office": "buergerbuero"}, {"content-type": "application/json"}
    return {
        "register": Command(
            "POST",
            "identity/accounts",
            202,
            {"json": {"email": email, "password": "Drei Enten am Teich"}},
            {"json": {"email": email, "password": "Vier Enten am Teich"}},
            "account_id",
            CALM,
        ),
        "beginLink": Command(
            "POST",
            "identity/links",
            201,
            {"json": {"password": mia.password}},
            {"content": json.dumps({"password": mia.password}, indent=4), "headers": as_json},
            None,
            CALM,
        ),
        "createApplication": Command(
            "POST",
            "forms/applications",
            201,
            {"json": {"service": SERVICE}},
            {"content": json.dumps({"service": SERVICE}, indent=4), "headers": as_json},
            "application_id",
        ),
        "attachFile": Command(
            "POST",
            f"forms/applications/{drafts[0]}/attachments?field=id_copy",
            201,
            {"content": PDF, "headers": {**file, "If-Match": '"1"'}},
            {"content": PDF + b"%", "headers": {**file, "If-Match": '"1"'}},
            None,
        ),
        "submitApplication": Command(
            "POST",
            f"forms/applications/{drafts[1]}/submission",
            202,
            {"headers": {"If-Match": f'"{version}"'}},
            {"headers": {"If-Match": f'"{version}"'}, "content": b"{}"},
            None,
        ),
        "reserve": Command(
            "POST",
            "appointments/reservations",
            201,
            {"json": {**office, "starts_at": starts}},
            {"json": {**office, "starts_at": elsewhere}},
            "reservation_id",
        ),
        "releaseReservation": Command(
            "DELETE",
            f"appointments/reservations/{held['reservation_id']}",
            204,
            {},
            {},
            None,
            other_path=f"appointments/reservations/{held['reservation_id']}?again=1",
        ),
    }


async def patiently(citizen: Citizen, command: Command, key: str, said: dict[str, Any]) -> httpx.Response:
    """Send; where the service is busy, again with the same key, as it says."""
    while True:
        answer = await citizen.call(command.method, command.path, key=key, **said)
        if answer.status_code != 503:
            return answer
        await asyncio.sleep(float(answer.headers["Retry-After"]))


async def newcomer(town_hall: Stack) -> Citizen:
    citizen = Citizen(town_hall)
    await citizen.__aenter__()
    await citizen.register()
    await citizen.verify()
    await citizen.sign_in()
    return citizen


@pytest.fixture
async def two(town_hall: Stack) -> AsyncIterator[tuple[Citizen, Citizen]]:
    people = await asyncio.gather(newcomer(town_hall), newcomer(town_hall))
    yield people
    for one in people:
        await one.http.aclose()


@pytest.mark.proves("F31", "F32")
async def test_a_command_is_done_once_and_its_key_is_nobody_elses(two: tuple[Citizen, Citizen]) -> None:
    mia, jonas = two
    commands = await commands_of(mia)
    assert commands.keys() == keyed_operations()
    before = await things_of(mia)
    told = []
    for name, command in commands.items():
        key = secrets.token_hex(8)
        storm = [patiently(mia, command, key, command.said) for _ in range(command.at_once)]
        answers = [*await asyncio.gather(*storm), await patiently(mia, command, key, command.said)]
        if {answer.status_code for answer in answers} != {command.status}:
            told.append(f"{name}: {[answer.status_code for answer in answers]} {answers[-1].text[:200]}")
        if len({(answer.text, answer.headers.get("location")) for answer in answers}) != 1:
            told.append(f"{name}: repeats are answered differently: {answers[0].text[:300]} / {answers[-1].text[:300]}")
        changed = Command(command.method, command.other_path or command.path, 422, {}, {}, None)
        other = await patiently(mia, changed, key, command.other)
        if (other.status_code, other.json()["type"]) != (422, REUSED):
            told.append(f"{name}: another body got {other.status_code} {other.text[:200]}")
        told += await told_to_another(jonas, name, command, key, answers[0])
    assert told == [], "\n".join(told)
    after = await things_of(mia)
    assert {name: after[name] - before[name] for name in after} == {"applications": 1, "reservations": 1, "files": 1}


async def told_to_another(jonas: Citizen, name: str, command: Command, key: str, first: httpx.Response) -> list[str]:
    """What another account learns with the key of the first: nothing."""
    if name == "beginLink":  # proves who one is by the password: his own
        command = Command("POST", command.path, 201, {"json": {"password": jonas.password}}, {}, None)
    elif name == "register":  # whoever knows the key does not know the address
        said = {"email": jonas.email.replace("+", "+x"), "password": "Drei Enten am Teich"}
        command = Command("POST", command.path, 202, {"json": said}, {}, "account_id")
    answer = await patiently(jonas, command, key, command.said)
    secret = [value for field, value in (first.json() if first.content else {}).items() if field in PRIVATE]
    if leaked := [value for value in secret if str(value) in answer.text and str(value) not in command.path]:
        return [f"{name}: another account was told {leaked}"]
    own = command.status if command.makes or name == "beginLink" else 404
    if answer.status_code != own:
        return [f"{name}: another account got {answer.status_code}, not {own}: {answer.text[:200]}"]
    if command.makes and answer.json()[command.makes] == first.json()[command.makes]:
        return [f"{name}: another account got the first one's {command.makes}"]
    return []


async def things_of(mia: Citizen) -> dict[str, int]:
    """How many of each there are."""
    applications = (await mia.call("GET", "forms/applications", 200)).json()["applications"]
    views = [(await mia.call("GET", f"forms/applications/{one['application_id']}", 200)).json() for one in applications]
    reservations = (await mia.call("GET", "appointments/reservations", 200)).json()["reservations"]
    return {
        "applications": len(applications),
        "files": sum(len(view["attachments"]) for view in views),
        "reservations": len(reservations),
    }
