"""The topic table says who reads what, and the services do exactly that."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.topics import SERVICES, TOPICS

ROOT = Path(__file__).parents[2]
EVERY_SERVICE = ROOT / "chassis" / "src" / "chassis" / "process.py"
"""What the chassis listens to, it listens to in each service but the topic's own."""


@dataclass(frozen=True)
class Listening:
    """One call of ``listen``."""

    place: str
    topic: str
    events: tuple[str, ...] | None
    """Names of the event classes, where they are written out in the call."""


def listenings(place: str, source: str) -> Iterator[Listening]:
    """Find the calls of ``listen``. Raises ValueError where the topic is not written out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "listen":
            topic = node.args[1]
            if not (isinstance(topic, ast.Constant) and isinstance(topic.value, str)):
                raise ValueError(f"{place} listens to {ast.unparse(topic)}: write the topic out as text")
            yield Listening(place, topic.value, events_of(node.args[2]))


def events_of(handlers: ast.expr) -> tuple[str, ...] | None:
    if not isinstance(handlers, ast.Dict):
        return None
    return tuple(ast.unparse(key).rpartition(".")[2] for key in handlers.keys if key is not None)


def complaints(service: str, found: list[Listening]) -> list[str]:
    """What does not fit between a service's calls and the table."""
    wanted = {topic.name for topic in TOPICS.values() if service in topic.consumers}
    heard = [listening.topic for listening in found]
    wrong = [f"{service} listens to {name}, of which the table does not know" for name in heard if name not in wanted]
    wrong += [f"{service} does not listen to {name}" for name in sorted(wanted) if name not in heard]
    wrong += [f"{service} listens to {name} twice" for name in sorted(set(heard)) if heard.count(name) > 1]
    for listening in found:
        if listening.topic in TOPICS and listening.events is not None:
            known = {event.__name__ for event in TOPICS[listening.topic].events} | {"Tombstone"}
            wrong += [f"{event} does not come on {listening.topic}" for event in listening.events if event not in known]
    return wrong


def of_service(service: str) -> list[Listening]:
    found = [
        listening
        for path in (ROOT / "services" / service / "src").rglob("*.py")
        for listening in listenings(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]
    shared = listenings("chassis", EVERY_SERVICE.read_text(encoding="utf-8"))
    own = [listening.topic for listening in found]
    return found + [one for one in shared if TOPICS[one.topic].producer != service and one.topic not in own]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_listens_to_what_the_table_says(service: str) -> None:
    assert complaints(service, of_service(service)) == []


def test_the_table_is_used() -> None:
    assert sum(len(of_service(service)) for service in SERVICES) >= len(TOPICS) // 2


def test_planted_calls_are_judged() -> None:
    source = """
listen(bus, "identity.keys", {TokenKeyPublished: keep, Tombstone: drop})
listen(context.bus, "forms.packages", {ApplicationSubmitted: steal})
broker.listen(bus, "osi-gateway.keys", handlers(store))
listen(bus, "osi-gateway.keys", {})
"""
    assert complaints("forms", list(listenings("planted", source))) == [
        "forms listens to forms.packages, of which the table does not know",
        "forms does not listen to osi-gateway.submissions",
        "forms listens to osi-gateway.keys twice",
        "ApplicationSubmitted does not come on forms.packages",
    ]


def test_a_topic_that_is_not_written_out_is_refused() -> None:
    with pytest.raises(ValueError, match="write the topic out"):
        list(listenings("planted", "listen(bus, NAME, {})"))
