"""Many processes decide on one calendar's day at once; all run for real, as the measurement runs them."""

import pytest

import one_day
from frame.ground import database


@pytest.mark.stack
@pytest.mark.proves("F60")
@pytest.mark.parametrize(
    "processes", [pytest.param(2, marks=pytest.mark.prove), 4, pytest.param(8, marks=pytest.mark.prove)]
)
async def test_nobody_is_refused_because_others_decide_on_the_same_day(processes: int) -> None:
    """Each citizen wants a time of his own, so every refusal would be for our sake."""
    citizens = 96
    async with database() as both, one_day.desks(both.url, processes) as desks:
        await desks.rush(citizens, callers=48)
        (day,) = await both.collection("days").find({}, {"reservations": 1}).to_list(2)
    assert desks.refused == {}
    assert sum(outcome.accepted for outcome in desks.outcomes) == citizens
    assert len({held["account_id"] for held in day["reservations"]}) == len(day["reservations"]) == citizens
    assert desks.conflicts > 0, "the processes met"
