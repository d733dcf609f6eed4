import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from chassis.aggregates import Key
from chassis.ids import aggregate_id
from chassis.testing.example import TENANT
from contracts.envelope import INSTALLATION
from contracts.osi_gateway import SubmissionAccepted, SubmissionRejected
from osi_gateway.keys.domain import KeyPair, Made
from osi_gateway.keys.store import KeyPairs
from osi_gateway.letters.domain import tags_of
from osi_gateway.submissions.domain import ANSWER_WITHIN

pytestmark = pytest.mark.asyncio(loop_scope="session")
Town = Any
FORWARDED = ["SubmissionForwarded"]
ACCEPTED = [*FORWARDED, "SubmissionAccepted"]


def kinds(town: Town) -> list[str]:
    return [type(event).__name__ for event in town.published()]


@pytest.mark.proves("GW-06")
async def test_an_application_reaches_the_authority_and_its_signed_answer_comes_back(town: Town) -> None:
    town.link()
    await town.hand_in()
    submission = await town.until_state("accepted")
    await town.gateway.settle()
    assert kinds(town) == ACCEPTED
    received = await town.received()
    assert received["state"] == "ACCEPTED"
    assert received["data"]["given_name"] == "Mia"
    (file,) = received["attachments"].values()
    assert file["sha512"] == hashlib.sha512(b"%PDF-1.4 an invented identity card of Mia Beispiel").hexdigest()
    assert received["metadata"]["additionalReferenceInfo"]["zustimmungZumDigitalenBescheid"] is False
    assert received["metadata"]["replyChannel"] == {"eMail": {"address": "mia@example.org"}}
    assert [mark.step for mark in submission.marks] == [
        *("route", "examine", "fetch_key", "seal", "create", "upload", "submit", "accepted")
    ]
    assert [receipt.kind for receipt in submission.receipts] == ["create", "submit", "notify", "accept"]
    accepted = town.published()[-1]
    assert isinstance(accepted, SubmissionAccepted)
    assert (accepted.application_id, accepted.account_id) == (town.id, town.account)


async def test_after_the_accept_nothing_of_the_contents_is_left(town: Town, settings: Any) -> None:
    town.link()
    await town.hand_in()
    await town.until_state("accepted")
    await town.gateway.settle()
    submission = await town.submission()
    assert (submission.package, submission.folders, submission.swept) == (None, (), True)
    assert not [file for file in Path(settings.blobs_url).joinpath("osi-gateway").rglob("*") if file.is_file()]
    document = await town.submissions.documents.get(town.id)
    text = json.dumps(document, default=str)
    assert "Beispiel" not in text
    assert "mia@example.org" not in text


async def test_a_rejection_is_told_with_its_reasons_and_without_the_authoritys_free_text(town: Town) -> None:
    problem = {"slug": "schema-violation", "instance": "data", "detail": "Herr Beispiel fehlt"}
    order = {"mode": "reject", "problems": [problem]}
    assert (await town.state.post("/admin/authority", json=order)).status_code == 201
    town.link()
    await town.hand_in()
    submission = await town.until_state("rejected")
    await town.gateway.settle()
    assert submission.package is not None
    rejected = town.published()[-1]
    assert isinstance(rejected, SubmissionRejected)
    assert [one.type.rpartition("/")[2] for one in rejected.problems] == ["schema-violation"]
    assert "Herr Beispiel" not in rejected.model_dump_json()
    evidence = (
        await town.gateway.client(town.account).get(f"/api/osi-gateway/v1/{TENANT}/submissions/{town.id}")
    ).json()
    assert evidence["problems"][0]["detail"] == "Herr Beispiel fehlt"


@pytest.mark.parametrize("mode", ["wrong-key", "wrong-tags"])
@pytest.mark.proves("GW-06")
async def test_a_false_acceptance_changes_nothing_and_alarms(
    town: Town, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    await town.state.post("/admin/authority", json={"mode": mode})
    town.link()
    await town.hand_in()

    async def alarmed() -> bool:
        return bool((await town.submission()).alarms)

    await town.until(alarmed)
    submission = await town.submission()
    assert (submission.answer, submission.package is not None) == (None, True)
    assert kinds(town) == FORWARDED
    await town.state.post(f"/admin/authority/inbox/{submission.case.submission_id}/release")
    await town.until_state("accepted")
    (alarm,) = (await town.submission()).alarms
    told = [vars(line)["fields"] for line in caplog.records if line.message == "a submission needs somebody"]
    assert told == [{"application": town.id, "reason": alarm.reason}]


async def test_a_doubled_acceptance_counts_once(town: Town) -> None:
    await town.state.post("/admin/authority", json={"mode": "accept-twice"})
    town.link()
    await town.hand_in()
    await town.until_state("accepted")
    await town.gateway.settle()
    assert kinds(town) == ACCEPTED


ENDPOINTS = ["token", "routes", "routing-jwks", "destination", "key", "create", "upload", "submit", "case-log"]


@pytest.mark.parametrize("kind", ["429", "503", "garbage", "lost"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_passing_fault_anywhere_only_delays(town: Town, endpoint: str, kind: str) -> None:
    await town.fault(endpoint, kind, times=2)
    town.link()
    await town.hand_in()
    submission = await town.until_state("accepted")
    await town.gateway.settle()
    assert kinds(town) == ACCEPTED
    effective = [one for one in await town.at_exchange() if one["state"] != "incomplete"]
    assert [one["id"] for one in effective] == [submission.case.submission_id]


async def test_a_token_that_was_revoked_is_fetched_anew(town: Town) -> None:
    town.link()
    await town.hand_in()
    await town.until_state("accepted")
    assert (await town.state.delete("/admin/tokens")).status_code == 204
    await town.hand_in(f"{town.id}-2")
    await town.until_state("accepted", f"{town.id}-2")


async def test_without_a_route_the_citizen_is_told(town: Town) -> None:
    town.link()
    town.tell(leika_key="99999999999999")
    town.put(await town.package())
    submission = await town.until_state("rejected")
    await town.gateway.settle()
    assert submission.answer.problems[0].type == "urn:rathaus:problem:no-route"
    rejected = town.published()[-1]
    assert isinstance(rejected, SubmissionRejected)
    assert (rejected.submission_id, rejected.case_id, rejected.destination_id) == (None, None, None)


async def test_no_answer_for_14_days_is_a_rejection(town: Town) -> None:
    await town.state.post("/admin/authority", json={"mode": "silent"})
    town.link()
    await town.hand_in()
    await town.until_state("forwarded")
    town.clock.advance(ANSWER_WITHIN - timedelta(seconds=30))
    await town.gateway.settle()
    assert kinds(town) == FORWARDED
    town.clock.advance(timedelta(minutes=1))
    await town.until_state("rejected")
    await town.gateway.settle()
    assert kinds(town) == [*FORWARDED, "SubmissionRejected"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"answers": {"given_name": "Mia"}}, "breaks urn:rathaus:schema:youth-medical-exam:1"),
        ({"schema_uri": "urn:rathaus:schema:other:1"}, "does not take data by"),
        ({"application_id": "another"}, "belongs to another application"),
        ({"files": ()}, "name different attachments"),
        ({"submitted_on": "gestern"}, "/additionalReferenceInfo/applicationDate (format)"),
    ],
)
async def test_what_a_citizen_cannot_mend_is_stuck_alarms_and_is_not_lost(
    town: Town, broken: dict[str, Any], reason: str
) -> None:
    town.link()
    town.tell()
    town.put(await town.package(**broken))
    submission = await town.until_state("stuck")
    assert reason in submission.trouble
    assert [alarm.reason for alarm in submission.alarms] == [submission.trouble]
    assert "Mia" not in submission.trouble
    assert submission.package is not None
    assert await town.at_exchange() == []
    assert kinds(town) == []


async def test_a_repaired_destination_frees_what_was_stuck(town: Town) -> None:
    destination = "7d1f0a52-3c64-4f0e-9b55-0f6a2c9d4e01"
    await town.state.patch(f"/admin/destinations/{destination}", json={"schemas": ["urn:example:other"]})
    town.link()
    await town.hand_in()
    await town.until_state("stuck")
    schema = "urn:rathaus:schema:youth-medical-exam:1"
    await town.state.patch(f"/admin/destinations/{destination}", json={"schemas": [schema]})
    town.clock.advance(timedelta(hours=1))
    await town.until_state("accepted")


async def test_a_changed_attachment_is_not_sent(town: Town) -> None:
    town.link()
    town.tell()
    event = await town.package(contents=(b"%PDF-1.4 one", b"%PDF-1.4 two"))
    first, second = event.attachments
    swapped = (
        first.model_copy(update={"sha512": second.sha512}),
        second.model_copy(update={"sha512": first.sha512}),
    )
    town.put(event.model_copy(update={"attachments": swapped}))
    submission = await town.until_state("stuck")
    assert "SHA-512" in submission.trouble


@pytest.mark.proves("F55")
async def test_a_package_sealed_to_a_key_that_is_not_here_yet_waits_for_it(town: Town) -> None:
    pairs = KeyPairs(town.gateway.database, town.clock, lambda: None)
    private = RSAKey.generate_key(2048)
    public = {name: str(private.as_dict(private=False)[name]) for name in ("kty", "n", "e")}
    elsewhere = Key("another process", town.id, "")
    kid = aggregate_id(INSTALLATION, elsewhere.account, elsewhere.value)
    town.link()
    town.tell()
    town.put(await town.package(kid=kid, public=public))

    async def waits() -> bool:
        return "not here" in ((await town.submission()).trouble or "")

    await town.until(waits)
    assert kinds(town) == []
    sealed = town.gateway.context.vault.seal(json.dumps(private.as_dict(private=True)).encode())
    await pairs.create(
        INSTALLATION, elsewhere, lambda id: (KeyPair(id, "sealing", public, sealed, town.clock.now()), [Made()])
    )
    await town.until_state("accepted")


async def test_several_attachments_and_the_tags_that_were_signed(town: Town) -> None:
    town.link()
    await town.hand_in(contents=(b"%PDF-1.4 a", b"%PDF-1.4 b", b"%PDF-1.4 " + bytes(300_000)))
    submission = await town.until_state("accepted")
    tags = tags_of(submission.letter)
    assert len(tags.attachments) == 3
    signed = [receipt.tags for receipt in submission.receipts if receipt.kind in ("submit", "accept")]
    assert signed == [tags, tags]
    assert [mark.step for mark in submission.marks].count("upload") == 3


@pytest.mark.parametrize(("level", "shown"), [("basis", "unknown"), ("hoch", "http://bsi.bund.de/eID/LoA/hoch")])
async def test_the_level_of_the_sign_in_travels_in_the_identification_report(
    town: Town, level: str, shown: str
) -> None:
    town.link()
    town.tell(level=level)
    town.put(await town.package())
    await town.until_state("accepted")
    (entry,) = (await town.received())["metadata"]["dataSets"]
    assert entry["hash"]["content"] == hashlib.sha512(entry["content"].encode()).hexdigest()
    payload = entry["content"].split(".")[1]
    report = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert report["levelOfAssurance"] == shown
    assert report["contextInformation"] == [f"Application ID: {town.id}"]
