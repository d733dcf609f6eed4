"""One container as a child of the supervisor: it starts, ends, pauses, dies and comes back like a process."""

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from rathaus.stack.ports import HOST
from rathaus.stack.supervisor import Child, Process

_SECONDS_DIGITS = len("2026-11-25T03:29:48.462571")
_GONE = (404, 409)
"""What the engine answers about a container that does not run (any more)."""
_one_by_one = threading.Lock()
"""The first container of a run starts testcontainers' own one, which removes the others after a kill -9: once."""


class NoEngine(Exception):
    """No Docker engine answers."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Keine Docker-Engine antwortet. DOCKER_HOST nennt ihre Adresse. ({reason})")


def look_for_engine() -> None:
    """Raise NoEngine where none answers."""
    try:
        DockerClient().client.close()
    except DockerException as refusal:
        reason = str(refusal)
    else:
        return
    raise NoEngine(reason)


class Contained(Child):
    """One supervised container: made at the first start, started again after its end, removed at ``stop``.

    Raises docker.errors.APIError for an image that cannot be had.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool],
        stop_seconds: float,
        *,
        image: str,
        ports: Sequence[int],
        tmpfs: Mapping[str, str],
        fence: Mapping[str, Any],
    ) -> None:
        super().__init__(name, command, environment, log, ready, stop_seconds)
        _fetch(image)
        # A port has the same number inside, so that what a server says of its own address holds on both sides.
        self._made = DockerContainer(image, env=dict(environment), **fence).with_command(list(command))
        self._made.ports = {f"{port}/tcp": (HOST, port) for port in ports}  # type: ignore[misc]  # forgets addresses
        self._made.tmpfs.update(tmpfs)
        self._there = False

    @property
    def memory(self) -> int:
        """Memory in use in bytes, without file pages that could be dropped."""
        if self.pid is None:
            return 0
        used: dict[str, Any] = self._made.get_wrapped_container().stats(stream=False, one_shot=True)["memory_stats"]
        details = used.get("stats", {})
        return int(used.get("usage", 0)) - int(details.get("inactive_file", details.get("total_inactive_file", 0)))

    def stop(self, seconds: float | None = None) -> None:
        """End the container for good and remove it with its data."""
        super().stop(seconds)
        if self._there:
            self._there = False
            self._made.stop()

    def _spawn(self) -> Process:
        if self._there:
            self._made.get_wrapped_container().start()
        else:
            self._there = True
            with _one_by_one:
                self._made.start()
        return Running(self._made.get_wrapped_container(), self.log)

    def _destroy(self, process: Process) -> None:
        process.send_signal(signal.SIGKILL)


class Running:
    """One life of a container, from a start to its end."""

    def __init__(self, container: Any, log: Path) -> None:
        container.reload()
        self._container = container
        self._log = log
        self._code = -1
        self._over = threading.Event()
        self.pid = int(container.attrs["State"]["Pid"])
        for work in (self._await_end, self._copy_output):
            threading.Thread(target=work, name=f"{work.__name__} {container.name}", daemon=True).start()

    def poll(self) -> int | None:
        """Return the exit code, None before the end."""
        return self._code if self._over.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raises TimeoutExpired like a process."""
        if not self._over.wait(timeout):
            raise subprocess.TimeoutExpired(self._container.name, timeout or 0)
        return self._code

    def send_signal(self, sig: int) -> None:
        """Send a signal to the first process, SIGSTOP and SIGCONT to all of them; does nothing after the end."""
        acts = {signal.SIGSTOP: self._container.pause, signal.SIGCONT: self._container.unpause}
        act = acts.get(signal.Signals(sig), lambda: self._container.kill(signal.Signals(sig).name))
        try:
            act()
        except APIError as refused:
            if refused.status_code not in _GONE:
                raise

    def _await_end(self) -> None:
        try:
            self._code = int(self._container.wait(timeout=None)["StatusCode"])
        finally:
            self._over.set()

    def _copy_output(self) -> None:
        began = datetime.fromisoformat(self._container.attrs["State"]["StartedAt"][:_SECONDS_DIGITS] + "+00:00")
        try:
            with self._log.open("ab", buffering=0) as log:
                for piece in self._container.logs(stream=True, follow=True, since=began.timestamp()):
                    log.write(piece)
        except NotFound:  # removed before its first line was asked for
            return


def _fetch(image: str) -> None:
    # Before the child's own thread needs it: there an error would be seen by nobody.
    client = DockerClient().client
    try:
        client.images.get(image)
    except ImageNotFound:
        client.images.pull(image)
    finally:
        client.close()
