"""The mail server with a page: takes every mail of the stack and delivers none, see ``rathaus.mailbox``."""

import sys

from rathaus.stack import services
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST


def part(place: Place) -> Part:
    """The mailbox of one stack."""
    page, smtp = str(place.ports.mailbox), str(place.ports.smtp)

    def command() -> list[str]:
        folder = str(place.folder("mail"))
        options = ["--host", HOST, "--page-port", page, "--smtp-port", smtp, "--data", folder]
        return [sys.executable, "-m", "rathaus.mailbox", *options]

    return Part(
        name="mailbox",
        command=command,
        ready=lambda: services.answers(f"http://{HOST}:{page}/health"),
        stop_seconds=3,
    )
