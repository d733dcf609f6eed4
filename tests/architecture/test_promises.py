"""Every promise has a test and every mark a promise; the machinery that says so is tried on planted pages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.testing.promises import PAGE, Proof, all_proofs, holes, main, promises_of, proofs_of, result_of

ROOT = Path(__file__).parents[2]
HEAD = "| id | promise | where from |\n| --- | --- | --- |\n"


def test_promises_and_tests_fit_together() -> None:
    assert holes(promises_of((ROOT / PAGE).read_text(encoding="utf-8")), all_proofs(ROOT)) == []


def test_a_promise_without_test_and_a_mark_without_promise_are_named() -> None:
    page = promises_of(HEAD + "| F1 | Nothing is lost. | fault |\n| PL-2 | Nothing is doubled. | goal |\n")
    assert holes(page, [Proof("F1", "a::b"), Proof("F9", "a::c")]) == [
        "PL-2 has no test",
        "a::c proves F9, which is no promise",
    ]


def test_an_id_cannot_stand_twice() -> None:
    with pytest.raises(ValueError, match="F1 stands twice"):
        promises_of(HEAD + "| F1 | One. | fault |\n| F1 | Two. | fault |\n")


def test_marks_are_found_wherever_they_may_stand() -> None:
    source = (
        "pytestmark = [pytest.mark.proves('F1')]\n"
        "@pytest.mark.proves('F2', 'F3')\nasync def test_two(): ...\n"
        "class TestMany:\n    @pytest.mark.proves('F4')\n    def test_three(self): ...\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.proves('F5'))])\ndef test_four(x): ...\n"
        "def test_five():\n    words = \"pytest.mark.proves('F6')\"\n"
    )
    assert list(proofs_of("t.py", source)) == [
        Proof("F1", "t.py"),
        Proof("F2", "t.py::test_two"),
        Proof("F3", "t.py::test_two"),
        Proof("F4", "t.py::TestMany::test_three"),
        Proof("F5", "t.py::test_four"),
    ]


def test_an_id_that_is_not_written_out_is_refused() -> None:
    with pytest.raises(ValueError, match="write the id out"):
        list(proofs_of("t.py", "@pytest.mark.proves(ID)\ndef test_it(): ..."))


def test_the_worst_result_counts() -> None:
    results = {
        "t.py::test_it[a]": {"outcome": "passed", "at": "2026-12-01T08:00:00Z"},
        "t.py::test_it[b]": {"outcome": "failed", "at": "2026-12-01T08:00:01Z"},
        "t.py::test_it_too": {"outcome": "passed", "at": "2026-12-01T08:00:02Z"},
    }
    assert result_of("t.py::test_it", results).outcome == "failed"
    assert result_of("t.py::test_it_too", results).outcome == "passed"
    assert result_of("t.py", results).outcome == "failed"
    assert result_of("t.py::test_other", results).outcome == "never run"


PLUGGED = """
pytest_plugins = ["chassis.testing.promises"]
def pytest_configure(config):
    config.addinivalue_line("markers", "proves(*ids): x")
"""
TESTS = """
import pytest

@pytest.mark.proves("F1")
def test_good(): ...

@pytest.mark.proves("F2")
@pytest.mark.parametrize("number", [1, 2])
def test_half(number): assert number == 1

@pytest.mark.proves("F3")
def test_not_selected(): ...

@pytest.fixture
def broken(): raise OSError("gone")

@pytest.mark.proves("F4")
def test_unready(broken): ...

def test_unmarked(): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with four promises, whose tests have been run once, all but one."""
    (tmp_path / "docs").mkdir()
    rows = "".join(f"| F{number} | Promise number {number}. | fault |\n" for number in (1, 2, 3, 4))
    (tmp_path / PAGE).write_text(HEAD + rows)
    (tmp_path / "conftest.py").write_text(PLUGGED)
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run(tmp_path, "-k", "not selected")
    return tmp_path


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=folder, env=alone, capture_output=True, check=False)


def test_results_are_remembered_and_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(project) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in printed if line.startswith("F")] == [
        ["F1", "passed"],
        ["F2", "failed"],
        ["F3", "never run"],
        ["F4", "failed"],
    ]
    assert "       Promise number 1." in printed
    assert any(line.startswith("       passed") and line.endswith("Z test_them.py::test_good") for line in printed)
    cached = json.loads((project / ".pytest_cache/v/rathaus/promises").read_text())
    assert not any("unmarked" in name for name in cached)


def test_a_later_run_changes_only_what_it_ran(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    healed = TESTS.replace("== 1", "> 0").replace('raise OSError("gone")', "return 1")
    (project / "test_them.py").write_text(healed)
    run(project, "-k", "half or unready or selected")
    assert main(project) == 0
    assert capsys.readouterr().out.count(" passed") == 8


def test_a_hole_is_a_failure(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "test_them.py").write_text("def test_nothing(): ...")
    assert main(project) == 1
    assert "F1 has no test" in capsys.readouterr().out
