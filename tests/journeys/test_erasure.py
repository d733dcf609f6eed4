"""Who deletes an account is forgotten everywhere."""

import asyncio
import time

import pytest
from pydantic import SecretStr

from chassis.documents import Database, Document
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


@pytest.mark.proves("F54")
async def test_a_deleted_account_is_forgotten_by_those_who_kept_a_copy(town_hall: Stack) -> None:
    async with Citizen(town_hall) as mia:
        await mia.register()
        await mia.verify()
        await mia.sign_in()
        await mia.reserve_any()
        await mia.mail(lambda found: "Termin" in found["subject"])
        await mia.call("POST", "identity/account/erasure", 204, json={"password": mia.password})
        await mia.call("GET", "identity/account", 401)
        said = {"email": mia.email, "password": mia.password, "transport": "bearer"}
        mia.session = {}
        await mia.call("POST", "identity/sessions", 401, json=said)
        until = time.monotonic() + 30
        while not (contact := await contact_of(town_hall, mia.account_id)) or not contact["erased"]:
            assert time.monotonic() < until, contact
            await asyncio.sleep(0.1)
        assert mia.email not in repr(contact)
