"""``rathaus rebuild``: let a service make one of its read models anew out of the log, while it runs."""

import os
import subprocess
import sys

from rich.console import Console

from rathaus.addresses import Addresses
from rathaus.stack import CACHE, REPOSITORY, Ports
from rathaus.stack.part import Place
from rathaus.stack.secrets import Secrets
from rathaus.stack.services import environment


def run(service: str, model: str) -> int:
    """Rebuild in the town hall that runs on this machine, and return the exit code."""
    from rathaus import running  # it brings what `rathaus up` needs

    addresses = Addresses.read(running.HOME)
    if addresses is None:
        Console().print("Es läuft kein Rathaus: zuerst „make up“.", style="red")
        return 1
    ports = Ports.block(int(addresses.api.rpartition(":")[2]))
    place = Place(running.HOME, CACHE, REPOSITORY, ports, Secrets(running.HOME / "secrets.json"))
    return rebuild(place, service, model).returncode


def rebuild(place: Place, service: str, model: str, *, capture: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run the service's own command, as its own principal, beside its processes."""
    command = [sys.executable, "-m", service.replace("-", "_"), "--rebuild", model]
    told = {**os.environ, **environment(place, service)}
    return subprocess.run(command, env=told, capture_output=capture, text=True, check=False)  # noqa: S603
