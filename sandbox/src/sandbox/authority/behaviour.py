"""How the authority treats what comes, as tests order it."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sandbox.authority.domain import Mode
from sandbox.authority.problems import reason
from sandbox.exchange.domain import Reason


@dataclass(frozen=True)
class Order:
    """Treat the next ``times`` fitting submissions in this way; None means until the order is taken back."""

    mode: Mode
    times: int | None = 1
    reference: str | None = None
    """Only the submission with this ``senderReference``."""
    destination_id: str | None = None
    problems: Sequence[Reason] = (reason("technical-error", "submission", "ordered by a test"),)
    """What a rejection says."""


NORMAL = Order(Mode.NORMAL, None)


class Behaviour:
    """Orders that are still open. They are not kept over a restart."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._ids = itertools.count(1)

    def order(self, order: Order) -> int:
        """Add an order and return its number."""
        number = next(self._ids)
        self._orders[number] = order
        return number

    def take(self, reference: str | None, destination_id: str) -> Order:
        """Use up one of the oldest fitting order; NORMAL when there is none."""
        for number, order in self._orders.items():
            if order.reference in (None, reference) and order.destination_id in (None, destination_id):
                if order.times == 1:
                    del self._orders[number]
                elif order.times is not None:
                    self._orders[number] = replace(order, times=order.times - 1)
                return order
        return NORMAL

    def open(self) -> list[dict[str, Any]]:
        """The orders as data."""
        return [{"order_id": number, **asdict(order)} for number, order in self._orders.items()]

    def clear(self) -> None:
        """Forget all orders."""
        self._orders.clear()
