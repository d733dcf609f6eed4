"""The portal's built files, served by a process of its own, see ``rathaus.portalfiles``."""

import sys

from rathaus.stack import services
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST


def part(place: Place) -> Part:
    """The portal of one stack."""
    port = str(place.ports.portal)
    files = str(place.repository / "portal" / "dist")
    towns = str(place.home / "municipalities")
    options = ["--host", HOST, "--port", port, "--files", files, "--municipalities", towns]
    return Part(
        name="portal",
        command=lambda: [sys.executable, "-m", "rathaus.portalfiles", *options],
        ready=lambda: services.answers(f"http://{HOST}:{port}/health"),
        stop_seconds=3,
    )
