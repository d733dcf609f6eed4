"""The wording of messages: text first, the same as HTML, and a calendar file where there is a time."""

import html
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText
from jinja2 import DictLoader, Environment, StrictUndefined

from chassis.municipalities import Municipalities
from notify.messages.domain import Message

ZONE = ZoneInfo("Europe/Berlin")
LANGUAGES = ("de", "en", "de-simple")
_WEEKDAYS = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_SERVICES = {
    "youth-medical-exam": {
        "de": "Erstuntersuchung für jugendliche Azubis",
        "en": "First medical examination for young trainees",
    }
}


@dataclass(frozen=True)
class Recipient:
    """Whom to write to, in which language."""

    email: str
    language: str


@dataclass(frozen=True)
class Letter:
    """A mail, ready to go."""

    message_id: str
    subject: str
    mail: EmailMessage
    text_to_keep: str
    """The text as the citizen may read it again: without a code."""


class Letters:
    """Writes letters from the texts in this package; each is a subject line, an empty line and the text."""

    def __init__(self, municipalities: Municipalities, mail_from: str, public_url: str) -> None:
        self._municipalities = municipalities
        self._from = mail_from
        self._public_url = public_url
        texts = files("notify.messages") / "texts"
        found = {
            f"{folder.name}/{text.name}": text.read_text("utf-8")
            for folder in texts.iterdir()
            if folder.is_dir() and folder.name in LANGUAGES
            for text in folder.iterdir()
        }
        self._texts = Environment(
            loader=DictLoader(found),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - plain text; its HTML form is escaped line by line
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, message: Message, tenant: str, recipient: Recipient) -> Letter:
        """Write a message's letter; the same message always gives the same Message-ID."""
        town = self._municipalities.get(tenant)
        language = recipient.language if recipient.language in LANGUAGES else "de"
        words = {
            **message.about,
            "town": town.name if town else "Rathaus",
            "contact": town.contact.email if town else self._from,
            "portal": f"{self._public_url}/{town.slug}/" if town else self._public_url,
            "service_title": _title(message.about.get("service"), language),
            "moment": lambda at: _moment(at, language),
            "clock": lambda at: at.astimezone(ZONE).strftime("%H:%M"),
        }
        subject, text = self._render(f"{language}/{message.kind}.txt", words)
        kept = text
        if message.about.get("code"):
            _, kept = self._render(f"{language}/{message.kind}.txt", {**words, "code": "••••••"})
        message_id = f"<{message.id}@{self._from.partition('@')[2]}>"
        mail = self._mail(subject, text, recipient.email, language, message, message_id)
        if message.kind in ("reservation", "release"):
            _attach_calendar(mail, message, words["town"], self._from)
        return Letter(message_id, subject, mail, kept)

    def _render(self, name: str, words: dict[str, Any]) -> tuple[str, str]:
        subject, _, text = self._texts.get_template(name).render(words).partition("\n\n")
        return " ".join(subject.split()), text.strip() + "\n"

    def _mail(self, subject: str, text: str, to: str, language: str, message: Message, message_id: str) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._from
        mail["To"] = to
        mail["Subject"] = subject
        mail["Date"] = format_datetime(message.made_at.astimezone(UTC))
        mail["Message-ID"] = message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = language.partition("-")[0]
        mail.set_content(text)
        mail.add_alternative(_as_html(subject, text, language), subtype="html")
        return mail


def _title(service: str | None, language: str) -> str:
    titles = _SERVICES.get(service or "", {})
    return titles.get(language.partition("-")[0]) or titles.get("de") or (service or "")


def _moment(at: datetime, language: str) -> str:
    local, short = at.astimezone(ZONE), language.partition("-")[0]
    weekday = _WEEKDAYS[short][local.weekday()]
    return f"{weekday}, {local:%d.%m.%Y}, {local:%H:%M}" + (" Uhr" if short == "de" else "")


def _as_html(subject: str, text: str, language: str) -> str:
    paragraphs = "\n".join(
        f"<p>{'<br>'.join(_linked(line) for line in part.splitlines())}</p>" for part in text.strip().split("\n\n")
    )
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8"><title>{html.escape(subject)}</title>'
        f"</head>\n<body>\n{paragraphs}\n</body>\n</html>\n"
    )


def _linked(line: str) -> str:
    return " ".join(_link(html.escape(word)) for word in line.split(" "))


def _link(word: str) -> str:
    return f'<a href="{word}">{word}</a>' if word.startswith(("http://", "https://")) else word


def _attach_calendar(mail: EmailMessage, message: Message, town: str, sender: str) -> None:
    """Attach the time as RFC 5545 and 5546 have it: the same UID for the reservation and for its end."""
    about, released = message.about, message.kind == "release"
    method = "CANCEL" if released else "REQUEST"
    event = Event()
    event.add("uid", f"{about['reservation_id']}@{sender.partition('@')[2]}")
    event.add("sequence", 1 if released else 0)
    event.add("dtstamp", about["when"].astimezone(UTC))
    event.add("dtstart", about["starts_at"].astimezone(ZONE))
    event.add("dtend", about["ends_at"].astimezone(ZONE))
    event.add("summary", f"{about['office_name']}, {town}")
    event.add("location", about["place"])
    event.add("status", "CANCELLED" if released else "CONFIRMED")
    organizer = vCalAddress(f"mailto:{sender}")
    organizer.params["cn"] = vText(town)
    event.add("organizer", organizer)
    calendar = Calendar()
    calendar.add("prodid", "-//Digitales Rathaus//Termine//DE")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    mail.add_attachment(
        calendar.to_ical().decode(), subtype="calendar", filename="termin.ics", params={"method": method}
    )
