"""Tardis CSV: level 2 changes, trades, quotes and books of five levels.

Source: docs.tardis.dev/downloadable-csv-files
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Iterable
from itertools import starmap
from typing import TextIO

from kracked.export.rows import Action, Flags, NormalRow, Why
from kracked.export.writing import LevelTotals, Target, Written
from kracked.protocol.events import Side
from kracked.times import to_rfc3339
from kracked.units import to_text

LEVELS = 5
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
        self._quote: list[tuple[int, int]] = []
        self._top: list[list[tuple[int, int]]] = []
        self._day = ""
        self._rows = 0
        self._told: Counter[str] = Counter()

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""
        for row in rows:
            if row.action is Action.TRADE:
                side = "buy" if row.side is Side.BID else "sell"
                self._put("trades", row, f"{row.trade},{side},{self._texts(row.price, row.qty)}")
            elif row.action is Action.CLEAR:
                self._totals.clear()
                self._orders.clear()
                self._changed.clear()
                self._told[_HOLES] += row.why is Why.HOLE
            elif row.action is not Action.FILL:
                self._change(row)
            if row.flags & Flags.LAST:
                self._end_of_message(row)

    def finish(self) -> Written:
        """Close the files, and give them Tardis' names."""
        self.close()
        folder, name = self._target.folder, self._target.name
        files = [
            (folder / f"{kind}.csv.gz").rename(folder / f"kraken_{kind}_{self._day}_{name}.csv.gz")
            for kind in _COLUMNS
        ]
        return Written(files, self._rows, self._told, Counter(), _README)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _change(self, row: NormalRow) -> None:
        orders, number = self._orders, row.order
        if row.action is Action.CANCEL:
            by = -orders.pop(number)
        else:
            by = row.qty - orders.get(number, 0)
            orders[number] = row.qty
        self._totals.change(row.side, row.price, by)
        self._changed[row.side, row.price] = None

    def _end_of_message(self, row: NormalRow) -> None:
        if not self._changed:
            return
        snapshot = "true" if row.flags & Flags.SNAPSHOT else "false"
        for side, price in self._changed:
            texts = self._texts(price, self._totals.totals[side].get(price, 0))
            self._put("incremental_book_L2", row, f"{snapshot},{side},{texts}")
        self._changed.clear()
        bids, asks = (self._totals.best(side, LEVELS) for side in (Side.BID, Side.ASK))
        if [asks, bids] == self._top:
            return
        self._top = [asks, bids]
        pairs = [
            self._texts(*levels[rank]) if rank < len(levels) else ","
            for rank in range(LEVELS)
            for levels in (asks, bids)
        ]
        self._put("book_snapshot_5", row, ",".join(pairs))
        if asks and bids and (quote := [asks[0], bids[0]]) != self._quote:
            self._quote = quote
            ask, bid = starmap(self._texts, quote)
            self._put("quotes", row, f"{','.join(reversed(ask.split(',')))},{bid}")

    def _texts(self, price: int, qty: int) -> str:
        precision = self._target.precision
        return f"{to_text(price, precision.price)},{to_text(qty, precision.qty)}"

    def _put(self, kind: str, row: NormalRow, rest: str) -> None:
        if not self._day:
            self._day = to_rfc3339(row.ts_engine)[:10]
        self._rows += 1
        self._told[_CUT] += 1
        engine, received = row.ts_engine // 1_000, row.ts_recv // 1_000
        self._files[kind].write(f"{self._lead},{engine},{received},{rest}\n")


_README = """\
- Files: `incremental_book_L2` (totals of levels; 0 removes one), `trades` (the taker's side),
  `quotes`, `book_snapshot_5` (both when they change). gzip, comma, LF, times in microseconds.
- The format has no orders: queues are lost in it, and so is the reason for a change.
- A block of rows with `is_snapshot` replaces the book.
- hftbacktest's `tardis.convert` wants the file of trades before the file of the book.
"""
