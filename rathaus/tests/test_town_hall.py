"""The whole town hall, as `rathaus up` starts it."""

import asyncio

import httpx
import pytest

from contracts.topics import SERVICES
from rathaus.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

MOST_MEMORY = 1_500_000_000


def test_every_part_is_ready_and_fits_a_small_machine(town_hall: Stack) -> None:
    assert [name for name in town_hall.names if not town_hall.is_ready(name)] == []
    assert sum(map(town_hall.memory, town_hall.names)) < MOST_MEMORY


def test_the_portal_and_every_service_answer_through_the_gateway(town_hall: Stack) -> None:
    assert httpx.get(f"{town_hall.api}/", follow_redirects=True).status_code == 200
    for service in SERVICES:
        assert httpx.get(f"{town_hall.api}/api/{service}/v1/150900546546/unknown").status_code == 404
    assert httpx.get(f"{town_hall.api}/api/forms/v1/150900546546/services").status_code == 200


async def test_a_request_is_one_trace_from_the_gateway_to_the_service(town_hall: Stack) -> None:
    trace = "5bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    async with httpx.AsyncClient() as client:
        await client.get(f"{town_hall.api}/api/forms/v1/150900546546/services", headers=headers)
        async with asyncio.timeout(30):
            while not {"forms", "gateway"} <= await services_in(client, town_hall, trace):
                await asyncio.sleep(0.3)


async def services_in(client: httpx.AsyncClient, stack: Stack, trace: str) -> set[str]:
    response = await client.get(f"{stack.traces}/api/v2/trace/{trace}")
    spans = response.json() if response.status_code == 200 else []
    return {span.get("localEndpoint", {}).get("serviceName", "") for span in spans}


def test_services_are_not_reached_past_the_gateway_paths(town_hall: Stack) -> None:
    for path in ("/health", "/ready", "/docs", "/openapi.json"):
        assert httpx.get(f"{town_hall.api}/api/forms{path}").status_code == 404
