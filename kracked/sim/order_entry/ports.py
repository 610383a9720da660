"""The exchange as its private half sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.faults.order_faults import OrderFaults
from kracked.sim.listings import Listing


class ExchangePort(Protocol):
    """The exchange, as its brokerage and its endpoints use it."""

    order_faults: OrderFaults

    @property
    def system(self) -> str:
        """The exchange's mode."""

    def listing(self, symbol: str) -> Listing:
        """Return the instrument as it is now, its status included."""

    def matcher(self, symbol: str) -> Matcher:
        """Return the instrument's engine."""

    def last_price(self, symbol: str) -> int:
        """Return the price of the latest trade, scaled."""

    def publish(self, symbol: str, batch: EngineBatch) -> None:
        """Publish what an engine did; it comes back through `Brokerage.apply`."""

    def call_at(self, time: int, act: Callable[[], None]) -> None:
        """Call a function when the market has come to this time."""
