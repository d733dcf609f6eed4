"""The town hall that faults strike: one for all tests that use it, each of which leaves it whole."""

import asyncio
from collections.abc import Iterator

import pytest
from fault_town import FaultTown
from levers import PARTS, Levers, environment

from rathaus.stack import Ports, Stack
from rathaus.stack.testing import chosen

PEOPLE = 10


@pytest.fixture(scope="session")
def fault_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole town hall whose services stand open for faults, behind the wall."""
    home, ports = tmp_path_factory.mktemp("faults"), Ports.free()
    with chosen(home, ports, parts=PARTS, services_also=environment(home, ports)) as stack:
        yield stack


@pytest.fixture
def levers(fault_stack: Stack) -> Iterator[Levers]:
    """Faults for the town hall; what was ordered and has not struck is taken back."""
    found = Levers(fault_stack)
    yield found
    found.disarm()


@pytest.fixture(scope="session")
def _peopled(fault_stack: Stack) -> FaultTown:
    return asyncio.run(FaultTown.open(fault_stack, PEOPLE))


@pytest.fixture
def fault_town(_peopled: FaultTown) -> Iterator[FaultTown]:
    """The same town hall with people in it, whose commands are all remembered for the checker."""
    yield _peopled
    _peopled.disarm()
