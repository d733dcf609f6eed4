"""The state's side to run against: Landeskonto, routing, exchange and a receiving authority."""

import sys
from importlib.resources import files

from chassis.municipalities import Municipalities
from rathaus.stack import services
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST, is_listening


def part(place: Place) -> Part:
    """The sandbox of one stack."""
    port = place.ports.sandbox
    options = {
        "--host": HOST,
        "--port": str(port),
        "--data": str(place.home / "sandbox"),
        "--public-url": services.sandbox_url(place),
        "--landeskonto-client-id": services.LANDESKONTO_CLIENT,
        "--exchange-client-id": services.EXCHANGE_CLIENT,
        "--schemas": str(files("forms.catalogue").joinpath("data")),
    }
    return Part(
        name="sandbox",
        command=lambda: [
            *(sys.executable, "-m", "sandbox"),
            *(word for pair in options.items() for word in pair),
            *(f"--landeskonto-redirect-uri={address}" for address in _redirect_addresses(place)),
        ],
        ready=lambda: is_listening(port) and services.answers(f"{services.sandbox_url(place)}/health"),
        environment={
            "SANDBOX_LANDESKONTO_CLIENT_SECRET": place.secrets.get("landeskonto"),
            "SANDBOX_EXCHANGE_CLIENT_SECRET": place.secrets.get("exchange"),
            "RATHAUS_CLOCK_OFFSET_FILE": str(place.home / "clock-offset"),
            **services.tracing(place, "sandbox"),
        },
        stop_seconds=3,
    )


def _redirect_addresses(place: Place) -> list[str]:
    """Where the Landeskonto sends people back to, one address for each municipality there is at the start."""
    slugs = (municipality.slug for municipality in Municipalities(place.home / "municipalities").all())
    return [f"{services.public_url(place)}/{slug}/landeskonto" for slug in slugs]
