"""Images of one's own under the names of Kafka's and MongoDB's, for an engine that reaches no registry of images.

    python deploy/stand-ins/build.py stand-in-base

The argument names an image with this environment's Python version, bash and glibc: docs/operations/containers.md tells
how one is made. For proofs on this machine, never to be shipped: the database is the embedded one (GPL-2.0-only), its
source changed by a line, and says so in its log.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

import yaml

from rathaus.stack import CACHE, REPOSITORY, java

HERE = Path(__file__).parent


def main(base: str) -> None:
    """Build both images; Docker's own variables say with which engine."""
    images = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]
    for name, fill in (("kafka", broker), ("database", database)):
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder)
            shutil.copytree(HERE / name, context, dirs_exist_ok=True)
            fill(context)
            tag = images[name]["image"]
            command = ["docker", "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", tag, str(context)]
            subprocess.run(command, check=True)  # noqa: S603  the command line is ours
            sys.stdout.write(f"{tag}\n")


def broker(context: Path) -> None:
    """Lay down Java and Kafka's jars, as the embedded stack has them."""
    shutil.copytree(Path(java.java()).parents[1], context / "java")
    (context / "jars").mkdir()
    for jar in java.jars("kafka", CACHE):
        shutil.copy(jar, context / "jars")


def database(context: Path) -> None:
    """Lay down the embedded database with all that it imports."""
    for name in sorted(needed("secantusdb", set())):
        for file in distribution(name).files or []:
            if ".." not in file.parts:
                target = context / "python" / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)


def needed(name: str, known: set[str]) -> set[str]:
    """Collect a distribution and those that it cannot do without."""
    if name not in known:
        known.add(name)
        for requirement in distribution(name).requires or []:
            other = re.match(r"[\w.-]+", requirement)
            if other and ";" not in requirement:
                needed(other.group(), known)
    return known


if __name__ == "__main__":
    main(*sys.argv[1:])
