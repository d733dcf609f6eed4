import asyncio
from datetime import timedelta
from typing import Any

import pytest

from chassis.auth import TokenKeys, check_token
from contracts.identity import SessionEnded
from identity.sessions.domain import IDLE, LONGEST, OVERLAP


async def test_a_bearer_signs_in_and_other_services_can_check_the_token(town: Any) -> None:
    account = await town.citizen()
    session = await town.sign_in()
    assert {name: session[name] for name in ("account_id", "level", "linked", "expires_in")} == {
        "account_id": account,
        "level": "basis",
        "linked": False,
        "expires_in": 300,
    }
    caller = await check_token(session["access_token"], town.app.state.provided.get(TokenKeys), town.clock.now())
    assert (caller.account, caller.tenant, caller.session) == (account, "150900546546", session["session_id"])
    assert (caller.level, caller.linked, caller.roles, caller.org) == ("basis", False, (), None)


async def test_a_browser_gets_cookies_and_no_tokens(town: Any) -> None:
    await town.citizen()
    async with town.client() as browser:
        body = {"email": "mia@example.org", "password": "Drei Enten am Teich", "transport": "cookie"}
        answer = await browser.post(town.path("sessions"), json=body)
        assert answer.status_code == 201
        assert answer.json()["access_token"] is answer.json()["refresh_token"] is None
        for line in answer.headers.get_list("set-cookie"):
            name = line.partition("=")[0]
            assert name in {"__Host-session", "__Host-refresh"}
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(line.split("; "))
            assert "Domain" not in line
        assert (await browser.get(town.path("account"))).json()["email"] == "mia@example.org"
        before = dict(browser.cookies)
        assert (await browser.post(town.path("sessions/refresh"), json={})).status_code == 200
        assert {name for name in before if browser.cookies[name] == before[name]} == set()
        ended = await browser.delete(town.path("sessions/current"))
        assert ended.status_code == 204
        assert not dict(browser.cookies)
        assert (await browser.get(town.path("account"))).status_code == 401


async def test_another_site_cannot_make_a_browser_refresh_or_sign_out(town: Any) -> None:
    await town.citizen()
    async with town.client() as browser:
        body = {"email": "mia@example.org", "password": "Drei Enten am Teich", "transport": "cookie"}
        await browser.post(town.path("sessions"), json=body)
        evil = {"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}
        assert (await browser.post(town.path("sessions/refresh"), json={}, headers=evil)).status_code == 403
        assert (await browser.delete(town.path("sessions/current"), headers=evil)).status_code == 403
        assert (await browser.get(town.path("account"))).status_code == 200


async def test_the_refresh_token_of_a_browser_is_no_good_as_a_bearers(town: Any) -> None:
    await town.citizen()
    async with town.client() as browser:
        body = {"email": "mia@example.org", "password": "Drei Enten am Teich", "transport": "cookie"}
        await browser.post(town.path("sessions"), json=body)
        stolen = browser.cookies["__Host-refresh"]
    answer = await town.refresh(stolen)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:rathaus:problem:refresh-refused")


async def test_a_refresh_rotates_and_carries_on(town: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    for _ in range(3):
        town.clock.advance(timedelta(minutes=5))
        assert (await town.call("GET", "account", token=session["access_token"])).status_code == 401
        fresh = (await town.refresh(session["refresh_token"])).json()
        assert fresh["session_id"] == session["session_id"]
        assert fresh["refresh_token"] != session["refresh_token"]
        assert (await town.call("GET", "account", token=fresh["access_token"])).status_code == 200
        session = fresh


async def test_parallel_refreshes_get_the_same_new_token(town: Any) -> None:
    await town.citizen()
    old = (await town.sign_in())["refresh_token"]
    answers = await asyncio.gather(*(town.refresh(old) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    town.clock.advance(OVERLAP)
    assert (await town.refresh(old)).json()["refresh_token"] == answers[0].json()["refresh_token"]


async def test_a_token_used_again_later_ends_the_session_for_both_holders(town: Any) -> None:
    account = await town.citizen()
    session = await town.sign_in()
    fresh = (await town.refresh(session["refresh_token"])).json()
    town.clock.advance(OVERLAP + timedelta(seconds=1))
    assert (await town.refresh(session["refresh_token"])).json()["type"] == "urn:rathaus:problem:session-ended"
    assert (await town.refresh(fresh["refresh_token"])).status_code == 401
    assert (await town.call("GET", "account", token=fresh["access_token"])).status_code == 401
    ended = await town.events("identity.sessions")
    assert [(type(one), one.account_id, one.session_id, one.reason) for one in ended] == [
        (SessionEnded, account, session["session_id"], "refresh-reused")
    ]


async def test_made_up_refresh_tokens_are_refused_without_harm(town: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    id, number, mac = session["refresh_token"].split(".")
    for token in (
        "",
        "x",
        f"{id}.{number}.",
        f"{id}.2.{mac}",
        f"{id}.١.{mac}",
        f"{id}.-1.{mac}",
        f"{id}.{'9' * 30}.{mac}",
        "ä.1.x",
    ):
        answer = await town.refresh(token)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:rathaus:problem:refresh-refused")
    assert (await town.refresh(session["refresh_token"], ars="150909999000")).status_code == 401
    assert (await town.refresh(session["refresh_token"])).status_code == 200


async def test_the_database_alone_makes_no_tokens(town: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    document = str(await town.database.collection("sessions").get(session["session_id"]))
    assert session["refresh_token"].rpartition(".")[2] not in document
    for key in await town.database.collection("signing_keys").find({}):
        assert "PRIVATE" not in str(key)
        assert '"d"' not in str(key).replace("'", '"')


@pytest.mark.parametrize("idle", [True, False])
async def test_a_session_ends_by_time(town: Any, idle: bool) -> None:
    await town.citizen()
    session = await town.sign_in()
    token, began = session["refresh_token"], town.clock.now()
    while not idle and town.clock.now() + timedelta(minutes=29) < began + LONGEST:
        town.clock.advance(timedelta(minutes=29))
        token = (await town.refresh(token)).json()["refresh_token"]
    town.clock.advance(IDLE)
    answer = await town.refresh(token)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:rathaus:problem:session-ended")


async def test_an_access_token_does_not_outlive_its_session(town: Any) -> None:
    await town.citizen()
    token, began = (await town.sign_in())["refresh_token"], town.clock.now()
    while town.clock.now() + timedelta(minutes=20) < began + LONGEST:
        town.clock.advance(timedelta(minutes=20))
        token = (await town.refresh(token)).json()["refresh_token"]
    town.clock.advance(timedelta(minutes=18))
    assert (await town.refresh(token)).json()["expires_in"] == 120


async def test_own_sessions_are_listed_and_ended(town: Any) -> None:
    account = await town.citizen()
    phone, desk = await town.sign_in(), await town.sign_in()
    listed = (await town.call("GET", "sessions", token=desk["access_token"])).json()["sessions"]
    assert {one["session_id"]: one["current"] for one in listed} == {
        phone["session_id"]: False,
        desk["session_id"]: True,
    }
    ended = await town.call("DELETE", f"sessions/{phone['session_id']}", token=desk["access_token"])
    assert ended.status_code == 204
    assert (await town.call("GET", "account", token=phone["access_token"])).json()[
        "type"
    ] == "urn:rathaus:problem:session-ended"
    assert (await town.refresh(phone["refresh_token"])).status_code == 401
    assert len((await town.call("GET", "sessions", token=desk["access_token"])).json()["sessions"]) == 1
    again = await town.call("DELETE", f"sessions/{phone['session_id']}", token=desk["access_token"])
    assert again.status_code == 204
    assert (await town.call("DELETE", "sessions/current", token=desk["access_token"])).status_code == 204
    ends = [(one.account_id, one.session_id, one.reason) for one in await town.events("identity.sessions")]
    assert ends == [(account, phone["session_id"], "revoked"), (account, desk["session_id"], "signed-out")]


@pytest.mark.proves("S26")
async def test_sessions_of_others_are_not_there(town: Any) -> None:
    await town.citizen()
    await town.citizen("ole@example.org")
    await town.citizen("ida@example.org", ars="150909999000")
    mine = await town.sign_in()
    stranger = await town.sign_in("ole@example.org")
    elsewhere = await town.sign_in("ida@example.org", ars="150909999000")
    route = f"sessions/{mine['session_id']}"
    assert (await town.call("DELETE", route, token=stranger["access_token"])).status_code == 404
    assert (await town.call("DELETE", route, token=elsewhere["access_token"])).status_code == 404
    assert (await town.call("DELETE", route, token=elsewhere["access_token"], ars="150909999000")).status_code == 404
    assert (await town.call("DELETE", route)).status_code == 401
    assert (await town.call("DELETE", "sessions/nobody", token=mine["access_token"])).status_code == 404
    for own in ("account", "sessions"):
        assert (await town.call("GET", own)).status_code == 401
        assert (await town.call("GET", own, token=elsewhere["access_token"])).status_code == 404
    assert (await town.call("GET", "account", token=mine["access_token"])).status_code == 200


async def test_wrong_password_unknown_and_unproven_address_look_the_same(town: Any) -> None:
    await town.citizen()
    await town.register("ole@example.org")
    answers = [
        await town.try_sign_in(password="Falsche Parole"),
        await town.try_sign_in("nobody@example.org"),
        await town.try_sign_in("ole@example.org"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    seen = [{name: value for name, value in answer.json().items() if name != "traceId"} for answer in answers]
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["type"] == "urn:rathaus:problem:sign-in-refused"


@pytest.mark.parametrize("email", ["mia@example.org", "nobody@example.org"])
async def test_guessing_at_one_address_is_slowed_down_and_its_holder_gets_in(town: Any, email: str) -> None:
    await town.citizen()
    statuses = [(await town.try_sign_in(email, f"Parole {number}")).status_code for number in range(8)]
    assert statuses == [401] * 6 + [429] * 2
    slowed = await town.try_sign_in(email)
    assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "1")
    town.clock.advance(timedelta(seconds=60))
    assert (await town.try_sign_in()).status_code == 201
    assert (await town.try_sign_in(password="Falsche Parole")).status_code == 401


async def test_guesses_at_the_same_moment_do_not_slip_through(town: Any) -> None:
    await town.citizen()
    answers = await asyncio.gather(*(town.try_sign_in(password=f"Parole {number}") for number in range(30)))
    assert sorted(answer.status_code for answer in answers) == [401] * 6 + [429] * 24


async def test_guessing_at_many_addresses_from_one_network_is_slowed_down(town: Any) -> None:
    await town.citizen()
    statuses = [(await town.try_sign_in(f"nobody{number}@example.org")).status_code for number in range(52)]
    assert statuses == [401] * 51 + [429]
    assert (await town.try_sign_in()).status_code == 429
    elsewhere = {"x-forwarded-for": "192.0.2.1, 198.51.100.7"}
    assert (await town.try_sign_in(headers=elsewhere)).status_code == 201


async def test_keys_are_published_once_and_by_the_route(town: Any) -> None:
    published = await town.events("identity.keys")
    answer = await town.call("GET", "../jwks")
    assert [one.jwk for one in published] == answer.json()["keys"]
    assert set(published[0].jwk) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
