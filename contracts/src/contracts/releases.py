"""`python -m contracts.releases [--accept]`: compare the events with those that have been published.

``contracts/released/`` holds the schemas and the topics as they were last accepted. Compatible changes are taken over
with ``--accept``; incompatible ones never, they need a new class.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from contracts.compatibility import Touched, compare, compare_topics
from contracts.event import event_classes
from contracts.schemas import schema_of
from contracts.topics import TOPICS

RELEASED = Path(__file__).parents[2] / "released"
_TOPICS_FILE = "topics.json"

Table = dict[str, dict[str, Any]]


def present_schemas() -> Table:
    """Schemas of all events by type."""
    return {type_: schema_of(event) for type_, event in event_classes().items()}


def present_topics() -> Table:
    """What a topic promises its readers, by name."""
    return {
        name: {
            "data": topic.data,
            "order": topic.order,
            "partitions": topic.partitions,
            "compacted": topic.compacted,
            "keep_days": topic.keep_days,
            "key": topic.key,
        }
        for name, topic in TOPICS.items()
    }


def released_schemas(folder: Path = RELEASED) -> Table:
    """Published schemas by type."""
    return {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.schema.json"))
    }


def released_topics(folder: Path = RELEASED) -> Table:
    """Published topics by name."""
    path = folder / _TOPICS_FILE
    table: Table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return table


def changes_since_release(folder: Path = RELEASED) -> tuple[Touched, ...]:
    """What was changed in published events and topics, and whom it reaches."""
    consumers = {name: topic.consumers for name, topic in TOPICS.items()}
    return (
        *compare(released_schemas(folder), present_schemas(), consumers),
        *compare_topics(released_topics(folder), present_topics(), consumers),
    )


def accept(folder: Path = RELEASED) -> None:
    """Write down the present schemas and topics as published. Raises ValueError where a change is incompatible."""
    broken = [touched.name for touched in changes_since_release(folder) if not touched.compatible]
    if broken:
        raise ValueError(f"incompatible, not accepted: {', '.join(broken)}")
    folder.mkdir(parents=True, exist_ok=True)
    for type_, schema in present_schemas().items():
        (folder / f"{type_}.schema.json").write_text(as_json(schema), encoding="utf-8")
    (folder / _TOPICS_FILE).write_text(as_json(present_topics()), encoding="utf-8")


def as_json(value: object) -> str:
    """The spelling of all generated JSON files."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def report(touched: Touched) -> str:
    """The changes of one event or topic for people."""
    readers = ", ".join(touched.consumers) or "nobody yet"
    lines = [f"{touched.name} (topic {touched.topic}, read by {readers})"]
    for change in touched.changes:
        word = "compatible  " if change.compatible else "INCOMPATIBLE"
        lines.append(f"  {word} {change.pointer or '/'}: {change.what}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the changes; return 1 where one of them is incompatible."""
    parser = argparse.ArgumentParser(prog="python -m contracts.releases", description=main.__doc__)
    parser.add_argument("--accept", action="store_true", help="write the present state down as published")
    options = parser.parse_args(arguments)
    changes = changes_since_release()
    for touched in changes:
        sys.stdout.write(report(touched) + "\n")
    if not all(touched.compatible for touched in changes):
        sys.stdout.write("An incompatible change needs a new class that ends in V2: contracts/README.md.\n")
        return 1
    if options.accept:
        accept()
    return 0


if __name__ == "__main__":
    sys.exit(main())
