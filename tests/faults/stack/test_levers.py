"""The levers do what they say."""

import asyncio
import json
import os
import signal
from importlib import import_module
from operator import attrgetter

import httpx
import pytest
from levers import INSIDE, Levers

from rathaus.citizen import Citizen, Unexpected

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("place", json.loads((INSIDE / "points.json").read_text()).values())
def test_every_point_is_there(place: str) -> None:
    module, _, attribute = place.partition(":")
    assert callable(attrgetter(attribute)(import_module(module)))


def state_of(pid: int | None) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


async def test_a_process_dies_at_the_point_that_was_named(levers: Levers) -> None:
    stack = levers.stack
    before = stack.pid("identity")
    levers.arm("identity", "write", "after")
    async with Citizen(stack) as mia:
        with pytest.raises((Unexpected, httpx.HTTPError)):
            await mia.register()
        struck = await levers.struck("identity", 1)
        assert (struck.pid, struck.when, struck.point) == (before, "after", "write")
        await asyncio.to_thread(stack.wait_restarted, "identity", before)
        mail = await mia.mail(lambda found: "Code" in found["subject"])
        assert mail["to"] == [mia.email]


async def test_a_part_is_paused_and_goes_on(levers: Levers) -> None:
    stack = levers.stack
    stack.pause("notify")
    while state_of(stack.pid("notify")) != "T":
        await asyncio.sleep(0.01)
    assert not await asyncio.to_thread(stack.is_ready, "notify")
    stack.resume("notify")
    await asyncio.to_thread(stack.wait_ready, "notify")


async def test_one_more_process_of_a_service_comes_and_goes(levers: Levers) -> None:
    stack = levers.stack
    other = await asyncio.to_thread(stack.start_another, "appointments", "relay")
    assert stack.pid(other) not in (None, stack.pid("appointments"))
    assert '"roles": ["relay"]' in stack.logs(other)
    await levers.kill(other, number=signal.SIGKILL)
    assert stack.starts(other) == 2
    pid = stack.pid(other)
    await asyncio.to_thread(stack.stop_another, other)
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
