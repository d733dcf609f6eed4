"""Catalogue and drafts over HTTP."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from chassis.testing.service import ServiceUnderTest

ARS = "150900546546"
OTHER = "150909999000"


def error_pointers(response: httpx.Response) -> list[str]:
    assert response.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in response.json()["errors"]]


async def test_catalogue_is_open_to_everybody(forms: ServiceUnderTest) -> None:
    nobody = forms.client()
    listed = (await nobody.get(f"/api/forms/v1/{ARS}/services")).json()["services"]
    assert [service["slug"] for service in listed] == ["youth-medical-exam"]
    detail = (await nobody.get(f"/api/forms/v1/{ARS}/services/youth-medical-exam")).json()
    assert detail["leika_key"] == "99068007040000"
    assert detail["level"] == "basis"
    assert detail["schema"]["$id"] == "urn:rathaus:schema:youth-medical-exam:1"
    assert detail["ui"]["type"] == "VerticalLayout"
    assert detail["uploads"][1] == {
        "field": "employer_certificate",
        "title": "Bescheinigung des Betriebs",
        "help": detail["uploads"][1]["help"],
        "required": False,
        "required_when": {"exam_type": ["follow-up", "further-follow-up"]},
        "media_types": ["application/pdf", "image/jpeg", "image/png"],
        "max_bytes": 10 * 1024 * 1024,
    }


@pytest.mark.parametrize("path", ["999999999999/services", f"{ARS}/services/none", f"{ARS}/services/..", "1/services"])
async def test_what_is_not_in_the_catalogue_is_not_found(forms: ServiceUnderTest, path: str) -> None:
    assert (await forms.client().get(f"/api/forms/v1/{path}")).status_code == 404


async def test_draft_is_made_once(citizen: httpx.AsyncClient) -> None:
    send: dict[str, Any] = {"json": {"service": "youth-medical-exam"}, "headers": {"Idempotency-Key": "k"}}
    first, second = await citizen.post("/applications", **send), await citizen.post("/applications", **send)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.json()["status"] == "draft"
    assert first.json()["reference"].startswith("TAN-2026-")
    assert first.headers["ETag"] == '"1"'
    assert (await citizen.get(first.headers["Location"].removeprefix(f"/api/forms/v1/{ARS}"))).status_code == 200
    assert len((await citizen.get("/applications")).json()["applications"]) == 1


async def test_key_of_another_request_is_refused(citizen: httpx.AsyncClient, draft: str) -> None:
    other = await citizen.post("/applications", json={"service": "other"}, headers={"Idempotency-Key": "make-1"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"service": "none"}, 422),
        ({"service": "Youth"}, 422),
        ({"service": {"$ne": ""}}, 400),
        ({"service": 7}, 422),
        ({}, 422),
        ({"service": "youth-medical-exam", "status": "accepted"}, 422),
        ({"service": "youth-medical-exam", "account": "acc-2"}, 422),
        ([], 422),
    ],
)
async def test_bad_creation_writes_nothing(citizen: httpx.AsyncClient, body: Any, status: int) -> None:
    refused = await citizen.post("/applications", json=body, headers={"Idempotency-Key": "k"})
    assert refused.status_code == status
    assert refused.json()["type"].startswith("urn:rathaus:problem:")
    assert (await citizen.get("/applications")).json()["applications"] == []


async def test_answers_are_saved_tidy_and_read_back(citizen: httpx.AsyncClient, draft: str) -> None:
    some = {"surname": " Beispiel ", "phone": "(03935) 9317-20", "birth_name": "", "delivery": ""}
    saved = await citizen.put(f"{draft}/answers", json={"answers": some}, headers={"If-Match": '"1"'})
    assert saved.status_code == 200
    assert saved.headers["ETag"] == '"2"'
    read = await citizen.get(draft)
    assert read.json()["answers"] == {"surname": "Beispiel", "phone": "+493935931720", "country": "DE"}
    assert read.headers["ETag"] == '"2"'
    assert read.json() == saved.json()


async def test_saving_again_the_same_is_answered_the_same(citizen: httpx.AsyncClient, draft: str) -> None:
    send: dict[str, Any] = {"json": {"answers": {"surname": "Beispiel"}}, "headers": {"If-Match": '"1"'}}
    first, second = await citizen.put(f"{draft}/answers", **send), await citizen.put(f"{draft}/answers", **send)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


async def test_second_of_two_devices_is_told_of_the_first(citizen: httpx.AsyncClient, draft: str) -> None:
    outcomes = await asyncio.gather(
        *(
            citizen.put(f"{draft}/answers", json={"answers": {"surname": name}}, headers={"If-Match": '"1"'})
            for name in ("Eins", "Zwei")
        )
    )
    assert sorted(outcome.status_code for outcome in outcomes) == [200, 412]
    kept = next(outcome.json()["answers"]["surname"] for outcome in outcomes if outcome.status_code == 200)
    assert (await citizen.get(draft)).json()["answers"]["surname"] == kept


async def test_late_repeat_of_an_old_save_does_not_pass_for_saved(citizen: httpx.AsyncClient, draft: str) -> None:
    old: dict[str, Any] = {"json": {"answers": {"surname": "Alt"}}, "headers": {"If-Match": '"1"'}}
    await citizen.put(f"{draft}/answers", **old)
    await citizen.put(f"{draft}/answers", json={"answers": {"surname": "Neu"}}, headers={"If-Match": '"2"'})
    assert (await citizen.put(f"{draft}/answers", **old)).status_code == 412
    assert (await citizen.get(draft)).json()["answers"]["surname"] == "Neu"


@pytest.mark.parametrize(("header", "status"), [(None, 428), ('"7"', 412), ("1", 412), ("*", 412), ('W/"1"', 412)])
async def test_saving_needs_the_version(
    citizen: httpx.AsyncClient, draft: str, header: str | None, status: int
) -> None:
    headers = {"If-Match": header} if header else {}
    assert (await citizen.put(f"{draft}/answers", json={"answers": {}}, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("content", "status", "pointer"),
    [
        (b'{"answers": {"unknown": 1}}', 422, "/answers/unknown"),
        (b'{"answers": {"surname": 1}}', 422, "/answers/surname"),
        (b'{"answers": {"guardians": [{"x": 1}]}}', 422, "/answers/guardians/0/x"),
        (b'{"answers": {"surname": {"$gt": ""}}}', 400, "/answers/surname/$gt"),
        (b'{"answers": {"a.b": 1}}', 400, "/answers/a.b"),
        (b'{"answers": {"surname": "a", "surname": "b"}}', 400, "/answers/surname"),
        (b'{"answers": {"surname": NaN}}', 400, "/answers/surname"),
        (b'{"answers": {"surname": 1e999}}', 400, "/answers/surname"),
        (b'{"answers": {"surname": "\\ud800"}}', 400, "/answers/surname"),
        (b'{"answers": {"surname": 36893488147419103232}}', 400, "/answers/surname"),
        (b'{"answers": ' + b"[" * 40 + b"]" * 40 + b"}", 400, None),
        (b'{"answers": []}', 422, "/answers"),
        (b'{"answers": {}, "status": "accepted"}', 422, "/status"),
        (b'{"answers": {"surname": "' + b"x" * 300_000 + b'"}}', 413, None),
        (b"{", 400, ""),
        (b"", 422, ""),
    ],
)
async def test_bad_answers_write_nothing(
    citizen: httpx.AsyncClient, draft: str, content: bytes, status: int, pointer: str | None
) -> None:
    headers = {"If-Match": '"1"', "Content-Type": "application/json"} if content else {"If-Match": '"1"'}
    refused = await citizen.put(f"{draft}/answers", content=content, headers=headers)
    assert refused.status_code == status, refused.text
    if pointer is not None:
        assert error_pointers(refused) == [pointer]
    assert (await citizen.get(draft)).json()["version"] == 1


async def test_answers_come_as_json(citizen: httpx.AsyncClient, draft: str) -> None:
    headers = {"If-Match": '"1"', "Content-Type": "text/plain"}
    assert (await citizen.put(f"{draft}/answers", content=b"{}", headers=headers)).status_code == 415


ROUTES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PUT", "/answers", {"answers": {}}),
    ("POST", "/submission", None),
    ("GET", "/events", None),
    ("POST", "/attachments?field=id_copy", None),
    ("DELETE", "/attachments/7d1e5a4c-1111-4222-8333-444455556666", None),
]


@pytest.mark.proves("S26")
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_strangers_see_nothing(
    forms: ServiceUnderTest, draft: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    headers = {"If-Match": '"1"', "Idempotency-Key": "k"}
    if "attachments" in path and method == "POST":
        headers["Content-Type"] = "application/pdf"
    here, there = f"/api/forms/v1/{ARS}{draft}{path}", f"/api/forms/v1/{OTHER}{draft}{path}"
    for client, url, status in [
        (forms.client("acc-2"), here, 404),
        (forms.client("acc-1"), there, 404),
        (forms.client("acc-1", OTHER), there, 404),
        (forms.client("acc-1", OTHER), here, 404),
        (forms.client(), here, 401),
    ]:
        answer = await client.request(method, url, json=body, headers=headers)
        assert answer.status_code == status, (url, answer.text)
    assert (await forms.client("acc-1").get(f"/api/forms/v1/{ARS}{draft}")).json()["version"] == 1


@pytest.mark.parametrize("id", ["x", "7D1E5A4C-1111-4222-8333-444455556666", str(uuid.uuid4()), "%00", "$ne"])
async def test_ids_that_nobody_has(citizen: httpx.AsyncClient, id: str) -> None:
    assert (await citizen.get(f"/applications/{id}")).status_code == 404


async def test_list_goes_page_by_page_newest_first(forms: ServiceUnderTest, citizen: httpx.AsyncClient) -> None:
    made = []
    for number in range(7):
        forms.clock.advance(0 if number in (3, 4) else 1)  # some in the very same moment
        answer = await citizen.post(
            "/applications", json={"service": "youth-medical-exam"}, headers={"Idempotency-Key": f"k{number}"}
        )
        made.append(answer.json()["application_id"])
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    for _ in range(3):
        page = (await citizen.get("/applications", params=query)).json()
        seen += [entry["application_id"] for entry in page["applications"]]
        query["cursor"] = page["next"]
    assert page["next"] is None
    assert sorted(seen) == sorted(made)
    assert seen[0] == made[-1]
    assert seen[-2:] == [made[1], made[0]]


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", 0), ("limit", 51), ("limit", "x"), ("cursor", "x"), ("cursor", "ä"), ("cursor", "eA=="), ("cursor", "")],
)
async def test_bad_pages_are_refused(citizen: httpx.AsyncClient, name: str, value: str) -> None:
    refused = await citizen.get("/applications", params={name: value})
    assert refused.status_code == 422
    assert error_pointers(refused) == [f"/query/{name}"]


async def test_ended_sign_in_is_refused(forms: ServiceUnderTest, citizen: httpx.AsyncClient) -> None:
    forms.clock.advance(600)
    assert (await citizen.get("/applications")).status_code == 401
