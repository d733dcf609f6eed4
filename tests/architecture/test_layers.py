"""What each kind of file in a service may import, to the letter: the linter cannot say "standard library only"."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
TOP = frozenset({"__init__", "__main__", "app", "settings"})
"""The files beside the folders of nouns."""


@dataclass(frozen=True)
class Kind:
    """What files of one name may import."""

    inside: frozenset[str]
    """Kinds of the same service."""
    contracts: bool = False
    chassis: bool = True
    others: bool = True
    """Packages that are not ours."""


EDGE = frozenset({"domain", "store", "client", "technique", "settings"})
KINDS: Mapping[str, Kind] = {
    "domain": Kind(frozenset({"domain"}), chassis=False, others=False),
    "events": Kind(frozenset({"domain"}), contracts=True, chassis=False, others=False),
    "store": Kind(frozenset({"domain", "events", "store", "technique"}), contracts=True),
    "client": Kind(frozenset({"domain", "store", "client", "technique"})),
    "worker": Kind(EDGE | {"worker"}),
    "handlers": Kind(EDGE, contracts=True),
    "api": Kind(EDGE | {"api"}),
    # One technique, named for itself (`hashing`, `jose`): what a noun needs beside its decisions, e.g. a library's use.
    "technique": Kind(EDGE, contracts=True),
}


def kind_of(stem: str) -> str:
    return stem if stem in KINDS or stem in TOP else "technique"


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """All imported modules with their lines; for ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names if not node.level)


def refusal(kind: Kind, service: str, module: str) -> str | None:
    first, *rest = module.split(".")
    if module.startswith("."):
        return "relative import"
    if first == service:
        inner = kind_of(rest[1]) if len(rest) > 1 else kind_of(rest[0]) if rest and rest[0] in TOP else None
        return f"{inner} of the service" if inner is not None and inner not in kind.inside else None
    if first in sys.stdlib_module_names:
        return None
    allowed = {"contracts": kind.contracts, "chassis": kind.chassis}.get(first, kind.others)
    return None if allowed else f"package {first}"


def violations(service: str, stem: str, source: str) -> list[str]:
    """What a file of a noun imports that its kind may not."""
    kind = KINDS[kind_of(stem)]
    return [
        f"line {line}: {module} ({why})"
        for line, module in imported(ast.parse(source))
        if (why := refusal(kind, service, module)) is not None and not is_name(service, module)
    ]


def is_name(service: str, module: str) -> bool:
    """``from forms.drafts.store import Drafts``: the third part names the file, the fourth something in it."""
    return module.startswith(f"{service}.") and module.count(".") > 2


def noun_files() -> list[Path]:
    return sorted(path for path in SERVICES.glob("*/src/*/*/*.py") if path.stem != "__init__")


@pytest.mark.parametrize("path", noun_files(), ids=lambda path: "/".join(path.parts[-3:]))
def test_files_import_only_what_their_kind_may(path: Path) -> None:
    assert violations(path.parts[-3], path.stem, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(SERVICES.glob("*/src/*/*.py")), ids=lambda path: "/".join(path.parts[-2:]))
def test_beside_the_nouns_lie_only_wiring_and_settings(path: Path) -> None:
    assert path.stem in TOP


def test_nouns_are_not_nested() -> None:
    deeper = list(SERVICES.glob("*/src/*/*/*/**/*.py"))
    assert deeper == [], "one folder per noun: folders inside a noun hold data"


@pytest.mark.parametrize(
    ("stem", "line", "refused"),
    [
        ("domain", "import pydantic", True),
        ("domain", "from pydantic import BaseModel", True),
        ("domain", "def late():\n    import httpx", True),
        ("domain", "import chassis.errors", True),
        ("domain", "from contracts.forms import ApplicationSubmitted", True),
        ("domain", "from forms.drafts import store", True),
        ("domain", "from forms.drafts.domain import Draft", False),
        ("domain", "from .store import Drafts", True),
        ("domain", "from datetime import datetime", False),
        ("events", "from contracts.forms import ApplicationSubmitted", False),
        ("events", "from forms.drafts.domain import Draft", False),
        ("events", "from forms.drafts import domain", False),
        ("events", "from forms.drafts.store import Drafts", True),
        ("events", "import pydantic", True),
        ("store", "from forms.drafts.events import contract_events", False),
        ("store", "from forms.drafts.api import router", True),
        ("store", "from forms.drafts import api", True),
        ("client", "import httpx", False),
        ("client", "from contracts.forms import ApplicationSubmitted", True),
        ("api", "from forms.drafts.store import Drafts", False),
        ("api", "from forms.drafts.events import contract_events", True),
        ("api", "from contracts.forms import ApplicationSubmitted", True),
        ("api", "from forms.drafts.handlers import note", True),
        ("api", "from forms.app import wire", True),
        ("handlers", "from contracts.identity import AccountLinked", False),
        ("handlers", "from forms.drafts.api import router", True),
        ("handlers", "from forms.drafts.events import contract_events", True),
        ("worker", "from forms.drafts.client import Peer", False),
        ("worker", "from contracts.forms import ApplicationSubmitted", True),
        ("hashing", "import argon2", False),
        ("hashing", "from forms.drafts.api import router", True),
        ("store", "from forms.drafts.hashing import digest", False),
    ],
)
def test_a_planted_import_is_judged(stem: str, line: str, refused: bool) -> None:
    assert bool(violations("forms", stem, line)) == refused
