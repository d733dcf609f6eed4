"""The mail server."""

import asyncio
import re
from email.message import EmailMessage
from typing import Any

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPStatus,
)

from chassis.inbox import NotSent, Refused

TIMEOUT = 10.0
"""Seconds for each step; all of them stay below the inbox's claim of 60 s."""


class MailServer:
    """Hands mails over to the next mail server (RFC 5321)."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def send(self, mail: EmailMessage) -> None:
        """Send one mail.

        Raises:
            NotSent: it was surely not taken, and may be tried again.
            Refused: the server will never take it.
            Exception: any other, where nobody knows.
        """
        client = _Client(hostname=self._host, port=self._port, start_tls=False, timeout=TIMEOUT)
        try:
            await client.connect()
        except (SMTPException, OSError) as error:
            raise NotSent(f"the mail server does not answer: {type(error).__name__}", retry_after=5) from error
        try:
            await _hand_over(client, mail)
        finally:
            client.close()


class _Client(SMTP):
    """Knows whether the text of a mail is on its way; the library sends it in one go with the command before it."""

    text_begun = False

    async def data(self, message: str | bytes, /, **options: Any) -> SMTPResponse:
        """Send the command, and the text once the server asks for it (RFC 5321, section 4.1.1.4)."""
        text = message.encode("ascii") if isinstance(message, str) else message
        asked = await self.execute_command(b"DATA")
        if asked.code != SMTPStatus.start_input:
            raise SMTPDataError(asked.code, asked.message)
        if self.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        self.text_begun = True
        self.protocol.write(_dotted(text))
        answer = await self.protocol.read_response(timeout=self.timeout)
        if answer.code != SMTPStatus.completed:
            raise SMTPDataError(answer.code, answer.message)
        return answer


def _dotted(text: bytes) -> bytes:
    """Return a text as it goes over the line: closed by a dot, and its own dots doubled (RFC 5321, section 4.5.2)."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", text).removesuffix(b"\r\n")
    return re.sub(rb"(?m)^\.", b"..", lines) + b"\r\n.\r\n"


async def _hand_over(client: _Client, mail: EmailMessage) -> None:
    """A mail was not taken where the server says so, or its text had not begun; a cut after that leaves it open."""
    try:
        async with asyncio.timeout(3 * TIMEOUT):
            await client.send_message(mail)
    except SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        raise _by_code(min(codes, default=550)) from None
    except SMTPResponseException as error:
        raise _by_code(error.code) from None
    except OSError as error:
        if client.text_begun:
            raise
        raise NotSent(f"the mail server broke off: {type(error).__name__}", retry_after=5) from error


def _by_code(code: int) -> Exception:
    if 400 <= code < 500:
        return NotSent(f"the mail server says later: {code}", retry_after=30)
    return Refused(f"the mail server refuses: {code}")
