"""Mails as they were received: one file each, read back when somebody looks."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

_ENVELOPE = "X-Mailbox-Recipient"


@dataclass(frozen=True)
class Attachment:
    """A part of a mail that is not its text."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Letter:
    """One received mail."""

    id: str
    received_at: datetime
    recipients: tuple[str, ...]
    """Whom the sender named in the SMTP dialogue, in lower case."""
    sender: str
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None
    attachments: tuple[Attachment, ...]


class Letters:
    """All mails of one folder. Read from disk once, then kept in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known = {file.stem: _read(file) for file in sorted(folder.glob("*.eml"))}

    def add(self, recipients: Sequence[str], content: bytes) -> Letter:
        """Keep a mail: on disk first, so that an answer to the sender is true."""
        file = self._folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}.eml"
        aside = file.with_suffix(".new")
        aside.write_bytes(b"".join(f"{_ENVELOPE}: {one}\r\n".encode() for one in recipients) + content)
        aside.replace(file)
        self._known[file.stem] = _read(file)
        return self._known[file.stem]

    def get(self, id: str) -> Letter | None:
        """Return a mail by its id."""
        return self._known.get(id)

    def newest(self, recipient: str | None = None, limit: int = 100) -> list[Letter]:
        """Return the newest mails first, all of them or those to one address (case does not matter)."""
        wanted = None if recipient is None else recipient.lower()
        found = (letter for _, letter in sorted(self._known.items(), reverse=True))
        return [letter for letter in found if wanted is None or wanted in letter.recipients][:limit]


def _read(file: Path) -> Letter:
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101  the default policy makes nothing else
    html = message.get_body(("html",))
    text = message.get_body(("plain",))
    return Letter(
        id=file.stem,
        received_at=datetime.fromtimestamp(int(file.stem.partition("-")[0]) / 1e9, UTC),
        recipients=tuple(str(one).strip().lower() for one in message.get_all(_ENVELOPE, [])),
        sender=str(message.get("From", "")),
        subject=str(message.get("Subject", "")),
        headers=tuple((name, str(value)) for name, value in message.items() if name != _ENVELOPE),
        text=text.get_content().replace("\r\n", "\n") if text else "",
        html=html.get_content() if html else None,
        attachments=tuple(
            _attachment(part)
            for part in message.walk()
            if isinstance(part, EmailMessage) and not part.is_multipart() and part not in (text, html)
        ),
    )


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        filename=part.get_filename() or "anhang",
        media_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else b"",
    )
