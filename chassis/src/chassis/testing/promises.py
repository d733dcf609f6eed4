"""Promises and their tests: a pytest plugin that remembers results, and ``python -m chassis.testing.promises``.

A promise is a row of ``docs/promises.md``; a test shows it with ``@pytest.mark.proves("<id>")``. Results are kept in
pytest's cache, so what was run last is known without running it again.
"""

import ast
import json
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

PAGE: Final = Path("docs") / "promises.md"
_KEY: Final = "rathaus/promises"
_RESULTS: Final = Path(".pytest_cache") / "v" / _KEY
_ROW: Final = re.compile(r"\| *([A-Z]+-?[0-9]+) *\| *(.+?) *\| *(.+?) *\|")
_WORST_FIRST: Final = ("failed", "skipped", "never run", "passed")
_WIDTH: Final = 100


@dataclass(frozen=True)
class Promise:
    """One row of the page."""

    id: str
    sentence: str
    origin: str


@dataclass(frozen=True)
class Proof:
    """A test that claims to show a promise."""

    promise: str
    test: str
    """``path::class::function`` as pytest names it, without parameters; the path alone for a mark of a whole file."""


@dataclass(frozen=True)
class Result:
    """How a proof ended last."""

    outcome: str
    at: str | None
    """ISO 8601, UTC."""


def promises_of(page: str) -> dict[str, Promise]:
    """Read the rows of the page. Raises ValueError where an id stands twice."""
    found: dict[str, Promise] = {}
    for id_, sentence, origin in _ROW.findall(page):
        if id_ in found:
            raise ValueError(f"promise {id_} stands twice")
        found[id_] = Promise(id_, sentence, origin)
    return found


def proofs_of(path: str, source: str) -> Iterator[Proof]:
    """Find the marks in a test file. Raises ValueError where a mark is not written out as text."""
    yield from _proofs(ast.parse(source), path)


def all_proofs(root: Path) -> list[Proof]:
    """All marks below the root, sorted."""
    found: list[Proof] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        paths = [Path(folder, name) for name in files if name.startswith("test_") and name.endswith(".py")]
        for path in paths:
            found += proofs_of(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
    return sorted(found, key=lambda proof: (proof.promise, proof.test))


def result_of(test: str, results: Mapping[str, Mapping[str, str]]) -> Result:
    """The worst that the last runs say of a test, over all its parameters."""
    ended = [Result(entry["outcome"], entry["at"]) for node, entry in results.items() if _belongs(node, test)]
    return min(ended, key=lambda result: _WORST_FIRST.index(result.outcome), default=Result("never run", None))


def holes(promises: Mapping[str, Promise], proofs: Sequence[Proof]) -> list[str]:
    """What is wrong between page and tests: promises without a test, marks without a promise."""
    shown = {proof.promise for proof in proofs}
    return [
        *(f"{id_} has no test" for id_ in promises if id_ not in shown),
        *(
            f"{proof.test} proves {proof.promise}, which is no promise"
            for proof in proofs
            if proof.promise not in promises
        ),
    ]


def report(
    promises: Mapping[str, Promise], proofs: Sequence[Proof], results: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Lines for people: each promise, its tests and how they ended last."""
    for promise in promises.values():
        own = [(proof.test, result_of(proof.test, results)) for proof in proofs if proof.promise == promise.id]
        outcomes = [result.outcome for _, result in own]
        verdict = min(outcomes, key=_WORST_FIRST.index, default="no test")
        yield f"{promise.id:6} {verdict}"
        yield from textwrap.wrap(promise.sentence, _WIDTH, initial_indent=" " * 7, subsequent_indent=" " * 7)
        for test, result in own:
            yield f"       {result.outcome:9} {result.at or '':20} {test}"
    yield from holes(promises, proofs)


def main(root: Path | None = None) -> int:
    """Print all promises. Return 1 where one is without test, a mark names none, or a test failed last."""
    root = root or Path.cwd()
    promises = promises_of((root / PAGE).read_text(encoding="utf-8"))
    proofs, results = all_proofs(root), _read(root / _RESULTS)
    sys.stdout.writelines(line + "\n" for line in report(promises, proofs, results))
    failed = any(result_of(proof.test, results).outcome == "failed" for proof in proofs)
    return 1 if failed or holes(promises, proofs) else 0


# --- the plugin -----------------------------------------------------------------------------------------------------


class _Results:
    """Collects how marked tests end, and adds them to what earlier runs left."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._marked: set[str] = set()
        self._ended: dict[str, dict[str, str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which tests carry a mark."""
        self._marked = {item.nodeid for item in session.items if item.get_closest_marker("proves")}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a phase of a test ended; an error before or after the test counts as failed."""
        if report.nodeid not in self._marked or (report.when != "call" and report.passed):
            return
        if self._ended.get(report.nodeid, {}).get("outcome") != "failed":
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            self._ended[report.nodeid] = {"outcome": report.outcome, "at": now}

    def pytest_sessionfinish(self) -> None:
        """Keep the results; those of tests that were not run now stay as they were."""
        cache = self._config.cache
        if cache is not None and self._ended:
            cache.set(_KEY, {**cache.get(_KEY, {}), **self._ended})


def pytest_configure(config: pytest.Config) -> None:
    """Switch the collecting on where pytest keeps a cache."""
    if hasattr(config, "cache"):
        config.pluginmanager.register(_Results(config), "rathaus-promises")


# --- reading --------------------------------------------------------------------------------------------------------


def _proofs(node: ast.AST, name: str) -> Iterator[Proof]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _proofs(inner, f"{name}::{inner.name}")
            continue
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) in ("pytest.mark.proves", "mark.proves"):
            yield from (Proof(_text(argument, name), name) for argument in inner.args)
        yield from _proofs(inner, name)


def _text(argument: ast.expr, name: str) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    raise ValueError(f"{name} proves {ast.unparse(argument)}: write the id out as text")


def _belongs(node: str, test: str) -> bool:
    return node == test or node.startswith((f"{test}[", f"{test}::"))


def _read(path: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return results


if __name__ == "__main__":
    sys.exit(main())
