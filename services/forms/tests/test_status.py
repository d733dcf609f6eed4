"""What becomes of an application: news of the gateway, and the stream that shows it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chassis.aggregates import AnotherRelease
from chassis.testing.service import ServiceUnderTest
from contracts.forms import ApplicationStatusChanged
from contracts.osi_gateway import Problem, SubmissionAccepted, SubmissionForwarded, SubmissionRejected
from forms.applications import stream
from forms.applications.store import Applications
from forms.applications.stream import StatusStreams

ARS = "150900546546"


@pytest.fixture
async def submitted(citizen: httpx.AsyncClient, complete: str) -> str:
    """Id of an application that was handed in; version 3."""
    answer = await citizen.post(f"{complete}/submission", headers={"Idempotency-Key": "s", "If-Match": '"2"'})
    assert answer.status_code == 202
    return complete.rpartition("/")[2]


def about(forms: ServiceUnderTest, id: str, account: str = "acc-1") -> dict[str, Any]:
    return {
        "occurred_at": forms.clock.now(),
        "application_id": id,
        "account_id": account,
        "submission_id": "sub-1",
        "case_id": "case-1",
        "destination_id": "dest-1",
    }


async def tell(forms: ServiceUnderTest, event: Any, sequence: int, tenant: str = ARS) -> None:
    forms.broker.put(event, tenant=tenant, subject=event.application_id, sequence=sequence)
    await forms.bus.deliver()


async def status(citizen: httpx.AsyncClient, id: str) -> str:
    return str((await citizen.get(f"/applications/{id}")).json()["status"])


@pytest.mark.proves("GW-06")
async def test_way_to_the_answer(forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str) -> None:
    await tell(forms, SubmissionForwarded(**about(forms, submitted)), 1)
    assert await status(citizen, submitted) == "forwarded"
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 2)
    assert await status(citizen, submitted) == "accepted"
    await forms.publish()
    changes = [event for _, event in forms.events("forms.applications") if isinstance(event, ApplicationStatusChanged)]
    assert [change.status for change in changes] == ["forwarded", "accepted"]


@pytest.mark.proves("GW-06")
async def test_rejection_shows_the_authoritys_reasons(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str
) -> None:
    problem = Problem(type="urn:x", title="Angaben fehlen", instance="/birth_place")
    await tell(forms, SubmissionRejected(**about(forms, submitted), problems=(problem,)), 1)
    read = (await citizen.get(f"/applications/{submitted}")).json()
    assert read["status"] == "rejected"
    assert read["reasons"] == [{"title": "Angaben fehlen", "place": "/birth_place"}]


async def test_news_told_twice_changes_nothing(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str
) -> None:
    await tell(forms, SubmissionForwarded(**about(forms, submitted)), 1)
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 2)
    before = (await citizen.get(f"/applications/{submitted}")).json()
    forms.bus.rewind()
    await forms.bus.deliver()
    assert (await citizen.get(f"/applications/{submitted}")).json() == before
    await forms.publish()
    assert len(forms.events("forms.applications")) == 3


async def test_news_that_overtook_waits_for_its_turn(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str
) -> None:
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 2)
    await tell(forms, SubmissionForwarded(**about(forms, submitted)), 1)
    assert await status(citizen, submitted) == "accepted"


@pytest.mark.parametrize(("account", "tenant"), [("acc-2", ARS), ("acc-1", "150909999000")])
async def test_news_under_a_wrong_owner_is_a_dead_letter(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str, account: str, tenant: str
) -> None:
    await tell(forms, SubmissionAccepted(**about(forms, submitted, account)), 1, tenant)
    assert await status(citizen, submitted) == "submitted"
    assert len(forms.broker.topics["forms.dead-letters"]) == 1


async def test_news_of_an_unknown_application_is_passed_over(forms: ServiceUnderTest) -> None:
    await tell(forms, SubmissionAccepted(**about(forms, "never-was")), 1)
    assert forms.broker.topics["forms.dead-letters"] == []


async def test_what_a_newer_release_has_written_is_left_to_its_processes(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str
) -> None:
    newer = {"$set": {"schema": 2, "steps.0.by": "clerk"}}
    await forms.database.collection("applications").update({"_id": submitted}, newer)
    refused = await citizen.get(f"/applications/{submitted}")
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    with pytest.raises(AnotherRelease):
        await tell(forms, SubmissionForwarded(**about(forms, submitted)), 1)
    assert forms.broker.topics["forms.dead-letters"] == []
    shown = await Applications(forms.database, forms.clock).status_of(submitted)
    assert shown is not None
    assert shown.steps[0].status == "submitted"


async def collect(events: AsyncIterator[bytes], count: int) -> list[str]:
    return [(await anext(events)).decode() for _ in range(count)]


def data(text: str) -> dict[str, Any]:
    (line,) = [line for line in text.splitlines() if line.startswith("data: ")]
    return dict(json.loads(line.removeprefix("data: ")))


async def test_stream_tells_the_present_status_and_each_change(
    forms: ServiceUnderTest, submitted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL", 0.01)
    events = StatusStreams(Applications(forms.database, forms.clock), asyncio.Event()).follow(submitted)
    retry, first = await collect(events, 2)
    assert retry == "retry: 3000\n\n"
    assert first.startswith("event: status\nid: 3\n")
    assert data(first) == {"status": "submitted", "version": 3, "changed_at": "2026-11-25T09:00:00Z"}
    await tell(forms, SubmissionForwarded(**about(forms, submitted)), 1)
    (second,) = await collect(events, 1)
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 2)
    (third,) = await collect(events, 1)
    assert [data(second)["status"], data(third)["status"]] == ["forwarded", "accepted"]
    assert [event async for event in events] == [], "ends after a final status"


async def test_stream_leaves_no_step_out_that_passed_quickly(
    forms: ServiceUnderTest, submitted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL", 0.01)
    events = StatusStreams(Applications(forms.database, forms.clock), asyncio.Event()).follow(submitted)
    await collect(events, 2)
    forms.clock.advance(1)
    await tell(forms, SubmissionForwarded(**about(forms, submitted)), 1)
    forms.clock.advance(1)
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 2)
    told = [data(event.decode()) for event in [event async for event in events]]
    assert [(step["status"], step["changed_at"][-3:]) for step in told] == [("forwarded", "01Z"), ("accepted", "02Z")]


async def test_stream_speaks_now_and_then(
    forms: ServiceUnderTest, submitted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL", 0.01)
    monkeypatch.setattr(stream, "KEEP_ALIVE", 0.03)
    events = StatusStreams(Applications(forms.database, forms.clock), asyncio.Event()).follow(submitted)
    assert (await collect(events, 3))[2].startswith(":")


async def test_stream_ends_when_the_process_stops(forms: ServiceUnderTest, submitted: str) -> None:
    stopping = asyncio.Event()
    events = StatusStreams(Applications(forms.database, forms.clock), stopping).follow(submitted)
    await collect(events, 2)
    stopping.set()
    async with asyncio.timeout(0.3):
        assert [event async for event in events] == []


async def test_stream_ends_after_its_time(
    forms: ServiceUnderTest, submitted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL", 0.01)
    monkeypatch.setattr(stream, "LONGEST", 0.05)
    events = StatusStreams(Applications(forms.database, forms.clock), asyncio.Event()).follow(submitted)
    async with asyncio.timeout(1):
        assert len([event async for event in events]) == 2


async def test_stream_over_http(forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str) -> None:
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 1)
    answer = await citizen.get(f"/applications/{submitted}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert data(answer.text)["status"] == "accepted"
    known = await citizen.get(f"/applications/{submitted}/events", headers={"Last-Event-ID": "4"})
    assert known.status_code == 204


async def test_streams_are_counted_and_given_back(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, submitted: str
) -> None:
    await tell(forms, SubmissionAccepted(**about(forms, submitted)), 1)
    streams = next(part for part in forms.parts.provides if isinstance(part, StatusStreams))
    for _ in range(10):
        assert (await citizen.get(f"/applications/{submitted}/events")).status_code == 200
    places = [streams.enter("acc-1") for _ in range(8)]
    for place in places:
        place.__enter__()
    full = await citizen.get(f"/applications/{submitted}/events")
    assert full.status_code == 503
    assert "Retry-After" in full.headers
    for place in places:
        place.__exit__(None, None, None)
