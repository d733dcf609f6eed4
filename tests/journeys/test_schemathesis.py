"""What a machine makes of our OpenAPI documents: no 500, and answers as the documents say."""

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.topics import SERVICES
from rathaus.citizen import TANGERHUETTE, Citizen
from rathaus.stack.stack import REPOSITORY, Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
STREAMS = "followApplication"


@pytest.fixture(scope="module")
def token(town_hall: Stack) -> str:
    async def sign_in() -> str:
        async with Citizen(town_hall) as mia:
            await mia.register()
            await mia.verify()
            await mia.sign_in()
            return str(mia.session["access_token"])

    return asyncio.run(sign_in())


def operations(service: str) -> list[Any]:
    document = json.loads((REPOSITORY / "openapi" / f"{service}.json").read_text())
    schema = schemathesis.openapi.from_dict(document)
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    return [operation for operation in found if operation.definition.raw["operationId"] != STREAMS]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        pytest.param(service, operation, id=f"{service} {operation.definition.raw['operationId']}")
        for service in SERVICES
        for operation in operations(service)
    ],
)
def test_operation(town_hall: Stack, token: str, service: str, operation: Any) -> None:
    base = town_hall.address(service)

    @given(data=st.data())
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        case.path_parameters = {**(case.path_parameters or {}), "ars": TANGERHUETTE}
        headers = {"Authorization": f"Bearer {token}"}
        case.call_and_validate(base_url=base, headers=headers, checks=CHECKS, timeout=30)

    fuzz()
