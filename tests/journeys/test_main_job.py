"""The main job on the whole stack: real Kafka, real database, real gateway, five processes, the state's sandbox."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import httpx
import pytest

from rathaus.citizen import MUSTERLAND, PDF, Citizen, sign_in_at_landeskonto
from rathaus.stack.stack import Stack

pytestmark = pytest.mark.stack


async def linked(town_hall: Stack, **who: Any) -> Citizen:
    mia = Citizen(town_hall, **who)
    await mia.__aenter__()
    await mia.register()
    await mia.verify()
    await mia.sign_in()
    await mia.link()
    return mia


@pytest.mark.proves("GW-06")
async def test_an_application_reaches_the_authority_and_its_receipt_comes_back(town_hall: Stack) -> None:
    mia = await linked(town_hall)
    answers = await mia.sample_answers()
    answers["given_name"] = "Mia Zora"
    application = await mia.begin()
    await mia.save(application, answers)
    file = await mia.attach(application)
    submitted = await mia.submit(application)
    told = await mia.follow(application)
    assert told[-1] == "accepted"
    assert set(told) <= {"submitted", "forwarded", "accepted"}
    mail = await mia.mail(lambda found: "angekommen" in found["subject"])
    assert submitted["reference"] in mail["subject"]
    async with httpx.AsyncClient(base_url=town_hall.sandbox) as http:
        listed = await http.get("/admin/authority/inbox", params={"reference": submitted["reference"]})
        (row,) = listed.raise_for_status().json()["inbox"]
        held = (await http.get(f"/admin/authority/inbox/{row['submission_id']}")).raise_for_status().text
    assert "Mia Zora" in held
    assert file["sha512"] in held
    evidence = (await mia.call("GET", f"osi-gateway/submissions/{application}", 200)).json()
    assert "Mia Zora" not in json.dumps(evidence)
    await mia.http.aclose()


async def test_an_unlinked_citizens_application_waits_for_the_link(town_hall: Stack) -> None:
    async with Citizen(town_hall) as jonas:
        await jonas.register()
        await jonas.verify()
        await jonas.sign_in()
        first, second = await jonas.apply(), await jonas.apply()
        await asyncio.sleep(3)
        assert [await jonas.status(first), await jonas.status(second)] == ["submitted", "submitted"]
        await jonas.link()
        assert (await jonas.follow(first))[-1] == "accepted"
        assert (await jonas.follow(second))[-1] == "accepted"


async def test_a_second_municipality_of_members(town_hall: Stack) -> None:
    mia = await linked(town_hall, tenant=MUSTERLAND)
    answers = await mia.sample_answers()
    async with httpx.AsyncClient(base_url=town_hall.api) as http:
        towns = (await http.get(f"/api/appointments/v1/{MUSTERLAND}/offices")).json()
    assert towns["offices"]
    answers["postal_code"] = member_postal_code()
    application = await mia.apply(answers)
    assert (await mia.follow(application))[-1] == "accepted"
    await mia.http.aclose()


def member_postal_code() -> str:
    import yaml

    from rathaus.stack.stack import REPOSITORY

    found = yaml.safe_load((REPOSITORY / "municipalities" / f"{MUSTERLAND}.yaml").read_text())
    return str(found["members"][0]["postal_codes"][0])


async def test_a_time_is_reserved_and_comes_as_a_calendar_file(town_hall: Stack) -> None:
    mia = await linked(town_hall)
    reserved = await mia.reserve_any()
    mail = await mia.mail(lambda found: found["subject"].startswith("Ihr Termin"))
    assert any("calendar" in json.dumps(attached) for attached in mail["attachments"])
    path = f"appointments/reservations/{reserved['reservation_id']}"
    await mia.call("DELETE", path, 204, key="give-back")
    await mia.mail(lambda found: found["subject"].startswith("Termin zurückgegeben"))
    await mia.http.aclose()


async def test_a_session_is_refreshed_ended_and_revoked(town_hall: Stack) -> None:
    async with Citizen(town_hall) as mia:
        await mia.register()
        await mia.verify()
        await mia.sign_in()
        first = dict(mia.session)
        await mia.refresh()
        assert mia.session["session_id"] == first["session_id"]
        await mia.sign_in()
        listed = (await mia.call("GET", "identity/sessions", 200)).json()["sessions"]
        assert len(listed) == 2
        await mia.call("DELETE", f"identity/sessions/{first['session_id']}", 204)
        old = {"Authorization": f"Bearer {first['access_token']}"}
        async with httpx.AsyncClient(base_url=town_hall.api) as http:
            path = f"/api/identity/v1/{mia.tenant}/account"
            assert (await http.get(path, headers=old)).status_code == 401
        token = mia.session["refresh_token"]
        await mia.sign_out()
        refused = await mia.call("POST", "identity/sessions/refresh", json={"refresh_token": token})
        assert refused.status_code == 401


async def test_the_landeskonto_of_another_is_refused(town_hall: Stack) -> None:
    mia = await linked(town_hall)
    async with Citizen(town_hall) as eve:
        await eve.register()
        await eve.verify()
        await eve.sign_in()
        begun = (await eve.call("POST", "identity/links", 201, json={"password": eve.password})).json()
        came_back = await sign_in_at_landeskonto(begun["authorization_url"], number=mia.email.partition("+")[2][:12])
        taken = await eve.call("POST", f"identity/links/{begun['link_id']}/completion", json=came_back)
        assert (taken.status_code, taken.json()["type"]) == (409, "urn:rathaus:problem:landeskonto-taken")
    await mia.http.aclose()


async def test_a_repeated_submission_is_one_submission(town_hall: Stack) -> None:
    mia = await linked(town_hall)
    application = await mia.begin()
    await mia.save(application, await mia.sample_answers())
    version = mia.version
    answers = []
    for _ in range(3):
        mia.version = version
        answers.append(await mia.submit(application, key="once"))
    assert answers[0] == answers[1] == answers[2]
    await mia.follow(application)
    await mia.mail(lambda found: "angekommen" in found["subject"])
    await asyncio.sleep(1)
    receipts = [mail for mail in await mia.mails() if "angekommen" in mail["subject"]]
    assert len(receipts) == 1
    await mia.http.aclose()


async def test_no_planted_name_is_in_logs_or_traces(town_hall: Stack) -> None:
    mia = await linked(town_hall)
    planted = "Zyxwina"
    answers = {**await mia.sample_answers(), "given_name": planted}
    application = await mia.begin()
    await mia.save(application, answers)
    await mia.attach(application, PDF, f"{planted}.pdf")
    await mia.submit(application)
    trace = mia.trace_id
    await mia.follow(application)
    await mia.mail(lambda found: "angekommen" in found["subject"])
    await asyncio.sleep(3)
    async with httpx.AsyncClient() as http:
        spans = (await http.get(f"{town_hall.traces}/api/v2/trace/{trace}")).text
    assert "forms" in spans
    for secret in (planted, mia.email.partition("@")[0], mia.password):
        assert secret not in spans
        for name in town_hall.names:
            assert secret not in town_hall.logs(name), name
    await mia.http.aclose()


@pytest.mark.proves("PL-01")
async def test_the_services_speak_by_events_only(town_hall: Stack) -> None:
    """The wall that stands in all these journeys is real, and nobody ran into it."""
    mia = await linked(town_hall)
    assert (await mia.follow(await mia.apply()))[-1] == "accepted"
    await mia.http.aclose()
    wall = town_hall.home / "wall"
    assert not wall.exists() or wall.read_text() == ""
    port = town_hall.ports.of("forms")
    tried = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", f"import httpx; httpx.get('http://127.0.0.1:{port}/health')"],
        capture_output=True,
        text=True,
        env={**os.environ, **town_hall.service_environment("identity"), "WALL_LOG": str(town_hall.home / "wall-tried")},
    )
    assert "a wall stands before" in tried.stderr
    assert "identity called" in (town_hall.home / "wall-tried").read_text()
