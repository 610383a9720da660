"""What the private half needs of the exchange it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.faults.order_faults import OrderFaults
from kracked.sim.listings import Listing


class ExchangePort(Protocol):
    """An exchange, as its brokerage sees it."""

    system: str
    order_faults: OrderFaults

    def listing(self, symbol: str) -> Listing:
        """The instrument as it is now, its status included."""

    def matcher(self, symbol: str) -> Matcher:
        """Its engine."""

    def last_price(self, symbol: str) -> int:
        """Of the latest trade, scaled."""

    def publish(self, symbol: str, batch: EngineBatch) -> None:
        """Tell everybody what an engine did; it comes back through `follow`."""

    def call_at(self, time: int, act: Callable[[], None]) -> None:
        """Do something when the market has come to this time."""
