"""The preset sizes of the keys 1 to 5: those of the configuration, or round ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from kracked_tui.view.ticket.ticket import TicketMarket

_WORTH = (10, 25, 100, 250, 1000)
"""Cost of the five sizes in the quote currency, unless the configuration names sizes."""


class Presets:
    """Owner of the preset sizes, and of which one is in use, for as long as the program runs."""

    def __init__(self, named: Mapping[str, tuple[str, ...]]) -> None:
        """`named` are quantities in the base currency, by symbol."""
        self._named = named
        self._sizes: dict[str, tuple[int, ...]] = {}
        self._chosen = 0

    def sizes(self, market: TicketMarket) -> tuple[int, ...]:
        """Return the preset sizes of a pair, scaled."""
        symbol = market.instrument.symbol
        if symbol not in self._sizes:
            self._sizes[symbol] = sizes_of(market, self._named.get(symbol, ()))
        return self._sizes[symbol]

    def size(self, market: TicketMarket) -> int:
        """Return the size in use, scaled."""
        sizes = self.sizes(market)
        return sizes[min(self._chosen, len(sizes) - 1)]

    @property
    def chosen(self) -> int:
        """The number of the size in use, from 1."""
        return self._chosen + 1

    def choose(self, number: int) -> None:
        """Use the size of this number, from 1."""
        self._chosen = number - 1


def sizes_of(market: TicketMarket, named: Iterable[str]) -> tuple[int, ...]:
    """Return the quantities of the keys 1 to 5, scaled: named ones, or round ones.

    Round ones cost about as much as `_WORTH` says.
    """
    instrument = market.instrument
    digits = instrument.precision.qty
    found = tuple(int(Decimal(text).scaleb(digits)) for text in named)
    if found:
        return found
    price = market.ask or market.bid
    least = max(1, instrument.qty_min, instrument.qty_increment)
    if price is None:
        return (least,)
    unit = instrument.precision.price_decimal(price)
    sizes = []
    for worth in _WORTH:
        exact = int((worth / unit).scaleb(digits))
        power = int(10 ** max(0, len(str(exact)) - 1))
        sizes.append(max(least, exact // power * power))
    return tuple(sizes)
