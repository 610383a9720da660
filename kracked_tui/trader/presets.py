"""The preset sizes of the keys 1 to 5: those of the configuration, or round ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from kracked_tui.error_boundary import Tell
from kracked_tui.view.ticket.ticket import TicketMarket

_WORTH = (10, 25, 100, 250, 1000)
"""Cost of the five sizes in the quote currency, unless the configuration names sizes."""


class Presets:
    """Owner of the preset sizes, and of which one is in use, for as long as the program runs."""

    def __init__(self, named: Mapping[str, tuple[str, ...]], tell: Tell = lambda *_: None) -> None:
        """
        Args:
            named: Quantities in the base currency, by symbol.
            tell: Writes to the log; told once of each size that the pair does not allow.
        """
        self._named, self._tell = named, tell
        self._sizes: dict[str, tuple[int, ...]] = {}
        self._remarks: dict[str, tuple[str, ...]] = {}
        self._chosen = 0

    def sizes(self, market: TicketMarket) -> tuple[int, ...]:
        """Return the preset sizes of a pair, scaled."""
        symbol = market.instrument.symbol
        if symbol not in self._sizes:
            named = self._named.get(symbol, ())
            self._sizes[symbol] = sizes = sizes_of(market, named)
            self._remarks[symbol] = tuple(_rounded(market, named, sizes))
            for remark in self._remarks[symbol]:
                self._tell(remark, "warn")
        return self._sizes[symbol]

    def remarks(self, market: TicketMarket) -> tuple[str, ...]:
        """Return a sentence for each named size of a pair that had to be rounded."""
        self.sizes(market)
        return self._remarks[market.instrument.symbol]

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

    Named ones are rounded down to a lot step, and `Presets` says so. Round ones cost about as
    much as `_WORTH` says.
    """
    instrument = market.instrument
    digits = instrument.precision.qty
    scaled = [int(Decimal(text).scaleb(digits)) for text in named]
    if scaled:
        return tuple(qty - qty % instrument.qty_increment for qty in scaled)
    price = market.ask or market.bid
    least = max(1, instrument.qty_min, instrument.qty_increment)
    if price is None:
        return (least,)
    unit = instrument.precision.price_decimal(price)
    sizes = []
    for worth in _WORTH:
        exact = int((worth / unit).scaleb(digits))
        power = int(10 ** max(0, len(str(exact)) - 1))
        rounded = exact // power * power
        sizes.append(max(least, rounded - rounded % instrument.qty_increment))
    return tuple(sizes)


def _rounded(market: TicketMarket, named: Iterable[str], sizes: Iterable[int]) -> Iterator[str]:
    """Say which named sizes are finer than the pair allows, and what their keys send."""
    precision, symbol = market.instrument.precision, market.instrument.symbol
    step = precision.qty_text(market.instrument.qty_increment)
    for number, (text, size) in enumerate(zip(named, sizes, strict=False), 1):
        if precision.qty_decimal(size) != Decimal(text):
            yield (
                f"Size {number} of {symbol} in the configuration is {text}, finer than the steps "
                f"of {step} that the pair has: {precision.qty_text(size)} is used."
            )
