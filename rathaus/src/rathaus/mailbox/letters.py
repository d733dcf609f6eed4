"""Mails as they were received: one file each, read back when somebody looks."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

_ENVELOPE = "X-Mailbox-Recipient"
_ADDRESSED = f"{_ENVELOPE}: ".encode()


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
    """All mails of one folder. Whom they went to is read at once, the rest when somebody looks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._recipients = {file.stem: _recipients(file) for file in folder.glob("*.eml")}
        self._read: dict[str, Letter] = {}

    def add(self, recipients: Sequence[str], content: bytes) -> str:
        """Keep a mail: on disk first, so that an answer to the sender is true. Returns its id."""
        file = self._file(f"{time.time_ns():020d}-{secrets.token_hex(4)}")
        aside = file.with_suffix(".new")
        aside.write_bytes(b"".join(_ADDRESSED + f"{one}\r\n".encode() for one in recipients) + content)
        aside.replace(file)
        self._recipients[file.stem] = _recipients(file)
        return file.stem

    def get(self, id: str) -> Letter | None:
        """Return a mail by its id."""
        if id not in self._recipients:
            return None
        if id not in self._read:
            self._read[id] = _letter(self._file(id), self._recipients[id])
        return self._read[id]

    def newest(self, recipient: str | None = None, limit: int = 100) -> list[Letter]:
        """Return the newest mails first, all of them or those to one address (case does not matter)."""
        wanted = None if recipient is None else recipient.lower()
        ids = [id for id, known in self._recipients.items() if wanted is None or wanted in known]
        found = map(self.get, sorted(ids, reverse=True)[:limit])
        return [letter for letter in found if letter is not None]

    def _file(self, id: str) -> Path:
        return self._folder / f"{id}.eml"


class _EachHeaderOnce(policy.EmailPolicy):
    """The library parses a header anew whenever it is asked for it: thirty times for one mail, 12 ms in all."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return _parsed(name, value)


@lru_cache(maxsize=64)
def _parsed(name: str, value: str) -> Any:
    return policy.default.header_fetch_parse(name, value)


def _recipients(file: Path) -> tuple[str, ...]:
    with file.open("rb") as lines:
        named = takewhile(lambda line: line.startswith(_ADDRESSED), lines)
        return tuple(line.removeprefix(_ADDRESSED).decode().strip().lower() for line in named)


def _letter(file: Path, recipients: tuple[str, ...]) -> Letter:
    message = message_from_bytes(file.read_bytes(), policy=_EachHeaderOnce())
    assert isinstance(message, EmailMessage)  # noqa: S101  this policy makes nothing else
    html = message.get_body(("html",))
    text = message.get_body(("plain",))
    return Letter(
        id=file.stem,
        received_at=datetime.fromtimestamp(int(file.stem.partition("-")[0]) / 1e9, UTC),
        recipients=recipients,
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
