"""The real database: who is let in, and what a kill leaves."""

import signal

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from rathaus.stack import Stack

pytestmark = pytest.mark.stack

Client = MongoClient[dict[str, object]]


def test_a_service_writes_its_own_database(infrastructure: Stack) -> None:
    with Client(infrastructure.database_url("osi-gateway")) as client:
        assert client.osi_gateway.things.insert_one({"a": 1}).acknowledged


def test_a_service_cannot_touch_the_database_of_another(infrastructure: Stack) -> None:
    with Client(infrastructure.database_url("forms")) as client:
        with pytest.raises(OperationFailure, match="not authorized"):
            client.identity.accounts.find_one()
        with pytest.raises(OperationFailure, match="not authorized"):
            client.identity.accounts.insert_one({})


def test_nobody_is_let_in_without_signing_in(infrastructure: Stack) -> None:
    address = f"mongodb://127.0.0.1:{infrastructure.ports.database}/"
    with Client(address) as client, pytest.raises(OperationFailure, match="requires authentication"):
        client.forms.applications.find_one()


@pytest.mark.proves("F43")
def test_a_killed_database_comes_back_with_all_that_it_acknowledged(infrastructure: Stack) -> None:
    with Client(infrastructure.database_url("forms")) as client:
        for number in range(100):
            client.forms.kept.insert_one({"_id": number})
    before = infrastructure.pid("database")
    infrastructure.kill("database", signal.SIGKILL)
    infrastructure.wait_restarted("database", before)
    with Client(infrastructure.database_url("forms")) as client:
        assert client.forms.kept.count_documents({}) == 100
