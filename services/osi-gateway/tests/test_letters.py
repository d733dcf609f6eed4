"""Metadata and the identification report against our own schema and against the peers' ones."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from osi_gateway.letters.domain import Enclosure, Sender, UnknownLevel, identification_report, metadata
from osi_gateway.letters.schemas import METADATA, Invalid, Schemas

PEERS = Path(__file__).parents[4] / "shared/peers"
AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
HASH = "0" * 128
SCHEMAS = Schemas(None)


def peer(path: str) -> Draft202012Validator:
    file = PEERS / path
    if not file.exists():
        pytest.skip("the peers' schemas (../shared/peers) are not on this machine")
    schema = json.loads(file.read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def described(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "data_sha512": HASH,
        "schema_uri": "urn:rathaus:schema:youth-medical-exam:1",
        "enclosures": [Enclosure(str(uuid4()), "ausweis.pdf", "application/pdf", HASH)],
        "report_id": str(uuid4()),
        "report": "a.b.c",
        "report_sha512": HASH,
        "reference": "TGH-2026-000123",
        "applied_on": "2026-11-25",
        "electronic_delivery": True,
        "reply_email": "mia@example.org",
        "sender": Sender("https://rathaus.example.org", "0.1.0"),
    }
    return metadata(**{**given, **changes})


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from(["application/pdf", "image/jpeg", "image/png"]), max_size=3),
    st.booleans(),
    st.sampled_from([None, "mia@example.org"]),
    st.dates(datetime(2020, 1, 1).date(), datetime(2040, 1, 1).date()),  # noqa: DTZ001 - a date
)
def test_what_we_build_follows_both_schemas(types: list[str], delivery: bool, email: str | None, applied: Any) -> None:
    content = described(
        enclosures=[Enclosure(str(uuid4()), f"datei {n}.pdf", type_, HASH) for n, type_ in enumerate(types)],
        electronic_delivery=delivery,
        reply_email=email,
        applied_on=applied.isoformat(),
    )
    SCHEMAS.check(METADATA, content, "metadata")
    assert content["additionalReferenceInfo"]["zustimmungZumDigitalenBescheid"] is delivery
    assert ("replyChannel" in content) == (email is not None)
    if PEERS.exists():
        assert not list(peer("fit-connect/metadata-2.1.0.schema.json").iter_errors(content))


BROKEN: dict[str, tuple[str, Any]] = {
    "no schema": ("/$schema", None),
    "schema 1.0.0": ("/$schema", "https://schema.fitko.de/fit-connect/metadata/1.0.0/metadata.schema.json"),
    "no content": ("/contentStructure", None),
    "no attachments": ("/contentStructure/attachments", None),
    "hash too short": ("/contentStructure/data/hash/content", "00"),
    "hash in capitals": ("/contentStructure/data/hash/content", "A" * 128),
    "hash of another kind": ("/contentStructure/data/hash/type", "sha256"),
    "no data schema": ("/contentStructure/data/submissionSchema/schemaUri", None),
    "data of another type": ("/contentStructure/data/submissionSchema/mimeType", "text/csv"),
    "purpose unknown": ("/contentStructure/attachments/0/purpose", "photo"),
    "media type broken": ("/contentStructure/attachments/0/mimeType", "pdf"),
    "attachment id no UUID": ("/contentStructure/attachments/0/attachmentId", "1"),
    "unknown reference": ("/additionalReferenceInfo/more", 1),
    "date no date": ("/additionalReferenceInfo/applicationDate", "gestern"),
    "consent a text": ("/additionalReferenceInfo/zustimmungZumDigitalenBescheid", "yes"),
    "author without product": ("/author/product", None),
    "report of another type": ("/dataSets/0/schema/mimeType", "text/plain"),
    "report without hash": ("/dataSets/0/hash", None),
    "two reply channels": ("/replyChannel/elster", {"accountId": "1"}),
    "mail without address": ("/replyChannel/eMail/address", None),
}


def broken(pointer: str, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(described())
    *path, last = pointer.split("/")[1:]
    at: Any = content
    for part in path:
        at = at[int(part) if isinstance(at, list) else part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return content


@pytest.mark.parametrize(("pointer", "value"), BROKEN.values(), ids=BROKEN.keys())
def test_what_the_peers_schema_refuses_ours_refuses_too(pointer: str, value: Any) -> None:
    content = broken(pointer, value)
    with pytest.raises(Invalid) as refused:
        SCHEMAS.check(METADATA, content, "metadata")
    assert "mia@example.org" not in str(refused.value)
    assert list(peer("fit-connect/metadata-2.1.0.schema.json").iter_errors(content))


LEVELS = {
    "basis": "unknown",
    "niedrig": "http://bsi.bund.de/eID/LoA/normal",
    "substanziell": "http://bsi.bund.de/eID/LoA/substantiell",
    "hoch": "http://bsi.bund.de/eID/LoA/hoch",
}


def report(level: str) -> dict[str, Any]:
    return identification_report(
        report_id=str(uuid4()),
        server="https://rathaus.example.org",
        application_id="app",
        level=level,
        identified_at=AT,
        reported_at=AT,
    )


@pytest.mark.parametrize(("level", "shown"), LEVELS.items())
def test_the_report_carries_the_level_and_follows_its_schema(level: str, shown: str) -> None:
    assert report(level)["levelOfAssurance"] == shown
    assert not list(peer("identification-report/identification-report-2.0.0.schema.json").iter_errors(report(level)))


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UnknownLevel, match="'gold'"):
        report("gold")


def test_data_are_checked_by_the_schema_of_the_folder(tmp_path: Path) -> None:
    schema = {"$id": "urn:x", "type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.json").write_text(json.dumps(schema))
    (tmp_path / "ui.json").write_text("[]")
    known = Schemas(tmp_path)
    known.check("urn:x", {"a": 1}, "data")
    with pytest.raises(Invalid, match=r"data breaks urn:x: /a \(type\)"):
        known.check("urn:x", {"a": "Mia"}, "data")
    with pytest.raises(Invalid, match="urn:y is not known here"):
        known.check("urn:y", {}, "data")
    with pytest.raises(FileNotFoundError):
        Schemas(tmp_path / "absent")
