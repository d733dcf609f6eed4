"""The AsyncAPI 3.0 document of the whole bus: every topic, what travels on it, who writes it and who reads it.

Source: AsyncAPI 3.0.0; Kafka bindings 0.5.0. One document for all services, since one topic table governs all of them.
"""

import importlib.metadata
from collections.abc import Iterable, Sequence
from typing import Any, Final

from contracts.envelope import CONTENT_TYPE, SPEC_VERSION, schema_uri
from contracts.event import Event, event_classes
from contracts.examples import Example
from contracts.schemas import shared_schemas
from contracts.topics import TOPICS, Topic

Part = dict[str, Any]

BINDING_VERSION: Final = "0.5.0"
_DAY_MS: Final = 24 * 60 * 60 * 1000
_DESCRIPTION: Final = (
    "Everything that the services of the Digitales Rathaus tell each other, and other agencies, through Apache Kafka. "
    "Each record is a CloudEvent 1.0 in binary mode. Its key is the id of the thing it speaks of, so all records of "
    "one thing stay in order. Readers ignore fields, events and headers that they don't know."
)


def asyncapi(examples: Sequence[Example]) -> Part:
    """Return the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Digitales Rathaus: events",
            "version": importlib.metadata.version("rathaus-contracts"),
            "description": _DESCRIPTION,
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"bus": _server()},
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": dict(_operations()),
        "components": {
            "messages": dict(_messages(examples)),
            "schemas": {"Headers": _headers(), "TombstoneHeaders": _tombstone_headers(), **_schemas()},
            "securitySchemes": {
                "principal": {
                    "type": "scramSha512",
                    "description": "One principal per service; what it may write and read follows from the operations.",
                }
            },
        },
    }


def message_name(topic: Topic) -> str:
    """Name of the tombstone among the messages of a compacted topic."""
    return f"{topic.name}.tombstone"


def _server() -> Part:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "Apache Kafka of the installation; TLS outside of one machine.",
        "variables": {"bootstrap": {"default": "127.0.0.1:9092", "description": "Host and port of one broker."}},
        "security": [_ref("components", "securitySchemes", "principal")],
        "bindings": {"kafka": {"bindingVersion": BINDING_VERSION}},
    }


def _channel(topic: Topic) -> Part:
    names = [event.__name__ for event in topic.events]
    if topic.compacted:
        names.append(message_name(topic))
    return {
        "address": topic.name,
        "title": topic.name,
        "description": " ".join(_summary(event) for event in topic.events),
        "servers": [_ref("servers", "bus")],
        "messages": {name: _ref("components", "messages", name) for name in names},
        "tags": [{"name": topic.data}, {"name": topic.producer}],
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": BINDING_VERSION,
            }
        },
        "x-producer": topic.producer,
        "x-consumers": list(topic.consumers),
        "x-data-class": topic.data,
        "x-order": topic.order,
        "x-key": topic.key,
        "x-keep-days": topic.keep_days,
    }


def _configuration(topic: Topic) -> Part:
    kept = -1 if topic.keep_days is None else topic.keep_days * _DAY_MS
    return {"cleanup.policy": ["compact" if topic.compacted else "delete"], "retention.ms": kept}


def _operations() -> Iterable[tuple[str, Part]]:
    for topic in TOPICS.values():
        yield f"{topic.producer}.publish.{topic.name}", _operation(topic, "send", topic.producer)
        for consumer in topic.consumers:
            receive = _operation(topic, "receive", consumer)
            group = {"type": "string", "enum": [topic.group(consumer)]}
            receive["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING_VERSION}}
            yield f"{consumer}.read.{topic.name}", receive


def _operation(topic: Topic, action: str, service: str) -> Part:
    verb = "publishes" if action == "send" else "reads"
    return {
        "action": action,
        "channel": _ref("channels", topic.name),
        "summary": f"{service} {verb} {topic.name}",
        "tags": [{"name": service}],
        "messages": [_ref("channels", topic.name, "messages", name) for name in _channel(topic)["messages"]],
    }


def _messages(examples: Sequence[Example]) -> Iterable[tuple[str, Part]]:
    for topic in TOPICS.values():
        for event in topic.events:
            yield event.__name__, _message(event, topic, examples)
        if topic.tombstone is not None:
            yield message_name(topic), _tombstone(topic, topic.tombstone, examples)


def _message(event: type[Event], topic: Topic, examples: Sequence[Example]) -> Part:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": _summary(event),
        "description": event.__doc__ or "",
        "contentType": CONTENT_TYPE,
        "headers": _typed("Headers", event.type, ce_dataschema={"const": schema_uri(event.type)}),
        "payload": _ref("components", "schemas", event.__name__),
        "bindings": _keyed(topic),
        "examples": _shown(event.type, examples),
    }


def _tombstone(topic: Topic, type_: str, examples: Sequence[Example]) -> Part:
    return {
        "name": type_,
        "title": f"Tombstone of {topic.name}",
        "summary": "What stood under this key is erased: drop your copy.",
        "headers": _typed("TombstoneHeaders", type_),
        "payload": {"type": "null"},
        "bindings": _keyed(topic),
        "examples": _shown(type_, examples),
    }


def _typed(headers: str, type_: str, **more: Part) -> Part:
    return {
        "allOf": [
            _ref("components", "schemas", headers),
            {"type": "object", "properties": {"ce_type": {"const": type_}, **more}},
        ]
    }


def _keyed(topic: Topic) -> Part:
    return {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING_VERSION}}


def _shown(type_: str, examples: Sequence[Example]) -> list[Part]:
    return [
        # The specification allows objects alone as payload of an example, so a tombstone shows its headers only.
        {"name": example.name, "headers": example.headers, **({"payload": example.body} if example.body else {})}
        for example in examples
        if example.type == type_
    ]


def _headers() -> Part:
    headers = _tombstone_headers()
    return {
        **headers,
        "description": "CloudEvents 1.0, Kafka binding, binary mode. A value is UTF-8 text.",
        "required": [*headers["required"], "ce_dataschema", "content-type"],
        "properties": {
            **headers["properties"],
            "ce_dataschema": {"type": "string", "format": "uri", "description": "Name of the body's JSON Schema."},
            "content-type": {"type": "string", "const": CONTENT_TYPE},
        },
    }


def _tombstone_headers() -> Part:
    def text(description: str, **rules: str) -> Part:
        return {"type": "string", "description": description, **rules}

    properties = {
        "ce_specversion": text("Version of CloudEvents.", const=SPEC_VERSION),
        "ce_id": text("Unique for good; a repeat carries the same."),
        "ce_type": text("Which event, in which version."),
        "ce_source": text("Municipality (ARS) and service.", pattern="^urn:rathaus:[0-9]{12}:[a-z][a-z-]*$"),
        "ce_subject": text("Id of the thing that the event speaks of; the record's key too."),
        "ce_time": text("When it happened, UTC.", format="date-time"),
        "ce_sequence": text("Number among the events of this thing on this topic, from 1.", pattern="^[0-9]{10,18}$"),
    }
    return {
        "type": "object",
        "description": "CloudEvents 1.0 attributes of a record without a body. A value is UTF-8 text.",
        "required": list(properties),
        "properties": {
            **properties,
            "traceparent": text("W3C Trace Context: the trace that the event was born in."),
        },
    }


def _schemas() -> dict[str, Part]:
    return shared_schemas(tuple(event_classes().values()), "#/components/schemas/{model}")


def _summary(event: type[Event]) -> str:
    return (event.__doc__ or "").partition("\n")[0]


def _ref(*path: str) -> Part:
    return {"$ref": "#/" + "/".join(path)}
