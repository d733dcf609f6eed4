"""The HTTP edge: whatever comes in, the answer is a problem that names the place, and never a 500."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import edge
from chassis.http import (
    create_app,
)
from chassis.municipalities import Municipalities
from chassis.testing import FixedClock
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.notes import BASE, GOOD, PROBLEMS, Edge, NoteIn, problem, router

ARS, OTHER = TENANT, OTHER_TENANT
MUNICIPALITIES = Path(__file__).parents[2] / "municipalities"


async def test_a_good_request_is_answered_with_the_allowed_fields_only(web: Edge) -> None:
    answer = await web.client.post(f"{BASE}/notes", json=GOOD, headers=web.headers())
    assert answer.status_code == 201
    assert set(answer.json()) == {"email", "digest"}
    assert answer.headers["cache-control"] == "no-store"
    assert len(web.notes.written) == 1


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        (b'{"email":"a@b","age":16,"age":17}', 400, ["/age"]),
        (b'{"email":"a@b","age":16,"parts":[{"name":"x"},{"name":"x","name":"y"}]}', 400, ["/parts/1/name"]),
        (b'{"email":"a@b","age":16,"share":NaN}', 400, ["/share"]),
        (b'{"email":"a@b","age":16,"share":-Infinity}', 400, ["/share"]),
        (b'{"email":"a@b","age":16,"share":1e999}', 400, ["/share"]),
        (b'{"email":"a@b","age":9223372036854775808}', 400, ["/age"]),
        (b'{"email":"\\ud800@b","age":16}', 400, ["/email"]),
        (b'{"email":"a\\u0000@b","age":16}', 400, ["/email"]),
        (b'{"email":"a@b","age":16,"answers":{"$ne":1}}', 400, ["/answers/$ne"]),
        (b'{"email":{"$gt":""},"age":16}', 400, ["/email/$gt"]),
        (b'{"email":"a@b","age":16,"answers":{"a.b":1}}', 400, ["/answers/a.b"]),
        (b'{"email":"a@b","age":16,"answers":' + b"[" * 40 + b"]" * 40 + b"}", 400, ["/answers" + "/0" * 31]),
        (b'{"email":"a@b","age":16', 400, [""]),
        (b'{"email":"a@b","age":16} x', 400, [""]),
        (b"\xef\xbb\xbf{}", 400, [""]),
        (b'{"email":"\xff"}', 400, [""]),
        ('{"email":"a@b"}'.encode("utf-16"), 400, [""]),
        (b"[]", 422, [""]),
        (b"null", 422, [""]),
        (b"{}", 422, ["/email", "/age"]),
        (b'{"email":"ab","age":16}', 422, ["/email"]),
        (b'{"email":"a@b","age":"16"}', 422, ["/age"]),
        (b'{"email":"a@b","age":true}', 422, ["/age"]),
        (b'{"email":"a@b","age":16.5}', 422, ["/age"]),
        (b'{"email":"a@b","age":16,"agreed":"yes"}', 422, ["/agreed"]),
        (b'{"email":"a@b","age":16,"admin":true}', 422, ["/admin"]),
        (b'{"email":"a@b","age":16,"parts":[{"name":"x","count":"1"}]}', 422, ["/parts/0/count"]),
        (b'{"email":"a@b","age":16,"day":"25.11.2026"}', 422, ["/day"]),
        (b'{"email":"a@b","age":16,"day":"2026-02-30"}', 422, ["/day"]),
        (b'{"email":"a@b","age":16,"day":20261125}', 422, ["/day"]),
        (b'{"email":"a@b","age":16,"at":"2026-11-25T09:00:00"}', 422, ["/at"]),
        (b'{"email":"a@b","age":16,"at":"0001-01-01T00:00:00+14:00"}', 422, ["/at"]),
        (b'{"email":"a@b","age":16,"other":"7"}', 422, ["/other"]),
        (b'{"email":"' + b"a" * 20_000 + b'@b","age":16}', 422, ["/email"]),
    ],
)
async def test_bad_bodies_are_refused_by_place_and_nothing_is_written(
    web: Edge, body: bytes, status: int, pointers: Sequence[str]
) -> None:
    headers = web.headers(content_type="application/json")
    found = problem(await web.client.post(f"{BASE}/notes", content=body, headers=headers), status, *pointers)
    assert web.notes.written == []
    assert "validation error" not in json.dumps(found)


async def test_dates_moments_and_ids_are_taken_in_their_canonical_form(web: Edge) -> None:
    body = GOOD | {
        "day": "2026-11-25",
        "at": "2026-11-25T10:00:00+01:00",
        "other": "01a21026-0c13-70ed-9c92-cbf2c84fae09",
    }
    answer = await web.client.post(f"{BASE}/notes", json=body, headers=web.headers())
    assert answer.status_code == 201
    note = web.notes.written[0]
    assert isinstance(note, NoteIn)
    assert note.at == datetime(2026, 11, 25, 9, tzinfo=UTC)


async def test_our_own_sentences_reach_people_and_others_do_not(web: Edge) -> None:
    answer = await web.client.post(f"{BASE}/notes", json=GOOD | {"email": "mia"}, headers=web.headers())
    assert problem(answer, 422, "/email")["errors"][0]["detail"] == "Die Mail-Adresse braucht ein @."
    answer = await web.client.post(f"{BASE}/notes", json=GOOD | {"age": "secret"}, headers=web.headers())
    assert "secret" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=latin-1", ""])
async def test_another_content_type_is_415(web: Edge, kind: str) -> None:
    headers = web.headers(content_type=kind)
    problem(await web.client.post(f"{BASE}/notes", content=b"{}", headers=headers), 415)


async def test_a_packed_body_is_415(web: Edge) -> None:
    headers = web.headers(content_type="application/json", content_encoding="gzip")
    problem(await web.client.post(f"{BASE}/notes", content=b"{}", headers=headers), 415)


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(web: Edge) -> None:
    read = False

    async def never() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b""

    headers = web.headers(content_type="application/json", content_length="104857600")
    answer = await web.client.post(f"{BASE}/notes", content=never(), headers=headers)
    problem(answer, 413)
    assert answer.headers["connection"] == "close"
    assert not read


async def test_a_body_without_length_is_refused_once_it_is_too_large(web: Edge) -> None:
    sent = 0

    async def much() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1600):
            sent += 65_536
            yield b"x" * 65_536

    headers = web.headers(content_type="application/json")
    problem(await web.client.post(f"{BASE}/notes", content=much(), headers=headers), 413)
    assert sent <= edge.MAX_BODY + 65_536


async def test_a_route_may_take_more(web: Edge) -> None:
    headers = web.headers(content_type="application/pdf")
    answer = await web.client.post(f"{BASE}/files", content=b"x" * 2 * edge.MIB, headers=headers)
    assert answer.json()["email"] == str(2 * edge.MIB)
    problem(await web.client.post(f"{BASE}/files", content=b"x" * 4 * edge.MIB, headers=headers), 413)


async def test_a_slow_body_is_given_up(web: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "GRACE", 0.05)
    monkeypatch.setattr(edge, "SLOWEST", edge.MIB * 100)

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(200):
            await asyncio.sleep(0.02)
            yield b" "

    headers = web.headers(content_type="application/json")
    problem(await web.client.post(f"{BASE}/notes", content=drip(), headers=headers), 408)


async def test_unknown_paths_methods_and_ids_are_problems(web: Edge) -> None:
    problem(await web.client.get("/api/nothing"), 404)
    problem(await web.client.get(f"{BASE}/notes/"), 404)
    answer = await web.client.delete(f"{BASE}/notes", headers=web.headers())
    problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST"
    headers = web.headers(if_match='"1"')
    problem(await web.client.put(f"{BASE}/notes/7", json=GOOD, headers=headers), 404)
    problem(await web.client.get("/api/test/v1/150900546547/fails/taken"), 404)
    problem(await web.client.get("/api/test/v1/1/fails/taken"), 404)


async def test_heads_that_are_too_large_and_paths_that_nothing_has(web: Edge) -> None:
    problem(await web.client.get(f"{BASE}/notes", headers={"x-much": "y" * 40_000}), 431)
    for path in ("/fails/%00", "/fails/a%0ab", "/notes%00"):
        assert (await web.client.get(f"{BASE}{path}")).status_code == 404


async def test_query_parameters_are_checked_by_name(web: Edge) -> None:
    for value in ("0", "15", "x", "99999999999999999999999", "1e1"):
        problem(await web.client.get(f"{BASE}/notes?days={value}", headers=web.headers()), 422, "/query/days")


async def test_head_is_answered_like_get_without_body_even_on_a_stream(web: Edge) -> None:
    answer = await web.client.head(f"{BASE}/notes", headers=web.headers())
    assert (answer.status_code, answer.content) == (200, b"")
    async with asyncio.timeout(2):
        answer = await web.client.head(f"{BASE}/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("how", "status", "slug"),
    [
        ("taken", 409, "slot-taken"),
        ("later", 503, "unavailable"),
        ("gone", 404, "not-found"),
        ("reused", 422, "key-reused"),
        ("much", 422, "too-much"),
        ("stale", 412, "version-conflict"),
        ("bug", 500, "internal"),
    ],
)
async def test_errors_have_their_status(web: Edge, how: str, status: int, slug: str) -> None:
    body = problem(await web.client.get(f"{BASE}/fails/{how}"), status, slug=slug)
    assert "Mia" not in json.dumps(body)
    assert "application 7" not in json.dumps(body)
    assert "300000" not in json.dumps(body)


async def test_a_domain_says_what_and_where(web: Edge) -> None:
    body = problem(await web.client.get(f"{BASE}/fails/taken"), 409)
    assert (body["title"], body["detail"]) == ("Der Termin ist nicht mehr frei.", "09:00 ist vergeben.")
    problem(await web.client.get(f"{BASE}/fails/answers"), 422, "/answers/given_name", slug="answers-wrong")


async def test_later_says_when(web: Edge) -> None:
    answer = await web.client.get(f"{BASE}/fails/later")
    assert answer.headers["retry-after"] == "2"


# -- commands and versions


@pytest.mark.parametrize("key", [None, "", "a" * 129, "ä", "a b", "a\tb"])
async def test_a_command_needs_a_key_of_printable_characters(web: Edge, key: str | None) -> None:
    headers = [(b"authorization", web.headers()["authorization"].encode())]
    if key is not None:
        headers.append((b"idempotency-key", key.encode()))
    answer = await web.client.post(f"{BASE}/notes", json=GOOD, headers=headers)
    problem(answer, 400, "/header/idempotency-key")


async def test_the_digest_tells_bodies_paths_and_queries_apart(web: Edge) -> None:
    async def digest(path: str, body: dict[str, Any]) -> str:
        answer = await web.client.post(f"{BASE}{path}", json=body, headers=web.headers())
        found: str = answer.json()["digest"]
        return found

    first = await digest("/notes", GOOD)
    assert first == await digest("/notes", GOOD)
    others = [await digest("/notes", GOOD | {"age": 17}), await digest("/notes?a=1", GOOD), await digest("/open", GOOD)]
    assert len({first, *others}) == 4


async def test_two_keys_or_two_tokens_are_refused(web: Edge) -> None:
    headers = [*web.headers().items(), ("idempotency-key", "key-2")]
    problem(await web.client.post(f"{BASE}/notes", json=GOOD, headers=headers), 400, "/header/idempotency-key")
    headers = [*web.headers().items(), ("authorization", "Bearer x")]
    problem(await web.client.post(f"{BASE}/notes", json=GOOD, headers=headers), 400, "/header/authorization")


@pytest.mark.parametrize(
    ("value", "status"),
    [(None, 428), ("*", 412), ("3", 412), ('W/"3"', 412), ('"3", "4"', 412), ('"03"', 412), ('"x"', 412)],
)
async def test_a_change_names_its_version(web: Edge, value: str | None, status: int) -> None:
    path = f"{BASE}/notes/01a21026-0c13-70ed-9c92-cbf2c84fae09"
    headers = web.headers() if value is None else web.headers(if_match=value)
    problem(await web.client.put(path, json=GOOD, headers=headers), status, "/header/if-match")


async def test_the_new_version_is_told(web: Edge) -> None:
    path = f"{BASE}/notes/01a21026-0c13-70ed-9c92-cbf2c84fae09"
    answer = await web.client.put(path, json=GOOD, headers=web.headers(if_match='"3"'))
    assert (answer.status_code, answer.headers["etag"], answer.json()["digest"]) == (200, '"4"', "3")


# -- who calls


async def test_the_document_names_the_problems_of_every_route(web: Edge) -> None:
    document = web.app.openapi()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            assert {"404", "500", "503", "default"} <= set(responses), (method, path)
            assert ("401" in responses) == bool(operation.get("security")), (method, path)
            for status, response in responses.items():
                if status == "default" or int(status) >= 400:
                    schema = response["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}
    write = document["paths"]["/api/test/v1/{ars}/notes"]["post"]
    assert {"400", "401", "413", "415", "422"} <= set(write["responses"])
    required = {entry["name"]: entry["required"] for entry in write["parameters"]}
    assert required == {"ars": True, "Idempotency-Key": True}
    change = document["paths"]["/api/test/v1/{ars}/notes/{note_id}"]["put"]
    assert {"412", "428"} <= set(change["responses"])
    assert "HTTPValidationError" not in json.dumps(document)


# -- anything at all

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(body=st.binary(max_size=200) | _ANYTHING.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=150, deadline=None)
def test_no_body_at_all_makes_a_500(body: bytes) -> None:
    async def check() -> None:
        app = create_app("test", [router], PROBLEMS, provides=[Municipalities(MUNICIPALITIES)], clock=FixedClock())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rathaus.test") as client:
            headers = {"content-type": "application/json", "idempotency-key": "1"}
            answer = await client.post(f"{BASE}/open", content=body, headers=headers)
            assert answer.status_code in (400, 422), answer.text
            assert answer.json()["errors"]

    asyncio.run(check())
