"""The mail server."""

import asyncio
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPResponseException

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
        client = SMTP(hostname=self._host, port=self._port, start_tls=False, timeout=TIMEOUT)
        try:
            await client.connect()
        except (SMTPException, OSError) as error:
            raise NotSent(f"the mail server does not answer: {type(error).__name__}", retry_after=5) from error
        try:
            await _hand_over(client, mail)
        finally:
            client.close()


async def _hand_over(client: SMTP, mail: EmailMessage) -> None:
    """Only an answer of the server says that a mail was not taken; a cut after its end leaves it open."""
    try:
        async with asyncio.timeout(3 * TIMEOUT):
            await client.send_message(mail)
    except SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        raise _by_code(min(codes, default=550)) from None
    except SMTPResponseException as error:
        if isinstance(error, aiosmtplib.SMTPServerDisconnected):
            raise
        raise _by_code(error.code) from None


def _by_code(code: int) -> Exception:
    if 400 <= code < 500:
        return NotSent(f"the mail server says later: {code}", retry_after=30)
    return Refused(f"the mail server refuses: {code}")
