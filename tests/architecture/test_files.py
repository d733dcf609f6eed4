"""Rules for all files of the repository. Each comes with a planted violation that it must find."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from contracts.topics import SERVICES

ROOT = Path(__file__).parents[2]
MOST_LINES = 400
VAGUE = frozenset({"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc", "shared"})
CODE = frozenset({".py", ".ts", ".tsx"})
GENERATED = re.compile(r"portal/src/.*\.d\.ts")
INDEXES = tuple(
    # In two halves, so that this list is not found itself.
    first + last
    for first, last in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("registry.npmjs", ".org"),
        ("registry.yarnpkg", ".com"),
        ("proxy.golang", ".org"),
        ("repo1.maven", ".org"),
        ("repo.maven", ".apache.org"),
    )
)
MACHINE = re.compile(r"(?<![\w/.-])/(?:wor" + r"k|roo" + r"t|hom" + r"e/[a-z]\w*)/[\w.]")
"""Paths of somebody's machine."""
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
SKIPS_MAY_NAME = "../shared/peers"


def tracked() -> list[PurePosixPath]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [PurePosixPath(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: PurePosixPath) -> str | None:
    """The file's text; None for pictures, documents and the like."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


FILES = tracked()
TEXTS = {path: text for path in FILES if (text := text_of(path)) is not None}
PYTHON = {path: text for path, text in TEXTS.items() if path.suffix == ".py"}


# --- names and sizes ------------------------------------------------------------------------------------------------


def vague(path: PurePosixPath) -> bool:
    return path.suffix in CODE and bool(VAGUE & {part.partition(".")[0].lower() for part in path.parts})


def test_names_say_what_a_file_is_about() -> None:
    assert [str(path) for path in FILES if vague(path)] == []


def test_a_vague_name_is_found() -> None:
    assert vague(PurePosixPath("services/forms/src/forms/drafts/utils.py"))
    assert vague(PurePosixPath("portal/src/common/Field.tsx"))
    assert not vague(PurePosixPath("docs/common.md"))


def too_long(path: PurePosixPath, text: str) -> bool:
    return path.suffix in CODE and not GENERATED.fullmatch(str(path)) and len(text.splitlines()) > MOST_LINES


def test_files_are_split_before_they_grow_long() -> None:
    assert {str(path): len(text.splitlines()) for path, text in TEXTS.items() if too_long(path, text)} == {}


def test_a_long_file_is_found() -> None:
    assert too_long(PurePosixPath("a.py"), "x\n" * 401)
    assert not too_long(PurePosixPath("a.py"), "x\n" * 400)
    assert not too_long(PurePosixPath("portal/src/api/forms.d.ts"), "x\n" * 9_000)


# --- texts ----------------------------------------------------------------------------------------------------------


def indexes(text: str) -> list[str]:
    return [host for host in INDEXES if host in text]


def test_no_file_names_a_package_index() -> None:
    assert {str(path): found for path, text in TEXTS.items() if (found := indexes(text))} == {}


def test_a_package_index_is_found() -> None:
    assert indexes(f'index-url = "https://{INDEXES[0]}/simple"') == [INDEXES[0]]


def machine_paths(text: str) -> list[str]:
    return [match.group() for match in MACHINE.finditer(text)]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert {str(path): found for path, text in TEXTS.items() if (found := machine_paths(text))} == {}


def test_a_machine_path_is_found() -> None:
    assert machine_paths("cd /" + "work/main")
    assert machine_paths('open("/' + 'root/.cache")')
    assert not machine_paths("https://example.org/work/1 and docs/" + "work/x")


def unfinished(text: str) -> list[str]:
    return [match.group() for match in UNFINISHED.finditer(text)]


def test_nothing_is_left_for_later() -> None:
    code = {path: text for path, text in TEXTS.items() if path.suffix in CODE | {".md", ".yaml", ".yml", ".toml"}}
    assert {str(path): found for path, text in code.items() if (found := unfinished(text))} == {}


def test_a_mark_for_later_is_found() -> None:
    assert unfinished("# TO" + "DO: later") == ["TO" + "DO"]


# --- Python ---------------------------------------------------------------------------------------------------------


def unchecked_tls(tree: ast.AST) -> Iterator[int]:
    """Lines on which a certificate would not be checked."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("verify", "verify_ssl", "check_hostname", "validate_certs"):
            if isinstance(node.value, ast.Constant) and node.value.value is False:
                yield node.value.lineno
        elif isinstance(node, ast.Attribute) and node.attr in ("CERT_NONE", "_create_unverified_context"):
            yield node.lineno
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is False:
            names = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
            if names & {"check_hostname", "verify"}:
                yield node.lineno


def test_certificates_are_always_checked() -> None:
    assert {str(path): lines for path, text in PYTHON.items() if (lines := [*unchecked_tls(ast.parse(text))])} == {}


@pytest.mark.parametrize(
    "line",
    ["httpx.get(url, verify=False)", "ctx.check_hostname = False", "ctx.verify_mode = ssl.CERT_NONE"],
)
def test_an_unchecked_certificate_is_found(line: str) -> None:
    assert [*unchecked_tls(ast.parse(line))] == [1]


def skips(tree: ast.AST) -> Iterator[int]:
    """Lines that skip a test, or expect it to fail, for another reason than the one that is allowed."""
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_skip(node.func):
            if not any(SKIPS_MAY_NAME in text for text in texts_of(node)):
                yield node.lineno
        elif isinstance(node, ast.Attribute) and is_skip(node) and node not in called:
            yield node.lineno


def is_skip(node: ast.expr) -> bool:
    return re.fullmatch(r"pytest\.(importorskip|(mark\.)?(skip|skipif|xfail))", ast.unparse(node)) is not None


def texts_of(node: ast.AST) -> Iterator[str]:
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_no_test_is_skipped() -> None:
    assert {str(path): lines for path, text in PYTHON.items() if (lines := [*skips(ast.parse(text))])} == {}


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("pytest.skip('too slow')", True),
        ("mark = pytest.mark.skip", True),
        ("@pytest.mark.xfail\ndef test_it(): ...", True),
        ("pytest.importorskip('motor')", True),
        ("pytest.mark.skipif(gone, reason='no broker')", True),
        ("pytest.mark.skipif(gone, reason='../shared/peers is absent')", False),
    ],
)
def test_a_skipped_test_is_found(line: str, refused: bool) -> None:
    assert bool([*skips(ast.parse(line))]) == refused


# --- no HTTP between services -----------------------------------------------------------------------------------------


def neighbours(service: str, tree: ast.AST) -> Iterator[str]:
    """Where a service names a route or an address of another."""
    others = [other for other in SERVICES if other != service]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"route {node.value!r}" for other in others if f"/api/{other}/" in node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if {"url", "host", "port", "address"} & set(name.split("_")):
                modules = (other.replace("-", "_") for other in others)
                yield from (f"setting {name}" for module in modules if name.startswith(module))


@pytest.mark.proves("PL-01")
def test_no_service_knows_an_address_of_another() -> None:
    found = {}
    for service in SERVICES:
        for path, text in PYTHON.items():
            if path.is_relative_to(f"services/{service}/src") and (named := [*neighbours(service, ast.parse(text))]):
                found[str(path)] = named
    assert found == {}


@pytest.mark.parametrize("line", ['get("/api/forms/v1/services")', "forms_url: str", "osi_gateway_host: str = 'x'"])
def test_a_neighbours_address_is_found(line: str) -> None:
    assert [*neighbours("notify", ast.parse(line))]


def test_own_routes_are_no_neighbours() -> None:
    assert not [*neighbours("forms", ast.parse('get("/api/forms/v1/services"); public_url: str'))]
