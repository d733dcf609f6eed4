"""The scripted citizen does what a person would do."""

import httpx
import pytest

from rathaus.citizen import CROWDED, Citizen, Unexpected


class Town:
    """Where nothing listens."""

    api = mailbox = "http://town.invalid"


def crowded(times: int) -> tuple[Citizen, list[str]]:
    """A citizen before a town hall that is crowded for so many requests, and the keys with which it was asked."""
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) <= times:
            return httpx.Response(503, json={"type": CROWDED, "status": 503}, headers={"Retry-After": "0"})
        return httpx.Response(202, json={"account_id": "a"})

    citizen = Citizen(Town())
    citizen.http = httpx.AsyncClient(base_url=Town.api, transport=httpx.MockTransport(answer))
    return citizen, keys


async def test_who_is_told_to_come_again_in_a_moment_does_so_with_the_same_key() -> None:
    citizen, keys = crowded(3)
    await citizen.register()
    assert (citizen.account_id, len(keys), len(set(keys))) == ("a", 4, 1)


async def test_who_was_told_so_ten_times_gives_up() -> None:
    citizen, keys = crowded(99)
    with pytest.raises(Unexpected, match="503"):
        await citizen.register()
    assert len(keys) == 10
