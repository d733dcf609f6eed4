"""Results as files, one for each measurement, and the page that shows them all."""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from frame import machine
from frame.figures import FULL, Figure, Measured, Pace

BENCHMARKS: Final = Path(__file__).parents[1]
RESULTS: Final = BENCHMARKS / "results"
PAGE: Final = BENCHMARKS.parent / "docs" / "figures.md"
_PATIENCE: Final = 20.0
"""Seconds to wait for a quiet machine."""
_HEAD: Final = """\
# Figures

What the product's own code costs, each as a ratio to a raw limit or a peer **in the same run on the same machine**:
absolute values belong to the machine, ratios to us. `make bench` measures everything anew and writes this page; one
file alone: `.venv/bin/python benchmarks/writes.py`. A figure is the median of at least five runs of both sides in turn,
with the least and the greatest. `make test` measures the cheap ones briefly and fails where one falls under its floor,
which is what a noisy machine does not explain.

"""


def main(file: str, measure: Callable[[Pace], Awaitable[Sequence[Measured]]]) -> None:
    """Measure, keep the results, write the page; exit code 1 where a figure fell under its floor."""
    name = Path(file).stem
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--runs", type=int, default=FULL.runs)
    parser.add_argument("--seconds", type=float, default=FULL.seconds, help="length of a run, where it has one")
    parser.add_argument("--dry", action="store_true", help="print only")
    asked = parser.parse_args()
    used, load, began = machine.wait_until_quiet(_PATIENCE), os.getloadavg()[0], time.monotonic()
    found = asyncio.run(_all(measure, Pace(asked.runs, asked.seconds)))
    for measured in found:
        print(f"{name}: {' | '.join(_cells(measured))}", flush=True)
    if not asked.dry:
        run = {
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            "seconds": round(time.monotonic() - began),
            "used_by_others": used,
            "load": load,
            "machine": machine.describe(),
        }
        _keep(name, run, found)
        PAGE.write_text(page(), encoding="utf-8")
    sys.exit(1 if any(measured.has_fallen for measured in found) else 0)


async def _all(measure: Callable[[Pace], Awaitable[Sequence[Measured]]], pace: Pace) -> Sequence[Measured]:
    return await measure(pace)


def _keep(name: str, run: dict[str, Any], found: Sequence[Measured]) -> None:
    RESULTS.mkdir(exist_ok=True)
    kept = {"run": run, "figures": [asdict(measured) for measured in found]}
    text = json.dumps(kept, indent=1, ensure_ascii=False, default=str)
    (RESULTS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def kept() -> dict[str, tuple[dict[str, Any], list[Measured]]]:
    """Return the last results of each measurement: how it was run, and its figures."""
    found = {}
    for file in sorted(RESULTS.glob("*.json")):
        read = json.loads(file.read_text(encoding="utf-8"))
        figures = [
            Measured(Figure(**row["figure"]), tuple(row["ours"]), tuple(row["beside"]), row["note"])
            for row in read["figures"]
        ]
        found[file.stem] = (read["run"], figures)
    return found


def page() -> str:
    """Return the page with the last results of all measurements."""
    results = kept()
    lines = ["| id | figure | ours | beside it | value (least to greatest) | goal | |", "| --- " * 7 + "|"]
    rows = [(measured, name) for name, (_, figures) in results.items() for measured in figures]
    for measured, name in sorted(rows, key=lambda row: _order(row[0].figure.id)):
        cells = _cells(measured)
        cells[1] = f"[{cells[1]}](../benchmarks/{name}.py)"
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## What bounds what", ""]
    for measured, _ in sorted(rows, key=lambda row: _order(row[0].figure.id)):
        told = " ".join(text for text in (measured.figure.bound, measured.note) if text)
        if told:
            lines.append(f"- **{measured.figure.id}**: {told}")
    lines += ["", "## How it was measured", ""]
    lines += ["| measurement | when (UTC) | took | others used before it | load | machine |", "| --- " * 6 + "|"]
    lines += [f"| `benchmarks/{name}.py` | {_run_cells(run)} |" for name, (run, _) in results.items()]
    return _HEAD + "\n".join(lines) + "\n"


def _cells(measured: Measured) -> list[str]:
    figure = measured.figure
    sign = "≤" if figure.at_most else "≥"
    unit = "" if figure.beside else f" {figure.unit}"
    values = measured.values
    return [
        figure.id,
        figure.what,
        f"{_number(statistics.median(measured.ours))} {figure.unit}",
        f"{_number(statistics.median(measured.beside))} {figure.unit}: {figure.beside}" if measured.beside else "–",
        f"**{_number(measured.median)}**{unit} ({_number(min(values))} to {_number(max(values))}, {len(values)} runs)",
        f"{sign} {_number(figure.goal)}{unit}",
        "met" if measured.is_met else "**missed**",
    ]


def _run_cells(run: dict[str, Any]) -> str:
    used = run["used_by_others"]
    told = "unknown" if used is None else f"{used:.0%}{'' if used <= machine.QUIET else ': **noisy**'}"
    what = run["machine"]
    described = f"{what['cores']} cores, {what['memory']}, {what['system']}, Python {what['python']}"
    return f"{run['at']} | {run['seconds']} s | {told} | {run['load']:.1f} | {described}"


def _order(id: str) -> tuple[int, str]:
    digits = "".join(letter for letter in id if letter.isdigit())
    return int(digits or 0), id


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
