"""The runbooks, followed word for word in a running town hall: first "To practise", then "What to do"."""

import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rathaus.addresses import Addresses
from rathaus.stack import REPOSITORY, Stack

PAGES = REPOSITORY / "docs" / "operations"
FOLLOWED = ["lag.md", "dead-letters.md"]
OF_OUTAGES = ["broker-down.md", "database-down.md"]
OF_FAULTS = [*FOLLOWED, *OF_OUTAGES, "full-disk.md"]
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^[ ]*```console\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
LOOKS = ("rathaus status", "rathaus deadletters list")
"""Commands that only look: asked again until they say what the page says."""
SECONDS = 90.0
DONE = "--done--"


@dataclass
class Step:
    """One command of a page and what it must print; ``…`` stands for anything."""

    command: str
    said: list[str]

    @property
    def looks(self) -> bool:
        return any(look in self.command for look in LOOKS)

    def missing(self, printed: list[str]) -> list[str]:
        """What the page says and the command did not, in this order; other lines may stand between."""
        lines = iter(printed)
        return [one for one in self.said if not any(_fits(one, line) for line in lines)]


def _fits(expected: str, line: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, expected.strip().split("…"))), line.strip()) is not None


def steps_of(page: str) -> list[Step]:
    """The commands of a page in the order of somebody who practises."""
    parts = SECTION.split(page)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    order = ["To practise", *(name for name in sections if name != "To practise")]
    return [step for name in order for block in BLOCK.findall(sections[name]) for step in _steps(block)]


def _steps(block: str) -> list[Step]:
    steps: list[Step] = []
    for line in map(str.strip, block.splitlines()):
        if line.startswith("$ "):
            steps.append(Step(line[2:], []))
        elif line.startswith(">"):
            steps[-1].command += f"\n{line[2:]}"
        elif line:
            steps[-1].said.append(line)
    return steps


class Shell:
    """One shell, as an operator sits at it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, **environment},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def run(self, command: str) -> list[str]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\necho {DONE}\n")
        self.process.stdin.flush()
        printed: list[str] = []
        while (line := self._lines.get(timeout=SECONDS)) != DONE:
            printed.append(line)
        return printed

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                self._lines.put(line.rstrip("\n"))


@contextmanager
def shell(stack: Stack) -> Iterator[Shell]:
    Addresses.of(stack).write(stack.home)
    opened = Shell({"RATHAUS_HOME": str(stack.home), "COLUMNS": "250"})
    try:
        yield opened
    finally:
        assert opened.process.stdin is not None
        opened.process.stdin.close()
        opened.process.wait(20)
        opened.reader.join(20)
        for name in ("kafka", "database", "notify"):
            subprocess.run(["kill", "-CONT", str(stack.pid(name))], check=False)
        Addresses.forget(stack.home)


def follow(page: str, stack: Stack) -> None:
    text = (PAGES / page).read_text().replace(".rathaus/home", str(stack.home))
    text = text.replace("http://localhost:8080", stack.api)
    with shell(stack) as opened:
        for step in steps_of(text):
            until = time.monotonic() + SECONDS
            while missing := step.missing(printed := opened.run(step.command)):
                assert step.looks, (step.command, missing, printed)
                assert time.monotonic() < until, (step.command, missing, printed)
                time.sleep(1)


@pytest.mark.stack
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_runbook_does_what_it_says(page: str, town_hall: Stack) -> None:
    follow(page, town_hall)


@pytest.mark.prove
@pytest.mark.stack
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", OF_OUTAGES)
def test_a_runbook_of_an_outage_does_what_it_says(page: str, town_hall: Stack) -> None:
    follow(page, town_hall)


@pytest.mark.parametrize("page", OF_FAULTS)
def test_each_runbook_tells_the_same_things(page: str) -> None:
    sections = SECTION.findall((PAGES / page).read_text())
    assert sections == [
        "How it shows",
        "What keeps working",
        "What to do",
        "How to know that it is over",
        "What not to do",
        "To practise",
    ]


@pytest.mark.parametrize("page", FOLLOWED + OF_OUTAGES)
def test_nothing_of_a_runbook_is_left_out_when_it_is_followed(page: str) -> None:
    text = (PAGES / page).read_text()
    typed = [line.strip() for line in text.splitlines() if line.strip().startswith("$ ")]
    assert sorted(f"$ {step.command.partition(chr(10))[0]}" for step in steps_of(text)) == sorted(typed)
    assert any(step.said for step in steps_of(text))


def test_what_a_page_says_and_does_not_happen_is_found() -> None:
    page = "## What to do\n```console\n$ b\none … three\n```\n## To practise\n```console\n$ a <<X\n> 1\n> X\n```\n"
    first, second = steps_of(page)
    assert first == Step("a <<X\n1\nX", [])
    assert second.missing(["zero", "one two three"]) == []
    assert second.missing(["one two", "three"]) == ["one … three"]
    assert Path(PAGES / "lag.md").exists()
