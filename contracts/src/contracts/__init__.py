"""What the services say to each other: the events and the topics that they travel on.

Everything else in this package is generated from the classes here: JSON Schemas, AsyncAPI, the broker's topics and
its access rules.
"""

import contracts.topics  # noqa: F401  (loads every module of events, so that no type is unknown by accident)
from contracts.envelope import BadEnvelope, Envelope, envelope_of, headers_of
from contracts.event import Event, Tombstone, event_class, event_classes
from contracts.validation import BadBody, UnknownType, UnknownVersion, validate

__all__ = [
    "BadBody",
    "BadEnvelope",
    "Envelope",
    "Event",
    "Tombstone",
    "UnknownType",
    "UnknownVersion",
    "envelope_of",
    "event_class",
    "event_classes",
    "headers_of",
    "validate",
]
