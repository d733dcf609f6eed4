"""Files: what is taken, how it lies, and that none is forgotten in the blob store."""

import asyncio
import base64
import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pypdf
import pytest
from joserfc import jwe
from joserfc.jwk import RSAKey

from chassis.blobs import Blobs
from chassis.testing.service import ServiceUnderTest
from contracts.forms import ApplicationPackaged
from contracts.package import Package
from forms.applications.gate import Crowded, Gate
from forms.applications.store import Applications
from forms.attachments.content import inspect
from forms.attachments.domain import NotTaken, clean_name, name_in
from forms.attachments.store import Files
from forms.attachments.worker import Sweeper

PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
ALL = (PDF, JPEG, PNG)
A_JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + b"\x00" * 40 + b"\xff\xd9"
A_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 40


def pdf(password: str = "", pages: int = 1) -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(72, 72)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


A_PDF = pdf()
HUGE = A_PDF + b"\n" + b"0" * (10 * 1024 * 1024 - len(A_PDF) - 1)


@pytest.mark.parametrize(("content", "media_type"), [(A_PDF, PDF), (A_JPEG, JPEG), (A_PNG, PNG), (HUGE, PDF)])
def test_type_is_told_by_the_content(content: bytes, media_type: str) -> None:
    assert inspect(content, media_type, ALL) == media_type


@pytest.mark.parametrize(
    ("content", "declared", "words"),
    [
        (b"", PDF, "leer"),
        (HUGE + b"0", PDF, "10485761 Byte; erlaubt sind 10485760"),
        (A_PNG, PDF, "angekündigt"),
        (b"MZ\x90\x00" + b"\x00" * 100, PDF, "keinen erlaubten Typ"),
        (b"PK\x03\x04" + b"\x00" * 100, PDF, "keinen erlaubten Typ"),
        (b"<html><script>", PDF, "keinen erlaubten Typ"),
        (b"GIF89a" + b"\x00" * 100, PNG, "keinen erlaubten Typ"),
        (pdf("geheim"), PDF, "Passwort"),
        (A_PDF[: len(A_PDF) // 2], PDF, "beschädigt"),
        (b"%PDF-1.7\n", PDF, "beschädigt"),
        (b"%PDF-1.7\n" + b"\x00" * 5000, PDF, "beschädigt"),
        (b"%PDF-1.7\nxref\n0 9999999999\ntrailer<</Root 1 0 R/Size 1>>\nstartxref\n9\n%%EOF", PDF, "beschädigt"),
        (pdf(pages=501), PDF, "501 Seiten"),
    ],
)
def test_other_files_are_refused(content: bytes, declared: str, words: str) -> None:
    with pytest.raises(NotTaken, match=words):
        inspect(content, declared, ALL)


def test_hostile_page_tree_takes_no_time() -> None:
    kids = "".join(
        f"{n} 0 obj<</Type/Pages/Count 3/Kids[{n + 1} 0 R {n + 1} 0 R {n + 1} 0 R]>>endobj\n" for n in range(2, 49)
    )
    body = f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n{kids}49 0 obj<</Type/Page>>endobj\n"
    content = f"{body}trailer<</Root 1 0 R/Size 50>>\nstartxref\n0\n%%EOF".encode()
    assert inspect(content, PDF, ALL) == PDF


@pytest.mark.parametrize(
    ("name", "media_type", "clean"),
    [
        ("Ausweis Vorderseite.PDF", PDF, "Ausweis_Vorderseite.pdf"),
        ("../../etc/passwd", PDF, "passwd.pdf"),
        ("C:\\Users\\mia\\foto.jpeg", JPEG, "foto.jpeg"),
        ("rechnung.pdf.exe", PDF, "rechnung_pdf_exe.pdf"),
        ("foto.pdf", PNG, "foto_pdf.png"),
        ("a\u202efdp.exe", PDF, "afdp_exe.pdf"),
        ("x\r\nSet-Cookie: a=b.pdf", PDF, "xSet-Cookie_a=b.pdf"),
        ("", PNG, "datei.png"),
        ("...", PNG, "datei.png"),
        (".pdf", PDF, "datei.pdf"),
        ("Geburts\u0075\u0308berkunde.pdf", PDF, "Geburtsüberkunde.pdf"),
        ("x" * 300 + ".pdf", PDF, "x" * 80 + ".pdf"),
        ('<"|?*>.jpg', JPEG, "datei.jpg"),
        ("\x00\x1b[2J.png", PNG, "[2J.png"),
    ],
)
def test_names_are_made_harmless(name: str, media_type: str, clean: str) -> None:
    assert clean_name(name, media_type) == clean


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment; filename*=UTF-8''Ausweis%20M%C3%BCller.pdf", "Ausweis Müller.pdf"),
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf", "a.pdf"),
        ("attachment; filename=\"x.pdf\"; filename*=utf-8''y.pdf", "y.pdf"),
        ("attachment; filename*=UTF-8''%ff%fe.pdf", "\ufffd\ufffd.pdf"),
        ("attachment", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_name_in_the_header(header: str | None, name: str) -> None:
    assert name_in(header) == name


def send(content: bytes = A_PDF, **changed: str) -> dict[str, Any]:
    headers = {
        "Idempotency-Key": "file-1",
        "If-Match": '"1"',
        "Content-Type": PDF,
        "Content-Disposition": "attachment; filename*=UTF-8''Ausweis.pdf",
    }
    renamed = {name.replace("_", "-"): value for name, value in changed.items()}
    return {"content": content, "headers": headers | renamed}


def stored(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


async def test_file_lies_encrypted_and_opens_with_the_packages_key(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, complete: str, tmp_path: Path, gateway_key: RSAKey
) -> None:
    taken = await citizen.post(f"{complete}/attachments?field=id_copy", **send(If_Match='"2"'))
    assert taken.status_code == 201, taken.text
    assert taken.headers["ETag"] == '"3"'
    assert taken.json() == {
        "attachment_id": taken.json()["attachment_id"],
        "field": "id_copy",
        "filename": "Ausweis.pdf",
        "media_type": PDF,
        "size": len(A_PDF),
        "sha512": hashlib.sha512(A_PDF).hexdigest(),
    }
    assert (await citizen.get(complete)).json()["attachments"] == [taken.json()]
    (file,) = stored(tmp_path)
    assert b"PDF" not in file.read_bytes()

    await citizen.post(f"{complete}/submission", headers={"Idempotency-Key": "s", "If-Match": '"3"'})
    await forms.publish()
    ((_, event),) = forms.events("forms.packages")
    assert isinstance(event, ApplicationPackaged)
    (ticket,) = event.attachments
    plain = jwe.decrypt_compact(event.sealed, gateway_key, algorithms=["RSA-OAEP-256", "A256GCM"]).plaintext
    (packaged,) = Package.model_validate_json(plain or b"").files
    assert (packaged.attachment_id, packaged.filename) == (ticket.attachment_id, "Ausweis.pdf")
    key = base64.urlsafe_b64decode(packaged.key + "=")
    assert await Blobs.open(str(tmp_path / "blobs")).read(ticket.blob, key) == A_PDF
    assert (ticket.size, ticket.sha512) == (len(A_PDF), taken.json()["sha512"])


async def test_same_key_twice_is_one_file_that_still_opens(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, draft: str, tmp_path: Path
) -> None:
    first = await citizen.post(f"{draft}/attachments?field=id_copy", **send())
    second = await citizen.post(f"{draft}/attachments?field=id_copy", **send())
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len((await citizen.get(draft)).json()["attachments"]) == 1
    assert len(stored(tmp_path)) == 1


async def test_same_key_at_once_leaves_one_file_that_opens(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, draft: str, tmp_path: Path
) -> None:
    both = await asyncio.gather(*(citizen.post(f"{draft}/attachments?field=id_copy", **send()) for _ in range(2)))
    assert [answer.status_code for answer in both] == [201, 201]
    assert both[0].json() == both[1].json()
    (held,) = (await own(forms, draft)).attachments
    blobs = Blobs.open(str(tmp_path / "blobs"))
    assert await blobs.read(held.blob, forms.context.vault.open(held.key)) == A_PDF
    await sweep_later(forms)
    assert [path.name for path in stored(tmp_path)] == [held.blob.rpartition("/")[2]]


async def test_other_file_under_the_same_key_is_refused(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, draft: str, tmp_path: Path
) -> None:
    await citizen.post(f"{draft}/attachments?field=id_copy", **send())
    other = await citizen.post(f"{draft}/attachments?field=id_copy", **send(pdf(pages=2)))
    assert other.status_code == 422
    assert other.json()["type"].endswith("key-reused")
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize(
    ("query", "request_", "status", "slug"),
    [
        ("field=id_copy", send(b""), 422, "file-not-taken"),
        ("field=id_copy", send(HUGE + b"0"), 413, "file-too-large"),
        ("field=id_copy", send(HUGE + b"0" * 1024 * 1025), 413, "too-large"),
        ("field=id_copy", send(A_PNG), 422, "file-not-taken"),
        ("field=id_copy", send(pdf("geheim")), 422, "file-not-taken"),
        ("field=id_copy", send(Content_Type="text/html"), 415, "unsupported-media-type"),
        ("field=id_copy", send(Content_Type="application/json"), 415, "unsupported-media-type"),
        ("field=id_copy", send(Content_Encoding="gzip"), 415, "unsupported-media-type"),
        ("field=other", send(), 422, "invalid"),
        ("", send(), 422, "invalid"),
        ("field=" + "x" * 41, send(), 422, "invalid"),
        ("field=id_copy", send(If_Match='"5"'), 412, "version-conflict"),
        ("field=id_copy", send(Idempotency_Key="a b"), 400, "bad-request"),
    ],
)
async def test_bad_uploads_leave_nothing(
    citizen: httpx.AsyncClient, draft: str, tmp_path: Path, query: str, request_: dict[str, Any], status: int, slug: str
) -> None:
    refused = await citizen.post(f"{draft}/attachments?{query}", **request_)
    assert refused.status_code == status, refused.text
    assert refused.json()["type"] == f"urn:rathaus:problem:{slug}"
    assert stored(tmp_path) == []
    assert (await citizen.get(draft)).json()["version"] == 1


async def test_ten_files_and_no_more(citizen: httpx.AsyncClient, draft: str, tmp_path: Path) -> None:
    for number in range(1, 11):
        answer = await citizen.post(
            f"{draft}/attachments?field=id_copy", **send(Idempotency_Key=f"k{number}", If_Match=f'"{number}"')
        )
        assert answer.status_code == 201
    full = await citizen.post(f"{draft}/attachments?field=id_copy", **send(Idempotency_Key="k11", If_Match='"11"'))
    assert full.status_code == 409
    assert full.json()["type"].endswith("too-many-attachments")
    assert len(stored(tmp_path)) == 10


async def test_removed_file_is_deleted(citizen: httpx.AsyncClient, draft: str, tmp_path: Path) -> None:
    taken = await citizen.post(f"{draft}/attachments?field=id_copy", **send())
    path = f"{draft}/attachments/{taken.json()['attachment_id']}"
    assert (await citizen.delete(path)).status_code == 428
    assert (await citizen.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    for _ in range(2):
        removed = await citizen.delete(path, headers={"If-Match": '"2"'})
        assert removed.status_code == 204
        assert removed.headers["ETag"] == '"3"'
    assert (await citizen.get(draft)).json()["attachments"] == []
    assert stored(tmp_path) == []
    assert (await citizen.delete(path, headers={"If-Match": '"3"'})).status_code in (204, 404)


async def test_follow_up_needs_the_employers_certificate(
    citizen: httpx.AsyncClient, draft: str, answers: dict[str, Any]
) -> None:
    again = answers | {"exam_type": "follow-up", "previous_exam_date": "2026-11-01", "start_date": "2025-12-01"}
    await citizen.put(f"{draft}/answers", json={"answers": again}, headers={"If-Match": '"1"'})
    refused = await citizen.post(f"{draft}/submission", headers={"Idempotency-Key": "s1", "If-Match": '"2"'})
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/attachments/employer_certificate"]
    await citizen.post(f"{draft}/attachments?field=employer_certificate", **send(If_Match='"2"'))
    taken = await citizen.post(f"{draft}/submission", headers={"Idempotency-Key": "s1", "If-Match": '"3"'})
    assert taken.status_code == 202, taken.text


async def own(forms: ServiceUnderTest, draft: str) -> Any:
    applications = Applications(forms.database, forms.clock)
    return (await applications.own("150900546546", "acc-1", draft.rpartition("/")[2])).state


async def sweep_later(forms: ServiceUnderTest) -> int:
    forms.clock.advance(timedelta(hours=1, seconds=1))
    files = next(part for part in forms.parts.provides if isinstance(part, Files))
    return await Sweeper(files, Applications(forms.database, forms.clock)).sweep()


async def test_blob_of_a_crash_before_the_application_knew_it_is_swept(
    forms: ServiceUnderTest, draft: str, tmp_path: Path
) -> None:
    files = next(part for part in forms.parts.provides if isinstance(part, Files))
    (upload,) = [u for u in _uploads(forms) if u.name == "id_copy"]
    await files.keep("150900546546", draft.rpartition("/")[2], "f-1", upload, "a.pdf", PDF, A_PDF)
    assert len(stored(tmp_path)) == 1
    assert await Sweeper(files, Applications(forms.database, forms.clock)).sweep() == 0, "it may still be on its way"
    assert await sweep_later(forms) == 1
    assert stored(tmp_path) == []
    assert await files.uncertain() == []


async def test_blob_of_an_application_that_never_was_is_swept(forms: ServiceUnderTest, tmp_path: Path) -> None:
    files = next(part for part in forms.parts.provides if isinstance(part, Files))
    (upload,) = [u for u in _uploads(forms) if u.name == "id_copy"]
    await files.keep("150900546546", "none", "f-1", upload, "a.pdf", PDF, A_PDF)
    assert await sweep_later(forms) == 1
    assert stored(tmp_path) == []


async def test_blob_that_is_held_stays(
    forms: ServiceUnderTest, citizen: httpx.AsyncClient, draft: str, tmp_path: Path
) -> None:
    await citizen.post(f"{draft}/attachments?field=id_copy", **send())
    (held,) = (await own(forms, draft)).attachments
    files = next(part for part in forms.parts.provides if isinstance(part, Files))
    await files.doubt("150900546546", draft.rpartition("/")[2], held.blob)  # as a removal that never came to its end
    assert await sweep_later(forms) == 0
    assert len(stored(tmp_path)) == 1
    assert await files.uncertain() == []


def _uploads(forms: ServiceUnderTest) -> tuple[Any, ...]:
    from forms.catalogue.store import Catalogue

    catalogue = next(part for part in forms.parts.provides if isinstance(part, Catalogue))
    return catalogue.get("150900546546", "youth-medical-exam").service.uploads


def test_gate_keeps_places_for_others() -> None:
    gate = Gate(most=3, most_per_account=2)
    with gate.enter("a"), gate.enter("a"):
        with pytest.raises(Crowded), gate.enter("a"):
            pass
        with gate.enter("b"), pytest.raises(Crowded), gate.enter("c"):
            pass
    with gate.enter("a"), gate.enter("c"):
        pass
