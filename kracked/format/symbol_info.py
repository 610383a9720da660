"""What a recording's `session.json` knows of one symbol: how its messages are to be read.

Apart from both, because the recorder that writes it and the loaders that read it must not
know each other.
"""

from __future__ import annotations

import msgspec

from kracked.instruments import Precision


class SymbolTerms(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Decimals and depths: without them no book can be rebuilt."""

    price_precision: int | None = None
    qty_precision: int | None = None
    book: int | None = None
    """Depth of the L2 subscription."""
    level3: int | None = None
    """Depth of the level3 subscription."""

    @property
    def precision(self) -> Precision | None:
        """None where it is not known."""
        price, qty = self.price_precision, self.qty_precision
        return None if price is None or qty is None else Precision(price, qty)


class PreviousInfo(SymbolTerms, kw_only=True, omit_defaults=True):
    """What was so until something changed."""

    until: int
    """Number of the first message for which it was so no more."""


class SymbolInfo(SymbolTerms, kw_only=True, omit_defaults=True):
    """What is so now; `was` has what was so before, the oldest first."""

    ohlc: list[int] = []
    """Lengths of the candles that were recorded, in minutes."""
    was: list[PreviousInfo] = []

    @property
    def first_precision(self) -> Precision | None:
        """That of the beginning; None where it is not known."""
        return self.was[0].precision if self.was else self.precision

    def change(self, seq: int, **now: int) -> bool:
        """Note what is so from this message on; False for what is known already."""
        names = [name for name, value in now.items() if getattr(self, name) != value]
        if any(getattr(self, name) is not None for name in names):
            self._remember(seq)
        for name in names:
            setattr(self, name, now[name])
        return bool(names)

    def forget_precision(self) -> None:
        """It was a guess, and never held."""
        self.price_precision = self.qty_precision = None

    def add_candles(self, interval: int) -> bool:
        """Note that such candles are recorded; False for what is known already."""
        if interval in self.ohlc:
            return False
        self.ohlc = sorted({*self.ohlc, interval})
        return True

    def _remember(self, seq: int) -> None:
        """What is so now was so until this message, unless it was so for none."""
        if not self.was or self.was[-1].until != seq:
            state = {name: getattr(self, name) for name in SymbolTerms.__struct_fields__}
            self.was.append(PreviousInfo(until=seq, **state))
