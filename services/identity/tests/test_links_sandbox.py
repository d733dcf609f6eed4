"""Linking against the sandbox's Landeskonto: the whole way through its pages, on its own rules."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from chassis.testing import FixedClock
from sandbox.app import open_sandbox
from sandbox.testing import LANDESKONTO_ID, LANDESKONTO_SECRET, PUBLIC_URL, settings_for


@pytest.fixture(scope="module")
def sandbox_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sandbox's key store: its RSA keys take seconds, so they are made once."""
    data = tmp_path_factory.mktemp("sandbox")

    async def make() -> None:
        async with open_sandbox(settings_for(data)):
            pass

    asyncio.run(make())
    return data / "sandbox.sqlite"


@pytest.fixture
async def provider(
    sandbox_keys: Path, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[tuple[dict[str, Any], httpx.AsyncBaseTransport]]:
    shutil.copy(sandbox_keys, tmp_path / "sandbox.sqlite")
    async with open_sandbox(settings_for(tmp_path), clock) as app:
        settings = {
            "landeskonto_issuer": f"{PUBLIC_URL}/landeskonto",
            "landeskonto_client_id": LANDESKONTO_ID,
            "landeskonto_client_secret": SecretStr(LANDESKONTO_SECRET),
        }
        yield settings, httpx.ASGITransport(app)


@pytest.fixture
async def browser(provider: tuple[Any, httpx.AsyncBaseTransport]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=provider[1], base_url=PUBLIC_URL) as client:
        yield client


async def signed_in(browser: httpx.AsyncClient, url: str, **choice: str) -> dict[str, str]:
    """Follow the address, choose a person, and return what the redirect brings back."""
    page = await browser.get(url)
    assert page.status_code == 200, page.text
    handle = re.search(r'name="handle" value="([^"]+)"', page.text)
    assert handle
    form = {"handle": handle[1], "person": "mia-beispiel", "action": "sign-in"} | choice
    answer = await browser.post("/landeskonto/sign-in", data=form)
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    assert target.path == "/tangerhuette/landeskonto"
    return dict(parse_qsl(target.query))


async def begun(town: Any, token: str) -> tuple[str, str]:
    answer = await town.begin_link(token)
    assert answer.status_code == 201, answer.text
    return answer.json()["link_id"], answer.json()["authorization_url"]


async def test_a_citizen_links_the_landeskonto_at_the_level_hoch(town: Any, browser: httpx.AsyncClient) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    link, url = await begun(town, token)
    answer = await town.complete_link(token, link, await signed_in(browser, url))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["level"], answer.json()["linked"]) == ("hoch", True)


async def test_each_link_asks_for_a_new_sign_in_at_the_landeskonto(town: Any, browser: httpx.AsyncClient) -> None:
    await town.citizen()
    await town.citizen("ole@example.org")
    for email, number in (("mia@example.org", ""), ("ole@example.org", "2")):
        token = (await town.sign_in(email))["access_token"]
        link, url = await begun(town, token)
        # The browser still has the Landeskonto's cookie of the first one, and is asked all the same.
        answer = await town.complete_link(token, link, await signed_in(browser, url, number=number))
        assert answer.status_code == 200, answer.text


async def test_the_same_person_cannot_be_linked_to_a_second_account(town: Any, browser: httpx.AsyncClient) -> None:
    await town.citizen()
    await town.citizen("ole@example.org")
    answers = []
    for email in ("mia@example.org", "ole@example.org"):
        token = (await town.sign_in(email))["access_token"]
        link, url = await begun(town, token)
        answers.append(await town.complete_link(token, link, await signed_in(browser, url)))
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["type"] == "urn:rathaus:problem:landeskonto-taken"


async def test_somebody_elses_return_links_nothing(town: Any, browser: httpx.AsyncClient) -> None:
    """Forced linking: the attacker's code in the victim's session (RFC 9700, 4.7)."""
    await town.citizen()
    await town.citizen("ole@example.org")
    victim, attacker = await town.sign_in(), await town.sign_in("ole@example.org")
    victims_link, _ = await begun(town, victim["access_token"])
    _, attackers_url = await begun(town, attacker["access_token"])
    brought = await signed_in(browser, attackers_url)
    answer = await town.complete_link(victim["access_token"], victims_link, brought)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:rathaus:problem:link-return-refused")


async def test_a_code_is_too_old_after_a_minute_and_one_begins_anew(
    town: Any, browser: httpx.AsyncClient, clock: FixedClock
) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    link, url = await begun(town, token)
    brought = await signed_in(browser, url)
    clock.advance(timedelta(seconds=61))
    assert (await town.complete_link(token, link, brought)).status_code == 502
    link, url = await begun(town, token)
    assert (await town.complete_link(token, link, await signed_in(browser, url))).status_code == 200


async def test_a_person_without_the_level_and_one_who_cancels_come_back_without_a_code(
    town: Any, browser: httpx.AsyncClient
) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    for choice, error in (
        ({"person": "alex-probe"}, "unmet_authentication_requirements"),
        ({"action": "cancel"}, "access_denied"),
    ):
        _, url = await begun(town, token)
        brought = await signed_in(browser, url, **choice)
        assert brought["error"] == error
        assert "code" not in brought
