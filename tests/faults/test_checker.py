"""The checker finds what is planted, and finds nothing in a story in which all is well."""

from dataclasses import replace

import pytest
from checker import Attempt, Birth, Bound, Kept, Reading, Seen, Story, violations

TOPIC = "forms.applications"


def born(number: int, held: int = 0, *, key: str = "", at: int = 0) -> Birth:
    return Birth("room", TOPIC, number, f"e{number}", key or f"k{number}", at or number * 10, held, 1)


def seen(number: int, event: str = "") -> Seen:
    return Seen("room", TOPIC, number, event or f"e{number}")


GOOD = Story(
    attempts=(
        Attempt("room", "k1", "acknowledged", 5, 11, "open"),
        Attempt("room", "k2", "unknown", 15, 18),
        Attempt("room", "k2", "acknowledged", 19, 22, "place 1"),
        Attempt("room", "k9", "refused", 23, 24, "full"),
        Attempt("room", "k3", "acknowledged", 26, 31, "place 1"),
    ),
    births=(born(1), born(2, 1), born(3)),
    published=(seen(1), seen(2), seen(1), seen(2), seen(3)),
    effects=(seen(1), seen(2), seen(3)),
    documents=(Kept("room", {TOPIC: 3}, 0, False, 0, 1),),
    reasons={"full": lambda birth: birth.held >= birth.places},
)


def test_nothing_is_found_where_all_is_well() -> None:
    assert violations(GOOD) == []


PLANTED = {
    "a loss between document and topic": ("I1", replace(GOOD, published=(seen(1), seen(2)), effects=GOOD.effects[:2])),
    "a loss of what was acknowledged": (
        "I1",
        replace(
            GOOD,
            births=GOOD.births[:2],
            published=GOOD.published[:4],
            effects=GOOD.effects[:2],
            documents=(Kept("room", {TOPIC: 2}, 0, False, 1, 1),),
        ),
    ),
    "a loss at the reader": ("I4", replace(GOOD, effects=GOOD.effects[:2])),
    "a double at the reader": ("I4", replace(GOOD, effects=(*GOOD.effects, seen(3)))),
    "a double of a command": (
        "I7",
        replace(GOOD, births=(born(1), born(2, 1), born(3, key="k2"))),
    ),
    "a swap in the topic": ("I3", replace(GOOD, published=(seen(1), seen(3), seen(2)))),
    "a swap at the reader": ("I4", replace(GOOD, effects=(seen(1), seen(3), seen(2)))),
    "an event of a write that was taken back": ("I2", replace(GOOD, published=(*GOOD.published, seen(3, "e3'")))),
    "two events under one number": ("I3", replace(GOOD, published=(*GOOD.published, seen(3, "e3'")))),
    "more than there are places": ("I5", replace(GOOD, births=(born(1), born(2, 2), born(3)))),
    "a refusal that left something": (
        "I6",
        replace(GOOD, attempts=(*GOOD.attempts[:-1], Attempt("room", "k3", "refused", 26, 31, "other"))),
    ),
    "a refusal for what never was": (
        "I6",
        replace(GOOD, attempts=(*GOOD.attempts, Attempt("room", "k8", "refused", 32, 33, "full"))),
    ),
    "two answers to one command": (
        "I7",
        replace(GOOD, attempts=(*GOOD.attempts, Attempt("room", "k3", "acknowledged", 40, 41, "place 7"))),
    ),
    "events that still wait": ("I1", replace(GOOD, documents=(Kept("room", {TOPIC: 3}, 1, True, 0, 1),))),
    "due without events": ("I1", replace(GOOD, documents=(Kept("room", {TOPIC: 3}, 0, True, 0, 1),))),
    "a loss at one of two readers": (
        "I4 other",
        replace(
            GOOD,
            readings=(
                Reading("one", GOOD.effects, GOOD.effects),
                Reading("other", GOOD.effects, GOOD.effects[:2]),
            ),
        ),
    ),
    "something that grew beyond its bound": ("I8", replace(GOOD, bounds=(Bound("memory", 2.0, 1.0),))),
    "something that stands still": ("I9", replace(GOOD, stuck=("no rest",))),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(name: str) -> None:
    invariant, story = PLANTED[name]
    assert any(found.startswith(invariant) for found in violations(story)), violations(story)
