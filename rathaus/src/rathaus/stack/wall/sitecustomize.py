"""The wall between the services: no process that Python starts with this file may call a service over HTTP.

Python runs a module of this name at its own start (``site``). Tests put its folder on PYTHONPATH, name the services'
ports in ``WALL_PORTS`` and a file for every attempt in ``WALL_LOG``; the attempt itself is refused.
"""

import os
import sys
from typing import Any

_ports = {int(port) for port in os.environ.get("WALL_PORTS", "").split(",") if port}
_log = os.environ.get("WALL_LOG", os.devnull)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect":
        return
    address = arguments[1]
    if isinstance(address, tuple) and len(address) >= 2 and address[1] in _ports:
        with open(_log, "a") as log:
            log.write(f"{os.environ.get('OTEL_SERVICE_NAME', sys.argv[0])} called {address[0]}:{address[1]}\n")
        raise ConnectionRefusedError(f"a wall stands before {address[0]}:{address[1]}: services speak by events")


if _ports:
    sys.addaudithook(_watch)
