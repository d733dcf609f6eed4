"""What tests of services build on: a fake database, a fake broker and a clock, held to the real parts' contracts."""

from chassis.testing.bus import MemoryBroker, MemoryBus, MemoryPublisher
from chassis.testing.clock import START, FixedClock
from chassis.testing.memory import MemoryDatabase, MemoryDocuments

__all__ = [
    "START",
    "FixedClock",
    "MemoryBroker",
    "MemoryBus",
    "MemoryDatabase",
    "MemoryDocuments",
    "MemoryPublisher",
]
