"""The real process: what it has answered for survives kill -9, and it says in one sentence why it does not start."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sandbox.testing import CLIENT_ID, CLIENT_SECRET, LANDESKONTO_ID, LANDESKONTO_SECRET, REDIRECT_URI, Sender

FILE = str(uuid.uuid4())
SECRETS = {
    "SANDBOX_EXCHANGE_CLIENT_SECRET": CLIENT_SECRET,
    "SANDBOX_LANDESKONTO_CLIENT_SECRET": LANDESKONTO_SECRET,
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(data: Path, port: int, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(data)),
        *("--public-url", f"http://127.0.0.1:{port}", "--exchange-client-id", CLIENT_ID),
        *("--landeskonto-client-id", LANDESKONTO_ID, "--landeskonto-redirect-uri", REDIRECT_URI),
        *("--authority-delay", "0", "--poll", "0.05", *more),
    ]


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **more}


@contextmanager
def process(data: Path, port: int, *more: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command(data, port, *more), env=environment(**SECRETS, **env), stdout=subprocess.DEVNULL
    ) as one:
        try:
            _wait_until_ready(port, one)
            yield one
        finally:
            one.kill()


def _wait_until_ready(port: int, one: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert one.poll() is None, "the sandbox has ended"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the sandbox does not get ready")


@pytest.fixture
def data(store_with_keys: Path, tmp_path: Path) -> Path:
    shutil.copy(store_with_keys, tmp_path / "sandbox.sqlite")
    return tmp_path


async def test_kill_9_between_every_step(data: Path) -> None:
    port = free_port()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        sender = Sender(http)
        with process(data, port, "--authority-delay", "3600") as one:
            draft = await sender.draft(files={FILE: b"%PDF-1.7"})
            (await sender.upload(draft, FILE, b"%PDF-1.7")).raise_for_status()
            one.send_signal(signal.SIGKILL)
            one.wait()
        with process(data, port, "--authority-delay", "3600") as one:
            # Also the access token is still good.
            (await sender.submit(draft)).raise_for_status()
            before = await sender.log(draft)
            kids = (await http.get("/submission-api/.well-known/jwks.json")).json()
            one.send_signal(signal.SIGKILL)
            one.wait()
        with process(data, port) as one:
            for _ in range(200):
                log = await sender.log(draft)
                if len(log) == 4:
                    break
                await asyncio.sleep(0.05)
            assert log[: len(before)] == before
            assert len(log) == 4
            assert (await http.get("/submission-api/.well-known/jwks.json")).json() == kids
            one.send_signal(signal.SIGTERM)
            assert one.wait(10) == 0


async def test_the_clock_follows_the_file(data: Path, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "offset"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        with process(data, port, RATHAUS_CLOCK_OFFSET_FILE=str(file)):
            sender = Sender(http)
            draft = await sender.draft()
            file.write_text("86400")
            assert (await Sender(http).submit(draft)).status_code == 409


def test_a_second_one_on_the_same_folder_says_so(data: Path) -> None:
    with process(data, free_port()):
        second = subprocess.run(command(data, free_port()), env=environment(**SECRETS), capture_output=True, timeout=60)
    assert second.returncode == 2
    assert "wird schon von einer anderen Sandbox benutzt" in second.stderr.decode()


def test_a_missing_secret_and_a_missing_folder_say_so(data: Path) -> None:
    nameless = subprocess.run(command(data, 1), env=environment(), capture_output=True, timeout=60)
    assert (nameless.returncode, nameless.stderr.decode()) == (
        2,
        "Die Umgebungsvariable SANDBOX_EXCHANGE_CLIENT_SECRET fehlt.\n",
    )
    wrong = command(data, 1, "--schemas", str(data / "nowhere"))
    lost = subprocess.run(wrong, env=environment(**SECRETS), capture_output=True, timeout=60)
    assert (lost.returncode, "nowhere" in lost.stderr.decode()) == (2, True)


def test_a_taken_port_says_so(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = subprocess.run(command(data, port), env=environment(**SECRETS), capture_output=True, timeout=60)
    assert busy.returncode == 2
    assert f"Port {port}" in busy.stderr.decode()
