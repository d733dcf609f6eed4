"""``python -m sandbox``: one process that plays the state's side."""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from chassis import logs, tracing
from sandbox.app import open_sandbox
from sandbox.settings import Settings
from sandbox.store import StoreInUse


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; 2 when it cannot start, with one sentence on standard error."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        settings = _settings(given)
    except KeyError as missing:
        sys.stderr.write(f"Die Umgebungsvariable {missing.args[0]} fehlt.\n")
        return 2
    logs.configure("sandbox")
    tracing.setup("sandbox")
    try:
        return asyncio.run(_serve(settings, given.host, given.port))
    except (PortTaken, StoreInUse, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        tracing.shutdown()


class PortTaken(Exception):
    """Somebody else listens there."""


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would end the process before the store is closed and the last spans are sent."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _serve(settings: Settings, host: str, port: int) -> int:
    with _listen(host, port) as listening:
        async with open_sandbox(settings) as app:
            config = uvicorn.Config(
                app, lifespan="off", log_config=None, server_header=False, timeout_graceful_shutdown=5
            )
            await _Server(config).serve(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind((host, port))
    except OSError as error:
        one.close()
        raise PortTaken(f"Port {port} auf {host} ist nicht frei: {error.strerror}") from error
    return one


def _settings(given: argparse.Namespace) -> Settings:
    offset = os.environ.get("RATHAUS_CLOCK_OFFSET_FILE")
    return Settings(
        data=given.data,
        public_url=given.public_url.rstrip("/"),
        exchange_client_id=given.exchange_client_id,
        exchange_client_secret=os.environ["SANDBOX_EXCHANGE_CLIENT_SECRET"],
        landeskonto_client_id=given.landeskonto_client_id,
        landeskonto_client_secret=os.environ["SANDBOX_LANDESKONTO_CLIENT_SECRET"],
        redirect_uris=tuple(given.landeskonto_redirect_uri),
        logout_uris=tuple(given.landeskonto_logout_uri),
        schemas=given.schemas,
        authority_delay=given.authority_delay,
        poll=given.poll,
        receiver_secret=os.environ.get("SANDBOX_AUTHORITY_CLIENT_SECRET") or secrets.token_urlsafe(32),
        clock_offset_file=Path(offset) if offset else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sandbox", description="Die Seite des Landes zum Ausprobieren.")
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, required=True)
    add("--data", type=Path, required=True, help="Ordner für alles, was einen Neustart überlebt")
    add("--public-url", required=True, help="Adresse, unter der die Sandbox erreicht wird")
    add("--exchange-client-id", default="digitales-rathaus", help="Client, der Anträge sendet")
    add("--landeskonto-client-id", default="digitales-rathaus", help="Client, der Anmeldungen verlangt")
    add("--landeskonto-redirect-uri", action="append", default=[], help="erlaubte Rücksprungadresse, mehrfach möglich")
    add("--landeskonto-logout-uri", action="append", default=[], help="erlaubte Adresse nach dem Abmelden")
    add("--schemas", type=Path, help="Ordner mit den JSON-Schemas der Antragsdaten")
    add("--authority-delay", type=float, default=0.2, help="Sekunden, bis die Behörde antwortet")
    add("--poll", type=float, default=0.5, help="Sekunden zwischen zwei Blicken ins Postfach und auf Fristen")
    return parser


if __name__ == "__main__":
    sys.exit(main())
