"""LOBSTER: a message file, and a book file whose lines are the state after the same line.

Source: lobsterdata.com/info/DataStructure.php
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace

from kracked.export.rows import Action, NormalRow, Why
from kracked.export.writing import LevelTotals, Target, Written
from kracked.protocol.events import Side
from kracked.times import NS_PER_S, to_rfc3339

LEVELS = 10
"""Levels of the book file."""
NS_PER_DAY = 86_400 * NS_PER_S
_NEW, _REDUCED, _DELETED, _EXECUTED, _HIDDEN = 1, 2, 3, 4, 5
# To look a member up in its enum costs 70 ns each time, a name in the module 5.
_BID, _BY_FILL = Side.BID, Why.FILL
_ADD, _CANCEL, _FILL, _TRADE = Action.ADD, Action.CANCEL, Action.FILL, Action.TRADE
_WHY_LINES = {why: f"{why}\n" for why in Why}
_NO_ASK, _NO_BID = "9999999999,0", "-9999999999,0"
_RAISED = "orders raised in place, written as deleted and new: a reader moves them to the back"
_EMPTIED = "orders deleted because the book began anew"


class LobsterWriter:
    """Writes message and book lines; prices and sizes are integers, so no digit is lost."""

    def __init__(self, target: Target) -> None:
        """Open both files."""
        self._target = target
        self._factor = 10 ** max(4, target.precision.price)
        self._scale = self._factor // 10**target.precision.price
        self._message = (target.folder / "message.csv").open("w", encoding="ascii", newline="\n")
        self._book = (target.folder / "orderbook.csv").open("w", encoding="ascii", newline="\n")
        self._why = (target.folder / "why.csv").open("w", encoding="ascii", newline="\n")
        self._orders: dict[int, tuple[Side, int, int]] = {}
        self._totals = LevelTotals()
        self._texts = [_NO_ASK, _NO_BID] * LEVELS
        """Price and size of each level as text: asks and bids in turn, best first."""
        self._line = ""
        self._midnight = self._first = self._last = 0
        self._rows = 0
        self._told: Counter[str] = Counter()

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""
        for row in rows:
            if not self._midnight:
                self._midnight = row.ts_engine // NS_PER_DAY * NS_PER_DAY
                self._first = row.ts_engine
            action, number = row.action, row.order
            if action is _TRADE:
                continue  # its fills tell it
            if action is _FILL:
                if number:
                    self._reduce(row, row.qty)
                    self._put(row, _EXECUTED, row.qty)
                else:
                    self._put(row, _HIDDEN, row.qty)
            elif action is _ADD:
                self._add(row)
            elif row.why is _BY_FILL:
                continue  # type 4 has reduced the order
            elif action is _CANCEL:
                self._reduce(row, row.qty)
                self._put(row, _DELETED, row.qty)
            elif action is Action.CLEAR:
                self._clear(row)
            else:
                self._resize(row)

    def finish(self) -> Written:
        """Close the files, and give them LOBSTER's names."""
        self.close()
        day = to_rfc3339(self._midnight)[:10]
        start, end = ((at - self._midnight) // 1_000_000 for at in (self._first, self._last))
        folder = self._target.folder
        files = []
        for kind in ("message", "orderbook", "why"):
            name = f"{self._target.name}_{day}_{start}_{end}_{kind}_{LEVELS}.csv"
            files.append((folder / f"{kind}.csv").rename(folder / name))
        if self._last - self._midnight >= NS_PER_DAY:
            self._told["midnights passed, seconds go on from the first day's"] = (
                self._last - self._midnight
            ) // NS_PER_DAY
        return Written(files, self._rows, self._told, Counter(), self._readme(day))

    def close(self) -> None:
        """Close the files."""
        for file in (self._message, self._book, self._why):
            file.close()

    # --- changes of the book ----------------------------------------------------------------

    def _add(self, row: NormalRow) -> None:
        self._orders[row.order] = (row.side, row.price, row.qty)
        self._change(row.side, row.price, row.qty)
        self._put(row, _NEW, row.qty)

    def _reduce(self, row: NormalRow, by: int) -> None:
        side, price, qty = self._orders.pop(row.order)
        if qty > by:
            self._orders[row.order] = (side, price, qty - by)
        self._change(side, price, -by)

    def _resize(self, row: NormalRow) -> None:
        before = self._orders[row.order][2]
        if row.qty < before:
            self._reduce(row, before - row.qty)
            self._put(row, _REDUCED, before - row.qty)
        elif row.qty > before:
            self._told[_RAISED] += 1
            self._reduce(row, before)
            self._put(row, _DELETED, before)
            self._add(row)

    def _clear(self, row: NormalRow) -> None:
        """Delete every order: the format has no line for an empty book."""
        for number, (side, price, qty) in list(self._orders.items()):
            self._told[_EMPTIED] += 1
            gone = replace(row, side=side, price=price, qty=qty, order=number)
            self._reduce(gone, qty)
            self._put(gone, _DELETED, qty)

    def _change(self, side: Side, price: int, by: int) -> None:
        if not self._totals.change(side, price, by, LEVELS):
            return
        scale = self._scale
        texts = [f"{price * scale},{qty}" for price, qty in self._totals.best(side, LEVELS)]
        if len(texts) < LEVELS:
            texts += [_NO_BID if side is _BID else _NO_ASK] * (LEVELS - len(texts))
        self._texts[side is _BID :: 2] = texts
        self._line = ""

    def _put(self, row: NormalRow, kind: int, size: int) -> None:
        self._rows += 1
        self._last = row.ts_engine
        seconds, ns = divmod(row.ts_engine - self._midnight, NS_PER_S)
        direction = 1 if row.side is _BID else -1
        self._message.write(
            f"{seconds}.{ns:09d},{kind},{row.order},{size},{row.price * self._scale},{direction}\n"
        )
        if not self._line:
            self._line = ",".join(self._texts) + "\n"
        self._book.write(self._line)
        self._why.write(_WHY_LINES[row.why])

    def _readme(self, day: str) -> str:
        unusual = "" if self._factor == 10_000 else " (LOBSTER's own files have 10,000)"
        return f"""\
- Time: seconds after midnight UTC of {day}, with nine digits.
- Price: times {self._factor:,}{unusual}. Size: times {10**self._target.precision.qty:,}.
- Types: 1 new, 2 reduced, 3 deleted, 4 executed, 5 executed against what is not visible (id 0).
- Direction: of the resting order, 1 bid, -1 ask. A type 4 line reduces its order by itself.
- Snapshots are lines of type 1 at one instant, while the book fills up: `why` says `snapshot`.
- An amend to another price is a line of type 3, then one of type 1 with the same id.
- `why` has a line for each line: type 3 with `left view` fell below the depth and was not
  cancelled; type 1 with `back` had rested before.
"""
