"""What every writer of an export shares: its surroundings, its report, the totals of levels."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from kracked.errors import RecordError, says
from kracked.export.rows import NormalRow
from kracked.instruments import Precision
from kracked.protocol.events import Side

# To look a member up in its enum costs 70 ns each time, a name in the module 5.
_BID = Side.BID


@says("{format} cannot hold {what} of {symbol}: {advice}")
class DoesNotFit(RecordError):
    """The format has no room for a number of the recording."""

    format: str
    symbol: str
    what: str
    advice: str


class Target(NamedTuple):
    """The place that a symbol is written to, and the decimals of its rows."""

    folder: Path
    symbol: str
    precision: Precision
    size_decimals: int | None = None
    """Decimals of a size in the file, where the format has integers of few digits."""

    @property
    def name(self) -> str:
        """The symbol as part of a file's name."""
        return file_name(self.symbol)


class Written(NamedTuple):
    """A writer's account of the rows of a symbol."""

    files: list[Path]
    rows: int
    """Rows in the target's own files."""
    told: Counter[str]
    """What the format says otherwise, and how often: no number is changed by it."""
    lost: Counter[str]
    """Numbers that the format changed, and how many."""
    readme: str
    """The facts of these files for a reader: units, scales, files. Markdown."""


class Writer(Protocol):
    """Writes the rows of one symbol in a format."""

    def __init__(self, target: Target) -> None: ...

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""

    def finish(self) -> Written:
        """Complete the files; close them also where something failed before."""

    def close(self) -> None:
        """Close what is open."""


class LevelTotals:
    """The shown quantity at each price, and the best prices of each side.

    Attributes:
        totals: The quantity by price, of each side.
        keys: The prices of each side, bids ascending, asks negated: the best is last.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.totals: dict[Side, dict[int, int]] = {Side.BID: {}, Side.ASK: {}}
        self.keys: dict[Side, list[int]] = {Side.BID: [], Side.ASK: []}

    def change(self, side: Side, price: int, by: int, count: int) -> bool:
        """Add a quantity to a level, negative to take it away; an empty level is none.

        Returns:
            Whether one of the best `count` levels is another one now, or has another quantity.
        """
        totals = self.totals[side]
        total = totals.get(price)
        keys, key = self.keys[side], price if side is _BID else -price
        seen = len(keys) < count or key >= keys[-count]
        if total is None:
            insort(keys, key)
            totals[price] = by
        elif total + by:
            totals[price] = total + by
        else:
            del totals[price]
            del keys[bisect_left(keys, key)]
        return seen

    def best(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Return price and quantity of the best levels, best first."""
        totals, keys = self.totals[side], self.keys[side][: -count - 1 : -1]
        if side is _BID:
            return [(key, totals[key]) for key in keys]
        return [(-key, totals[-key]) for key in keys]

    def clear(self) -> None:
        """Forget all levels."""
        for side in Side:
            self.totals[side].clear()
            self.keys[side].clear()


def file_name(symbol: str) -> str:
    """Return a symbol as part of a file's name: `BTC-USD`."""
    return "".join(char if char.isalnum() else "-" for char in symbol)
