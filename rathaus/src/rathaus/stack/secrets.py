"""Passwords and keys of one stack: made once, kept in one file that only its owner may read."""

import json
import os
import secrets
import threading
from pathlib import Path

_BYTES = 32


class Secrets:
    """Named secrets, each 32 random bytes in base64url. Made when first asked for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, name: str) -> str:
        """Return the secret of a name, the same one after every restart."""
        with self._lock:
            if name not in self._known:
                self._known[name] = secrets.token_urlsafe(_BYTES)
                self._write()
            return self._known[name]

    def _write(self) -> None:
        aside = self._file.with_suffix(".new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(self._known, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(self._file)
