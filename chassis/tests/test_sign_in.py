"""Who is let in: access tokens, cookies, and everything that only looks like one."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from joserfc.jwk import ECKey

from chassis.auth import TokenKeys
from chassis.documents import DatabaseUnavailable
from chassis.testing import START, MemoryDatabase
from chassis.testing.clock import FixedClock
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.memory import MemoryDocuments
from chassis.testing.notes import BASE, GOOD, KEY, Edge, problem
from contracts import Tombstone
from contracts.envelope import INSTALLATION, Envelope
from contracts.identity import TokenKeyPublished

ARS, OTHER = TENANT, OTHER_TENANT
MUNICIPALITIES = Path(__file__).parents[2] / "municipalities"


async def test_nobody_is_let_in(web: Edge) -> None:
    for headers in ({}, {"authorization": "Basic eA=="}, {"authorization": "Bearer"}, {"authorization": "Bearer x.y"}):
        answer = await web.client.get(f"{BASE}/notes", headers=headers)
        problem(answer, 401, slug="not-signed-in")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.proves("PL-11", "S26")
async def test_a_token_of_another_municipality_finds_nothing(web: Edge) -> None:
    headers = {"authorization": f"Bearer {web.token()}"}
    assert (await web.client.get(f"/api/test/v1/{ARS}/notes", headers=headers)).status_code == 200
    problem(await web.client.get(f"/api/test/v1/{OTHER}/notes", headers=headers), 404)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://example.org"},
        {"aud": "other"},
        {"aud": ["rathaus"]},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"acr": "root"},
        {"linked": "yes"},
        {"sub": ""},
        {"sub": "absent"},
        {"tenant": "absent"},
        {"exp": "absent"},
    ],
)
async def test_wrong_claims_are_refused(web: Edge, claims: dict[str, Any]) -> None:
    problem(await web.client.get(f"{BASE}/notes", headers={"authorization": f"Bearer {web.token(**claims)}"}), 401)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"kid": "k2"},
        {"jku": "https://example.org/keys"},
        {"x5u": "https://example.org/keys"},
        {"jwk": KEY.as_dict(private=False)},
    ],
)
async def test_wrong_headers_are_refused(web: Edge, header: dict[str, Any]) -> None:
    problem(await web.client.get(f"{BASE}/notes", headers={"authorization": f"Bearer {web.token(header)}"}), 401)


async def test_forged_unsigned_and_swapped_tokens_are_refused(web: Edge) -> None:
    good = web.token()
    head, body, signature = good.split(".")
    other = web.token(sub="account-2").split(".")[1]
    none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoiazEifQ"
    forged = web.token(key=ECKey.generate_key("P-256"))
    tokens = [f"{head}.{other}.{signature}", f"{none}.{body}.", f"{none}.{body}.{signature}", forged]
    tokens += [good[:-4], f"{good}.x", "ä.b.c", "." * 2, "x" * 5000]
    for token in tokens:
        headers = {b"authorization": f"Bearer {token}".encode()}
        problem(await web.client.get(f"{BASE}/notes", headers=headers), 401)


async def test_a_cookie_lets_in_and_changes_only_from_our_own_pages(web: Edge) -> None:
    cookie = {"cookie": f"__Host-session={web.token()}", "idempotency-key": "1"}
    assert (await web.client.get(f"{BASE}/notes", headers=cookie)).status_code == 200
    for more in (
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.test"},
    ):
        problem(await web.client.post(f"{BASE}/notes", json=GOOD, headers=cookie | more), 403, slug="cross-site")
    for more in ({"sec-fetch-site": "same-origin"}, {"origin": "http://rathaus.test"}):
        answer = await web.client.post(f"{BASE}/notes", json=GOOD, headers=cookie | more)
        assert answer.status_code == 201


async def test_a_cookie_and_another_bearer_together_are_refused(web: Edge) -> None:
    headers = web.headers(cookie="__Host-session=another")
    problem(await web.client.get(f"{BASE}/notes", headers=headers), 400)


async def test_a_retired_key_lets_nobody_in(web: Edge) -> None:
    keys: TokenKeys = web.app.state.provided.get(TokenKeys)
    await keys.put("k1", KEY.as_dict(private=False, kid="k1"), web.clock.now() + timedelta(seconds=60))
    assert (await web.client.get(f"{BASE}/notes", headers=web.headers())).status_code == 200
    web.clock.advance(60)
    problem(await web.client.get(f"{BASE}/notes", headers=web.headers()), 401)


# -- the document


async def test_a_token_that_was_good_is_refused_once_it_is_not(web: Edge) -> None:
    """What is remembered of a token is its signature under one key, nothing else."""
    keys = web.app.state.provided.get(TokenKeys)
    headers = {"authorization": f"Bearer {web.token()}"}

    async def status() -> int:
        return (await web.client.get(f"{BASE}/notes", headers=headers)).status_code

    assert [await status(), await status()] == [200, 200]
    other = ECKey.generate_key("P-256")
    await keys.put("k1", other.as_dict(private=False, kid="k1"), None)
    assert await status() == 401, "signed by another key of that name"
    await keys.put("k1", KEY.as_dict(private=False, kid="k1"), web.clock.now() + timedelta(seconds=60))
    assert [await status(), await status()] == [200, 200]
    web.clock.advance(timedelta(seconds=60))
    assert await status() == 401, "signed by a key that is retired"
    await keys.put("k1", KEY.as_dict(private=False, kid="k1"), None)
    assert await status() == 200
    web.clock.advance(timedelta(seconds=240))
    assert await status() == 401, "expired"


@pytest.mark.proves("F16")
async def test_a_silent_database_is_not_waited_for_while_the_key_is_known(caplog: pytest.LogCaptureFixture) -> None:
    silent, clock = SilentCollection(), FixedClock()
    keys = TokenKeys(cast(Any, silent), clock)
    await keys.put("k1", KEY.as_dict(private=False), None)
    assert await asyncio.wait_for(keys.find("k1"), 1) is not None
    await asyncio.sleep(0.2)
    silent.reads = 0
    clock.advance(timedelta(seconds=31))
    for _ in range(2):
        assert await asyncio.wait_for(keys.find("k1"), 1) is not None
    assert silent.reads == 1
    await asyncio.sleep(0.2)
    clock.advance(timedelta(seconds=1))
    assert await asyncio.wait_for(keys.find("k1"), 1) is not None
    assert silent.reads == 2
    await asyncio.sleep(0.2)
    assert caplog.records == [], "the reading that nobody waited for is no error"


class SilentCollection:
    """Takes what is written and answers no question before it is given up, later than who knows a key waits."""

    reads = 0

    async def upsert(self, id: str, change: object) -> None:
        """Keep nothing."""

    async def find(self, where: object, *, limit: int) -> list[Any]:
        self.reads += 1
        await asyncio.sleep(0.3)
        raise DatabaseUnavailable("no answer")


async def stored(*kids: str) -> MemoryDocuments:
    """Keys that another process has put into the database."""
    rows = SlowRows(MemoryDatabase().collection("token_keys")._collection)
    for kid in kids:
        await TokenKeys(rows, FixedClock()).put(kid, KEY.as_dict(private=False), None)
    return rows


class SlowRows(MemoryDocuments):
    """Answers in the next turn."""

    async def find(self, where: Any, **options: Any) -> Any:
        await asyncio.sleep(0)
        return await super().find(where, **options)


async def test_whoever_comes_while_the_keys_are_read_is_let_in_as_well() -> None:
    keys = TokenKeys(await stored("k1"), FixedClock())
    assert None not in await asyncio.gather(*(keys.find("k1") for _ in range(3)))


async def test_nobody_is_turned_away_because_the_database_is_silent() -> None:
    keys = TokenKeys(cast(Any, SilentCollection()), FixedClock())
    for _ in range(2):
        failed = await asyncio.gather(keys.find("k1"), keys.find("k1"), return_exceptions=True)
        assert [type(error) for error in failed] == [DatabaseUnavailable] * 2


async def test_a_caller_that_goes_away_takes_the_reading_from_nobody() -> None:
    keys = TokenKeys(await stored("k1"), FixedClock())
    leaving, staying = asyncio.create_task(keys.find("k1")), asyncio.create_task(keys.find("k1"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying is not None


async def test_a_withdrawn_key_stays_gone_though_somebody_slept_before_keeping_it() -> None:
    rows = MemoryDatabase().collection("token_keys")
    keys, slept = TokenKeys(rows, FixedClock()), TokenKeys(rows, FixedClock())
    told = TokenKeyPublished(occurred_at=START, kid="k1", jwk=KEY.as_dict(private=False), retires_at=None)
    first, second = (Envelope(f"e{n}", told.type, INSTALLATION, "k1", n, START, key="k1") for n in (1, 2))
    await keys.keep_token_key(told, first)
    assert await keys.find("k1") is not None
    await keys.drop_token_key(Tombstone(), second)
    await slept.keep_token_key(told, first)
    assert [await one.find("k1") for one in (keys, slept, TokenKeys(rows, FixedClock()))] == [None] * 3


async def test_the_newest_of_many_keys_is_found() -> None:
    kids = [f"k{number:02}" for number in range(21)]
    assert await TokenKeys(await stored(*kids), FixedClock()).find(kids[-1]) is not None


async def test_what_is_remembered_of_tokens_is_bounded(web: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.auth._MOST_VERIFIED", 3)
    keys = web.app.state.provided.get(TokenKeys)
    for number in range(10):
        headers = {"authorization": f"Bearer {web.token(jti=str(number))}"}
        assert (await web.client.get(f"{BASE}/notes", headers=headers)).status_code == 200
        assert len(keys._verified) <= 3
