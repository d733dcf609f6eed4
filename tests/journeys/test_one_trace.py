"""One trace from the click to the authority's answer: which span is whose child, over Envoy, Kafka and the relay."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rathaus.citizen import Citizen
from rathaus.stack.stack import Stack

pytestmark = pytest.mark.stack

EDGES = [
    # parent (service, part of the span's name)           child
    (("gateway", ""), ("forms", "post /api/forms/v1/{ars}/applications/{id}/submission")),
    (("forms", "/submission"), ("forms", "forms.applications publish")),
    (("forms", "/submission"), ("forms", "forms.packages publish")),
    (("forms", "forms.applications publish"), ("osi-gateway", "forms.applications process")),
    (("forms", "forms.packages publish"), ("osi-gateway", "forms.packages process")),
    (("osi-gateway", "submissions due"), ("osi-gateway", "submission submit")),
    (("osi-gateway", "put"), ("sandbox", "sandbox submit")),
    (("sandbox", "sandbox submit"), ("sandbox", "sandbox authority receives")),
    (("sandbox", "sandbox submit"), ("sandbox", "sandbox authority answers")),
    (("osi-gateway", "submissions due"), ("osi-gateway", "osi-gateway.submissions publish")),
    (("osi-gateway", "osi-gateway.submissions publish"), ("forms", "osi-gateway.submissions process")),
    (("osi-gateway", "osi-gateway.submissions publish"), ("notify", "osi-gateway.submissions process")),
    (("notify", "osi-gateway.submissions process"), ("notify", "messages due")),
    (("notify", "messages due"), ("notify", "notify.messages publish")),
]


def ancestors(span: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    while (span := by_id.get(span.get("parentId", ""), {})) != {}:
        yield span


def is_one(span: dict[str, Any], wanted: tuple[str, str]) -> bool:
    service, name = wanted
    return (span.get("localEndpoint") or {}).get("serviceName") == service and name in span["name"]


async def spans_of(town_hall: Stack, trace: str) -> list[dict[str, Any]]:
    """The trace, once all of it has arrived at the trace page or it stays as it is: services send spans each second."""
    until = time.monotonic() + 20
    async with httpx.AsyncClient() as http:
        while True:
            answer = await http.get(f"{town_hall.traces}/api/v2/trace/{trace}")
            spans: list[dict[str, Any]] = answer.json() if answer.status_code == 200 else []
            if (not missing(spans) and len(roots(spans)) == 1) or time.monotonic() > until:
                return spans
            await asyncio.sleep(0.5)


def roots(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Spans whose parent is not in the trace: the click's alone, which the browser does not send."""
    ids = {span["id"] for span in spans}
    return [span for span in spans if span.get("parentId") not in ids]


def missing(spans: list[dict[str, Any]]) -> list[str]:
    by_id = {span["id"]: span for span in spans}
    return [
        f"{parent} → {child}"
        for parent, child in EDGES
        if not any(
            is_one(span, child) and any(is_one(above, parent) for above in ancestors(span, by_id)) for span in spans
        )
    ]


@pytest.mark.proves("PL-09")
async def test_one_trace_from_the_click_to_the_receipt(town_hall: Stack) -> None:
    async with Citizen(town_hall) as mia:
        await mia.register()
        await mia.verify()
        await mia.sign_in()
        await mia.link()
        application = await mia.begin()
        await mia.save(application, await mia.sample_answers())
        await mia.submit(application)
        trace = mia.trace_id
        assert (await mia.follow(application))[-1] == "accepted"
        await mia.mail(lambda found: "angekommen" in found["subject"])
    spans = await spans_of(town_hall, trace)
    assert missing(spans) == []
    assert len(roots(spans)) == 1, [root["name"] for root in roots(spans)]
    tags = [span.get("tags", {}) for span in spans]
    assert {found["peer.address"] for found in tags if "peer.address" in found} == {"-"}
    assert "python-httpx" not in str(tags)
    page = await asyncio.to_thread(httpx.get, f"{town_hall.traces}/zipkin/traces/{trace}")
    assert page.status_code == 200


async def test_a_log_line_names_its_trace(town_hall: Stack) -> None:
    async with Citizen(town_hall) as mia:
        refused = await mia.call("GET", "forms/applications", 401)
        assert refused.json()["traceId"] == mia.trace_id
