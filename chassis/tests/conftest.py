"""What many tests of the chassis start from: the edge of a small service, and a desk that reads topics."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.auth import TokenKeys
from chassis.http import create_app
from chassis.municipalities import Municipalities
from chassis.testing import FixedClock, MemoryDatabase
from chassis.testing.desk import Desk, FakeDesk, RealDesk
from chassis.testing.notes import KEY, PROBLEMS, Edge, Notes, router

MUNICIPALITIES = Path(__file__).parents[2] / "municipalities"


@pytest.fixture
async def web() -> AsyncIterator[Edge]:
    clock = FixedClock()
    keys = TokenKeys(MemoryDatabase().collection("token_keys"), clock)
    await keys.put("k1", KEY.as_dict(private=False, kid="k1"), None)
    notes = Notes()
    provides = [notes, keys, Municipalities(MUNICIPALITIES)]
    app = create_app("test", [router], PROBLEMS, provides=provides, clock=clock)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://rathaus.test") as client:
        yield Edge(app, notes, clock, client)


@pytest.fixture(params=["fake-1", "fake-500", pytest.param("real", marks=pytest.mark.stack)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    if request.param != "real":
        yield FakeDesk(int(request.param.removeprefix("fake-")))
        return
    real = RealDesk(request.getfixturevalue("infrastructure"))
    await real.open()
    yield real
    await real.close()
