"""Whether a changed event still suits everybody: who reads new events by the old schema, and old events by the new one.

Topics are kept for good and readers are updated one by one, so both directions must hold. That leaves little: words may
change, and an object may get a new optional field (readers ignore what they don't know). All else is a new class
``…V2``. Source: design rule of the topic table; measured against a library in docs/decisions/0001.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

_FREE_OF_TOPIC: Final = frozenset({"keep_days"})

_WORDS: Final = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated"})
"""Keywords that say nothing about which bodies are valid."""
_CHOICES: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_INNER: Final = frozenset({"properties", "required", "items", "additionalProperties", "$ref", *_CHOICES})
"""Keywords that are looked into one by one."""


@dataclass(frozen=True)
class Change:
    """One difference between two schemas of an event."""

    pointer: str
    """JSON pointer to the field in a body; ``*`` stands for any item."""
    what: str
    compatible: bool


@dataclass(frozen=True)
class Touched:
    """The changes of one event or topic and whom they reach."""

    name: str
    """Type of the event, or name of the topic."""
    topic: str
    consumers: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def compatible(self) -> bool:
        """Whether all changes are."""
        return all(change.compatible for change in self.changes)


def compare(
    before: Mapping[str, Schema], after: Mapping[str, Schema], consumers: Mapping[str, Sequence[str]]
) -> tuple[Touched, ...]:
    """Return what happened to the schemas by event type. ``consumers`` are the readers of each topic.

    A type that is only in ``after`` is new and free; one that is only in ``before`` was taken away from its readers.
    """
    touched = []
    for type_ in sorted(before):
        topic = str(before[type_].get("x-topic", ""))
        if type_ in after:
            changes = changes_between(before[type_], after[type_])
        else:
            changes = (Change("", "event taken away; what is stored could no longer be read", compatible=False),)
        if changes:
            touched.append(Touched(type_, topic, tuple(consumers.get(topic, ())), changes))
    return tuple(touched)


def compare_topics(
    before: Mapping[str, Schema], after: Mapping[str, Schema], consumers: Mapping[str, Sequence[str]]
) -> tuple[Touched, ...]:
    """Return what happened to the topics by name: partitions, order and the like must stay, keeping time may change."""
    touched = []
    for name in sorted(before):
        old, new = before[name], after.get(name)
        if new is None:
            changes = [Change("", "topic taken away", compatible=False)]
        else:
            changes = [
                Change("", _say(word, old, new), compatible=word in _FREE_OF_TOPIC)
                for word in sorted(old.keys() | new.keys())
                if _shown(word, old) != _shown(word, new)
            ]
        if changes:
            touched.append(Touched(name, name, tuple(consumers.get(name, ())), tuple(changes)))
    return tuple(touched)


def changes_between(before: Schema, after: Schema) -> tuple[Change, ...]:
    """Return the differences of two schemas of one event; differences of words alone are none."""
    return tuple(_compare(_Place(before, before, ""), _Place(after, after, ""), frozenset()))


@dataclass(frozen=True)
class _Place:
    """A part of a schema, the whole that its references point into, and the field it speaks of."""

    root: Schema
    part: Schema
    pointer: str

    def resolved(self) -> "_Place":
        part = self.part
        while "$ref" in part:
            name = str(part["$ref"]).removeprefix("#/$defs/")
            part = {**self.root["$defs"][name], **{word: part[word] for word in part if word != "$ref"}}
        return _Place(self.root, part, self.pointer)

    def step(self, keyword: str, name: str | None = None) -> "_Place":
        """The sub-schema under a keyword; ``name`` is the property, or None for any item."""
        part = self.part[keyword] if name is None else self.part[keyword][name]
        return _Place(self.root, part, self.pointer + ("/*" if name is None else _escaped(name)))


def _compare(before: _Place, after: _Place, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    pair = (str(before.part.get("$ref")), str(after.part.get("$ref")))
    if pair != ("None", "None"):
        if pair in seen:
            return
        seen |= {pair}
    before, after = before.resolved(), after.resolved()
    yield from _rules(before, after)
    yield from _properties(before, after, seen)
    for keyword in ("items", "additionalProperties"):
        yield from _inner(before, after, keyword, seen)
    for keyword in _CHOICES:
        yield from _choices(before, after, keyword, seen)


def _rules(before: _Place, after: _Place) -> Iterator[Change]:
    """Every keyword that is not looked into: any difference breaks one direction or the other, or we don't know."""
    old, new = _normal(before.part), _normal(after.part)
    for keyword in sorted((old.keys() | new.keys()) - _WORDS - _INNER):
        if _shown(keyword, old) != _shown(keyword, new):
            yield Change(before.pointer, _say(keyword, old, new), compatible=False)
        elif '"$ref"' in _shown(keyword, new):
            yield Change(before.pointer, f"{keyword} with references is not understood here", compatible=False)


def _properties(before: _Place, after: _Place, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    old, new = before.part.get("properties", {}), after.part.get("properties", {})
    needed, wanted = set(before.part.get("required", ())), set(after.part.get("required", ()))
    for name in sorted(old.keys() | new.keys()):
        pointer = before.pointer + _escaped(name)
        if name not in new:
            yield Change(pointer, "field removed or renamed", compatible=False)
        elif name not in old:
            optional = name not in wanted
            yield Change(pointer, f"new {'optional' if optional else 'required'} field", compatible=optional)
        else:
            if (name in needed) != (name in wanted):
                word = "required" if name in wanted else "optional"
                yield Change(pointer, f"field became {word}", compatible=False)
            yield from _compare(before.step("properties", name), after.step("properties", name), seen)


def _inner(before: _Place, after: _Place, keyword: str, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    old, new = before.part.get(keyword), after.part.get(keyword)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _compare(before.step(keyword), after.step(keyword), seen)
    elif _text(old) != _text(new):
        yield Change(before.pointer, _say(keyword, before.part, after.part), compatible=False)


def _choices(before: _Place, after: _Place, keyword: str, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    old, new = before.part.get(keyword, ()), after.part.get(keyword, ())
    if len(old) != len(new):
        yield Change(before.pointer, f"{keyword}: {len(old)} became {len(new)}", compatible=False)
        return
    for one, other in zip(old, new, strict=True):
        yield from _compare(_Place(before.root, one, before.pointer), _Place(after.root, other, before.pointer), seen)


def _normal(part: Schema) -> dict[str, Any]:
    """The same rule in one spelling: one allowed value is an enum of one, and the order of an enum means nothing."""
    rules = dict(part)
    if "const" in rules:
        rules["enum"] = [rules.pop("const")]
    for keyword in ("enum", "type"):
        if isinstance(rules.get(keyword), list):
            rules[keyword] = sorted(rules[keyword], key=_text)
    return rules


def _escaped(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _say(keyword: str, old: Schema, new: Schema) -> str:
    if keyword == "enum" and keyword in old and keyword in new:
        gone = [value for value in old["enum"] if value not in new["enum"]]
        more = [value for value in new["enum"] if value not in old["enum"]]
        return "; ".join(
            text
            for text, values in ((f"values taken away: {_text(gone)}", gone), (f"values added: {_text(more)}", more))
            if values
        )
    return f"{keyword} was {_shown(keyword, old)}, is {_shown(keyword, new)}"


def _shown(keyword: str, part: Schema) -> str:
    return _text(part[keyword]) if keyword in part else "not there"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
