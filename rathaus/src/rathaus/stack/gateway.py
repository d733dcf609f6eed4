"""The API gateway of the stack: Envoy with ``gateway/gateway.yaml``, see ``rathaus.gateway``."""

import sys
from collections.abc import Sequence

from rathaus import gateway
from rathaus.stack import services
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST


def part(place: Place, behind: Sequence[str]) -> Part:
    """The gateway of one stack; it starts when what is behind it is ready, so that it never answers 503 at start."""

    def command() -> list[str]:
        place.folder("gateway")
        return [sys.executable, "-m", "rathaus.gateway"]

    return Part(
        name="gateway",
        command=command,
        ready=lambda: services.answers(f"http://{HOST}:{place.ports.gateway}/api/identity/v1/jwks"),
        after=tuple(behind),
        environment=environment(place),
        stop_seconds=2,
    )


def environment(place: Place) -> dict[str, str]:
    """What ``gateway.yaml`` is filled in with."""
    return {
        "GATEWAY_HOST": HOST,
        "GATEWAY_PORT": str(place.ports.gateway),
        "GATEWAY_ADMIN_PORT": str(place.ports.gateway_admin),
        "GATEWAY_ORIGIN": services.public_url(place),
        "GATEWAY_FILE": str(place.repository / "gateway" / "gateway.yaml"),
        "GATEWAY_RENDERED": str(place.home / "gateway" / "gateway.yaml"),
        **{
            gateway.PREFIX + name.upper().replace("-", "_"): f"{HOST}:{place.ports.of(name)}"
            for name in gateway.UPSTREAMS
        },
    }
