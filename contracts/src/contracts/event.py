"""The shape that all events share."""

import re
from typing import Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

_NAME = re.compile(r"(?<!^)(?=[A-Z])")
_VERSION = re.compile(r"V(\d+)$")
_classes: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """A fact that one service made known. Its envelope (id, tenant, sequence, trace) travels in CloudEvents headers.

    Readers ignore fields they don't know, so a new optional field is a compatible change. Anything else is a new
    class whose name ends in ``V2``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    type: ClassVar[str]
    """CloudEvents type, ``de.digitales-rathaus.<service>.<event>.v<version>``."""
    family: ClassVar[str]
    """The type without its version: what stays the same when an incompatible change makes a new class."""
    topic: ClassVar[str]
    """The one topic that carries this event."""

    occurred_at: AwareDatetime
    """When the fact came true, in UTC."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Derive the CloudEvents type from the class name and remember the class under it."""
        super().__pydantic_init_subclass__(**kwargs)
        version = _VERSION.search(cls.__name__)
        name = _NAME.sub("-", _VERSION.sub("", cls.__name__)).lower()
        service = cls.topic.partition(".")[0]
        cls.family = f"de.digitales-rathaus.{service}.{name}"
        cls.type = f"{cls.family}.v{version[1] if version else 1}"
        if cls.type in _classes:
            raise TypeError(f"two event classes claim the type {cls.type}")
        _classes[cls.type] = cls


class Tombstone:
    """What a reader of a compacted topic sees when the owner has erased the record under a key (a null value)."""


def event_class(type_: str) -> type[Event] | None:
    """Return the class for a CloudEvents type, or None where no class of that name and version exists."""
    return _classes.get(type_)


def event_classes() -> dict[str, type[Event]]:
    """Return all event classes by CloudEvents type. Importing ``contracts.topics`` has loaded every module."""
    return dict(_classes)
