import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from icalendar import Calendar

from chassis.inbox import CLAIMED_FOR, NotSent
from chassis.testing import START
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.service import ServiceUnderTest, wired
from contracts import Event
from contracts.appointments import SlotReleased, SlotReserved
from contracts.envelope import Envelope, headers_of, tombstone_type
from contracts.identity import ContactChanged, VerificationRequested
from contracts.notify import MessageFailed, MessageSent
from contracts.osi_gateway import Problem, SubmissionAccepted, SubmissionRejected
from notify.app import wire
from notify.messages.client import MailServer
from notify.settings import Settings


class Postbox:
    """A real SMTP server in this process; answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.cut = False

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answers and not self.answers[0].startswith("2"):
            return self.answers.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        if self.cut:
            assert server.transport is not None
            server.transport.close()
        return "250 taken"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def service(postbox: Postbox) -> AsyncIterator[ServiceUnderTest]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(postbox, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(smtp_port=port, public_url="http://localhost:8080")
        async with wired("notify", settings, wire) as found:
            yield found


def put(service: ServiceUnderTest, event: Event, subject: str, sequence: int = 1, id: str = "") -> None:
    service.broker.put(event, tenant=TENANT, subject=subject, sequence=sequence, id=id)


def contact(email: str = "mia@example.org", language: str = "de") -> ContactChanged:
    return ContactChanged(occurred_at=START, account_id="mia", email=email, language=language)


def accepted() -> SubmissionAccepted:
    return SubmissionAccepted(
        occurred_at=START,
        application_id="0190aaaa-0000-7000-8000-000000000001",
        account_id="mia",
        submission_id="s",
        case_id="case-7",
        destination_id="d",
        service="youth-medical-exam",
        reference="TGH-2026-7K3M9Q",
    )


def slot(kind: type[SlotReserved | SlotReleased]) -> SlotReserved | SlotReleased:
    return kind(
        occurred_at=START,
        reservation_id="r1",
        account_id="mia",
        office="buergerbuero",
        office_name="Bürgerbüro",
        place="Rathaus, Erdgeschoss",
        starts_at=START + timedelta(days=5),
        ends_at=START + timedelta(days=5, minutes=20),
    )


def code(purpose: str = "verify-email") -> VerificationRequested:
    return VerificationRequested(
        occurred_at=START,
        account_id="mia",
        email="neu@example.org",
        purpose=purpose,
        code="424242" if purpose == "verify-email" else None,
        expires_at=START + timedelta(minutes=10),
    )


def outcomes(service: ServiceUnderTest) -> list[Event | None]:
    return [event for _, event in service.events("notify.messages")]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_a_code_reaches_the_address_and_is_not_kept(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, code(), "mia")
    await service.settle()
    (mail,) = postbox.mails
    assert (mail["To"], mail["Subject"]) == ("neu@example.org", "Ihr Code für Einheitsgemeinde Stadt Tangerhütte")
    assert "Ihr Code: 424242" in text_of(mail)
    assert "gilt bis 10:10 Uhr" in text_of(mail)
    (event,) = outcomes(service)
    assert isinstance(event, MessageSent)
    mia = service.client("mia")
    listed = (await mia.get(f"/api/notify/v1/{TENANT}/messages")).json()["messages"]
    shown = (await mia.get(f"/api/notify/v1/{TENANT}/messages/{listed[0]['message_id']}")).json()
    assert (shown["status"], shown["kind"]) == ("sent", "verification")
    kept = str(await service.database.collection("messages").find({}))
    for secret in ("424242", "neu@example.org"):
        assert secret not in shown["text"]
        assert secret not in kept


async def test_who_is_registered_already_is_told_so_without_a_code(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, code("already-registered"), "mia")
    await service.settle()
    assert "Sie haben hier schon ein Konto" in text_of(postbox.mails[0])


async def test_an_expired_code_is_not_sent(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, code(), "mia")
    service.clock.advance(timedelta(minutes=11))
    await service.settle()
    assert (postbox.mails, outcomes(service)) == ([], [])


@pytest.mark.parametrize("language", ["de", "en", "de-simple"])
async def test_a_receipt_in_the_citizens_language(service: ServiceUnderTest, postbox: Postbox, language: str) -> None:
    put(service, contact(language=language), "mia")
    put(service, accepted(), "app")
    await service.settle()
    (mail,) = postbox.mails
    assert "TGH-2026-7K3M9Q" in mail["Subject"]
    assert "case-7" in text_of(mail)
    html = mail.get_body(("html",))
    assert html is not None
    assert f'<html lang="{language}">' in html.get_content()
    assert "http://localhost:8080/tangerhuette/antraege/0190aaaa" in html.get_content()


async def test_a_rejection_tells_why(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, contact(), "mia")
    rejected = SubmissionRejected(
        occurred_at=START,
        application_id="a",
        account_id="mia",
        submission_id=None,
        case_id=None,
        destination_id=None,
        problems=(Problem(type="urn:x", title="Schema <verletzt>"),),
    )
    put(service, rejected, "app")
    await service.settle()
    assert "- Schema <verletzt>" in text_of(postbox.mails[0])
    html = postbox.mails[0].get_body(("html",))
    assert html is not None
    assert "Schema &lt;verletzt&gt;" in html.get_content()


async def test_a_reservation_comes_with_a_calendar_file_and_its_end_takes_it_out(
    service: ServiceUnderTest, postbox: Postbox
) -> None:
    put(service, contact(), "mia")
    put(service, slot(SlotReserved), "day", 1)
    put(service, slot(SlotReleased), "day", 2)
    await service.settle()
    files = []
    for mail in postbox.mails:
        (attached,) = mail.iter_attachments()
        content = attached.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert attached.get_content_type() == "text/calendar"
        files.append((attached.get_param("method"), Calendar.from_ical(content)))
    files.sort(key=lambda found: str(found[0]))
    (cancel, cancelled), (request, requested) = files
    assert (cancel, request) == ("CANCEL", "REQUEST")
    events = [calendar.walk("VEVENT")[0] for calendar in (requested, cancelled)]
    assert events[0]["uid"] == events[1]["uid"] == "r1@example.org"
    assert [event["sequence"] for event in events] == [0, 1]
    assert events[0].decoded("dtstart") == START + timedelta(days=5)
    assert [found.name for found in requested.walk("VTIMEZONE")] == ["VTIMEZONE"]


@pytest.mark.proves("F55")
async def test_a_receipt_waits_for_the_address(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, accepted(), "app")
    await service.settle()
    assert postbox.mails == []
    for _ in range(5):
        service.clock.advance(400)
        await service.settle()
    put(service, contact(), "mia")
    service.clock.advance(400)
    await service.settle()
    assert [mail["To"] for mail in postbox.mails] == ["mia@example.org"]


@pytest.mark.proves("F55")
async def test_a_receipt_for_an_erased_account_is_dropped(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, accepted(), "app")
    await service.settle()
    put(service, contact(), "mia", 1)
    gone = Envelope("gone", tombstone_type("identity.contacts"), TENANT, "mia", 2, START)
    service.broker.append("identity.contacts", "mia", None, headers_of(gone))
    await service.bus.deliver()
    service.clock.advance(400)
    await service.settle()
    assert postbox.mails == []
    (message,) = await service.database.collection("messages").find({})
    assert (message["status"], "at" in message) == ("dropped", False)
    (known,) = await service.database.collection("contacts").find({})
    assert known["email"] is None


@pytest.mark.proves("PL-06")
async def test_one_event_is_one_mail_however_often_it_comes(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, contact(), "mia")
    put(service, accepted(), "app")
    await service.settle()
    for _ in range(3):
        service.bus.rewind()
        await service.settle()
    assert len(postbox.mails) == 1


async def test_later_says_the_server_and_later_it_goes(service: ServiceUnderTest, postbox: Postbox) -> None:
    postbox.answers = ["451 later"]
    put(service, contact(), "mia")
    put(service, accepted(), "app")
    await service.settle()
    assert postbox.mails == []
    service.parts.timers[0]._not_before.clear()
    await service.settle()
    assert len(postbox.mails) == 1


async def test_a_refusal_is_told_and_not_tried_again(service: ServiceUnderTest, postbox: Postbox) -> None:
    postbox.answers = ["550 no"]
    put(service, contact(), "mia")
    put(service, accepted(), "app")
    await service.settle()
    (event,) = outcomes(service)
    assert isinstance(event, MessageFailed)
    assert event.reason == "refused"
    await service.settle()
    assert postbox.mails == []


async def test_a_cut_after_the_text_is_flagged_and_never_sent_again(
    service: ServiceUnderTest, postbox: Postbox
) -> None:
    postbox.cut = True
    put(service, contact(), "mia")
    put(service, accepted(), "app")
    await service.settle()
    (event,) = outcomes(service)
    assert isinstance(event, MessageFailed)
    assert event.reason == "unknown"
    postbox.cut = False
    service.bus.rewind()
    service.clock.advance(CLAIMED_FOR)
    await service.settle()
    assert len(postbox.mails) == 1


@pytest.mark.parametrize("cut_at", [b"EHLO", b"MAIL", b"RCPT", b"DATA"])
async def test_a_cut_before_the_text_is_no_doubt(cut_at: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test\r\n")
        while (line := await reader.readline()) and not line.startswith(cut_at):
            writer.write(b"250 good\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        with pytest.raises(NotSent):
            await MailServer("127.0.0.1", server.sockets[0].getsockname()[1]).send(mail_of("Guten Tag"))


async def test_lines_that_begin_with_a_dot_arrive_as_they_were(postbox: Postbox) -> None:
    text = "Guten Tag\n.\n..zwei\n\nEnde\n"
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(postbox, loop=loop), "127.0.0.1", 0) as server:
        await MailServer("127.0.0.1", server.sockets[0].getsockname()[1]).send(mail_of(text))
    assert text_of(postbox.mails[0]).splitlines() == text.splitlines()


def mail_of(text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "rathaus@example.org", "mia@example.org", "Guten Tag"
    mail.set_content(text)
    return mail


async def test_a_death_while_sending_is_flagged(service: ServiceUnderTest, postbox: Postbox) -> None:
    put(service, contact(), "mia")
    put(service, accepted(), "app")
    await service.bus.deliver()
    (message,) = await service.database.collection("messages").find({})
    claim = {"state": "claimed", "by": "dead", "until": START - timedelta(seconds=1), "external_id": "<x@example.org>"}
    await service.database.collection("inbox").insert({"_id": f"notify.messages:{message['_id']}", **claim})
    await service.settle()
    (event,) = outcomes(service)
    assert isinstance(event, MessageFailed)
    assert postbox.mails == []


async def test_history_is_not_mailed(service: ServiceUnderTest, postbox: Postbox) -> None:
    old = Envelope("old", SubmissionAccepted.type, TENANT, "app", 1, START - timedelta(days=300))
    service.broker.append("osi-gateway.submissions", "app", accepted().model_dump_json().encode(), headers_of(old))
    put(service, contact(), "mia")
    await service.settle()
    assert postbox.mails == []


async def test_strangers_see_nothing(service: ServiceUnderTest) -> None:
    put(service, code(), "mia")
    await service.settle()
    base = f"/api/notify/v1/{TENANT}/messages"
    id = (await service.client("mia").get(base)).json()["messages"][0]["message_id"]
    assert (await service.client("jonas").get(base)).json()["messages"] == []
    assert (await service.client("jonas").get(f"{base}/{id}")).status_code == 404
    assert (await service.client("mia", OTHER_TENANT).get(f"{base}/{id}")).status_code == 404
    assert (await service.client().get(f"{base}/{id}")).status_code == 401
