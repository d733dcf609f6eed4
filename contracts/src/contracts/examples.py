"""The examples: for every event at least one whole record, and one tombstone for every compacted topic."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Example:
    """One record as it lies on its topic, ``examples/<type>/<number>.json``."""

    name: str
    """``<type>/<number>``."""
    type: str
    headers: dict[str, str]
    key: str
    body: dict[str, Any] | None
    """None: a tombstone."""

    @property
    def encoded_headers(self) -> list[tuple[str, bytes]]:
        """The headers as the broker's client hands them over."""
        return [(name, value.encode()) for name, value in self.headers.items()]

    @property
    def encoded_body(self) -> bytes | None:
        """The record's value."""
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


def read_examples(folder: Path) -> tuple[Example, ...]:
    """Read all examples under the folder, sorted by name. Raises KeyError or ValueError for a file that is none."""
    return tuple(_example(path) for path in sorted(folder.glob("*/*.json")))


def _example(path: Path) -> Example:
    record = json.loads(path.read_text(encoding="utf-8"))
    return Example(
        name=f"{path.parent.name}/{path.stem}",
        type=path.parent.name,
        headers=record["headers"],
        key=record["key"],
        body=record["body"],
    )
