"""Stories of a town hall under load: when X dies at point Y, then I1 to I9 hold."""

import pytest
from fault_town import FaultTown

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


async def test_without_faults_all_is_well(fault_town: FaultTown) -> None:
    async with fault_town.load(days=3, newcomers=1) as load:
        await load.reaches(60)
    assert await fault_town.verdict() == []
