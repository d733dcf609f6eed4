"""What a machine lacks is said in one sentence."""

import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rathaus import portalbuild
from rathaus.stack import REPOSITORY, Ports, java
from rathaus.stack.java import NotFetched


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


def test_packages_are_fetched_by_the_machines_own_authorities(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a proxy opens TLS, as in many an administration, no list that a program brings along knows it."""
    told = [sys.executable, "-c", "import os, sys; sys.exit(os.environ['UV_SYSTEM_CERTS'] != sys.argv[1])"]
    bootstrap.run(*told, "true")
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")
    bootstrap.run(*told, "false")


def test_packages_of_the_portal_too(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"told": "test $NODE_USE_SYSTEM_CA = 1"}}')
    portalbuild.npm(tmp_path, "run", "told")


def test_a_jar_that_cannot_be_fetched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{Ports.free().gateway}")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with pytest.raises(NotFetched, match=r"^org\.apache\.kafka:.* ließ sich nicht holen: .*ProxyError"):
        java.jars("kafka", tmp_path)
    assert os.environ.get("REQUESTS_CA_BUNDLE") == ssl.get_default_verify_paths().cafile
