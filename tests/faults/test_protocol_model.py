"""The rules of write, relay and consume, as a model: the real chassis on fakes, with whatever can happen in between.

Every operation on database and broker is a step that may be lost, answered late or never, happen after its caller gave
up, be taken back by a crash of the database, or be its process's last. Seeds are for breadth, Hypothesis for the
shortest schedule of what breaks, and each weaker form of a rule shows that the model would notice.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

import pytest
from checker import violations
from drain import drain
from protocol import finish, play
from schedules import broken_by
from steps import Fate
from town import Town
from weakened import JOINING, WEAKER

SEEDS = range(150)
"""Enough for each weaker form to break; the rules hold in all of them."""
Found = TypeVar("Found")


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """What fails here is meant to."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def side_by_side(work: Callable[[int], Found], seeds: Iterable[int]) -> list[Found]:
    """Do the work for each seed, as many at once as there are cores."""
    silent = partial(logging.disable, logging.CRITICAL)
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=silent) as pool:
        return list(pool.map(work, seeds))


@pytest.mark.proves("F2", "F4", "F28", "F45", "F46", "F47", "F56", "F57", "F59", "F61", "F62", "F69", "PL-05")
def test_the_rules_hold_whatever_happens_between_two_steps() -> None:
    assert not any(broken := broken_by(seed) for seed in SEEDS), broken


@pytest.mark.prove
@pytest.mark.timeout(1_200)
def test_the_rules_hold_over_many_schedules() -> None:
    broken = side_by_side(broken_by, range(10_000, 11_000))
    assert not any(broken), "\n".join(broken)


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_rule_breaks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    WEAKER[name](monkeypatch)
    assert any(broken_by(seed) for seed in SEEDS)


# --- one schedule by hand: too rare to be met by chance -------------------------------------------------------------


def late_comer() -> list[str]:
    """The first caller's document is loaded and says "full"; a place is given back; then the second one calls."""
    town = Town()
    try:
        one, other = town.start_writer(), town.start_writer()
        for key, do in (("hall", "open"), ("a", "take")):
            town.call(one, "hall", key, do)
            finish(town, one)
        town.call(one, "hall", "b", "take")
        town.go_on(0, Fate.SLOW)
        town.call(other, "hall", "c", "give back")
        finish(town, other)
        town.call(one, "hall", "d", "take")
        finish(town, one)
        return violations(drain(town))
    finally:
        town.close()


@pytest.mark.proves("F59")
def test_who_calls_after_the_load_is_decided_on_a_later_one() -> None:
    assert late_comer() == []


def test_deciding_him_on_the_earlier_load_would_lie_to_him(monkeypatch: pytest.MonkeyPatch) -> None:
    JOINING(monkeypatch)
    assert [found for found in late_comer() if found.startswith("I6")]


# --- the same town in the hands of Hypothesis -----------------------------------------------------------------------


def test_the_rules_hold_in_the_hands_of_hypothesis() -> None:
    play(100, 60)


@pytest.mark.prove
@pytest.mark.timeout(1_200)
def test_the_rules_hold_in_its_hands_for_long() -> None:
    side_by_side(partial(play, 250, 120), range(2))
