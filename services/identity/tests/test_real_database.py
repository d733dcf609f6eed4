"""What rests on the database itself: unique values, counting at the same moment, times. On the real one."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from chassis.documents import Database
from chassis.testing import FixedClock
from chassis.vault import Vault
from identity.accounts.store import Accounts
from identity.accounts.worker import lapse_unproven
from identity.keys.store import SigningKeys

pytestmark = pytest.mark.stack


@pytest.fixture
async def database(infrastructure: Any) -> AsyncIterator[Database]:
    database = await Database.connect(SecretStr(infrastructure.database_url()), f"identity_{uuid.uuid4().hex[:12]}")
    yield database
    await database.close()


async def linked(town: Any, issuer: Any, email: str) -> Any:
    token = (await town.sign_in(email))["access_token"]
    begun = (await town.begin_link(token)).json()
    return await town.complete_link(token, begun["link_id"], issuer.visit(begun["authorization_url"]))


async def test_one_of_many_proves_an_address(town: Any) -> None:
    accounts = [await town.register(spelling) for spelling in ("mia@example.org", "Mia@example.org", "MIA@example.org")]
    codes = [await town.code(account) for account in accounts]
    answers = await asyncio.gather(*(town.verify(*pair) for pair in zip(accounts, codes, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [204, 409, 409]
    assert (await town.try_sign_in()).status_code == 201


async def test_one_landeskonto_links_to_one_account_and_the_other_can_take_another(town: Any, issuer: Any) -> None:
    for email in ("mia@example.org", "ole@example.org"):
        await town.citizen(email)
    assert (await linked(town, issuer, "mia@example.org")).json()["level"] == "hoch"
    assert (await linked(town, issuer, "ole@example.org")).json()["type"] == "urn:rathaus:problem:landeskonto-taken"
    issuer.claims = {"sub": "bpk-2"}
    assert (await linked(town, issuer, "ole@example.org")).json()["linked"] is True


async def test_guesses_at_the_same_moment_do_not_slip_through(town: Any) -> None:
    await town.citizen()
    answers = await asyncio.gather(*(town.try_sign_in(password=f"Parole {number}") for number in range(16)))
    assert [answer.status_code for answer in answers].count(401) == 6
    assert {answer.status_code for answer in answers} <= {401, 429, 503}


async def test_wrong_codes_at_the_same_moment_are_all_counted(town: Any) -> None:
    account = await town.register()
    code = await town.code(account)
    wrong = [f"{(int(code) + number) % 10**6:06}" for number in range(1, 30)]
    answers = await asyncio.gather(*(town.verify(account, one) for one in wrong))
    assert sorted(answer.status_code for answer in answers) == [422] * 5 + [429] * 24
    assert (await town.verify(account, code)).status_code == 429


async def test_parallel_refreshes_and_the_list_of_sessions(town: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    answers = await asyncio.gather(*(town.refresh(session["refresh_token"]) for _ in range(10)))
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    await town.sign_in()
    listed = (await town.call("GET", "sessions", token=answers[0].json()["access_token"])).json()["sessions"]
    assert [one["current"] for one in listed].count(True) == 1
    assert len(listed) == 2


async def test_unproven_accounts_are_forgotten(town: Any) -> None:
    account = await town.register()
    accounts = town.app.state.provided.get(Accounts)
    town.clock.advance(timedelta(minutes=10))
    for due in await accounts.find({"at": {"$lte": town.clock.now()}}):
        await lapse_unproven(accounts)(due)
    assert (await town.database.collection("accounts").get(account))["status"] == "lapsed"


async def test_processes_that_start_at_once_make_one_key(database: Database, clock: FixedClock) -> None:
    vault = Vault(SecretStr("A" * 43))
    opened = await asyncio.gather(*(SigningKeys.open(database, clock, lambda: None, vault) for _ in range(6)))
    assert [len(await one.every()) for one in opened] == [1] * 6
