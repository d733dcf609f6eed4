"""What the services say to each other: the events and the topics that they travel on.

Everything else in this package is generated from the classes here: JSON Schemas, AsyncAPI, the broker's topics and its access rules.
"""

from contracts.event import Event, Tombstone, event_class, event_classes

__all__ = ["Event", "Tombstone", "event_class", "event_classes"]
