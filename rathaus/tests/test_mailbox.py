"""The mail server with its page, as a program of its own."""

import smtplib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from rathaus.mailbox import letters as kept
from rathaus.stack import Ports, Stack


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("mailbox"), Ports.free(), parts=("mailbox",)) as stack:
        yield stack


def send(stack: Stack, to: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "rathaus@example.org", f"Mia Beispiel <{to}>", "Ihr Termin für Mia 🌻"
    mail.set_content("Grüße aus dem Rathaus")
    mail.add_alternative("<p>Grüße <script>alert(1)</script></p>", subtype="html")
    mail.add_attachment(b"BEGIN:VCALENDAR", "text", "calendar", filename="Termin für Mia.ics")
    with smtplib.SMTP("127.0.0.1", stack.ports.smtp) as smtp:
        smtp.send_message(mail, to_addrs=[to, "second@example.org"])


def test_a_mail_is_found_by_its_recipient(mailbox: Stack) -> None:
    send(mailbox, "Mia@example.org")
    (mail,) = httpx.get(f"{mailbox.mailbox}/api/messages", params={"to": "mia@example.org"}).json()
    assert mail["to"] == ["mia@example.org", "second@example.org"]
    assert mail["subject"] == "Ihr Termin für Mia 🌻"
    assert mail["text"] == "Grüße aus dem Rathaus\n"
    (file,) = mail["attachments"]
    assert (file["filename"], file["media_type"]) == ("Termin für Mia.ics", "text/calendar")
    assert httpx.get(mailbox.mailbox + file["path"]).content == b"BEGIN:VCALENDAR"
    assert httpx.get(f"{mailbox.mailbox}/api/messages", params={"to": "nobody@example.org"}).json() == []
    assert httpx.get(f"{mailbox.mailbox}/api/messages?to=mia@example.org&limit=0").json() == []
    assert httpx.get(f"{mailbox.mailbox}/api/messages?limit=many").status_code == 400


def test_pages_show_mails_and_run_nothing_of_them(mailbox: Stack) -> None:
    send(mailbox, "page@example.org")
    (mail,) = httpx.get(f"{mailbox.mailbox}/api/messages?to=page@example.org").json()
    assert f"/messages/{mail['id']}" in httpx.get(f"{mailbox.mailbox}/?to=page@example.org").text
    page = httpx.get(f"{mailbox.mailbox}/messages/{mail['id']}")
    assert "Grüße aus dem Rathaus" in page.text
    assert "<script>" not in page.text
    html = httpx.get(f"{mailbox.mailbox}/messages/{mail['id']}/html")
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_mail_that_does_not_exist_is_not_found(mailbox: Stack) -> None:
    assert httpx.get(f"{mailbox.mailbox}/api/messages/x").status_code == 404
    assert httpx.get(f"{mailbox.mailbox}/messages/x").status_code == 404


def test_mails_survive_a_kill(mailbox: Stack) -> None:
    send(mailbox, "kept@example.org")
    before = mailbox.pid("mailbox")
    mailbox.kill("mailbox")
    mailbox.wait_restarted("mailbox", before)
    assert len(httpx.get(f"{mailbox.mailbox}/api/messages?to=kept@example.org").json()) == 1
    assert list(Path(mailbox.home / "mail").glob("*.new")) == []


def test_a_start_parses_no_kept_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """12 ms each: after a few thousand mails a killed mailbox was not back within a minute and a half."""
    parsed: list[bytes] = []

    def noted(content: bytes, **how: Any) -> Any:
        parsed.append(content)
        return message_from_bytes(content, **how)

    monkeypatch.setattr(kept, "message_from_bytes", noted)
    for number in range(10):
        text = f"X-Mailbox-Recipient: mia{number}@example.org\r\nSubject: Nr. {number}\r\n\r\nText\r\n"
        (tmp_path / f"{number:020d}-0.eml").write_text(text)
    letters = kept.Letters(tmp_path)
    assert parsed == []
    (letter,) = letters.newest("MIA7@example.org")
    assert (letter.subject, letter.recipients) == ("Nr. 7", ("mia7@example.org",))
    assert len(parsed) == 1
