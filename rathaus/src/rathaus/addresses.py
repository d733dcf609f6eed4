"""Where a running town hall is reached. Written into its data folder while it runs; holds no secret."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from rathaus.stack import Stack

_FILE = "addresses.json"


@dataclass(frozen=True)
class Addresses:
    """What a script or a person needs to use the town hall from outside."""

    api: str
    """The gateway by number, for scripts."""
    public_url: str
    """The gateway by name, for browsers."""
    mailbox: str
    traces: str
    """Trace page; one trace is at ``/zipkin/traces/<trace id>``."""
    sandbox: str
    kafka: str
    """Bootstrap address, for the operator's commands."""
    database: str
    """Host and port, for the operator's commands."""
    parts: Mapping[str, str]
    """Address of each other part's own listener, by its name."""

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Addresses of a stack in this process."""
        parts = {name: stack.address(name) for name in stack.names if name not in ("database", "kafka")}
        database = stack.address("database").removeprefix("http://")
        return cls(
            stack.api,
            stack.public_url,
            stack.mailbox,
            stack.traces,
            stack.sandbox,
            stack.kafka_servers,
            database,
            parts,
        )

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Addresses of the town hall that runs on a data folder, None where none does."""
        file = home / _FILE
        return cls(**json.loads(file.read_text())) if file.exists() else None

    def write(self, home: Path) -> None:
        """Make the addresses known to other processes."""
        (home / _FILE).write_text(json.dumps(asdict(self), indent=1))

    @staticmethod
    def forget(home: Path) -> None:
        """Take them back: nothing runs any more."""
        (home / _FILE).unlink(missing_ok=True)
