"""The sizes behind the keys 1 to 5: those of the configuration, or round ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from kracked_tui.trader.ticket_to_order import MarketMoment

_WORTH = (10, 25, 100, 250, 1000)
"""What the five sizes cost, in the quote currency, unless the configuration names sizes."""


class Presets:
    """Which sizes there are, and which is in use. They stay for as long as the program runs."""

    def __init__(self, named: Mapping[str, tuple[str, ...]]) -> None:
        """`named`: quantities in the base currency, by symbol."""
        self._named = named
        self._sizes: dict[str, tuple[int, ...]] = {}
        self._chosen = 0

    def sizes(self, moment: MarketMoment) -> tuple[int, ...]:
        """All of the pair's, scaled."""
        symbol = moment.instrument.symbol
        if symbol not in self._sizes:
            self._sizes[symbol] = sizes_of(moment, self._named.get(symbol, ()))
        return self._sizes[symbol]

    def size(self, moment: MarketMoment) -> int:
        """The one in use."""
        sizes = self.sizes(moment)
        return sizes[min(self._chosen, len(sizes) - 1)]

    def choose(self, number: int) -> None:
        """From 1."""
        self._chosen = number - 1


def sizes_of(moment: MarketMoment, named: Iterable[str]) -> tuple[int, ...]:
    """The quantities of the keys 1 to 5, scaled: those of the configuration, or round ones."""
    instrument = moment.instrument
    digits = instrument.precision.qty
    found = tuple(int(Decimal(text).scaleb(digits)) for text in named)
    return found or _usual(moment)


def _usual(moment: MarketMoment) -> tuple[int, ...]:
    """Round quantities that cost about as much as `_WORTH` says."""
    instrument = moment.instrument
    price = moment.ask or moment.bid
    least = max(1, instrument.qty_min, instrument.qty_increment)
    if price is None:
        return (least,)
    unit = instrument.precision.price_decimal(price)
    sizes = []
    for worth in _WORTH:
        exact = int((worth / unit).scaleb(instrument.precision.qty))
        power = int(10 ** max(0, len(str(exact)) - 1))
        sizes.append(max(least, exact // power * power))
    return tuple(sizes)
