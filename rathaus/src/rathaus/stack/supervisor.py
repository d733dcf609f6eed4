"""Keeps processes running: starts them, writes down what they print, starts them again, stops them.

Each child has its own session, so that Ctrl-C reaches the supervisor alone, and its own thread that starts it and waits
for it. The kernel kills a child when that thread ends (``PR_SET_PDEATHSIG``, prctl(2)), so nothing survives a kill -9
of the supervisor.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

_LOG_BYTES = 20 * 1024 * 1024
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_STEADY_SECONDS = 10.0
"""A child that lived this long is started again at once."""
_HOPELESS = 5
"""Starts in vain after which nobody waits any longer; it is tried again all the same."""
_WATCH_SECONDS = 3.0
"""How often a child is asked whether it is broken."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_OURS = ("RATHAUS_", "OTEL_", "SANDBOX_", "JAVA_", "PYTHON")
"""Settings of the caller's shell that must not reach a child by accident."""


class NotReady(Exception):
    """A child did not become ready in time."""

    def __init__(self, name: str, seconds: float, log: Path) -> None:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
        super().__init__(
            f"{name} ist nach {seconds:.0f} s nicht bereit. Protokoll: {log}" + "".join(f"; zuletzt: {x}" for x in last)
        )


class Process(Protocol):
    """What a child is made of: a process of this machine, or what ends and takes signals like one (``Popen``)."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Return its exit code, None before its end."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit code. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal; does nothing after its end."""


class Child:
    """One supervised process."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool],
        stop_seconds: float,
    ) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self._command = [*_leash(), *command]
        self._environment = {**_surroundings(), **environment}
        self._ready = ready
        self._stop_seconds = stop_seconds
        self.broken: Callable[[], bool] | None = None
        """Whether the running process says of itself that only a new start helps; not asked where None."""
        self._process: Process | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"child {name}", daemon=True)

    def start(self) -> None:
        """Start the process and keep it running until ``stop``."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The id of the running process, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def memory(self) -> int:
        """Resident memory in bytes, shared pages included."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        except OSError:
            return 0

    @property
    def is_ready(self) -> bool:
        """Whether the process runs and does its work now."""
        return self.pid is not None and self._ready()

    def wait_ready(self, seconds: float) -> float:
        """Wait until the process does its work; return the seconds. Raises NotReady, early where it keeps dying."""
        began, starts = time.monotonic(), self.starts
        while not self.is_ready:
            hopeless = self.starts - starts > _HOPELESS
            if hopeless or time.monotonic() - began > seconds or self._over.wait(0.05):
                raise NotReady(self.name, time.monotonic() - began, self.log)
        return time.monotonic() - began

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to the process. It is started again if it dies of it."""
        process = self._process
        if process is not None:
            process.send_signal(number)

    def restart(self) -> None:
        """End the process in order and start it again without a pause."""
        before = self.starts
        self._asked.set()
        self._end(self._stop_seconds)
        while self.starts == before and not self._over.wait(0.02):
            pass

    def stop(self, seconds: float | None = None) -> None:
        """End the process for good: SIGTERM, then SIGKILL after its time or after ``seconds`` if that is less."""
        with self._lock:
            self._over.set()
        self._end(self._stop_seconds if seconds is None else max(0.0, min(seconds, self._stop_seconds)))
        if self._thread.ident is not None:
            self._thread.join()

    def _end(self, seconds: float) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._destroy(process)
            process.wait()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while self._launch():
            began = time.monotonic()
            assert self._process is not None  # noqa: S101  _launch set it
            code = self._wait(self._process)
            if self._over.is_set():
                return
            if self._asked.is_set() or time.monotonic() - began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            if not self._asked.is_set():
                self._note(f"ended with {code}, started again in {pause:.1f} s")
                self._over.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            self._asked.clear()

    def _wait(self, process: Process) -> int:
        """Wait for a process to end; one that says itself that it cannot work any more is ended."""
        while True:
            try:
                return process.wait(_WATCH_SECONDS if self.broken else None)
            except subprocess.TimeoutExpired:
                if self.broken is not None and self.broken():
                    self._note("broken")
                    self._destroy(process)

    def _launch(self) -> bool:
        with self._lock:
            if self._over.is_set():
                return False
            self._process = self._spawn()
            self.starts += 1
            return True

    def _spawn(self) -> Process:
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  the command line is the stack's own
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def _destroy(self, process: Process) -> None:
        os.killpg(process.pid, signal.SIGKILL)

    def _note(self, text: str) -> None:
        # On a full disk nothing can be noted, and starting again matters more.
        with contextlib.suppress(OSError), self.log.open("a") as log:
            log.write(f"-- {self.name}: {text}\n")


def run_once(command: Sequence[str], environment: Mapping[str, str], log: Path, seconds: float) -> int:
    """Run a command to its end with the precautions of a child and return its exit code."""
    with log.open("ab") as stream:
        return subprocess.run(  # noqa: S603  the command line is the stack's own
            [*_leash(), *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**_surroundings(), **environment},
            start_new_session=True,
            timeout=seconds,
            check=False,
        ).returncode


def _leash() -> list[str]:
    setpriv = shutil.which("setpriv")  # util-linux, essential on Debian; elsewhere a kill -9 leaves children behind
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _surroundings() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONUNBUFFERED": "1"}
