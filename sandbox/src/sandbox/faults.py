"""Failures on demand: the next requests of an endpoint fail in the way that a test asks for."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

KINDS: Mapping[str, str] = {
    "429": "refused before anything happens, with RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset",
    "500": "refused before anything happens",
    "503": "refused before anything happens",
    "timeout": "nothing happens; the answer takes `seconds` and is then 504",
    "garbage": "nothing happens; 200 with text that is no JSON",
    "lost": "it happens, but the answer takes `seconds` and is then 504",
}
AUTHORITY_AGENT = "sandbox-authority"
"""Begins the User-Agent of the receiving authority of the sandbox itself."""


@dataclass(frozen=True)
class Fault:
    """One order."""

    endpoint: str
    kind: str
    times: int
    """How many requests are still to fail."""
    seconds: float = 30.0
    spare_authority: bool = True
    """Whether the sandbox's own authority is left alone."""


class Faults:
    """Orders that are still open. They are not kept over a restart."""

    def __init__(self) -> None:
        self._orders: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def order(self, fault: Fault) -> int:
        """Add an order and return its number."""
        number = next(self._ids)
        self._orders[number] = fault
        return number

    def take(self, endpoint: str, user_agent: str) -> Fault | None:
        """Use up one failure of the oldest fitting order."""
        for number, fault in self._orders.items():
            spared = fault.spare_authority and user_agent.startswith(AUTHORITY_AGENT)
            if fault.endpoint == endpoint and not spared:
                if fault.times == 1:
                    del self._orders[number]
                else:
                    self._orders[number] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def open(self) -> list[dict[str, Any]]:
        """The orders as data."""
        return [{"fault_id": number, **vars(fault)} for number, fault in self._orders.items()]

    def clear(self) -> None:
        """Forget all orders."""
        self._orders.clear()
