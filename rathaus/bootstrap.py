"""Sets up the checkout: Python environment, locked packages, members. Standard library only, run by any Python 3.

``python3 rathaus/bootstrap.py`` is called by ``make`` and does nothing where the stamp says that nothing has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
UV = "uv==0.13.8"
OLDEST, NEWEST = (3, 11), (3, 13)
MEMBERS = ("contracts", "chassis", "services/*", "sandbox", "rathaus")


def main():
    """Bring the environment to what requirements.txt and the members say."""
    if not shutil.which("git"):
        sys.exit("git fehlt: bitte installieren (apt-get install git).")
    python = suitable_python()
    members = sorted(file.parent for member in MEMBERS for file in ROOT.glob(f"{member}/pyproject.toml"))
    wanted = stamp(python, members)
    with Alone():
        if read(VENV / "stamp") == wanted:
            return
        began = time.monotonic()
        if not (VENV / "bin" / "python").exists():
            say("Python-Umgebung wird angelegt")
            run(python, "-m", "venv", str(VENV))
        own = str(VENV / "bin" / "python")
        say("Pakete werden geholt (etwa 600 MB, beim ersten Mal ein bis zwei Minuten)")
        run(own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)
        uv = str(VENV / "bin" / "uv")
        run(uv, "pip", "sync", "--quiet", "--python", own, "--require-hashes", "requirements.txt")
        editable = [word for member in members for word in ("-e", str(member))]
        run(uv, "pip", "install", "--quiet", "--python", own, "--no-deps", *editable)
        (VENV / "stamp").write_text(wanted)
        say(f"Umgebung bereit nach {time.monotonic() - began:.0f} s")


def suitable_python():
    """Return a Python 3.11 to 3.13 that can make environments: this one, or another one on the path."""
    running = sys.version_info[:2]
    names = [] if OLDEST <= running <= NEWEST else [f"python3.{minor}" for minor in (13, 12, 11)]
    found = [sys.executable] if not names else [path for path in map(shutil.which, names) if path]
    for python in found:
        able = subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False)  # noqa: S603
        if able.returncode == 0:
            return python
    if names:
        sys.exit(f"Python 3.11 bis 3.13 fehlt: gefunden wurde {running[0]}.{running[1]}.")
    sys.exit(f"Das Modul venv fehlt zu {sys.executable}: bitte installieren (apt-get install python3-venv).")


def stamp(python, members):
    """Return what the environment is made from, as one hash."""
    made_from = hashlib.sha256((python + UV + str(ROOT)).encode())
    for file in (ROOT / "requirements.txt", *(member / "pyproject.toml" for member in members)):
        made_from.update(file.read_bytes())
    return made_from.hexdigest()


class Alone:
    """Holds a lock: of two calls at once, one sets up and the other waits."""

    def __enter__(self):
        """Wait for the lock."""
        import fcntl

        folder = ROOT / ".rathaus" / "cache"
        folder.mkdir(parents=True, exist_ok=True)
        self.file = (folder / "bootstrap.lock").open("w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *error):
        """Let the next one in."""
        self.file.close()


def run(*command):
    """Run a command in the checkout; end with one sentence where it fails."""
    # The machine's authorities, as pip's: where a proxy opens TLS, uv's own list does not know it.
    surroundings = {"UV_SYSTEM_CERTS": "true", **os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    surroundings.pop("VIRTUAL_ENV", None)
    if subprocess.run(command, cwd=ROOT, env=surroundings, check=False).returncode:  # noqa: S603  commands are ours
        sys.exit(f"Fehlgeschlagen: {' '.join(command[:6])} …")


def read(file):
    """Return a file's text, empty where it is missing."""
    return file.read_text() if file.exists() else ""


def say(text):
    """Tell what happens."""
    sys.stdout.write(f"· {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
