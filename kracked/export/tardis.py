"""Tardis CSV: level 2 changes, trades, quotes and books of five levels.

Source: docs.tardis.dev/downloadable-csv-files
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import starmap
from typing import TextIO

from kracked.export.rows import Action, Flags, NormalRow, Why
from kracked.export.writing import LevelTotals, Target, Written
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import to_rfc3339
from kracked.units import to_text

LEVELS = 5
# To look a member up in its enum costs 70 ns each time, a name in the module 5.
_CANCEL, _CLEAR, _FILL, _TRADE = Action.CANCEL, Action.CLEAR, Action.FILL, Action.TRADE
_SNAPSHOT, _LAST = int(Flags.SNAPSHOT), int(Flags.LAST)
_SIDES = {side: str(side) for side in Side}
_COLUMNS = {
    "incremental_book_L2": "is_snapshot,side,price,amount",
    "trades": "id,side,price,amount",
    "quotes": "ask_amount,ask_price,bid_price,bid_amount",
    "book_snapshot_5": ",".join(
        f"{side}[{rank}].{what}"
        for rank in range(LEVELS)
        for side in ("asks", "bids")
        for what in ("price", "amount")
    ),
}
_HOLES = "holes: a reader keeps the old book until the next snapshot block replaces it"
_CUT = "rows whose times were cut from nanoseconds to microseconds"


class TardisWriter:
    """Writes the four files, gzip, in microseconds."""

    def __init__(self, target: Target) -> None:
        """Open the files."""
        self._target = target
        self._lead = f"kraken,{target.symbol}"
        self._files: dict[str, TextIO] = {}
        for kind, columns in _COLUMNS.items():
            path = target.folder / f"{kind}.csv.gz"
            raw = gzip.GzipFile(path, "wb", compresslevel=4, mtime=0)
            file = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
            file.write(f"exchange,symbol,timestamp,local_timestamp,{columns}\n")
            self._files[kind] = file
        self._totals = LevelTotals()
        self._orders: dict[int, int] = {}
        self._changed: dict[tuple[Side, int], None] = {}
        """Levels that the message has changed, in order."""
        self._seen = False
        """Whether the message may have changed the best levels."""
        self._text = _text_of_levels(target.precision)
        self._quote: list[tuple[int, int]] = []
        self._top: list[list[tuple[int, int]]] = []
        self._day = ""
        self._rows = 0
        self._told: Counter[str] = Counter()

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""
        for row in rows:
            action = row.action
            if action is _TRADE:
                side = "buy" if row.side is Side.BID else "sell"
                self._put("trades", row, f"{row.trade},{side},{self._text(row.price, row.qty)}")
            elif action is _CLEAR:
                self._totals.clear()
                self._orders.clear()
                self._changed.clear()
                self._seen = True
                self._told[_HOLES] += row.why is Why.HOLE
            elif action is not _FILL:
                orders, number = self._orders, row.order
                if action is _CANCEL:
                    by = -orders.pop(number)
                else:
                    by = row.qty - orders.get(number, 0)
                    orders[number] = row.qty
                if self._totals.change(row.side, row.price, by, LEVELS):
                    self._seen = True
                self._changed[row.side, row.price] = None
            if row.flags & _LAST and self._changed:
                self._end_of_message(row)

    def finish(self) -> Written:
        """Close the files, and give them Tardis' names."""
        self.close()
        folder, name = self._target.folder, self._target.name
        files = [
            (folder / f"{kind}.csv.gz").rename(folder / f"kraken_{kind}_{self._day}_{name}.csv.gz")
            for kind in _COLUMNS
        ]
        self._told[_CUT] = self._rows
        return Written(files, self._rows, self._told, Counter(), _README)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _end_of_message(self, row: NormalRow) -> None:
        """Write the levels that a message has changed, and the best ones if they have changed."""
        snapshot = "true" if row.flags & _SNAPSHOT else "false"
        for side, price in self._changed:
            text = self._text(price, self._totals.totals[side].get(price, 0))
            self._put("incremental_book_L2", row, f"{snapshot},{_SIDES[side]},{text}")
        self._changed.clear()
        if self._seen:
            self._seen = False
            self._put_best(row)

    def _put_best(self, row: NormalRow) -> None:
        bids, asks = (self._totals.best(side, LEVELS) for side in (Side.BID, Side.ASK))
        if [asks, bids] == self._top:
            return
        self._top = [asks, bids]
        pairs = [
            self._text(*levels[rank]) if rank < len(levels) else ","
            for rank in range(LEVELS)
            for levels in (asks, bids)
        ]
        self._put("book_snapshot_5", row, ",".join(pairs))
        if asks and bids and (quote := [asks[0], bids[0]]) != self._quote:
            self._quote = quote
            ask, bid = starmap(self._text, quote)
            self._put("quotes", row, f"{','.join(reversed(ask.split(',')))},{bid}")

    def _put(self, kind: str, row: NormalRow, rest: str) -> None:
        if not self._day:
            self._day = to_rfc3339(row.ts_engine)[:10]
        self._rows += 1
        engine, received = row.ts_engine // 1_000, row.ts_recv // 1_000
        self._files[kind].write(f"{self._lead},{engine},{received},{rest}\n")


def _text_of_levels(precision: Precision) -> Callable[[int, int], str]:
    """Return a function that writes price and quantity of a level; it remembers the latest."""

    @lru_cache(maxsize=1 << 14)
    def text(price: int, qty: int) -> str:
        return f"{to_text(price, precision.price)},{to_text(qty, precision.qty)}"

    return text


_README = """\
- Files: `incremental_book_L2` (totals of levels; 0 removes one), `trades` (the taker's side),
  `quotes`, `book_snapshot_5` (both when they change). gzip, comma, LF, times in microseconds.
- The format has no orders: queues are lost in it, and so is the reason for a change.
- A block of rows with `is_snapshot` replaces the book.
- hftbacktest's `tardis.convert` wants the file of trades before the file of the book.
"""
