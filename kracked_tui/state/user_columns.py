"""Ladder columns of the user's own code: each is asked for its cells, and costs itself alone.

A column that raises, returns what is no text, or takes too long is left off for the rest of the
session, with the reason in its head and in the log. One that does not come back is interrupted,
where the system can do that (not on Windows).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from time import perf_counter
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from kracked.book.l3 import L3Book
from kracked.book.queue import LevelQueue
from kracked.flow import MarketFlow
from kracked.flow.facts import Fact, Outcome
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side
from kracked.untrusted import printable
from kracked_tui.error_boundary import error_text
from kracked_tui.view import format as fmt
from kracked_tui.view.queue.own_place import exact

log = logging.getLogger(__name__)

MOST_COLUMNS = 4
MOST_WIDTH = 16
MOST_FACTS = 10_000
"""Facts that wait for the next frame; the oldest go."""
BUDGET_S = 0.002
"""What the cells of all rows may cost."""
STRIKES = 5
"""Frames in a row above the budget that leave a column off."""
HARD_S = 0.1
"""A column that takes so long is interrupted, and left off at once."""


class ColumnRow(NamedTuple):
    """One row of the ladder, as a column sees it. Prices and quantities are scaled integers."""

    price: int
    step: int
    """Price difference of neighbouring rows: bids are counted in the row at or below their price,
    asks in the row at or above it."""
    bid: int
    ask: int


class ColumnMarket:
    """The market of one frame, as a column sees it: read only.

    Attributes:
        symbol: The pair.
        now: On the exchange's clock, ns since the Unix epoch.
        quote: Best bid and ask; None while a side is empty.
        flow: The measures of the pair's order flow, see `kracked.flow.MarketFlow`.
        l3: The verified book of every order; None without level 3.
    """

    def __init__(
        self,
        flow: MarketFlow,
        precision: Precision,
        now: int,
        quote: tuple[int, int] | None,
        l3: L3Book | None,
    ) -> None:
        self.symbol, self.flow, self.now, self.quote, self.l3 = flow.symbol, flow, now, quote, l3
        self._precision = precision

    def orders(self, row: ColumnRow) -> list[OrderChange]:
        """Return the orders of a row, first to fill first, bids then asks; none without level 3."""
        found: list[OrderChange] = []
        for side, least in ((Side.BID, row.price), (Side.ASK, row.price - row.step + 1)):
            queues = self._queues[side]
            at = bisect_left(queues, least, key=lambda queue: queue.price)
            for queue in queues[at:]:
                if queue.price >= least + row.step:
                    break
                found += queue
        return found

    @cached_property
    def _queues(self) -> dict[Side, list[LevelQueue]]:
        """Each side's levels, rising in price."""
        if self.l3 is None:
            return {side: [] for side in Side}
        bids = list(self.l3.side(Side.BID))
        return {Side.BID: bids[::-1], Side.ASK: list(self.l3.side(Side.ASK))}

    def price_text(self, price: int) -> str:
        """Write a price."""
        return self._precision.price_text(price)

    def qty_text(self, qty: int) -> str:
        """Write a quantity with the digits it has."""
        return exact(qty, self._precision)

    def age_text(self, since: int) -> str:
        """Write how long ago an instant was, in five characters."""
        return fmt.age(max(0, self.now - since))


ITS_ERRORS = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)
"""Whatever the user's own code raises. Nothing waits in it: no cancellation is from elsewhere."""


class _OutOfTimeError(BaseException):
    """Raised inside a column that does not come back. Not an `Exception`: columns catch those."""


@contextmanager
def time_limit(seconds: float) -> Iterator[Callable[[], None]]:
    """Interrupt what runs inside after a time, where the system can; the main thread alone can.

    What is yielded raises once the time is over: a bare `except` swallows the interruption.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield lambda: None
        return
    running, over = True, False

    def stop(*_: object) -> None:
        nonlocal over
        over = True
        if running:
            raise _OutOfTimeError

    def check() -> None:
        if over:
            raise _OutOfTimeError

    handler = signal.signal(signal.SIGALRM, stop)
    before = signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 10)
    try:
        yield check
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, handler)


class _Guarded:
    """One column, with what it has cost."""

    def __init__(self, name: str, column: Any) -> None:
        self.name, self._column = name, column
        self.off = ""
        """Why it is left off, in a word; empty while it works."""
        self.reason = ""
        self._strikes = 0
        self.head, self.width = name, 0
        try:
            self.head = str(getattr(column, "head", name))
            width = getattr(column, "width", None)
        except ITS_ERRORS as error:
            self.width = max(6, min(MOST_WIDTH, len(name)))
            self.leave_off("failed", error_text(error))
            return
        self.width = width if isinstance(width, int) else 0
        if not 1 <= self.width <= MOST_WIDTH:
            self.width = max(5, min(MOST_WIDTH, len(self.head)))
            self.leave_off("wrong", f"its width is no number from 1 to {MOST_WIDTH}: {width!r}")
        elif not callable(getattr(column, "cell", None)):
            self.leave_off("wrong", "it has no function cell(row, market)")

    def leave_off(self, word: str, reason: str) -> None:
        """Ask it for nothing any more."""
        self.off, self.reason = word, reason

    @property
    def shown_head(self) -> str:
        """The head; of one that is left off the reason in a word."""
        return _fitted(self.off or self.head, self.width)

    def ask(
        self, facts: Sequence[Fact], rows: Sequence[ColumnRow], market: ColumnMarket
    ) -> Iterator[str]:
        """Yield its cells, each of its width; raises whatever its code raises."""
        take = getattr(self._column, "facts", None)
        if take is not None and facts:
            take(facts)
        for row in rows:
            yield _fitted(self._column.cell(row, market), self.width)

    def weigh(self, took_s: float) -> None:
        """Leave it off when it is too slow again and again."""
        self._strikes = self._strikes + 1 if took_s > BUDGET_S else 0
        if self._strikes >= STRIKES:
            ms = f"{1000 * took_s:.1f} ms a frame, {1000 * BUDGET_S:.0f} are allowed"
            self.leave_off("slow", ms)


class UserColumns:
    """Owner of the user's columns. The store gives it facts, the ladder asks it for cells."""

    def __init__(
        self,
        columns: Iterable[tuple[str, Any]] = (),
        *,
        tell: Callable[[str, str], None] | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """
        Args:
            columns: Name and object of each column.
            tell: Writes to the log: the text and its role.
            clock: Seconds, by a clock that never jumps.
        """
        named = list(columns)
        self._columns = [_Guarded(name, column) for name, column in named[:MOST_COLUMNS]]
        self._tell, self._clock = tell, clock
        self._facts: deque[Fact] = deque(maxlen=MOST_FACTS)
        for each in self._columns:
            if each.off:
                self._say(each)
        for name, _ in named[MOST_COLUMNS:]:
            self._write(f"column {name} is not shown: {MOST_COLUMNS} columns at most")

    def __bool__(self) -> bool:
        return bool(self._columns)

    @property
    def heads(self) -> tuple[tuple[str, int], ...]:
        """The head and the width of each column."""
        return tuple((each.shown_head, each.width) for each in self._columns)

    def follow(self, outcomes: Iterable[Outcome]) -> None:
        """Keep the facts of an event for the next frame."""
        self._facts.extend(one for one in outcomes if isinstance(one, Fact))

    def cells(self, rows: Sequence[ColumnRow], market: ColumnMarket) -> list[tuple[str, ...]]:
        """Return the cells of each row; those of a column that is left off are blank."""
        facts = [fact for fact in self._facts if fact.symbol == market.symbol]
        self._facts.clear()
        found = [self._asked(each, facts, rows, market) for each in self._columns]
        return list(zip(*found, strict=True)) if found else [()] * len(rows)

    def _asked(
        self,
        column: _Guarded,
        facts: Sequence[Fact],
        rows: Sequence[ColumnRow],
        market: ColumnMarket,
    ) -> list[str]:
        blank = [" " * column.width] * len(rows)
        if column.off:
            return blank
        begun = self._clock()
        try:
            cells = []
            with time_limit(HARD_S) as check:
                for cell in column.ask(facts, rows, market):
                    cells.append(cell)
                    check()
            column.weigh(self._clock() - begun)
        except _OutOfTimeError:
            column.leave_off("hung", f"it did not come back within {1000 * HARD_S:.0f} ms")
        except ITS_ERRORS as error:
            log.exception("ladder column failed", extra={"column": column.name})
            column.leave_off("failed", error_text(error))
        if column.off:
            self._say(column)
            return blank
        return cells

    def _say(self, column: _Guarded) -> None:
        self._write(f"column {column.name} is left off ({column.off}): {column.reason}")

    def _write(self, text: str) -> None:
        log.warning("ladder column: %s", text)
        if self._tell is not None:
            self._tell(text, "warn")


def _fitted(text: object, width: int) -> str:
    """Return text of exactly this many cells: cut with an ellipsis, or blanks before it.

    Raises:
        TypeError: It is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"cell returned {type(text).__name__}, not text")
    narrow = "".join("?" if east_asian_width(glyph) in "WF" else glyph for glyph in text)
    narrow = printable(narrow, len(narrow) + 1)
    return narrow.rjust(width) if len(narrow) <= width else narrow[: width - 1] + "…"
