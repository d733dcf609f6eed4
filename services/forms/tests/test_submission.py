"""Handing in: what is checked, what is told openly, and what only the gateway can read."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from joserfc import jwe
from joserfc.jwk import RSAKey

from chassis.testing.service import ServiceUnderTest, wired
from contracts.forms import ApplicationPackaged, ApplicationSubmitted
from contracts.package import Package
from forms.app import wire
from forms.settings import Settings

ARS = "150900546546"
UNION = "150909999000"
HEADERS = {"Idempotency-Key": "submit-1", "If-Match": '"2"'}


def unseal(sealed: str, key: RSAKey) -> Package:
    opened = jwe.decrypt_compact(sealed, key, algorithms=["RSA-OAEP-256", "A256GCM"])
    assert opened.plaintext is not None
    return Package.model_validate_json(opened.plaintext)


async def test_submission_is_two_events_of_one_fact(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, complete: str, answers: dict[str, Any], gateway_key: RSAKey
) -> None:
    submitted = await citizen.post(f"{complete}/submission", headers=HEADERS)
    assert submitted.status_code == 202
    assert submitted.headers["Location"] == f"/api/forms/v1/{ARS}{complete}"
    assert submitted.headers["ETag"] == '"3"'
    assert submitted.json()["status"] == "submitted"
    await forms.publish()

    ((envelope, openly),) = forms.events("forms.applications")
    assert isinstance(openly, ApplicationSubmitted)
    assert (envelope.tenant, envelope.sequence, envelope.subject) == (ARS, 1, openly.application_id)
    assert openly.account_id == "acc-1"
    assert openly.service == "youth-medical-exam"
    assert openly.leika_key == "99068007040000"
    assert openly.region == ARS
    assert openly.level == "basis"
    assert openly.reference == submitted.json()["reference"]

    ((_, sealed),) = forms.events("forms.packages")
    assert isinstance(sealed, ApplicationPackaged)
    assert sealed.fact_id == openly.fact_id
    package = unseal(sealed.sealed, gateway_key)
    assert package.answers == answers
    assert package.schema_uri == "urn:rathaus:schema:youth-medical-exam:1"
    assert package.submitted_on == "2026-11-25"
    assert package.electronic_delivery is True
    assert package.reply_email == answers["email"]
    assert package.files == ()


async def test_nothing_personal_is_told_openly(
    forms: ServiceUnderTest,
    citizen: httpx.AsyncClient,
    draft: str,
    answers: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    planted = answers | {"surname": "Geheimname", "street": "Geheimgasse", "email": "geheim@example.org"}
    await citizen.put(f"{draft}/answers", json={"answers": planted}, headers={"If-Match": '"1"'})
    assert (await citizen.post(f"{draft}/submission", headers=HEADERS)).status_code == 202
    await forms.publish()
    for topic, records in forms.broker.topics.items():
        for record in records:
            told = (record.value or b"").decode() + repr(record.headers)
            assert "geheim" not in told.lower(), topic
    assert "geheim" not in caplog.text.lower()


async def test_submitting_again_is_answered_the_same(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, complete: str
) -> None:
    first = await citizen.post(f"{complete}/submission", headers=HEADERS)
    second = await citizen.post(f"{complete}/submission", headers=HEADERS)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.headers["ETag"] == second.headers["ETag"]
    await forms.publish()
    assert len(forms.events("forms.applications")) == len(forms.events("forms.packages")) == 1


async def test_other_request_under_the_same_key_is_refused(citizen: httpx.AsyncClient, complete: str) -> None:
    await citizen.post(f"{complete}/submission", headers=HEADERS)
    other = await citizen.post(f"{complete}/submission?x=1", headers=HEADERS)
    assert other.status_code == 422
    assert other.json()["type"].endswith("key-reused")


async def test_submission_under_another_key_is_refused(citizen: httpx.AsyncClient, complete: str) -> None:
    await citizen.post(f"{complete}/submission", headers=HEADERS)
    again = await citizen.post(f"{complete}/submission", headers={"Idempotency-Key": "k2", "If-Match": '"3"'})
    assert again.status_code == 409
    assert again.json()["type"].endswith("already-submitted")


async def test_what_is_submitted_stays_as_it_is(citizen: httpx.AsyncClient, complete: str) -> None:
    await citizen.post(f"{complete}/submission", headers=HEADERS)
    before = (await citizen.get(complete)).json()
    changed = await citizen.put(f"{complete}/answers", json={"answers": {}}, headers={"If-Match": '"3"'})
    attached = await citizen.post(
        f"{complete}/attachments?field=id_copy",
        content=b"%PDF-1.7",
        headers={"If-Match": '"3"', "Idempotency-Key": "k", "Content-Type": "application/pdf"},
    )
    assert (changed.status_code, attached.status_code) == (409, 409)
    assert (await citizen.get(complete)).json() == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": '"2"'}, 400),
        ({"Idempotency-Key": "k"}, 428),
        ({"Idempotency-Key": "k", "If-Match": '"1"'}, 412),
        ({"Idempotency-Key": "k", "If-Match": '"9"'}, 412),
        ({"Idempotency-Key": " ", "If-Match": '"2"'}, 400),
    ],
)
async def test_submission_needs_key_and_version(
    citizen: httpx.AsyncClient, complete: str, headers: dict[str, str], status: int
) -> None:
    assert (await citizen.post(f"{complete}/submission", headers=headers)).status_code == status
    assert (await citizen.get(complete)).json()["status"] == "draft"


async def test_everything_that_is_wrong_is_named_at_once(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, draft: str, answers: dict[str, Any]
) -> None:
    wrong = answers | {
        "exam_type": "follow-up",
        "surname": "M1a",
        "postal_code": "10115",
        "birth_date": "2000-01-01",
        "start_date": "2027-08-01",
    }
    del wrong["given_name"]
    await citizen.put(f"{draft}/answers", json={"answers": wrong}, headers={"If-Match": '"1"'})
    refused = await citizen.post(f"{draft}/submission", headers=HEADERS)
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["type"] == "urn:rathaus:problem:answers-faulty"
    told = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert list(told) == [
        "/answers/given_name",
        "/answers/surname",
        "/answers/previous_exam_date",
        "/answers/birth_date",
        "/attachments/employer_certificate",
        "/answers/postal_code",
    ]
    assert told["/answers/birth_date"].startswith("Kein Schein nötig")
    assert "10115" in told["/answers/postal_code"]
    await forms.publish()
    assert forms.events("forms.applications") == []


async def test_today_is_the_day_in_berlin(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, draft: str, answers: dict[str, Any]
) -> None:
    turns_18 = answers | {"birth_date": "2008-11-26", "start_date": "2026-03-01"}
    await citizen.put(f"{draft}/answers", json={"answers": turns_18}, headers={"If-Match": '"1"'})
    forms.clock.advance(timedelta(hours=14, minutes=10))  # 23:10 in London, 00:10 in Berlin on the birthday
    token = forms.signer.token("acc-1")
    late = await citizen.post(f"{draft}/submission", headers=HEADERS | {"Authorization": f"Bearer {token}"})
    assert late.status_code == 422
    assert "18" in late.json()["errors"][0]["detail"]


async def test_member_municipality_is_responsible(forms: ServiceUnderTest, answers: dict[str, Any]) -> None:
    client = forms.client("acc-3", UNION)
    client.base_url = httpx.URL(f"http://town.test/api/forms/v1/{UNION}")
    made = await client.post("/applications", json={"service": "youth-medical-exam"}, headers={"Idempotency-Key": "k"})
    path = f"/applications/{made.json()['application_id']}"
    assert made.json()["reference"].startswith("MUS-2026-")
    there = answers | {"postal_code": "39999", "city": "Beispielhausen"}
    await client.put(f"{path}/answers", json={"answers": there}, headers={"If-Match": '"1"'})
    assert (await client.post(f"{path}/submission", headers=HEADERS)).status_code == 202
    await forms.publish()
    ((envelope, event),) = forms.events("forms.applications")
    assert isinstance(event, ApplicationSubmitted)
    assert (envelope.tenant, event.region) == (UNION, "150909999002")


async def test_without_a_sealing_key_nothing_is_taken(
    keyless: ServiceUnderTest, gateway_key: RSAKey, answers_file: dict[str, Any]
) -> None:
    client = keyless.client("acc-1")
    client.base_url = httpx.URL(f"http://town.test/api/forms/v1/{ARS}")
    made = await client.post("/applications", json={"service": "youth-medical-exam"}, headers={"Idempotency-Key": "k"})
    path = f"/applications/{made.json()['application_id']}"
    await client.put(f"{path}/answers", json={"answers": answers_file}, headers={"If-Match": '"1"'})
    refused = await client.post(f"{path}/submission", headers=HEADERS)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert "sealing key" in str(await keyless.parts.checks["sealing-key"]())
    assert (await client.get(path)).json()["status"] == "draft"


async def test_ready_with_a_sealing_key(forms: ServiceUnderTest) -> None:
    assert await forms.parts.checks["sealing-key"]() is None


@pytest.fixture
def answers_file() -> dict[str, Any]:
    path = Path("services/forms/src/forms/catalogue/data/youth-medical-exam/schema.json")
    return dict(json.loads(path.read_text())["examples"][0])


@pytest.fixture
def strict_catalogue(tmp_path: Path) -> Path:
    """The catalogue with a service that asks for *substanziell*."""
    source = Path("services/forms/src/forms/catalogue/data/youth-medical-exam")
    folder = tmp_path / "catalogue" / "youth-medical-exam"
    folder.mkdir(parents=True)
    for name in ("schema.json", "ui.json"):
        (folder / name).write_text((source / name).read_text())
    about = yaml.safe_load((source / "service.yaml").read_text()) | {"level": "substanziell"}
    (folder / "service.yaml").write_text(yaml.safe_dump(about))
    return tmp_path / "catalogue"


@pytest.mark.parametrize(("level", "status"), [("basis", 403), ("niedrig", 403), ("substanziell", 202), ("hoch", 202)])
async def test_level_of_the_sign_in_must_suffice(
    settings: Settings,
    strict_catalogue: Path,
    gateway_key: RSAKey,
    answers_file: dict[str, Any],
    level: str,
    status: int,
) -> None:
    strict = settings.model_copy(update={"catalogue": strict_catalogue})
    async with wired("forms", strict, wire) as forms:
        keys = forms.database.collection("sealing_keys")
        jwk = {name: str(value) for name, value in gateway_key.as_dict(private=False).items()}
        await keys.insert({"_id": "k", "jwk": jwk, "published_at": forms.clock.now()})
        client = forms.client("acc-1", acr=level)
        client.base_url = httpx.URL(f"http://town.test/api/forms/v1/{ARS}")
        made = await client.post(
            "/applications", json={"service": "youth-medical-exam"}, headers={"Idempotency-Key": "k"}
        )
        path = f"/applications/{made.json()['application_id']}"
        await client.put(f"{path}/answers", json={"answers": answers_file}, headers={"If-Match": '"1"'})
        answer = await client.post(f"{path}/submission", headers=HEADERS)
        assert answer.status_code == status
        if status == 403:
            problem = answer.json()
            assert problem["type"] == "urn:rathaus:problem:level-too-low"
            assert "„substanziell“" in problem["detail"]
            assert f"„{level}“" in problem["detail"]
