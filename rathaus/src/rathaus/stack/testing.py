"""Fixtures that start the real stack for tests: once per run, on free ports, in a folder that goes away afterwards.

``infrastructure`` is the database and Kafka (3 s), ``town_hall`` is everything. Both are a ``rathaus.stack.Stack`` and
may be used by synchronous and asynchronous tests. Tests share them, so each makes names of its own (a database, a
consumer group, an account) and empties nothing.

``RATHAUS_TEST_STACK=containers`` takes database and Kafka of ``compose.yaml`` instead of the embedded ones, where a
Docker engine answers (docs/operations/containers.md).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.topics import SERVICES
from rathaus import portalbuild
from rathaus.stack.ports import Ports
from rathaus.stack.stack import Stack

CHOICE = "RATHAUS_TEST_STACK"
_WALL = Path(__file__).parent / "wall"


def chosen(home: Path, ports: Ports, **more: Any) -> Stack:
    """Make the stack that RATHAUS_TEST_STACK names, ``embedded`` without it. Takes what ``Stack`` takes.

    Raises ValueError for another word, NoEngine where containers are wanted and no engine answers.
    """
    kind = os.environ.get(CHOICE, "embedded")
    if kind == "containers":
        from rathaus.stack import containers

        containers.look_for_engine()
        return Stack(home, ports, instead=containers.parts, **more)
    if kind != "embedded":
        raise ValueError(f"{CHOICE}={kind}: bekannt sind embedded und containers.")
    return Stack(home, ports, **more)


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real Kafka with topics, principals and rules, and a real database with users."""
    with chosen(_home(tmp_path_factory), Ports.free(), parts=("database", "kafka")) as stack:
        yield stack


@pytest.fixture(scope="session")
def town_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole town hall: database, Kafka, sandbox, five services, gateway, mailbox, trace page, portal.

    A wall stands between the services in every test that uses it (``rathaus.stack.wall``): whoever calls another one
    over HTTP is refused and noted in the file ``wall`` of its folder.
    """
    portalbuild.build()
    home, ports = _home(tmp_path_factory), Ports.free()
    with chosen(home, ports, services_also=wall(home, ports)) as stack:
        yield stack


def wall(home: Path, ports: Ports) -> dict[str, str]:
    """Environment with which the services of a stack stand behind the wall."""
    return {
        "PYTHONPATH": str(_WALL),
        "WALL_PORTS": ",".join(str(ports.of(service)) for service in SERVICES),
        "WALL_LOG": str(home / "wall"),
    }


def _home(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("rathaus")
