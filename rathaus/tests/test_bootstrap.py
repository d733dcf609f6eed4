"""What a machine lacks is said in one sentence."""

import importlib.util
import shutil
import subprocess
import sys
from types import ModuleType

import pytest

from rathaus.stack import REPOSITORY


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", REPOSITORY / "rathaus" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"Python 3\.11 bis 3\.13 fehlt: gefunden wurde 3\.10\."):
        bootstrap.suitable_python()


def test_another_python_on_the_path_is_taken(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(shutil, "which", lambda name: sys.executable if name == "python3.12" else None)
    assert bootstrap.suitable_python() == sys.executable


def test_a_missing_venv_module_is_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    with pytest.raises(SystemExit, match="Das Modul venv fehlt"):
        bootstrap.suitable_python()


def test_a_missing_git_is_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="git fehlt"):
        bootstrap.main()


def test_a_changed_requirement_changes_the_stamp(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [REPOSITORY / "rathaus"]
    assert bootstrap.stamp("python", members) == bootstrap.stamp("python", members)
    assert bootstrap.stamp("python", members) != bootstrap.stamp("python", [*members, REPOSITORY / "chassis"])
