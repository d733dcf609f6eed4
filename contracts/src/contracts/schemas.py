"""JSON Schema 2020-12 of every event, made from its class."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from contracts.envelope import schema_uri
from contracts.event import Event

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


class _Plain(GenerateJsonSchema):
    """Without titles that only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        """``type: [x, "null"]`` where that says it: shorter, and tools draw it better than ``anyOf``."""
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and not {"enum", "const"} & inner.keys():
            return {**inner, "type": [inner["type"], "null"]}
        return super().nullable_schema(schema)


def schema_of(event: type[Event]) -> Schema:
    """Schema of the body as a reader may meet it: fields with a default are optional, unknown ones are allowed."""
    schema = event.model_json_schema(schema_generator=_Plain)
    return {
        "$schema": DIALECT,
        "$id": schema_uri(event.type),
        "x-topic": event.topic,
        **schema,
    }


def shared_schemas(events: Sequence[type[Event]], ref_template: str) -> dict[str, Schema]:
    """Schemas by class name of the events and of what they are made of, with references as the template says."""
    validation: JsonSchemaMode = "validation"
    _, found = models_json_schema(
        [(event, validation) for event in events], ref_template=ref_template, schema_generator=_Plain
    )
    definitions: dict[str, Schema] = found["$defs"]
    return definitions
