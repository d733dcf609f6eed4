"""Who deletes an account is forgotten everywhere."""

import asyncio
import time
from collections.abc import Callable

import pytest
from evidence import lags, read
from pydantic import SecretStr
from tampering import publish_again

from chassis.documents import Database, Document
from contracts.topics import TOPICS
from rathaus.citizen import Citizen
from rathaus.stack.stack import Stack

pytestmark = pytest.mark.stack


async def contact_of(town_hall: Stack, account: str) -> Document | None:
    """What notify knows of an account, as its own database says."""
    database = await Database.connect(SecretStr(town_hall.database_url()), "notify")
    try:
        return await database.collection("contacts").get(account)
    finally:
        await database.close()


async def forgotten(town_hall: Stack, account: str) -> Document:
    """Wait until notify has forgotten an account; what is left of it."""
    until = time.monotonic() + 30
    while not (contact := await contact_of(town_hall, account)) or not contact["erased"]:
        assert time.monotonic() < until, contact
        await asyncio.sleep(0.1)
    return contact


async def take_appointment(mia: Citizen) -> None:
    """From nothing to the mail about it."""
    await mia.register()
    await mia.verify()
    await mia.sign_in()
    await mia.reserve_any()
    await mia.mail(lambda found: "Termin" in found["subject"])


async def delete_account(mia: Citizen) -> None:
    await mia.call("POST", "identity/account/erasure", 204, json={"password": mia.password})


@pytest.mark.proves("F54")
async def test_a_deleted_account_is_forgotten_by_those_who_kept_a_copy(town_hall: Stack) -> None:
    async with Citizen(town_hall) as mia:
        await take_appointment(mia)
        await delete_account(mia)
        await mia.call("GET", "identity/account", 401)
        said = {"email": mia.email, "password": mia.password, "transport": "bearer"}
        mia.session = {}
        await mia.call("POST", "identity/sessions", 401, json=said)
        assert mia.email not in repr(await forgotten(town_hall, mia.account_id))


@pytest.mark.proves("F68")
async def test_no_event_that_comes_again_brings_a_deleted_account_back(town_hall: Stack) -> None:
    """Every record of every topic once more, the last first: her address comes behind its own erasure."""
    async with Citizen(town_hall) as mia:
        await take_appointment(mia)
        await delete_account(mia)
        await forgotten(town_hall, mia.account_id)
        mails = await mia.mails()

        for topic in TOPICS:
            await publish_again(town_hall, topic)
        await asyncio.to_thread(wait_until, lambda: not [*lags(town_hall)], "somebody has not read everything")

        contact = await contact_of(town_hall, mia.account_id)
        assert contact is not None
        assert contact["erased"]
        assert mia.email not in repr(contact)
        assert await mia.mails() == mails
        await asyncio.to_thread(wait_until, lambda: last_word(town_hall, mia.account_id) is None, "her address is back")


def last_word(town_hall: Stack, account: str) -> bytes | None:
    """What was last said of an account's address; None for its erasure."""
    said: list[bytes | None] = [
        one.value() for one in read(town_hall, "identity.contacts") if one.key() == account.encode()
    ]
    return said[-1]


def wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, otherwise
        time.sleep(0.3)
