"""``python -m rathaus.mailbox --host 127.0.0.1 --page-port P --smtp-port P --data FOLDER``."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette

from rathaus.mailbox.letters import Letters
from rathaus.mailbox.pages import create_app

_LARGEST = 30 * 1024 * 1024


class Receiver:
    """What the mail server does with a mail."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        """Keep the mail; the answer of RFC 5321 section 4.2.3."""
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  decode_data is off
        return f"250 kept as {self._letters.add(envelope.rcpt_tos, content)}"


def main() -> None:
    """Serve both ports until SIGTERM."""
    parser = argparse.ArgumentParser(prog="rathaus.mailbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--page-port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    letters = Letters(given.data)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        receiver = Receiver(letters)
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(receiver, data_size_limit=_LARGEST, enable_SMTPUTF8=True, hostname="mailbox"),
            given.host,
            given.smtp_port,
        )
        yield
        server.close()

    app = create_app(letters, lifespan)
    uvicorn.run(app, host=given.host, port=given.page_port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
