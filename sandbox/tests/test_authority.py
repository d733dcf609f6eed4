"""The receiving authority: what it accepts, what it rejects and why, and that it answers once."""

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from chassis.testing import FixedClock
from sandbox.authority import domain
from sandbox.authority.domain import Fetched, Opened
from sandbox.authority.problems import TYPE
from sandbox.authority.schemas import Schemas
from sandbox.authority.verification import judge
from sandbox.exchange import events
from sandbox.exchange.destinations import MUSTERLAND, TANGERHUETTE, YOUTH_MEDICAL_EXAM_SCHEMA
from sandbox.exchange.domain import Tags
from sandbox.exchange.events import About
from sandbox.keys import Keyring
from sandbox.settings import Settings
from sandbox.testing import Draft, Sender, running

FILE = str(uuid.uuid4())
SECOND = 1.0


def payload(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


async def answer(sender: Sender, draft: Draft, *, count: int = 1) -> dict[str, Any]:
    """Wait for the authority's events; the last one's payload with its name."""
    for _ in range(200):
        found = [payload(token) for token in await sender.log(draft)]
        own = [one for one in found if one["iss"] == TANGERHUETTE.id]
        if len(own) >= count:
            ((uri, told),) = own[-1]["events"].items()
            return {"name": uri.rpartition("/")[2], **told}
        await asyncio.sleep(0.02)
    raise AssertionError("no answer")


async def test_acceptance_names_the_tags_that_were_sent(sender: Sender, http: httpx.AsyncClient) -> None:
    draft = await sender.draft({"given_name": "Mia"}, {FILE: b"%PDF-1.7"})
    await sender.send(draft)
    assert await answer(sender, draft) == {"name": "accept-submission", "authenticationTags": draft.tags}
    received = (await http.get(f"/admin/authority/inbox/{draft.submission_id}")).json()
    assert received["state"] in ("PROCESS_STARTED", "ACCEPTED")
    assert received["data"] == {"given_name": "Mia"}
    assert received["attachments"][FILE]["size"] == 8
    file = await http.get(f"/admin/authority/inbox/{draft.submission_id}/attachments/{FILE}")
    assert file.content == b"%PDF-1.7"


def _structure(draft: Draft) -> Any:
    return draft.metadata["contentStructure"]


def _wrong_data_hash(draft: Draft) -> None:
    _structure(draft)["data"]["hash"]["content"] = "0" * 128


def _wrong_file_hash(draft: Draft) -> None:
    _structure(draft)["attachments"][0]["hash"]["content"] = "0" * 128


def _undescribed_file(draft: Draft) -> None:
    _structure(draft)["attachments"] = []


def _unknown_file(draft: Draft) -> None:
    _structure(draft)["attachments"].append(
        {**_structure(draft)["attachments"][0], "attachmentId": str(uuid.UUID(int=7))}
    )


def _file_twice(draft: Draft) -> None:
    _structure(draft)["attachments"] *= 2


def _no_schema(draft: Draft) -> None:
    del draft.metadata["$schema"]


def _other_version(draft: Draft) -> None:
    draft.metadata["$schema"] = draft.metadata["$schema"].replace("2.1.0", "2.0.0")


def _broken_metadata(draft: Draft) -> None:
    _structure(draft)["data"]["hash"]["type"] = "md5"


def _other_data_schema(draft: Draft) -> None:
    _structure(draft)["data"]["submissionSchema"]["schemaUri"] = "urn:rathaus:schema:dog-tax-registration:1"


def _xml(draft: Draft) -> None:
    _structure(draft)["data"]["submissionSchema"]["mimeType"] = "application/xml"


def _reply_by_fink(draft: Draft) -> None:
    draft.metadata["replyChannel"] = {"fink": {"finkPostfachRef": "st/1"}}


def _two_problems(draft: Draft) -> None:
    _wrong_data_hash(draft)
    _reply_by_fink(draft)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_wrong_data_hash, [("hash-mismatch", "data")]),
        (_wrong_file_hash, [("hash-mismatch", f"attachment:{FILE}")]),
        (_undescribed_file, [("attachments-mismatch", "attachments")]),
        (_unknown_file, [("missing-attachment", f"attachment:{uuid.UUID(int=7)}")]),
        (_file_twice, [("attachments-mismatch", "attachments")]),
        (_no_schema, [("missing-schema", "metadata")]),
        (_other_version, [("unsupported-schema", "metadata")]),
        (_broken_metadata, [("schema-violation", "metadata")]),
        (_other_data_schema, [("unsupported-schema", "metadata")]),
        (_xml, [("unsupported-schema", "metadata")]),
        (_reply_by_fink, [("unsupported-reply-channel", "metadata")]),
        (_two_problems, [("hash-mismatch", "data"), ("unsupported-reply-channel", "metadata")]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_one_rejection_names_every_problem(
    sender: Sender, spoil: Callable[[Draft], None], expected: list[tuple[str, str]]
) -> None:
    draft = await sender.draft(files={FILE: b"x"})
    spoil(draft)
    await sender.send(draft)
    told = await answer(sender, draft)
    assert told["name"] == "reject-submission"
    assert [(one["type"].removeprefix(TYPE), one["instance"]) for one in told["problems"]] == expected


async def test_what_nobody_can_decrypt(sender: Sender) -> None:
    draft = await sender.draft()
    draft.key = RSAKey.generate_key(4096, private=False)
    await sender.send(draft)
    told = await answer(sender, draft)
    assert {one["instance"] for one in told["problems"]} == {"metadata", "data"}


@pytest.mark.parametrize("plain", [b"{", b'{"a":1,"a":2}', b"\xff"])
async def test_data_that_are_no_json(sender: Sender, plain: bytes) -> None:
    draft = await sender.draft()
    draft.data = plain
    _structure(draft)["data"]["hash"]["content"] = hashlib.sha512(plain).hexdigest()
    await sender.send(draft)
    told = await answer(sender, draft)
    assert [(one["type"].removeprefix(TYPE), one["instance"]) for one in told["problems"]] == [
        ("syntax-violation", "data")
    ]


def _fetched(keyring: Keyring, **changes: Any) -> Fetched:
    values: dict[str, Any] = {
        "submission_id": str(uuid.UUID(int=1)),
        "case_id": str(uuid.UUID(int=2)),
        "destination_id": TANGERHUETTE.id,
        "service": TANGERHUETTE.services[0],
        "region": "DE150900546546",
        "metadata": "a.b.c.d.tag-m",
        "data": "a.b.c.d.tag-d",
        "attachments": {FILE: "a.b.c.d.tag-f"},
    }
    return Fetched(**{**values, **changes})


@pytest.mark.parametrize(
    ("tags", "instances"),
    [
        (Tags("tag-m", "tag-d", {FILE: "tag-f"}), []),
        (Tags("other", "tag-d", {FILE: "tag-f"}), ["metadata"]),
        (Tags("tag-m", "other", {FILE: "tag-f"}), ["data"]),
        (Tags("tag-m", "tag-d", {FILE: "other"}), [f"attachment:{FILE}"]),
        (Tags("tag-m", "tag-d", {}), [f"attachment:{FILE}"]),
    ],
)
def test_the_tags_are_those_of_the_log(keyring: Keyring, tags: Tags, instances: list[str]) -> None:
    assert [one.instance for one in domain.check_tags(_fetched(keyring).tags, tags)] == instances


def test_service_and_region_are_this_destinations(keyring: Keyring) -> None:
    assert domain.check_service(_fetched(keyring), TANGERHUETTE) == []
    assert domain.check_service(_fetched(keyring, region=None), TANGERHUETTE) == []
    assert domain.check_service(_fetched(keyring), MUSTERLAND)[0].type == TYPE + "service-mismatch"
    assert (
        domain.check_service(_fetched(keyring, service="urn:x"), TANGERHUETTE)[0].type == TYPE + "unsupported-service"
    )


def test_a_log_that_cannot_be_trusted(keyring: Keyring, clock: FixedClock) -> None:
    fetched = _fetched(keyring)
    about = About(fetched.submission_id, fetched.case_id)
    tags = {"authenticationTags": events.tags_payload(fetched.tags)}
    issuer = "https://exchange.example.org"

    def log(about: About, name: str = "submit-submission") -> list[str]:
        return [events.sign(keyring.delivery, issuer, about, name, tags, clock.now())[1]]

    def reasons(tokens: list[str], known: bool = True) -> list[str]:
        private = keyring.encryption[TANGERHUETTE.id].private
        verdict = judge(
            fetched, tokens, lambda *_: keyring.delivery.public if known else None, private, TANGERHUETTE, Schemas(None)
        )
        return [one.detail for one in verdict.problems if one.type == TYPE + "invalid-event-log"]

    assert reasons(log(about)) == []
    assert "no signing key" in reasons(log(about), known=False)[0]
    assert "no submit-submission" in reasons(log(about, "create-submission"))[0]
    assert "speaks of case" in reasons(log(About(about.submission_id, str(uuid.UUID(int=9)))))[0]
    assert "the signature is wrong" in reasons([log(about)[0][:-8] + "AAAAAAAA"])[0]


def test_parts_that_are_closed_are_all_named() -> None:
    found = domain.check_decrypted(Opened(None, b"", {FILE: None}))
    assert [one.instance for one in found] == ["metadata", f"attachment:{FILE}"]


async def test_data_are_checked_by_the_schema_of_the_folder(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "schemas" / "exam"
    folder.mkdir(parents=True)
    schema = {"$id": YOUTH_MEDICAL_EXAM_SCHEMA, "type": "object", "required": ["surname"]}
    (folder / "schema.json").write_text(json.dumps(schema))
    (folder / "ui.json").write_text("{}")
    async with running(Settings(**{**vars(settings), "schemas": folder.parent})) as http:
        sender = Sender(http)
        wrong, right = await sender.draft({"given_name": "Mia"}), await sender.draft({"surname": "Beispiel"})
        for draft in (wrong, right):
            await sender.send(draft)
        told = await answer(sender, wrong)
        assert [(one["instance"], one["detail"]) for one in told["problems"]] == [("data", "/: required")]
        assert "Mia" not in json.dumps(told)
        assert (await answer(sender, right))["name"] == "accept-submission"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Schemas(tmp_path / "nowhere")


async def order(http: httpx.AsyncClient, **wanted: Any) -> None:
    (await http.post("/admin/authority", json=wanted)).raise_for_status()


async def test_an_ordered_rejection_hits_its_submission_alone(sender: Sender, http: httpx.AsyncClient) -> None:
    problems = [{"slug": "schema-violation", "instance": "data", "detail": "/surname: pattern"}]
    await order(http, mode="reject", reference="TGH-7", problems=problems)
    other, hit = await sender.draft(reference="TGH-6"), await sender.draft(reference="TGH-7")
    for draft in (other, hit):
        await sender.send(draft)
    assert (await answer(sender, other))["name"] == "accept-submission"
    told = await answer(sender, hit)
    assert (told["name"], told["problems"][0]["detail"]) == ("reject-submission", "/surname: pattern")


async def test_silence_until_the_release(sender: Sender, http: httpx.AsyncClient) -> None:
    await order(http, mode="silent")
    draft = await sender.send(await sender.draft())
    await asyncio.sleep(0.3)
    assert len(await sender.log(draft)) == 3
    released = await http.post(f"/admin/authority/inbox/{draft.submission_id}/release")
    assert released.status_code == 204
    assert (await answer(sender, draft))["name"] == "accept-submission"


async def test_two_acceptances(sender: Sender, http: httpx.AsyncClient) -> None:
    await order(http, mode="accept-twice")
    draft = await sender.send(await sender.draft())
    assert await answer(sender, draft, count=2) == {"name": "accept-submission", "authenticationTags": draft.tags}
    jtis = {payload(token)["jti"] for token in await sender.log(draft)}
    assert len(jtis) == 5


@pytest.mark.parametrize("mode", ["wrong-key", "wrong-tags"])
async def test_a_forged_acceptance_and_then_the_true_one(
    sender: Sender, http: httpx.AsyncClient, keyring: Keyring, mode: str
) -> None:
    await order(http, mode=mode)
    draft = await sender.send(await sender.draft())
    forged = await answer(sender, draft)
    assert (forged["authenticationTags"] == draft.tags) == (mode == "wrong-key")
    token = (await sender.log(draft))[-1]
    key = keyring.signing[TANGERHUETTE.id].public
    try:
        genuine = events.verify(token, lambda issuer, kid: key if kid == key["kid"] else None).name
    except (events.TokenInvalid, JoseError):
        genuine = ""
    assert genuine == ("" if mode == "wrong-key" else "accept-submission")
    await http.post(f"/admin/authority/inbox/{draft.submission_id}/release")
    assert await answer(sender, draft, count=2) == {"name": "accept-submission", "authenticationTags": draft.tags}


@pytest.mark.parametrize("kind", ["lost", "500", "garbage", "429"])
async def test_a_lost_answer_is_repeated_and_counts_once(sender: Sender, http: httpx.AsyncClient, kind: str) -> None:
    fault = {"endpoint": "post-event", "kind": kind, "times": 2, "seconds": 0.01, "spare_authority": False}
    (await http.post("/admin/faults", json=fault)).raise_for_status()
    draft = await sender.send(await sender.draft())
    await answer(sender, draft)
    for _ in range(100):
        state = (await http.get(f"/admin/authority/inbox/{draft.submission_id}")).json()["state"]
        if state == "ACCEPTED":
            break
        await asyncio.sleep(0.02)
    assert state == "ACCEPTED"
    own = [one for one in map(payload, await sender.log(draft)) if one["iss"] == TANGERHUETTE.id]
    assert len(own) == 1


async def test_the_authority_works_on_while_one_submission_fails(sender: Sender, http: httpx.AsyncClient) -> None:
    fault = {"endpoint": "fetch", "kind": "500", "times": 3, "spare_authority": False}
    (await http.post("/admin/faults", json=fault)).raise_for_status()
    drafts = [await sender.send(await sender.draft()) for _ in range(3)]
    for draft in drafts:
        assert (await answer(sender, draft))["name"] == "accept-submission"
