"""Start, stop and second start of a stack of small real parts."""

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from rathaus.stack import Ports, RunsAlready, Stack
from rathaus.stack.java import NotFetched
from rathaus.stack.part import Part, Place
from rathaus.stack.stack import READY_SECONDS

PARTS = ("database", "mailbox")


@pytest.mark.stack
def test_a_second_start_on_the_same_data_is_refused(infrastructure: Stack) -> None:
    with pytest.raises(RunsAlready, match=rf"läuft schon \(Prozess {os.getpid()}, Daten in"):
        Stack(infrastructure.home, Ports.free(), parts=("mailbox",)).start()


@pytest.mark.stack
def test_what_started_is_stopped_and_data_survive(tmp_path: Path) -> None:
    with Stack(tmp_path, Ports.free(), parts=PARTS) as stack:
        assert all(stack.is_ready(name) for name in PARTS)
        assert all(stack.memory(name) > 1_000_000 for name in PARTS)
        pids = [stack.pid(name) for name in PARTS]
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    with Stack(tmp_path, Ports.free(), parts=("mailbox",)) as stack:
        assert httpx.get(f"{stack.mailbox}/api/messages").json() == []


def test_what_cannot_start_leaves_nothing_running(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports.free(), parts=("mailbox",))
    stack.place.folder("mail").rmdir()
    (tmp_path / "mail").write_text("no folder")
    with pytest.raises(FileExistsError):
        stack.start()
    with Stack(tmp_path, Ports.free(), parts=()):
        assert not stack.is_ready("mailbox")


def test_what_can_never_start_ends_the_wait_for_all_others(tmp_path: Path) -> None:
    """`rathaus up` waits for who is slow, but not for a broker whose program could not be fetched."""

    def fetch() -> Sequence[str]:
        raise NotFetched("a:b:1", "no network")

    def parts(place: Place) -> Sequence[Part]:
        broker = Part("kafka", fetch, lambda: False)
        return [broker, Part("forms", lambda: ["sleep", "600"], lambda: False, after=("kafka",))]

    began = time.monotonic()
    with pytest.raises(NotFetched, match="no network"):
        Stack(tmp_path, Ports.free(), parts=("kafka", "forms"), instead=parts, strict=False).start()
    assert time.monotonic() - began < READY_SECONDS / 3


def test_secrets_stay_the_same_and_are_closed_to_others(tmp_path: Path) -> None:
    first = Stack(tmp_path, Ports.free(), parts=())
    assert Stack(tmp_path, Ports.free(), parts=()).kafka_password("forms") == first.kafka_password("forms")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_each_service_has_secrets_of_its_own(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports.free(), parts=())
    names = ("RATHAUS_KAFKA_PASSWORD", "RATHAUS_DATABASE_URL", "RATHAUS_VAULT_KEY")
    for name in names:
        assert stack.service_environment("forms")[name] != stack.service_environment("notify")[name]
