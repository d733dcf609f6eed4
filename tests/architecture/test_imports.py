"""The import rules of the root pyproject.toml hold, none of them is empty, and each catches a planted violation."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
LINTER: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {contract["id"]: contract for contract in LINTER["contracts"]}
SOURCES = [*ROOT.glob("*/src"), *ROOT.glob("services/*/src")]

CLEAN: Mapping[str, str] = {
    "contracts/forms.py": "",
    "contracts/identity.py": "",
    "contracts/appointments.py": "",
    "contracts/notify.py": "",
    "contracts/osi_gateway.py": "",
    "contracts/envelope.py": "",
    "chassis/documents.py": "import motor\nimport pymongo\nimport bson",
    "chassis/broker.py": "import faststream\nimport contracts.identity",
    "chassis/testing/service.py": "import httpx",
    "identity/accounts/domain.py": "import dataclasses",
    "identity/accounts/events.py": "import identity.accounts.domain\nimport contracts.identity",
    "identity/accounts/store.py": "import identity.accounts.events\nimport chassis.documents",
    "identity/accounts/client.py": "import httpx\nimport identity.accounts.store",
    "identity/accounts/worker.py": "import identity.accounts.client",
    "identity/accounts/handlers.py": "import contracts.forms\nimport identity.accounts.store",
    "identity/accounts/api.py": "import identity.accounts.store\nimport identity.accounts.worker",
    "identity/settings.py": "",
    "identity/app.py": "import httpx\nimport identity.accounts.api\nimport identity.settings",
    "identity/__main__.py": "import identity.app",
    "forms/drafts/store.py": "",
    "appointments/__main__.py": "",
    "notify/__main__.py": "",
    "osi_gateway/exchange/answers.py": "import httpx",
    "sandbox/authority/worker.py": "import httpx",
    "rathaus/stack/database.py": "import pymongo\nimport contracts.forms\nimport chassis.broker",
}
"""A small tree in which every rule has something to look at, and keeps it."""

PLANTED = [
    ("members", "identity/accounts/store.py", "import forms.drafts.store"),
    ("members", "sandbox/authority/worker.py", "import forms.drafts.store"),
    ("members", "chassis/broker.py", "import identity.settings"),
    ("members", "contracts/forms.py", "import chassis.documents"),
    ("members", "notify/__main__.py", "import rathaus.stack.database"),
    ("nouns", "identity/accounts/store.py", "import identity.accounts.api"),
    ("nouns", "identity/accounts/store.py", "from identity.accounts import client"),
    ("nouns", "identity/accounts/client.py", "import identity.accounts.handlers"),
    ("nouns", "identity/accounts/store.py", "def late():\n    import identity.accounts.worker"),
    ("domain", "identity/accounts/domain.py", "import contracts.envelope"),
    ("domain", "identity/accounts/domain.py", "import chassis.documents"),
    ("domain", "identity/accounts/domain.py", "import identity.settings"),
    ("events", "identity/accounts/events.py", "import identity.accounts.store"),
    ("translation", "identity/accounts/store.py", "from contracts.identity import something"),
    ("translation", "identity/accounts/api.py", "import contracts.forms"),
    ("wiring", "identity/accounts/api.py", "import identity.app"),
    ("driver", "identity/accounts/store.py", "import bson"),
    ("driver", "chassis/broker.py", "from motor import motor_asyncio"),
    ("broker", "identity/accounts/handlers.py", "from faststream.kafka import KafkaBroker"),
    ("broker", "sandbox/authority/worker.py", "import aiokafka"),
    ("outside", "identity/accounts/store.py", "import httpx"),
    ("outside", "notify/__main__.py", "import smtplib"),
]


def lint(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--config", str(config), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        check=False,
    )


def broken(output: str) -> set[str]:
    """Ids of the rules that the linter reports as broken."""
    names = {contract["name"]: id_ for id_, contract in CONTRACTS.items()}
    return {names[found] for found in re.findall(r"^(.*) BROKEN", output, re.MULTILINE)}


def plant(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()
    config = folder / "pyproject.toml"
    config.write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return config


def test_the_repository_keeps_the_rules() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_clean_tree_keeps_them_too(tmp_path: Path) -> None:
    result = lint(tmp_path, plant(tmp_path, CLEAN))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("rule", "file", "line"), PLANTED)
def test_a_planted_violation_breaks_its_rule(rule: str, file: str, line: str, tmp_path: Path) -> None:
    result = lint(tmp_path, plant(tmp_path, {**CLEAN, file: f"{CLEAN[file]}\n{line}"}))
    assert result.returncode == 1, result.stdout + result.stderr
    assert rule in broken(result.stdout), result.stdout


def test_every_rule_is_planted() -> None:
    assert {rule for rule, _, _ in PLANTED} == CONTRACTS.keys()


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*LINTER["root_packages"], include_external_packages=True, cache_dir=None)


def patterns(contract: Mapping[str, Any]) -> Iterator[str]:
    """The expressions of one rule that must name modules of ours."""
    for field in ("source_modules", "protected_modules", "allowed_importers", "containers"):
        yield from contract.get(field, ())
    yield from (name for name in contract.get("forbidden_modules", ()) if ours(name))


def ours(expression: str) -> bool:
    first = expression.partition(".")[0]
    return first == "*" or first in LINTER["root_packages"]


@pytest.mark.parametrize("rule", CONTRACTS)
def test_no_pattern_of_a_rule_is_empty(rule: str, graph: grimp.ImportGraph) -> None:
    """A wildcard that matches nothing passes silently."""
    empty = [name for name in patterns(CONTRACTS[rule]) if not graph.find_matching_modules(name)]
    assert empty == []


def test_the_check_for_empty_patterns_sees_them(graph: grimp.ImportGraph) -> None:
    assert not graph.find_matching_modules("*.*.domains")


def test_every_module_is_looked_at(graph: grimp.ImportGraph) -> None:
    """A folder without ``__init__.py`` is no package for the linter: it would pass over what lies there."""
    missing = []
    for source in SOURCES:
        for path in source.rglob("*.py"):
            if path.name == "sitecustomize.py":
                continue  # Python's own hook for the start of a process: it finds the file by its folder
            parts = path.relative_to(source).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name not in graph.modules:
                missing.append(path.relative_to(ROOT).as_posix())
    assert sorted(missing) == []


def test_every_member_is_looked_at() -> None:
    members = {path.name for source in SOURCES for path in source.iterdir() if (path / "__init__.py").exists()}
    assert members == set(LINTER["root_packages"])


def test_forbidden_packages_are_written_as_they_are_imported() -> None:
    """A misspelt package would never be found; each must be installed, or be an alternative nobody may reach for."""
    alternatives = {"httpx2", "aiohttp", "requests", "urllib3"}
    outside = {name for rule in CONTRACTS.values() for name in rule.get("forbidden_modules", ()) if not ours(name)}
    assert [name for name in sorted(outside - alternatives) if importlib.util.find_spec(name) is None] == []
