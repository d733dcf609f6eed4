"""The exchange's token endpoint: credentials in the form, half an hour, nothing else."""

from datetime import timedelta

import httpx
import pytest

from chassis.testing import FixedClock
from sandbox.testing import CLIENT_ID, CLIENT_SECRET, Sender

RIGHT = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


async def test_a_token(http: httpx.AsyncClient) -> None:
    answer = await http.post("/token", data=RIGHT)
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 1800)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "send:region:DE"}, 400, "invalid_scope"),
    ],
)
async def test_no_token(http: httpx.AsyncClient, changes: dict[str, str], status: int, error: str) -> None:
    answer = await http.post("/token", data={**RIGHT, **changes})
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_credentials_in_a_header_are_not_read(http: httpx.AsyncClient) -> None:
    for form in (RIGHT, {"grant_type": "client_credentials"}):
        answer = await http.post("/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_the_form_is_a_form(http: httpx.AsyncClient) -> None:
    assert (await http.post("/token", json=RIGHT)).status_code == 415
    doubled = "grant_type=client_credentials&grant_type=client_credentials"
    answer = await http.post("/token", content=doubled, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.json()["error"] == "invalid_request"


async def test_robots_without_a_name_are_turned_away(http: httpx.AsyncClient) -> None:
    nameless = http.build_request("POST", "/token", data=RIGHT)
    del nameless.headers["user-agent"]
    assert (await http.send(nameless)).status_code == 403


async def test_a_token_ends_after_half_an_hour(sender: Sender, clock: FixedClock) -> None:
    assert (await sender.create()).status_code == 201
    clock.advance(timedelta(seconds=1799))
    assert (await sender.create()).status_code == 201
    clock.advance(1)
    assert (await sender.create()).status_code == 401
    assert (await Sender(sender.http).create()).status_code == 201
