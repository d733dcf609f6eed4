"""What the stack knows of one of its parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rathaus.stack.ports import Ports
from rathaus.stack.secrets import Secrets
from rathaus.stack.supervisor import Child


@dataclass(frozen=True)
class Place:
    """Where a stack lives."""

    home: Path
    """Its data: this stack's alone."""
    cache: Path
    """What stacks may share, because it can be fetched or derived again."""
    repository: Path
    """The checkout, for configuration that is read at start."""
    ports: Ports
    secrets: Secrets
    services_also: Mapping[str, str] = field(default_factory=dict)
    """Environment of the five services beyond what they need, e.g. the wall between them in tests."""

    def folder(self, name: str) -> Path:
        """Return a folder of the home, made if it is missing and closed to others."""
        folder = self.home / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Part:
    """One process of the stack and how to bring it up."""

    name: str
    command: Callable[[], Sequence[str]]
    """Writes what the process needs and returns its command line. Called once per stack, in a thread."""
    ready: Callable[[], bool]
    """Whether the process does its work now; must not raise and answers within a few seconds."""
    broken: Callable[[], bool] | None = None
    """Whether the running process says of itself that only a new start helps; not asked where None."""
    after: tuple[str, ...] = ()
    """Parts that must be ready and settled before."""
    environment: Mapping[str, str] = field(default_factory=dict)
    settle: Callable[[], None] = _nothing
    """What must be done once after the first readiness, e.g. topics."""
    stop_seconds: float = 5.0
    """How long the process may take to end after SIGTERM."""
    child: Callable[..., Child] = Child
    """What runs it, called with the arguments of ``Child``."""
