"""The entry of one symbol in `session.json`: decimals and depths, and since when they hold.

The recorder updates it as it learns more from subscriptions and books; readers and loaders
rebuild books by it.
"""

from __future__ import annotations

import msgspec

from kracked.instruments import Precision


class SymbolTerms(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Decimals and depths of a symbol: without them no book can be rebuilt."""

    price_precision: int | None = None
    qty_precision: int | None = None
    book: int | None = None
    """Depth of the L2 subscription."""
    level3: int | None = None
    """Depth of the level3 subscription."""

    @property
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities; None when they are not known."""
        price, qty = self.price_precision, self.qty_precision
        return None if price is None or qty is None else Precision(price, qty)


class PreviousInfo(SymbolTerms, kw_only=True, omit_defaults=True):
    """Terms that held until something changed."""

    until: int
    """Number of the first message for which they no longer held."""


class SymbolInfo(SymbolTerms, kw_only=True, omit_defaults=True):
    """The terms that hold now, and those that held before."""

    ohlc: list[int] = []
    """Lengths of the candles that were recorded, in minutes."""
    was: list[PreviousInfo] = []
    """Earlier terms, the oldest first."""

    @property
    def first_precision(self) -> Precision | None:
        """The decimals at the recording's beginning; None when they are not known."""
        return self.was[0].precision if self.was else self.precision

    def update(self, seq: int, **terms: int) -> bool:
        """Set the terms that hold from message `seq` on; return whether any is new.

        The terms before them are archived as valid up to `seq`, unless they were valid for no
        message.
        """
        names = [name for name, value in terms.items() if getattr(self, name) != value]
        known = any(getattr(self, name) is not None for name in names)
        if known and not (self.was and self.was[-1].until == seq):
            before = {name: getattr(self, name) for name in SymbolTerms.__struct_fields__}
            self.was.append(PreviousInfo(until=seq, **before))
        for name in names:
            setattr(self, name, terms[name])
        return bool(names)

    def forget_precision(self) -> None:
        """Drop decimals that were a guess: they never held."""
        self.price_precision = self.qty_precision = None

    def add_candles(self, interval: int) -> bool:
        """Add a length of recorded candles, in minutes; return whether it is new."""
        if interval in self.ohlc:
            return False
        self.ohlc = sorted({*self.ohlc, interval})
        return True
