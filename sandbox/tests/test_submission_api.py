"""Every precondition of the submission API, over HTTP."""

import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis.testing import FixedClock
from sandbox.exchange.destinations import MUSTERLAND, TANGERHUETTE
from sandbox.testing import Sender

FILE = str(uuid.uuid4())


def refused(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["type"].rpartition("/")[2], body["status"]) == (status, slug, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["title"]
    return body


def event_names(log: list[str]) -> list[str]:
    payloads = [json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")) for token in log]
    return [name.rpartition("/")[2] for payload in payloads for name in payload["events"]]


async def test_the_main_way(sender: Sender, http: httpx.AsyncClient) -> None:
    await http.post("/admin/authority", json={"mode": "silent", "times": None})
    draft = await sender.draft(files={FILE: b"%PDF-1.7"})
    answer = await sender.upload(draft, FILE, b"%PDF-1.7")
    assert (answer.status_code, answer.content) == (204, b"")
    answer = await sender.submit(draft)
    assert answer.status_code == 200
    assert answer.json()["submissionId"] == draft.submission_id
    assert event_names(await sender.log(draft)) == ["create-submission", "submit-submission", "notify-submission"]
    one = await sender.call("GET", f"/submissions/{draft.submission_id}/events?limit=1&offset=1")
    assert (one.json()["count"], one.json()["totalCount"], one.json()["offset"]) == (1, 3, 1)
    assert event_names(one.json()["eventLog"]) == ["submit-submission"]


async def test_what_a_destination_tells(http: httpx.AsyncClient) -> None:
    destination = (await http.get(f"/submission-api/v2/destinations/{TANGERHUETTE.id}")).json()
    assert destination["status"] == "active"
    assert destination["metadataVersions"] == ["2.1.0"]
    assert destination["publicServices"][0]["regions"] == ["DE150900546546"]
    key = (
        await http.get(f"/submission-api/v2/destinations/{TANGERHUETTE.id}/keys/{destination['encryptionKid']}")
    ).json()
    assert (key["kty"], key["alg"], key["key_ops"], key["e"]) == ("RSA", "RSA-OAEP-256", ["wrapKey"], "AQAB")
    assert len(key["n"]) >= 683
    assert len(key["x5c"]) == 1


async def test_unknown_destination_and_key(sender: Sender) -> None:
    refused(await sender.create(destinationId=str(uuid.uuid4())), 404, "destination-not-found")
    refused(await sender.call("GET", f"/destinations/{uuid.uuid4()}"), 404, "destination-not-found")
    refused(await sender.call("GET", f"/destinations/{TANGERHUETTE.id}/keys/unknown"), 404, "key-not-found")
    refused(await sender.call("GET", f"/destinations/{TANGERHUETTE.id}/keys"), 404, "not-found")


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        (
            {"publicService": {"identifier": "urn:de:fim:leika:leistung:99102013104000", "name": ""}},
            422,
            "service-not-offered",
        ),
        ({"region": "DE150909999001"}, 422, "region-not-covered"),
        ({"region": "150900546546"}, 422, "schema-violation"),
        ({"publicService": None}, 422, "schema-violation"),
        ({"publicService": {"identifier": "99068007040000", "name": ""}}, 422, "schema-violation"),
        ({"announcedAttachments": None}, 422, "schema-violation"),
        ({"announcedAttachments": ["1b4e28ba-2fa1-11d2-883f-0016d3cca427"]}, 422, "schema-violation"),
        ({"announcedAttachments": [FILE, FILE]}, 422, "schema-violation"),
        ({"serviceType": {"identifier": "x", "name": ""}}, 422, "schema-violation"),
        ({"caseId": str(uuid.uuid4())}, 404, "case-not-found"),
    ],
)
async def test_an_announcement_that_is_not_taken(
    sender: Sender, changes: dict[str, Any], status: int, slug: str
) -> None:
    refused(await sender.create(**changes), status, slug)


@pytest.mark.parametrize("status", ["created", "inactive", "decommissioned"])
async def test_an_inactive_destination(sender: Sender, http: httpx.AsyncClient, status: str) -> None:
    (await http.patch(f"/admin/destinations/{TANGERHUETTE.id}", json={"status": status})).raise_for_status()
    refused(await sender.create(), 409, "destination-state-invalid")


async def test_a_case_is_continued_by_its_own_sender_at_its_own_destination(sender: Sender) -> None:
    first = (await sender.create()).json()
    again = await sender.create(caseId=first["caseId"])
    assert (again.status_code, again.json()["caseId"]) == (201, first["caseId"])
    elsewhere = await sender.create(caseId=first["caseId"], destinationId=MUSTERLAND.id, region="DE150909999001")
    refused(elsewhere, 409, "case-destination-mismatch")


async def test_attachments_come_first(sender: Sender) -> None:
    draft = await sender.draft(files={FILE: b"x"})
    refused(await sender.submit(draft), 422, "attachments-missing")
    refused(await sender.upload(draft, str(uuid.uuid4()), b"x"), 404, "attachment-not-announced")
    assert (await sender.upload(draft, FILE, b"x")).status_code == 204
    assert (await sender.upload(draft, FILE, b"x")).status_code == 204
    assert (await sender.submit(draft)).status_code == 200


async def test_nothing_more_after_the_hand_in(sender: Sender, http: httpx.AsyncClient) -> None:
    draft = await sender.send(await sender.draft(files={FILE: b"x"}))
    refused(await sender.submit(draft), 409, "submission-state-invalid")
    refused(await sender.upload(draft, FILE, b"x"), 409, "submission-state-invalid")


@pytest.mark.parametrize(
    ("header", "member"),
    [
        ({"cty": None}, "cty"),
        ({"cty": "text/plain"}, "cty"),
        ({"zip": "DEF"}, "zip"),
        ({"kid": "another-kid"}, "kid"),
        ({"kid": None}, "kid"),
        ({"alg": "RSA-OAEP"}, "alg"),
        ({"enc": "A128GCM"}, "enc"),
    ],
)
async def test_a_jwe_with_a_wrong_header(sender: Sender, header: dict[str, Any], member: str) -> None:
    draft = await sender.draft(files={FILE: b"x"})
    wrong = dict(header)
    if member in ("alg", "enc"):
        # The library would encrypt in that way: only the words of the header are changed.
        seal = draft.seal
        draft.seal = lambda plain, **more: _reheaded(seal(plain, **more), wrong)  # type: ignore[method-assign]
        header = {}
    if member != "cty":
        refused(await sender.upload(draft, FILE, b"x", **header), 422, "encryption-invalid")
    draft.files, draft.metadata["contentStructure"]["attachments"] = {}, []
    body = refused(await sender.submit(draft, **header), 422, "encryption-invalid")
    assert body["title"] == f"Invalid JWE Header '{member}'"


def _reheaded(text: str, header: dict[str, Any]) -> str:
    first, rest = text.split(".", 1)
    changed = json.loads(base64.urlsafe_b64decode(first + "==")) | header
    return f"{base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip('=')}.{rest}"


@pytest.mark.parametrize("text", ["", "a.b.c", "a.b.c.d.e", "!.b.c.d.e", "\u00e4"])
async def test_what_is_no_jwe(sender: Sender, text: str) -> None:
    draft = await sender.draft()
    content = {"encryptedMetadata": text, "encryptedData": text}
    refused(await sender.call("PUT", f"/submissions/{draft.submission_id}", json=content), 422, "encryption-invalid")


async def test_a_jwe_shorter_than_any_real_one(sender: Sender) -> None:
    draft = await sender.draft()
    header, _, *rest = draft.seal(b"").split(".")
    short = ".".join([header, "A" * 300, *rest])
    content = {"encryptedMetadata": short, "encryptedData": short}
    body = refused(
        await sender.call("PUT", f"/submissions/{draft.submission_id}", json=content), 422, "encryption-invalid"
    )
    assert "at least 776" in body["detail"]


@pytest.mark.parametrize("missing", ["encryptedMetadata", "encryptedData"])
async def test_metadata_and_data_are_both_mandatory(sender: Sender, missing: str) -> None:
    draft = await sender.draft()
    content = {"encryptedMetadata": draft.seal(b"{}"), "encryptedData": draft.seal(b"{}")}
    del content[missing]
    refused(await sender.call("PUT", f"/submissions/{draft.submission_id}", json=content), 422, "schema-violation")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a":1,"a":2}', '{"a":NaN}', "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")]
)
async def test_what_is_no_unambiguous_json_object(sender: Sender, text: str | bytes) -> None:
    answer = await sender.call("POST", "/submissions", content=text, headers={"Content-Type": "application/json"})
    refused(answer, 400, "malformed-json")


async def test_media_types_are_exact(sender: Sender) -> None:
    draft = await sender.draft(files={FILE: b"x"})
    path = f"/submissions/{draft.submission_id}/attachments/{FILE}"
    refused(await sender.call("PUT", path, content=draft.seal(b"x")), 415, "unsupported-media-type")
    refused(await sender.call("POST", "/submissions", content=b"{}"), 415, "unsupported-media-type")


@pytest.mark.parametrize("page", ["limit=501", "limit=0", "offset=-1", "limit=x"])
async def test_pages_are_bounded(sender: Sender, page: str) -> None:
    draft = await sender.draft()
    refused(await sender.call("GET", f"/cases/{draft.case_id}/events?{page}"), 400, "invalid-page")


async def test_a_sender_is_no_receiver(sender: Sender) -> None:
    draft = await sender.draft()
    for method, path in (
        ("GET", "/submissions"),
        ("GET", f"/submissions/{draft.submission_id}"),
        ("GET", f"/submissions/{draft.submission_id}/attachments/{FILE}"),
        ("POST", f"/cases/{draft.case_id}/events"),
    ):
        refused(await sender.call(method, path), 403, "forbidden")


async def test_without_token_or_name(http: httpx.AsyncClient) -> None:
    base = "/submission-api/v2"
    for headers in ({}, {"Authorization": "Bearer invented"}, {"Authorization": "Basic eDp5"}):
        answer = await http.post(f"{base}/submissions", json={}, headers=headers)
        refused(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    nameless = http.build_request("GET", f"{base}/destinations/{TANGERHUETTE.id}")
    del nameless.headers["user-agent"]
    refused(await http.send(nameless), 403, "user-agent-missing")


async def test_unknown_things_are_not_found(sender: Sender) -> None:
    nobody = str(uuid.uuid4())
    content = {"encryptedMetadata": "", "encryptedData": ""}
    refused(await sender.call("PUT", f"/submissions/{nobody}", json=content), 404, "submission-not-found")
    refused(await sender.call("GET", f"/submissions/{nobody}/events"), 404, "submission-not-found")
    refused(await sender.call("GET", f"/cases/{nobody}/events"), 404, "case-not-found")


async def test_an_incomplete_submission_lives_one_day(sender: Sender, clock: FixedClock) -> None:
    draft = await sender.draft()
    clock.advance(timedelta(days=1))
    await sender.http.delete("/admin/tokens")
    sender = Sender(sender.http)
    assert event_names(await sender.log(draft)) == ["create-submission", "delete-submission"]
    refused(await sender.submit(draft), 409, "submission-state-invalid")


async def test_nobody_answers_for_two_weeks(sender: Sender, http: httpx.AsyncClient, clock: FixedClock) -> None:
    await http.post("/admin/authority", json={"mode": "silent"})
    draft = await sender.send(await sender.draft())
    clock.advance(timedelta(days=14))
    sender = Sender(http)
    assert event_names(await sender.log(draft))[-1] == "reject-submission"
    clock.advance(timedelta(days=7))
    sender = Sender(http)
    assert event_names(await sender.log(draft))[-2:] == ["reject-submission", "delete-submission"]
