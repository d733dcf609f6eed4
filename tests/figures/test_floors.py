"""Nobody makes the product slower without noticing: cheap figures, measured briefly, stay above their floors."""

import pytest

import overload
import reads
import writes
from frame.figures import BRIEF, Measured


def fallen(measured: list[Measured]) -> list[str]:
    return [
        f"{row.figure.id} is {row.median:.2f}, its floor {row.figure.floor}: {row.values}"
        for row in measured
        if row.has_fallen
    ]


@pytest.mark.proves("PL-25")
async def test_writes_cost_no_more_than_they_did() -> None:
    assert fallen([*await writes.measure(BRIEF)]) == []


@pytest.mark.proves("PL-25")
async def test_the_edge_costs_no_more_than_it_did() -> None:
    assert fallen([*await reads.measure(BRIEF)]) == []


@pytest.mark.prove
@pytest.mark.proves("P9")
async def test_beyond_its_capacity_a_process_is_no_worse_than_it_was() -> None:
    """Long, because a town is started for it; ``make test`` looks at the same by counts in the tests of overload."""
    assert fallen([*await overload.measure(BRIEF)]) == []
