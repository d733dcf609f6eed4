"""The page of figures shows what the measurements last found, all of them, and says so where a goal is missed."""

import asyncio
import importlib
from pathlib import Path

import pytest

from frame import results
from frame.figures import FULL, Figure, Measured, in_turn, rate
from frame.machine import QUIET

FILES = sorted(results.BENCHMARKS.glob("*.py"))
ROW = Figure("X1", "ours", "/s", goal=0.5, floor=0.3, beside="theirs")


def test_the_page_shows_the_last_results() -> None:
    assert results.PAGE.read_text(encoding="utf-8") == results.page(), "a measurement writes the page: run it"


@pytest.mark.proves("PL-25")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_figure_of_the_page_has_its_measurement(file: Path) -> None:
    declared = importlib.import_module(file.stem).FIGURES
    _, measured = results.kept()[file.stem]
    assert [row.figure for row in measured] == list(declared)
    assert all(len(row.ours) >= 3 for row in measured)
    assert [f"{row.figure.id}: {row.median}" for row in measured if row.has_fallen] == [], "under its floor"
    assert FULL.runs >= 5


def test_no_result_is_left_of_a_measurement_that_is_gone() -> None:
    assert set(results.kept()) == {file.stem for file in FILES}


def test_each_figure_has_a_name_of_its_own() -> None:
    ids = [row.figure.id for _, measured in results.kept().values() for row in measured]
    assert len(ids) == len(set(ids))


@pytest.mark.proves("PL-25")
def test_a_figure_under_its_floor_is_a_regression_and_one_under_its_goal_is_missed() -> None:
    good, missed, fallen = (Measured(ROW, (ours, ours, ours), (100.0, 100.0, 100.0)) for ours in (60.0, 40.0, 20.0))
    assert (good.is_met, good.has_fallen) == (True, False)
    assert (missed.is_met, missed.has_fallen) == (False, False)
    assert (fallen.is_met, fallen.has_fallen) == (False, True)
    small = Figure("X2", "memory", "MB", goal=90, floor=120, at_most=True)
    assert Measured(small, (80.0,)).is_met
    assert Measured(small, (130.0,)).has_fallen


def test_the_value_is_the_median_of_ratios_of_the_same_round() -> None:
    measured = Measured(ROW, (50.0, 10.0, 90.0), (100.0, 10.0, 100.0))
    assert measured.values == (0.5, 1.0, 0.9)
    assert measured.median == 0.9


async def test_sides_run_in_turn_after_a_round_to_warm_up() -> None:
    ran: list[str] = []

    async def one() -> float:
        ran.append("a")
        return 1.0

    async def other() -> float:
        ran.append("b")
        return 2.0

    assert await in_turn(3, one, other) == [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)]
    assert "".join(ran) == "ab" + "ab" + "ba" + "ab"


async def test_a_rate_counts_what_was_done() -> None:
    done = 0

    async def work() -> None:
        nonlocal done
        done += 1
        await asyncio.sleep(0.001)

    found = await rate(work, seconds=0.2, callers=4)
    assert found == pytest.approx(done / 0.2, rel=0.3)


def test_a_noisy_machine_is_named() -> None:
    run = {"at": "2026-12-01 08:00", "seconds": 3, "load": 4.0, "machine": {}, "used_by_others": 2 * QUIET}
    run["machine"] = dict.fromkeys(("cores", "memory", "system", "python"), "x")
    assert "noisy" in results._run_cells(run)
    assert "noisy" not in results._run_cells({**run, "used_by_others": QUIET / 2})
