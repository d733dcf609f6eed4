"""Whether a service that reads and reads keeps its memory: a million events through the real reader, in a process.

The places of a fixed number of sources are kept in memory, so that whatever grows grows with the events.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from frame.figures import Figure, Measured, Pace
from frame.results import main
from frame.steady import LOOKS, SOURCES

EVENTS: Final = 1_000_000
_WARM: Final = 4
"""Looks until the process is warm: a tenth of the events."""
_MB: Final = 1e6
FIGURES: Final = (
    Figure(
        "P14d",
        f"memory of a reader after {EVENTS:,} events",
        "MB",
        goal=1.10,
        floor=1.30,
        beside="after the first tenth of them",
        at_most=True,
    ),
)


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file; the runs are the last looks of one process."""
    seen = await _looks(int(EVENTS * pace.seconds))
    last = tuple(look / _MB for look in seen[-pace.runs :])
    note = f"{SOURCES} sources; most at any look: {max(seen) / _MB:.1f} MB; the runs are the last looks of one process."
    return [Measured(FIGURES[0], last, (seen[_WARM - 1] / _MB,) * len(last), note)]


async def _looks(events: int) -> list[int]:
    """Run the reader in a process of its own; the bytes it had at each look."""
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frame.steady", str(events), stdout=asyncio.subprocess.PIPE, env=paths
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the reader ended with {process.returncode}")
    seen: list[int] = json.loads(told)
    if len(seen) != LOOKS:
        raise RuntimeError(f"{len(seen)} looks, wanted {LOOKS}")
    return seen


if __name__ == "__main__":
    main(__file__, measure)
