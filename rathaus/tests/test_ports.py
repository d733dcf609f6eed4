import socket
import subprocess
import sys
from dataclasses import astuple

import pytest

from rathaus.stack import Ports, PortTaken
from rathaus.stack import ports as module
from rathaus.stack.ports import NoneFree, claim, is_free


def test_free_ports_are_free_and_different() -> None:
    numbers = astuple(Ports.free())
    assert len(set(numbers)) == len(numbers)
    assert all(map(is_free, numbers))


def test_what_one_stack_was_given_no_other_is_given_while_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there yet."""
    given = astuple(Ports.free())
    monkeypatch.setattr(module, "_FREE", range(given[0], given[-1] + 1))
    with pytest.raises(NoneFree):
        Ports.free()
    code = f"from rathaus.stack import ports; ports._FREE = range({given[0]}, {given[-1] + 1}); ports.Ports.free()"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "NoneFree" in there.stderr


def test_a_block_is_numbered_from_its_first() -> None:
    ports = Ports.block(9000)
    assert ports.gateway == 9000
    assert sorted(astuple(ports)) == list(range(9000, 9000 + len(astuple(ports))))
    assert ports.of("osi-gateway") == ports.osi_gateway


def test_a_taken_port_is_named_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0)
    ports = Ports.free()
    with socket.create_server(("127.0.0.1", ports.kafka)), pytest.raises(PortTaken) as refused:
        claim(ports, ["database", "kafka"])
    assert str(refused.value).startswith(f"Port {ports.kafka} (kafka) ist von einem anderen Programm belegt.")
    assert "RATHAUS_PORT=" in str(refused.value)
