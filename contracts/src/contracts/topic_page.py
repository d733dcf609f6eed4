"""The topic table as a page for people."""

from collections.abc import Iterator

from contracts.event import Event
from contracts.topics import TOPICS, Topic, dead_letters

_HEAD = """\
# Topics and events

Made from `contracts/topics.py` by `python -m contracts.generate`; don't edit it here.
Machines read the same in `contracts/asyncapi.json`, and every event has its JSON Schema in `contracts/schemas/` and
examples in `contracts/examples/`.

- **key**: what a record's key names. Records of one key stay in order; nothing is promised across keys or topics.
- **order** `every`: each number is there, readers apply them one by one. `newest`: the last record of a key says all.
- **data** `public`: ids and minimal data. `restricted`: personal data, the broker lets only the named readers in.

| topic | written by | read by | key | order | kept | partitions | data |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def topic_page() -> str:
    """Return the page in Markdown."""
    rows = "".join(_row(topic) for topic in TOPICS.values())
    sections = "".join("\n" + line for topic in TOPICS.values() for line in _section(topic))
    return _HEAD + rows + sections


def _row(topic: Topic) -> str:
    cells = (
        f"`{topic.name}`",
        topic.producer,
        ", ".join(topic.consumers) or "nobody yet",
        topic.key,
        topic.order,
        _kept(topic),
        str(topic.partitions),
        topic.data,
    )
    return f"| {' | '.join(cells)} |\n"


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "last record of each key"
    if topic.keep_days is None:
        return "for good"
    return f"{topic.keep_days} day{'s' if topic.keep_days > 1 else ''}"


def _section(topic: Topic) -> Iterator[str]:
    yield f"## {topic.name}\n"
    for consumer in topic.consumers:
        yield f"- {consumer} reads as group `{topic.group(consumer)}`, replayed events from `{topic.retry(consumer)}`,"
        yield f"  and puts what it cannot handle on `{dead_letters(consumer)}`."
    if topic.consumers:
        yield ""
    yield "| event | type | says |"
    yield "| --- | --- | --- |"
    for event in topic.events:
        yield f"| {event.__name__} | `{event.type}` | {_said(event)} |"
    if topic.tombstone is not None:
        yield f"| (tombstone) | `{topic.tombstone}` | What stood under this key is erased: drop your copy. |"
    yield ""


def _said(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())
