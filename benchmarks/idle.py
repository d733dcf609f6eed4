"""What a town hall costs that nobody uses: memory of each service, and the time until all of it answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contracts.topics import SERVICES
from frame.figures import Figure, Measured, Pace, now
from frame.ground import town
from frame.results import main
from rathaus import portalbuild

_MB: Final = 1e6
FIGURES: Final = (
    Figure(
        "P14",
        "memory of an idle service, the largest of five",
        "MB",
        goal=90,
        floor=150,
        at_most=True,
        bound="Resident memory counts the libraries that all five share, in each of them: FastAPI and pydantic 19 MB,"
        " cryptography 10, asyncio with TLS 9, uvicorn 9, Kafka 7, the driver 7, the exporter of traces 6, the service"
        " itself 10 to 20 (docs/decisions/0060).",
    ),
    Figure("P14b", "all five services ready, from their start beside each other", "s", goal=6, floor=10, at_most=True),
    Figure(
        "P14c",
        "the whole town hall ready, from nothing, jars and portal at hand",
        "s",
        goal=25,
        floor=25,
        at_most=True,
    ),
)


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    portalbuild.build()
    memory: list[float] = []
    services: list[float] = []
    whole: list[float] = []
    seen: dict[str, float] = {}
    share = 0.0
    for _ in range(pace.runs):
        ready: dict[str, float] = {}
        begun: dict[str, float] = {}

        def report(name: str, event: str, seconds: float) -> None:
            (begun if event == "startet" else ready).setdefault(name, now())  # noqa: B023 - used up in this round

        began = now()
        with town(report=report) as stack:
            whole.append(now() - began)
            services.append(max(ready[name] for name in SERVICES) - min(begun[name] for name in SERVICES))
            seen = {name: stack.memory(name) / _MB for name in stack.names}
            memory.append(max(seen[name] for name in SERVICES))
            share = max(_share(stack.pid(name)) for name in SERVICES)
    told = ", ".join(f"{name} {used:.0f}" for name, used in sorted(seen.items(), key=lambda entry: -entry[1]))
    return [
        Measured(FIGURES[0], tuple(memory), note=f"MB of each part in the last run: {told}. {_told(share)}"),
        Measured(FIGURES[1], tuple(services)),
        Measured(FIGURES[2], tuple(whole)),
    ]


def _share(pid: int | None) -> float:
    """Return MB of a process where each page that others use too counts by its part; 0 where the system hides it."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(row.split()[1]) * 1024 / _MB for row in rows if row.startswith("Pss:"))


def _told(share: float) -> str:
    return f"With shared pages counted by their part the largest service has {share:.0f} MB." if share else ""


if __name__ == "__main__":
    main(__file__, measure)
