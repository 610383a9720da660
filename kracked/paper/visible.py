"""The book that a paper taker meets: the ledger's queues, less what own takers have used up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from kracked.flow import Fact, Ledger, What
from kracked.protocol.events import Side

_GONE = frozenset((What.FILLED, What.CANCELLED, What.LOST, What.MOVED_OUT, What.REFILLED))
"""Facts after which nothing is left of what an order showed; an iceberg's id has a new part."""


class Taken(NamedTuple):
    """A part of a visible order that an own taker takes."""

    order_id: str
    price: int
    qty: int


class Offered(ABC):
    """The quantity there is for own takers, less what own takers have used up.

    Attributes:
        used: How much was used up, by the key of `offers`.
    """

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    def use(self, key: str, qty: int) -> None:
        """Remember that so much is used up; `key` is that of `offers`."""
        self.used[key] = self.used.get(key, 0) + qty

    def best(self, side: Side) -> int | None:
        """Return the best price at which something is left; None for an empty side."""
        return next((price for _, price, _ in self._left(side)), None)

    def offers(self, side: Side, qty: int, limit: int | None) -> list[Taken]:
        """Return what a taker of `side` would take now, price by price and first to fill first.

        Args:
            side: The taker's side; it takes from the other one.
            qty: What it wants.
            limit: The worst price that it takes; None takes any that is visible.
        """
        found: list[Taken] = []
        for key, price, unused in self._left(side.opposite):
            beyond = limit is not None and (price > limit if side is Side.BID else price < limit)
            if not qty or beyond:
                break
            part = min(qty, unused)
            found.append(Taken(key, price, part))
            qty -= part
        return found

    def bought_for(self, cash: int) -> int:
        """Return the quantity that a buyer with so much gets; scaled as price times quantity."""
        qty = 0
        for _, price, unused in self._left(Side.ASK):
            part = min(unused, cash // price)
            qty, cash = qty + part, cash - part * price
            if part < unused:
                break
        return qty

    @abstractmethod
    def _left(self, side: Side) -> Iterator[tuple[str, int, int]]:
        """Iterate over key, price and unused quantity of a side, best first."""


class Visible(Offered):
    """The orders of one symbol that are there for own takers.

    The market does not know what own takers took: `used` keeps it by order id, so that nothing
    is taken twice, until the order ends or an iceberg shows its next part.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    def apply(self, fact: Fact) -> None:
        """Forget what was used of an order that is over."""
        if fact.what in _GONE:
            self.used.pop(fact.order_id, None)

    def unused(self, order_id: str, qty: int) -> int:
        """Return how much of a quantity that an order shows is not used up."""
        return max(0, qty - self.used.get(order_id, 0))

    def _left(self, side: Side) -> Iterator[tuple[str, int, int]]:
        """Iterate over id, price and unused quantity of the orders that rest, best first."""
        queues = self.ledger.side(side)
        for key in reversed(queues.keys):
            for life in queues.levels[queues.sign * key].orders.values():
                unused = self.unused(life.order_id, life.qty)
                if unused and not life.taking:
                    yield life.order_id, life.price, unused
