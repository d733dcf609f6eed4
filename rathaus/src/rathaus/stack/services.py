"""The five services, each a process of its own with its own database, principal and keys."""

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib.resources import files

from rathaus.stack import database, kafka_contents
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST

GRACEFUL_SECONDS = 4
LANDESKONTO_CLIENT = "digitales-rathaus"
EXCHANGE_CLIENT = "digitales-rathaus"
_ANSWER_SECONDS = 3.0


def part(place: Place, service: str) -> Part:
    """One service of one stack."""
    port = place.ports.of(service)
    return Part(
        name=service,
        command=lambda: [sys.executable, "-m", service.replace("-", "_")],
        ready=lambda: answers(f"http://{HOST}:{port}/ready"),
        after=("database", "kafka"),
        environment=environment(place, service),
        stop_seconds=GRACEFUL_SECONDS + 1,
    )


def environment(place: Place, service: str) -> dict[str, str]:
    """What a service is told, see ``chassis.settings``."""
    return {
        "RATHAUS_HTTP_HOST": HOST,
        "RATHAUS_HTTP_PORT": str(place.ports.of(service)),
        "RATHAUS_KAFKA_SERVERS": kafka_contents.servers(place),
        "RATHAUS_KAFKA_USER": service,
        "RATHAUS_KAFKA_PASSWORD": kafka_contents.password(place, service),
        "RATHAUS_DATABASE_URL": database.url(place, service),
        "RATHAUS_DATABASE_NAME": database.database_of(service),
        "RATHAUS_BLOBS_URL": f"file://{place.folder('blobs')}",
        "RATHAUS_VAULT_KEY": place.secrets.get(f"vault.{service}"),
        "RATHAUS_MUNICIPALITIES": str(place.home / "municipalities"),
        "RATHAUS_PUBLIC_URL": public_url(place),
        "RATHAUS_CLOCK_OFFSET_FILE": str(place.home / "clock-offset"),
        "RATHAUS_GRACEFUL_TIMEOUT": str(GRACEFUL_SECONDS),
        **tracing(place, service),
        **_PECULIAR.get(service, _nothing)(place),
        **place.services_also,
    }


def public_url(place: Place) -> str:
    """Origin of portal and API as browsers see it: by name, because secure cookies and passkeys ask for it."""
    return f"http://localhost:{place.ports.gateway}"


def sandbox_url(place: Place) -> str:
    """Address of the state's side."""
    return f"http://{HOST}:{place.ports.sandbox}"


def tracing(place: Place, name: str) -> dict[str, str]:
    """Standard OpenTelemetry settings: spans go to the trace page, within a second."""
    return {
        "OTEL_SERVICE_NAME": name,
        "OTEL_TRACES_EXPORTER": "zipkin",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"http://{HOST}:{place.ports.traces}/api/v2/spans",
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
    }


def answers(address: str) -> bool:
    """Whether an address of this stack answers with success."""
    try:
        with urllib.request.urlopen(address, timeout=_ANSWER_SECONDS):  # noqa: S310  always http on loopback
            return True
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _nothing(place: Place) -> Mapping[str, str]:
    return {}


def _identity(place: Place) -> Mapping[str, str]:
    return {
        "RATHAUS_LANDESKONTO_ISSUER": f"{sandbox_url(place)}/landeskonto",
        "RATHAUS_LANDESKONTO_CLIENT_ID": LANDESKONTO_CLIENT,
        "RATHAUS_LANDESKONTO_CLIENT_SECRET": place.secrets.get("landeskonto"),
        # Everybody comes from this machine: a limit per network would let one wrong guesser stop all others.
        "RATHAUS_SIGN_IN_FREE_PER_NETWORK": "100000",
    }


def _notify(place: Place) -> Mapping[str, str]:
    return {
        "RATHAUS_SMTP_HOST": HOST,
        "RATHAUS_SMTP_PORT": str(place.ports.smtp),
        "RATHAUS_MAIL_FROM": "rathaus@example.org",
    }


def _osi_gateway(place: Place) -> Mapping[str, str]:
    state = sandbox_url(place)
    return {
        "RATHAUS_EXCHANGE_TOKEN_URL": f"{state}/token",
        "RATHAUS_EXCHANGE_SUBMISSION_URL": f"{state}/submission-api",
        "RATHAUS_EXCHANGE_ROUTING_URL": f"{state}/routing",
        "RATHAUS_EXCHANGE_ROUTING_KEYS_URL": f"{state}/routing/.well-known/jwks.json",
        "RATHAUS_EXCHANGE_CLIENT_ID": EXCHANGE_CLIENT,
        "RATHAUS_EXCHANGE_CLIENT_SECRET": place.secrets.get("exchange"),
        "RATHAUS_EXCHANGE_POLL_SECONDS": "1",
        "RATHAUS_DATA_SCHEMAS": str(files("forms.catalogue").joinpath("data")),
    }


_PECULIAR = {"identity": _identity, "notify": _notify, "osi-gateway": _osi_gateway}
