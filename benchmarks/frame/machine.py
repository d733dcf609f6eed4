"""The machine, and how much of it others use while we measure."""

import os
import platform
import time
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/stat")
QUIET: Final = 0.10
"""Share of the processors that others may use before a run without being called noise."""


def describe() -> dict[str, str]:
    """Return what figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def used_by_others(seconds: float = 1.0) -> float | None:
    """Return the share of all processors that is used while this process waits; None where the system hides it."""
    if not _STAT.exists():
        return None
    busy, total = _ticks()
    time.sleep(seconds)
    busy_then, total_then = _ticks()
    return (busy_then - busy) / max(1, total_then - total)


def wait_until_quiet(seconds: float) -> float | None:
    """Wait at most so long until others use next to nothing; return what they use then."""
    until = time.monotonic() + seconds
    while True:
        used = used_by_others()
        if used is None or used <= QUIET or time.monotonic() > until:
            return used


def _ticks() -> tuple[int, int]:
    numbers = [int(word) for word in _STAT.read_text().splitlines()[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return sum(numbers) - idle, sum(numbers)
