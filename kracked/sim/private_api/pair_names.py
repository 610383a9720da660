"""Finding a listing by any of the names REST has for it."""

from __future__ import annotations

from collections.abc import Iterable

from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.sim.listings import Listing
from kracked.sim.order_entry.ports import TradingVenue


class Listings:
    """Names to listings, as they are now."""

    def __init__(self, venue: TradingVenue, listed: Iterable[Listing]) -> None:
        self._venue = venue
        self._symbols = {
            name: one.symbol
            for one in listed
            for name in (one.rest_id, one.altname, one.wsname, one.symbol)
        }

    def named(self, name: str) -> Listing:
        """By id, altname, or a name with a slash. Raises `Refusal`."""
        symbol = self._symbols.get(name)
        if symbol is None:
            raise Refusal(refusals.UNKNOWN_PAIR)
        return self.of(symbol)

    def of(self, symbol: str) -> Listing:
        return self._venue.listing(symbol)

    def lists(self, symbol: str) -> bool:
        """Whether this is the v2 symbol of a listing."""
        return self._symbols.get(symbol) == symbol
