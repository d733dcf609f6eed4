"""Many processes decide on one calendar's day at once; all run for real, as the measurement runs them."""

import pytest

import one_day
from chassis.group import PATIENCE
from frame.ground import database

pytestmark = pytest.mark.stack


@pytest.mark.proves("F60")
async def test_nobody_is_refused_because_others_decide_on_the_same_day() -> None:
    await rushed(4)


@pytest.mark.prove
@pytest.mark.proves("F60")
@pytest.mark.parametrize("processes", [2, 4, 8])
async def test_and_nobody_waits_longer_than_for_a_refusal(processes: int) -> None:
    """On a machine that does nothing else."""
    assert (await rushed(processes)).p99 < PATIENCE


async def rushed(processes: int) -> one_day.Desks:
    """Let each citizen want a time of his own, so that every refusal would be for our sake; none is."""
    citizens = 96
    async with database() as both, one_day.desks(both.url, processes) as desks:
        await desks.rush(citizens, callers=48)
        (day,) = await both.collection("days").find({}, {"reservations": 1}).to_list(2)
    assert desks.refused == {}
    assert sum(outcome.accepted for outcome in desks.outcomes) == citizens
    assert len({held["account_id"] for held in day["reservations"]}) == len(day["reservations"]) == citizens
    assert desks.conflicts > 0, "the processes met"
    return desks
