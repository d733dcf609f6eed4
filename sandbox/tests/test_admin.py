"""The levers for tests, and the pages for people."""

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.exchange.destinations import TANGERHUETTE
from sandbox.testing import Sender


async def fault(http: httpx.AsyncClient, endpoint: str, kind: str, **more: Any) -> None:
    (await http.post("/admin/faults", json={"endpoint": endpoint, "kind": kind, **more})).raise_for_status()


async def test_too_many_requests(sender: Sender, http: httpx.AsyncClient) -> None:
    await fault(http, "create", "429", times=2)
    for _ in range(2):
        answer = await sender.create()
        assert answer.status_code == 429
        assert (answer.headers["ratelimit-remaining"], answer.headers["ratelimit-reset"]) == ("0", "1")
        assert answer.headers["ratelimit-limit"]
    assert (await sender.create()).status_code == 201
    assert (await http.get("/admin/faults")).json() == {"faults": []}


@pytest.mark.parametrize("kind", ["500", "503"])
async def test_a_failure_before_anything_happens(sender: Sender, http: httpx.AsyncClient, kind: str) -> None:
    await fault(http, "create", kind)
    answer = await sender.create()
    assert (answer.status_code, answer.headers["content-type"]) == (int(kind), "application/problem+json")
    assert (await http.get("/admin/submissions")).json()["submissions"] == []


async def test_an_answer_that_is_no_json(sender: Sender, http: httpx.AsyncClient) -> None:
    await fault(http, "create", "garbage")
    answer = await sender.create()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r".+"):
        answer.json()


@pytest.mark.parametrize(("kind", "made"), [("timeout", 0), ("lost", 1)])
async def test_an_answer_that_does_not_come(sender: Sender, http: httpx.AsyncClient, kind: str, made: int) -> None:
    await fault(http, "create", kind, seconds=0.2)
    await sender.token()
    before = asyncio.get_running_loop().time()
    assert (await sender.create()).status_code == 504
    assert asyncio.get_running_loop().time() - before >= 0.2
    assert len((await http.get("/admin/submissions")).json()["submissions"]) == made


async def test_failures_can_be_taken_back_and_spare_the_authority(sender: Sender, http: httpx.AsyncClient) -> None:
    await fault(http, "waiting", "500", times=100)
    await fault(http, "create", "500", times=100)
    await asyncio.sleep(0.2)
    assert [one["times"] for one in (await http.get("/admin/faults")).json()["faults"]] == [100, 100]
    await http.delete("/admin/faults")
    assert (await sender.create()).status_code == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/admin/faults", {"endpoint": "nothing", "kind": "500"}),
        ("/admin/faults", {"endpoint": "create", "kind": "418"}),
        ("/admin/faults", {"endpoint": "create", "kind": "500", "times": 0}),
        ("/admin/faults", {"endpoint": "create", "kind": "500", "times": True}),
        ("/admin/faults", {"endpoint": "create", "kind": "500", "seconds": 601}),
        ("/admin/faults", {"endpoint": "create", "kind": "500", "spare_authority": 1}),
        ("/admin/faults", {"endpoint": "create", "kind": "500", "time": 1}),
        ("/admin/authority", {"mode": "angry"}),
        ("/admin/authority", {"mode": "reject", "problems": []}),
        ("/admin/authority", {"mode": "reject", "problems": [{"slug": "x", "instance": "data", "detail": ""}]}),
    ],
)
async def test_an_order_that_is_not_understood(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await http.post(path, json=body)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "invalid-order")


async def test_orders_of_behaviour_can_be_seen_and_taken_back(http: httpx.AsyncClient) -> None:
    (await http.post("/admin/authority", json={"mode": "silent", "times": None})).raise_for_status()
    assert [one["mode"] for one in (await http.get("/admin/authority")).json()["orders"]] == ["silent"]
    await http.delete("/admin/authority")
    assert (await http.get("/admin/authority")).json() == {"orders": []}


async def test_the_overview_names_every_endpoint(http: httpx.AsyncClient) -> None:
    overview = (await http.get("/admin")).json()
    assert {"token", "create", "upload", "submit", "case-log", "post-event", "routes", "landeskonto-token"} <= set(
        overview["endpoints"]
    )
    assert overview["modes"] == ["normal", "reject", "silent", "accept-twice", "wrong-key", "wrong-tags"]


async def test_only_this_machine_may_pull_the_levers(http: httpx.AsyncClient) -> None:
    transport: Any = http._transport
    far = httpx.ASGITransport(app=transport.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=far, base_url=http.base_url) as stranger:
        assert (await stranger.get("/admin")).status_code == 403
        assert (await stranger.get("/")).status_code == 200


async def test_unknown_things(http: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/admin/authority/inbox/x"),
        ("GET", "/admin/authority/inbox/x/attachments/y"),
        ("POST", "/admin/authority/inbox/x/release"),
        ("GET", "/nowhere"),
    ):
        assert (await http.request(method, path)).status_code == 404
    assert (await http.patch("/admin/destinations/x", json={"status": "active"})).status_code == 404
    assert (await http.patch(f"/admin/destinations/{TANGERHUETTE.id}", json={"status": "odd"})).status_code == 422
    assert (await http.patch(f"/admin/destinations/{TANGERHUETTE.id}", json={"regions": "DE"})).status_code == 422
    wrong = await http.delete("/token")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, "application/problem+json")


async def test_the_start_page_shows_states_and_no_contents(sender: Sender, http: httpx.AsyncClient) -> None:
    draft = await sender.send(await sender.draft({"surname": "Beispiel"}))
    page = await http.get("/")
    assert draft.submission_id in page.text
    assert "Beispiel</td>" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert (await http.get("/health")).status_code == 200
    assert (await http.get("/ready")).json()["status"] == "ok"
