"""The verdicts one by one, and against a JSON Schema validator: what is called compatible must really be so."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contracts.compatibility import Touched, changes_between, compare, compare_topics
from contracts.releases import present_schemas

Schema = dict[str, Any]

BEFORE: Schema = {
    "$id": "urn:example:before",
    "x-topic": "forms.applications",
    "type": "object",
    "title": "Invented",
    "required": ["name", "level", "items"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "description": "A word."},
        "level": {"type": "string", "enum": ["low", "high"]},
        "note": {"type": ["string", "null"], "default": None},
        "kind": {"const": "one"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        "choice": {"anyOf": [{"$ref": "#/$defs/Item"}, {"type": "null"}]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "$defs": {
        "Item": {
            "type": "object",
            "required": ["size"],
            "properties": {"size": {"type": "integer", "minimum": 0}, "inner": {"$ref": "#/$defs/Item"}},
        }
    },
}


def edited(edit: Callable[[Schema], object]) -> Schema:
    after = copy.deepcopy(BEFORE)
    edit(after)
    return after


def fields(schema: Schema) -> Schema:
    found: Schema = schema["properties"]
    return found


def item(schema: Schema) -> Schema:
    found: Schema = schema["$defs"]["Item"]
    return found


COMPATIBLE: dict[str, Callable[[Schema], object]] = {
    "nothing": lambda s: None,
    "description": lambda s: fields(s)["name"].update(description="Another word."),
    "title": lambda s: s.update(title="Other", description="New"),
    "order of an enum": lambda s: fields(s)["level"].update(enum=["high", "low"]),
    "order of types": lambda s: fields(s)["note"].update(type=["null", "string"]),
    "order of required": lambda s: s.update(required=["items", "name", "level"]),
    "const in another spelling": lambda s: fields(s).update(kind={"enum": ["one"]}),
    "definition renamed": lambda s: (
        s["$defs"].update(Thing=s["$defs"]["Item"]),
        fields(s)["items"]["items"].update({"$ref": "#/$defs/Thing"}),
    ),
    "new optional field": lambda s: fields(s).update(more={"type": "string", "default": ""}),
    "new optional field further in": lambda s: item(s)["properties"].update(more={"type": "string"}),
}

INCOMPATIBLE: dict[str, tuple[str, str, Callable[[Schema], object]]] = {
    "field removed": ("/name", "removed or renamed", lambda s: fields(s).pop("name")),
    "optional field removed": ("/note", "removed or renamed", lambda s: fields(s).pop("note")),
    "field renamed": ("/name", "removed or renamed", lambda s: fields(s).update(label=fields(s).pop("name"))),
    "new required field": (
        "/more",
        "new required field",
        lambda s: (fields(s).update(more={"type": "string"}), s["required"].append("more")),
    ),
    "became required": ("/note", "became required", lambda s: s["required"].append("note")),
    "became optional": ("/name", "became optional", lambda s: s["required"].remove("name")),
    "type changed": ("/name", 'type was "string", is "integer"', lambda s: fields(s)["name"].update(type="integer")),
    "null taken away": ("/note", "type was", lambda s: fields(s)["note"].update(type="string")),
    "null added": ("/name", "type was", lambda s: fields(s)["name"].update(type=["string", "null"])),
    "default changed": ("/note", "default was null", lambda s: fields(s)["note"].update(default="none")),
    "default of null taken away": ("/note", "is not there", lambda s: fields(s)["note"].pop("default")),
    "value taken away": ("/level", 'taken away: ["high"]', lambda s: fields(s)["level"].update(enum=["low"])),
    "value added": ("/level", 'added: ["top"]', lambda s: fields(s)["level"]["enum"].append("top")),
    "const changed": ("/kind", "values", lambda s: fields(s).update(kind={"const": "two"})),
    "const became a choice": ("/kind", 'added: ["two"]', lambda s: fields(s).update(kind={"enum": ["one", "two"]})),
    "pattern changed": ("/name", "pattern was", lambda s: fields(s)["name"].update(pattern="^[a-z]{3}$")),
    "pattern taken away": ("/name", "pattern was", lambda s: fields(s)["name"].pop("pattern")),
    "limit added": ("/name", "maxLength was not there", lambda s: fields(s)["name"].update(maxLength=3)),
    "format added": ("/name", "format was not there", lambda s: fields(s)["name"].update(format="uuid")),
    "limit further in": (
        "/items/*/size",
        "minimum was 0, is 1",
        lambda s: item(s)["properties"]["size"].update(minimum=1),
    ),
    "required further in": ("/items/*/inner", "became required", lambda s: item(s)["required"].append("inner")),
    "items changed": ("/items/*", "type was", lambda s: fields(s)["items"].update(items={"type": "string"})),
    "items free": ("/items", "items was", lambda s: fields(s)["items"].pop("items")),
    "choice added": ("/choice", "anyOf: 2 became 3", lambda s: fields(s)["choice"]["anyOf"].append({"type": "string"})),
    "choice changed": (
        "/choice",
        "type was",
        lambda s: fields(s)["choice"]["anyOf"].__setitem__(1, {"type": "string"}),
    ),
    "values of a map": (
        "/labels/*",
        "type was",
        lambda s: fields(s)["labels"]["additionalProperties"].update(type="integer"),
    ),
    "object closed": ("/", "additionalProperties was not there", lambda s: s.update(additionalProperties=False)),
    "topic moved": ("/", "x-topic was", lambda s: s.update({"x-topic": "forms.packages"})),
    "word unknown here": ("/name", "not was not there", lambda s: fields(s)["name"].update({"not": {"const": "x"}})),
}


@pytest.mark.parametrize("name", COMPATIBLE)
def test_compatible(name: str) -> None:
    after = edited(COMPATIBLE[name])
    assert [change for change in changes_between(BEFORE, after) if not change.compatible] == []


@pytest.mark.proves("PL-02")
@pytest.mark.parametrize("name", INCOMPATIBLE)
def test_incompatible(name: str) -> None:
    pointer, words, edit = INCOMPATIBLE[name]
    found = [change for change in changes_between(BEFORE, edited(edit)) if not change.compatible]
    assert any((change.pointer or "/") == pointer and words in change.what for change in found), found


@pytest.mark.parametrize("name", [name for name in INCOMPATIBLE if name != "optional field removed"])
def test_taking_an_incompatible_change_back_is_incompatible_too(name: str) -> None:
    found = changes_between(edited(INCOMPATIBLE[name][2]), BEFORE)
    assert not all(change.compatible for change in found), found


def test_references_where_none_are_expected_are_not_passed_over() -> None:
    puzzle = edited(lambda s: fields(s)["labels"].update(patternProperties={"^x": {"$ref": "#/$defs/Item"}}))
    assert [change.what for change in changes_between(puzzle, puzzle)] == [
        "patternProperties with references is not understood here"
    ]


def test_a_change_names_the_readers_of_its_topic() -> None:
    consumers = {"forms.applications": ("osi-gateway", "notify"), "forms.packages": ("osi-gateway",)}
    after = edited(COMPATIBLE["new optional field"])
    assert compare({"a.v1": BEFORE, "b.v1": BEFORE}, {"a.v1": after, "b.v1": BEFORE, "c.v1": after}, consumers) == (
        Touched("a.v1", "forms.applications", ("osi-gateway", "notify"), changes_between(BEFORE, after)),
    )


def test_a_published_event_cannot_be_taken_away() -> None:
    (touched,) = compare({"a.v1": BEFORE}, {}, {"forms.applications": ("notify",)})
    assert not touched.compatible
    assert touched.consumers == ("notify",)


TOPIC = {"data": "public", "order": "every", "partitions": 12, "compacted": False, "keep_days": 7, "key": "id"}


@pytest.mark.parametrize(
    ("change", "compatible"),
    [
        ({"keep_days": 30}, True),
        ({"keep_days": None}, True),
        ({"partitions": 24}, False),
        ({"order": "newest"}, False),
        ({"compacted": True}, False),
        ({"data": "restricted"}, False),
        ({"key": "other"}, False),
    ],
)
def test_a_topic_keeps_what_its_readers_build_on(change: Schema, compatible: bool) -> None:
    (touched,) = compare_topics({"t": TOPIC}, {"t": {**TOPIC, **change}, "new": TOPIC}, {"t": ("notify",)})
    assert (touched.compatible, touched.consumers) == (compatible, ("notify",))


def test_a_topic_cannot_be_taken_away() -> None:
    assert [touched.compatible for touched in compare_topics({"t": TOPIC}, {}, {})] == [False]


def test_real_schemas_are_compatible_with_themselves() -> None:
    assert compare(present_schemas(), present_schemas(), {}) == ()


# --- against a validator -------------------------------------------------------------------------------------------

SCALARS: st.SearchStrategy[Schema] = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "minimum": 0}, {"enum": ["a", "b"]}, {"type": ["string", "null"]}]
)


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    properties = st.dictionaries(st.sampled_from("pqrs"), inner, max_size=3)
    return st.builds(
        lambda found, keep: {"type": "object", "properties": found, "required": sorted(found)[:keep]},
        properties,
        st.integers(0, 3),
    )


SCHEMAS = objects(
    st.recursive(
        SCALARS,
        lambda inner: objects(inner) | st.builds(lambda found: {"type": "array", "items": found}, inner),
        max_leaves=4,
    )
)


def bodies(schema: Schema) -> st.SearchStrategy[Any]:
    """Bodies that a publisher with this schema may write."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            parts = {name: bodies(part) for name, part in schema["properties"].items()}
            needed = set(schema["required"])
            return st.fixed_dictionaries(
                {name: part for name, part in parts.items() if name in needed},
                optional={name: part for name, part in parts.items() if name not in needed},
            )
        case "array":
            return st.lists(bodies(schema["items"]), max_size=2)
        case "integer":
            return st.integers(0, 3)
        case ["string", "null"]:
            return st.none() | st.just("x")
        case _:
            return st.just("x")


@st.composite
def compatible_pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """Two schemas that the check calls compatible: unrelated ones seldom are, so most are grown from one another."""
    before = draw(SCHEMAS)
    after = copy.deepcopy(before)
    if draw(st.booleans()):
        after["properties"].setdefault("t", draw(SCALARS))
    if draw(st.booleans()):
        after = draw(SCHEMAS)
    return before, after


@given(compatible_pairs(), st.data())
def test_what_is_called_compatible_is_valid_both_ways(pair: tuple[Schema, Schema], data: st.DataObject) -> None:
    before, after = pair
    if all(change.compatible for change in changes_between(before, after)):
        Draft202012Validator(after).validate(data.draw(bodies(before)))
        Draft202012Validator(before).validate(data.draw(bodies(after)))


@given(compatible_pairs(), st.data())
def test_a_body_that_only_one_side_accepts_is_called_incompatible(
    pair: tuple[Schema, Schema], data: st.DataObject
) -> None:
    before, after = pair
    old, new = data.draw(bodies(before)), data.draw(bodies(after))
    if not Draft202012Validator(after).is_valid(old) or not Draft202012Validator(before).is_valid(new):
        assert not all(change.compatible for change in changes_between(before, after))
