"""Every query form that services use, on the fake and on the real database: where they differ, it is found here."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson.errors import InvalidDocument
from pydantic import SecretStr

from chassis.compacted import keep_newest
from chassis.documents import Database, DatabaseUnavailable, Documents, Duplicate, Index, Rejected
from chassis.ids import uuid7
from chassis.testing import MemoryDatabase
from rathaus.stack.stack import Stack

AT = datetime(2026, 11, 25, 9, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.stack)])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if request.param == "fake":
        yield MemoryDatabase()
        return
    stack: Stack = request.getfixturevalue("infrastructure")
    found = await Database.connect(SecretStr(stack.database_url()), f"test_{uuid7()[-12:]}")
    yield found
    await found.close()


@pytest.fixture
def documents(database: Database) -> Documents:
    return database.collection("things")


async def test_what_is_inserted_is_found(documents: Documents) -> None:
    await documents.insert({"_id": "a", "at": AT, "bytes": b"\x00\xff", "deep": {"x": [1, {"y": None}]}, "text": "äß"})
    found = await documents.get("a")
    assert found == {"_id": "a", "at": AT, "bytes": b"\x00\xff", "deep": {"x": [1, {"y": None}]}, "text": "äß"}
    assert await documents.get("b") is None


async def test_an_id_stands_once(documents: Documents) -> None:
    await documents.insert({"_id": "a"})
    with pytest.raises(Duplicate):
        await documents.insert({"_id": "a"})


async def test_what_is_inserted_at_once_is_refused_one_by_one(documents: Documents) -> None:
    await documents.ensure([Index((("email", 1),), "email", unique=True, sparse=True)])
    await documents.insert({"_id": "0", "email": "taken"})
    new: list[dict[str, Any]] = [{"_id": "1"}, {"_id": "0"}, {"_id": "2", "email": "taken"}, {"_id": "3"}, {"_id": "3"}]
    outcomes = await asyncio.gather(*map(documents.insert, new), return_exceptions=True)
    assert [isinstance(outcome, Duplicate) for outcome in outcomes] == [False, True, True, False, True]
    found = await documents.find({"_id": {"$gte": "0"}}, sort=[("_id", 1)])
    assert [document["_id"] for document in found] == ["0", "1", "3"]


async def test_what_is_read_at_once_is_nobodys_else(documents: Documents) -> None:
    await documents.insert({"_id": "a", "deep": {"x": 1}})
    await documents.insert({"_id": "b"})
    first, absent, other, second = await asyncio.gather(*map(documents.get, ("a", "c", "b", "a")))
    assert (first, absent, other) == (second, None, {"_id": "b"})
    assert first is not None
    first["deep"]["x"] = 2
    assert second == {"_id": "a", "deep": {"x": 1}}


async def test_a_partial_unique_index_refuses_only_what_it_covers(documents: Documents) -> None:
    index = Index((("tenant", 1), ("email", 1)), "email", unique=True, only_where={"email": {"$exists": True}})
    await documents.ensure([index])
    await documents.insert({"_id": "a", "tenant": 1})
    await documents.insert({"_id": "b", "tenant": 1})
    await documents.update({"_id": "a"}, {"$set": {"email": "x"}})
    with pytest.raises(Duplicate):
        await documents.update({"_id": "b"}, {"$set": {"email": "x"}})
    with pytest.raises(Duplicate):
        await documents.insert({"_id": "c", "tenant": 1, "email": "x"})
    await documents.insert({"_id": "d", "tenant": 2, "email": "x"})


async def test_indexes_may_be_made_twice(documents: Documents) -> None:
    indexes = [
        Index((("due", 1),), "relay", sparse=True),
        Index((("done", 1),), "expire", sparse=True, expire_after=timedelta(days=90)),
        Index((("list.id", 1),), "inside"),
        Index((("tenant", 1), ("made", -1)), "list"),
    ]
    await documents.ensure(indexes)
    await documents.ensure(indexes)


async def test_compare_and_set_has_one_winner(documents: Documents) -> None:
    await documents.insert({"_id": "a", "v": 1, "n": 0})
    won = await asyncio.gather(
        *(documents.update({"_id": "a", "v": 1}, {"$inc": {"v": 1}, "$set": {"n": n}}) for n in range(40))
    )
    assert sum(won) == 1


async def test_the_write_of_an_aggregate(documents: Documents) -> None:
    """All operators of one write at once, as the group decisions send it."""
    await documents.insert({"_id": "a", "v": 1, "out": [], "cmds": [], "seq": {}, "old": 1, "due": AT})
    done = await documents.update(
        {"_id": "a", "v": 1},
        {
            "$inc": {"v": 1},
            "$set": {"seq.forms_applications": 2, "src.x:1": 7, "due": AT},
            "$unset": {"old": 1},
            "$push": {"out": {"$each": [{"id": "1"}, {"id": "2"}]}, "cmds": {"$each": [1, 2, 3, 4], "$slice": -3}},
        },
    )
    found = await documents.get("a")
    assert done
    assert found == {
        "_id": "a",
        "v": 2,
        "out": [{"id": "1"}, {"id": "2"}],
        "cmds": [2, 3, 4],
        "seq": {"forms_applications": 2},
        "src": {"x:1": 7},
        "due": AT,
    }


def _entry(id: str, topic: str = "t") -> dict[str, Any]:
    return {"id": id, "topic": topic, "body": b"x", "seq": 1}


async def test_the_marks_of_the_relay(documents: Documents) -> None:
    entries = [_entry("1"), _entry("2", "secret"), _entry("3")]
    await documents.insert({"_id": "a", "out": entries, "sent": [_entry("0")], "due": AT})
    await documents.insert({"_id": "b", "out": [], "sent": [], "due": AT})
    await documents.insert({"_id": "c", "out": [_entry("4")], "sent": [], "due": AT})
    for _ in range(2):
        await documents.take_out({"a": ["1", "2"], "b": [], "gone": ["4"]}, keep=2, whole=["t"])
    kept = [_entry("1"), {**_entry("2", "secret"), "body": None}]
    assert await documents.get("a") == {"_id": "a", "out": [_entry("3")], "sent": kept, "due": AT}
    assert await documents.get("b") == {"_id": "b", "out": [], "sent": []}
    assert await documents.get("c") == {"_id": "c", "out": [_entry("4")], "sent": [], "due": AT}
    assert await documents.update({"_id": "a", "out.id": "3"}, {"$set": {"due": AT + timedelta(seconds=1)}})
    assert not await documents.update({"_id": "a", "out.id": "1"}, {"$set": {"due": AT}})
    await documents.take_out({"a": ["3"]}, keep=2, whole=["t"])
    assert await documents.get("a") == {"_id": "a", "out": [], "sent": [kept[1], _entry("3")]}
    assert [found["_id"] for found in await documents.find({"due": {"$gte": AT}})] == ["c"]
    await documents.take_out({}, keep=2, whole=[])


async def test_many_are_written_in_several_commands(documents: Documents) -> None:
    ids = [f"{number:03}" for number in range(230)]
    await documents.insert({"_id": "007"})
    assert await documents.insert_each([{"_id": id, "last": 0, "wait": []} for id in ids]) == 229
    assert await documents.insert_each([{"_id": "007"}, {"_id": "new"}]) == 1
    assert await documents.insert_each([]) == 0
    pairs = [({"_id": id, "last": 0, "wait": []}, {"$set": {"last": 1}}) for id in ids]
    assert await documents.update_each(pairs) == 229
    assert await documents.update_each([]) == 0
    found = await documents.find({"_id": {"$in": ids}}, limit=230)
    assert (len(found), sum(document.get("last", 0) for document in found)) == (230, 229)
    await documents.update_each([({"_id": id}, {"$set": {"out": [_entry(id)], "sent": []}}) for id in ids])
    await documents.take_out({id: [id] for id in ids}, keep=1, whole=[])
    found = await documents.find({"_id": {"$in": ids}}, limit=230)
    assert all(document["out"] == [] and len(document["sent"]) == 1 for document in found)


async def test_what_waits_beside_a_place(documents: Documents) -> None:
    await documents.insert({"_id": "p", "last": 1, "wait": []})
    where = {"_id": "p", "last": 1, "wait.seq": {"$ne": 3}}
    assert await documents.update(where, {"$push": {"wait": {"seq": 3}}, "$set": {"gap_since": AT}})
    assert not await documents.update(where, {"$push": {"wait": {"seq": 3}}})
    where["wait.seq"] = {"$nin": [4, 5]}
    assert await documents.update(
        where, {"$push": {"wait": {"$each": [{"seq": 4}, {"seq": 5}]}}, "$min": {"gap_since": AT}}
    )
    assert not await documents.update({**where, "wait.seq": {"$nin": [5, 6]}}, {"$set": {"last": 9}})
    assert not await documents.update({"_id": "p", "wait.seq": {"$not": {"$gt": 4}}}, {"$set": {"last": 9}})
    assert await documents.update({"_id": "p", "wait.seq": {"$not": {"$gt": 5}}}, {"$set": {"last": 1}})
    assert await documents.update({"_id": "p"}, {"$pull": {"wait": {"seq": {"$gt": 3}}}})
    change = {"$set": {"last": 3}, "$pull": {"wait": {"seq": {"$lte": 3}}}, "$unset": {"gap_since": 1}}
    assert await documents.update({"_id": "p", "last": 1}, change)
    assert await documents.get("p") == {"_id": "p", "last": 3, "wait": []}


async def test_ranges_sorts_limits_and_fields(documents: Documents) -> None:
    for number in range(10):
        await documents.insert({"_id": str(number), "n": number, "at": AT + timedelta(seconds=number), "x": 1})
    where = {"at": {"$gte": AT, "$lte": AT + timedelta(seconds=5)}, "n": {"$in": [1, 3, 5, 7]}}
    found = await documents.find(where, sort=(("n", -1),), limit=2, fields=("n",))
    assert found == [{"_id": "5", "n": 5}, {"_id": "3", "n": 3}]
    assert await documents.find({"_id": {"$gte": "3", "$lt": "5"}}, sort=(("_id", 1),), fields=("_id",)) == [
        {"_id": "3"},
        {"_id": "4"},
    ]
    assert await documents.count({"x": 1, "n": {"$gt": 7}}) == 2


async def test_a_sparse_index_finds_exactly_what_is_due(documents: Documents) -> None:
    await documents.ensure([Index((("due", 1),), "relay", sparse=True)])
    await documents.insert({"_id": "a", "due": AT, "shard": 1})
    await documents.insert({"_id": "b", "shard": 1})
    await documents.insert({"_id": "c", "due": AT + timedelta(days=1), "shard": 1})
    found = await documents.find({"due": {"$gte": datetime(1970, 1, 1, tzinfo=UTC), "$lte": AT}, "shard": {"$in": [1]}})
    assert [document["_id"] for document in found] == ["a"]


async def test_a_value_deep_inside_decides_whether_a_document_is_changed(documents: Documents) -> None:
    await documents.insert({"_id": "a", "v": 3, "src": {"identity_contacts:ca97": 4}})
    for number in (3, {"$exists": False}):
        assert not await documents.update(
            {"_id": "a", "v": 3, "src.identity_contacts:ca97": number}, {"$set": {"v": 4}}
        )
    where = {"_id": "a", "v": 3, "src.identity_contacts:ca97": 4, "src.identity_accounts:ca97": {"$exists": False}}
    assert await documents.update(where, {"$set": {"v": 4}})


async def test_a_value_inside_a_list_is_found(documents: Documents) -> None:
    await documents.insert(
        {"_id": "a", "tenant": "t", "list": [{"id": "x", "account": "mia"}, {"id": "y", "account": "j"}]}
    )
    assert [found["_id"] for found in await documents.find({"list.id": "y"})] == ["a"]
    assert [found["_id"] for found in await documents.find({"tenant": "t", "list.account": "mia"})] == ["a"]
    assert await documents.find({"list.id": "z"}) == []


@pytest.mark.stack
async def test_what_can_never_be_written_is_told_apart_from_a_silent_database(infrastructure: Stack) -> None:
    database = await Database.connect(SecretStr(infrastructure.database_url()), f"test_{uuid7()[-12:]}")
    documents = database.collection("things")
    await documents.insert({"_id": "a", "text": "no list", "big": "x" * 9_000_000})
    for change in ({"$push": {"text": 1}}, {"$set": {"more": "x" * 9_000_000}}):
        with pytest.raises(Rejected):
            await documents.update({"_id": "a"}, change)
    await database.close()


@pytest.mark.stack
async def test_what_can_never_be_written_holds_up_nothing_beside_it(infrastructure: Stack) -> None:
    database = await Database.connect(SecretStr(infrastructure.database_url()), f"test_{uuid7()[-12:]}")
    documents = database.collection("things")
    await documents.ensure([Index((("email", 1),), "email", unique=True, sparse=True)])
    new: list[dict[str, Any]] = [{"_id": "1", "email": "x"}, {"_id": "2", "x": object()}, {"_id": "3"}]
    outcomes = await asyncio.gather(*map(documents.insert, new), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), InvalidDocument, type(None)]
    new = [{"_id": "1"}, {"_id": "4", "email": "x"}, {"_id": "5"}]
    outcomes = await asyncio.gather(*map(documents.insert, new), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["_id_", "email", "None"]
    assert await documents.count({"_id": {"$in": ["1", "3", "5"]}}) == 3
    await database.close()


async def test_the_least_of_two_moments_stays(documents: Documents) -> None:
    await documents.insert({"_id": "a"})
    for seconds in (5, 9, 3):
        await documents.update({"_id": "a"}, {"$min": {"since": AT + timedelta(seconds=seconds)}})
    assert await documents.get("a") == {"_id": "a", "since": AT + timedelta(seconds=3)}


async def test_upsert_and_delete(documents: Documents) -> None:
    await documents.upsert("a", {"$set": {"n": 1}})
    await documents.upsert("a", {"$set": {"n": 2}})
    assert await documents.get("a") == {"_id": "a", "n": 2}
    assert not await documents.delete({"_id": "a", "n": 1})
    assert await documents.delete({"_id": "a", "n": 2})
    assert await documents.get("a") is None


async def test_null_matches_what_is_absent(documents: Documents) -> None:
    await documents.insert({"_id": "a", "by": None})
    assert await documents.update({"_id": "a", "by": {"$in": [None, "me"]}}, {"$set": {"by": "me"}})
    assert not await documents.update({"_id": "a", "by": {"$in": [None, "you"]}}, {"$set": {"by": "you"}})


async def test_a_renamed_collection_replaces_the_other_and_a_dropped_one_nothing(
    database: Database,
) -> None:
    new, live = database.collection("new-1"), database.collection("live")
    await live.insert({"_id": "old"})
    for id in ("a", "b"):
        await new.ensure([Index((("email", 1),), "email", unique=True, sparse=True)])
        await new.insert({"_id": id, "email": "x"})
        await database.rename("new-1", "live")
        assert [found["_id"] for found in await live.find({})] == [id]
    with pytest.raises(DatabaseUnavailable):
        await database.rename("new-1", "live")
    await new.insert({"_id": "c"})
    await database.drop("new-1")
    await database.drop("new-1")
    with pytest.raises(DatabaseUnavailable):
        await database.rename("new-1", "live")
    assert [found["_id"] for found in await live.find({})] == ["b"]
    assert await live.count({}, 60) == 1


async def test_the_database_tells_the_time(database: Database) -> None:
    assert abs(await database.now() - datetime.now(UTC)) < timedelta(seconds=5)
    await database.ping()


async def test_a_silent_database_is_told_as_such() -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.connect(SecretStr("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"), "nobody")


async def test_what_was_told_earlier_changes_nothing_later(documents: Documents) -> None:
    await documents.insert({"_id": "old", "jwk": "without a number"})
    for id in ("old", "new"):
        assert await keep_newest(documents, id, 2, {"$set": {"jwk": "two"}})
        assert not await keep_newest(documents, id, 1, {"$set": {"jwk": "one"}})
        assert await keep_newest(documents, id, 4, {"$unset": {"jwk": 1}})
        assert not await keep_newest(documents, id, 3, {"$set": {"jwk": "three"}})
        assert await documents.get(id) == {"_id": id, "seq": 4}
    await keep_newest(documents, "kept", 1, {"$set": {"jwk": "one"}})
    found = await documents.find({"jwk": {"$exists": True}}, sort=(("jwk", -1), ("_id", -1)), limit=1)
    assert [one["_id"] for one in found] == ["kept"]


async def test_of_two_that_keep_at_once_the_newer_is_left(documents: Documents) -> None:
    numbers = range(1, 9)
    await asyncio.gather(*(keep_newest(documents, "a", number, {"$set": {"jwk": number}}) for number in numbers))
    assert await documents.get("a") == {"_id": "a", "seq": 8, "jwk": 8}
