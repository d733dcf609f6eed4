"""Sends what is due: each message at most once, and flagged where nobody can know."""

from datetime import datetime

from chassis.aggregates import Loaded
from chassis.clock import Clock
from chassis.errors import Transient
from chassis.inbox import Inbox, Outcome, Refused
from notify.contacts.store import Contacts
from notify.messages import domain
from notify.messages.client import MailServer
from notify.messages.domain import Message
from notify.messages.letters import Letters, Recipient
from notify.messages.store import Messages


class Postman:
    """Carries messages to the mail server."""

    def __init__(
        self, messages: Messages, contacts: Contacts, inbox: Inbox, server: MailServer, letters: Letters, clock: Clock
    ) -> None:
        self._messages = messages
        self._contacts = contacts
        self._inbox = inbox
        self._server = server
        self._letters = letters
        self._clock = clock

    async def send_due(self, found: Loaded[Message]) -> None:
        """Send a message whose time has come, or wait for its address, or drop it."""
        message, now = found.state, self._clock.now()
        if found.at is None:
            return
        if domain.pointless(message, now):
            await self._end(found, found.at, lambda state: domain.drop(state, now))
            return
        recipient, gone = await self._recipient(found)
        if gone:
            await self._end(found, found.at, lambda state: domain.drop(state, now))
        elif recipient is None:
            await self._end(found, found.at, lambda state: domain.postpone(state, now))
        else:
            await self._send(found, found.at, recipient)

    async def _send(self, found: Loaded[Message], at: datetime, recipient: Recipient) -> None:
        letter = self._letters.write(found.state, found.tenant, recipient)
        try:
            outcome = await self._inbox.once(
                f"notify.messages:{found.id}", letter.message_id, lambda _: self._server.send(letter.mail)
            )
        except Refused:
            await self._end(found, at, lambda state: domain.failed(state, "refused", self._clock.now()))
            return
        if outcome is Outcome.ELSEWHERE:
            raise Transient("another process is sending it", retry_after=5)
        if outcome is Outcome.UNKNOWN:
            await self._end(found, at, lambda state: domain.failed(state, "unknown", self._clock.now()))
            return
        kept = letter.text_to_keep
        await self._end(found, at, lambda state: domain.sent(state, letter.subject, kept, self._clock.now()))

    async def _recipient(self, found: Loaded[Message]) -> tuple[Recipient | None, bool]:
        """Return whom to write to; whether the account is gone."""
        about = found.state.about
        if about.get("email"):
            return Recipient(about["email"], about["language"]), False
        contact = await self._contacts.of(found.tenant, found.state.account_id)
        if contact is None or contact.email is None:
            return None, contact is not None and contact.erased
        return Recipient(contact.email, contact.language), False

    async def _end(self, found: Loaded[Message], at: datetime, decide: object) -> None:
        await self._messages.aggregates.timer(found.id, at, decide)  # type: ignore[arg-type]
