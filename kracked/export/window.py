"""A stretch of the normal form: what stands at its beginning, then what happens until its end."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from kracked.errors import ConfigError, RecordError, says
from kracked.export.rows import Action, Flags, NormalRow, Why
from kracked.protocol.events import Side
from kracked.times import to_rfc3339

_SNAPSHOT, _LAST = int(Flags.SNAPSHOT), int(Flags.LAST)
_ADD, _CANCEL, _MODIFY, _CLEAR = Action.ADD, Action.CANCEL, Action.MODIFY, Action.CLEAR


@says("an export ends after it begins: give a later --end, or an earlier --start")
class EmptyWindow(ConfigError):
    """The end of an export is not later than its start."""


class ExportWindow:
    """Cuts rows to the messages of a stretch of time.

    Rows before it are kept as a book, which is told as a snapshot where the stretch begins, each
    queue in its order. A message is in it or not, with the trades before it, by its own time.

    Attributes:
        start: The first instant in it; None for the beginning of the recording.
        end: The first instant after it; None for the end of the recording.
        over: Whether a message came that is after it.
        orders: The numbers of the orders in it.
    """

    def __init__(self, start: int | None = None, end: int | None = None) -> None:
        """Begin before the first row.

        Raises:
            EmptyWindow: The end is not later than the start.
        """
        if start is not None and end is not None and end <= start:
            raise EmptyWindow
        self.start, self.end = start, end
        self.over = False
        self.orders: set[int] = set()
        self._open = start is None
        self._known = False
        """Whether the book before the window is known."""
        self._message: list[NormalRow] = []
        self._queues: dict[tuple[Side, int], dict[int, int]] = {}
        self._received = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is cut."""
        return self.start is None and self.end is None

    def take(self, rows: Iterable[NormalRow]) -> list[NormalRow]:
        """Take rows, in order; return those in the window."""
        found: list[NormalRow] = []
        for row in rows:
            self._message.append(row)
            if row.flags & _LAST:
                message, self._message = self._message, []
                self._put(message, row.ts_engine, found)
        return found

    def _put(self, message: list[NormalRow], time: int, found: list[NormalRow]) -> None:
        """Add the rows of a message to `found`, or keep them in the book before."""
        if self.over or (self.end is not None and time >= self.end):
            self.over = True
            return
        if self.start is not None and not self._open:
            if time < self.start:
                for row in message:
                    self._follow(row)
                return
            self._open = True
            if message[0].action is not _CLEAR:
                message = [*self._standing(self.start), *message]
        found += message
        self.orders.update(row.order for row in message if row.order)

    def _follow(self, row: NormalRow) -> None:
        """Keep a row in the book before the window."""
        action, key = row.action, (row.side, row.price)
        self._received = max(self._received, row.ts_recv)
        if action is _CLEAR:
            self._queues.clear()
            self._known = row.why is Why.SNAPSHOT
        elif action is _ADD or action is _MODIFY:
            self._queues.setdefault(key, {})[row.order] = row.qty
        elif action is _CANCEL:
            queue = self._queues[key]
            del queue[row.order]
            if not queue:
                del self._queues[key]

    def _standing(self, time: int) -> list[NormalRow]:
        """Return the book before the window as a snapshot; one that is not known is a hole."""
        why = Why.SNAPSHOT if self._known else Why.HOLE
        received = max(self._received, time)

        def row(action: Action, side: Side, price: int, qty: int, order: int) -> NormalRow:
            """Return a row of the snapshot."""
            return NormalRow(
                ts_engine=time,
                ts_recv=received,
                action=action,
                side=side,
                price=price,
                qty=qty,
                order=order,
                flags=_SNAPSHOT,
                why=why,
                trade=0,
            )

        rows = [row(_CLEAR, Side.BID, price=0, qty=0, order=0)]
        for side, price in sorted(self._queues, key=_best_first):
            rows += [
                row(_ADD, side, price, qty, order)
                for order, qty in self._queues[side, price].items()
            ]
        rows[-1] = replace(rows[-1], flags=_SNAPSHOT | _LAST)
        self._queues.clear()
        return rows

    def __str__(self) -> str:
        """Return its limits in words."""
        limits = (("from", self.start), ("to", self.end))
        return " ".join(f"{word} {to_rfc3339(at, 9)}" for word, at in limits if at is not None)


@says("no level 3 of {symbol} was recorded {window}")
class NothingInWindow(RecordError):
    """The recording has nothing of a symbol in the time asked for."""

    symbol: str
    window: ExportWindow


def _best_first(level: tuple[Side, int]) -> tuple[bool, int]:
    """Return the key of bids, then asks, the best prices first."""
    side, price = level
    return (True, price) if side is Side.ASK else (False, -price)
