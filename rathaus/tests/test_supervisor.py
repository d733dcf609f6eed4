"""Children that die, hang, or lose their supervisor."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rathaus.stack import NotReady
from rathaus.stack.supervisor import Child

FOREVER = "import time; print('here', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"

Launch = Callable[[str], Child]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    children = []

    def start(code: str) -> Child:
        log = tmp_path / "child.log"
        child = Child("child", [sys.executable, "-c", code], {}, log, lambda: "here" in log.read_text(), 0.5)
        children.append(child)
        child.start()
        return child

    yield start
    for child in children:
        child.stop()


def test_a_child_that_dies_comes_back(launch: Launch) -> None:
    child = launch(FOREVER)
    child.wait_ready(10)
    first = child.pid
    child.kill(signal.SIGKILL)
    until = time.monotonic() + 10
    while child.pid in (None, first):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert child.starts == 2


def test_a_full_disk_does_not_keep_a_child_from_coming_back() -> None:
    child = Child("child", [sys.executable, "-c", "import time; time.sleep(600)"], {}, Path("/dev/full"), bool, 0.5)
    child.start()
    try:
        for starts in (1, 2):
            until = time.monotonic() + 10
            while child.pid is None or child.starts != starts:
                assert time.monotonic() < until
                time.sleep(0.01)
            child.kill(signal.SIGKILL)
    finally:
        child.stop()


@pytest.mark.proves("F21")
def test_a_child_that_is_broken_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rathaus.stack.supervisor._WATCH_SECONDS", 0.05)
    log = tmp_path / "child.log"
    child = Child("child", [sys.executable, "-c", FOREVER], {}, log, log.exists, 0.5)
    child.broken = lambda: child.starts == 1
    child.start()
    try:
        until = time.monotonic() + 30
        while child.starts < 2 or child.pid is None:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        child.stop()
    assert child.starts == 2
    assert "broken" in log.read_text()


def test_a_child_that_was_stopped_stays_away(launch: Launch) -> None:
    child = launch(FOREVER)
    child.wait_ready(10)
    child.stop()
    time.sleep(0.5)
    assert child.pid is None
    assert child.starts == 1


def test_a_child_that_does_not_listen_is_killed_after_its_time(launch: Launch) -> None:
    child = launch(DEAF)
    child.wait_ready(10)
    began = time.monotonic()
    child.stop()
    assert child.pid is None
    assert 0.4 < time.monotonic() - began < 2


def test_a_restart_is_in_order_and_at_once(launch: Launch) -> None:
    child = launch(FOREVER)
    child.wait_ready(10)
    began = time.monotonic()
    child.restart()
    assert child.starts == 2
    assert time.monotonic() - began < 1


def test_a_child_that_cannot_start_is_named_with_its_last_line(launch: Launch) -> None:
    with pytest.raises(NotReady, match=r"child .* zuletzt: .*ended with 3"):
        launch("raise SystemExit(3)").wait_ready(30)


def test_a_child_does_not_see_settings_of_the_callers_shell(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RATHAUS_KAFKA_SERVERS", "elsewhere:9092")
    launch(f"import os; print('RATHAUS_KAFKA_SERVERS' in os.environ); {FOREVER}").wait_ready(10)
    assert (tmp_path / "child.log").read_text().startswith("False")


def test_nothing_survives_a_kill_9_of_the_supervisor(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom pathlib import Path\nfrom rathaus.stack.supervisor import Child\n"
            f"child = Child('child', [sys.executable, '-c', {FOREVER!r}], {{}}, Path({str(log)!r}), lambda: True, 1)\n"
            "child.start()\nwhile child.pid is None: time.sleep(.01)\nprint(child.pid, flush=True)\ntime.sleep(600)",
        ],
        stdout=subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.communicate()
    until = time.monotonic() + 5
    while is_alive(pid):
        assert time.monotonic() < until
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
