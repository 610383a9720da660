"""Words the changes of one instrument's book, for every depth that somebody watches.

The rules of the feed, which differ from those of the engine:

- A subscriber sees a window of the best levels. A level that enters it because a better
  one went is sent in the same message; one that is pushed out leaves without a word.
- Entries are in order of events, so one price may occur several times, and a book may
  be crossed between two of them. Nothing changed inside the window: no message.
- `level3` sends a price amend in two messages: the order leaves with its old quantity and
  time, then comes back. `book` sends it in one, with the time of the second: where both
  have a message of the same time, they agree.

The work is done once per depth, never per subscriber.

Sources: docs.kraken.com/api/docs/websocket-v2/book and .../level3, and recordings
"""

from __future__ import annotations

from typing import NamedTuple

from kracked.instruments import Instrument
from kracked.protocol import encode
from kracked.protocol.encode import SNAPSHOT, UPDATE
from kracked.protocol.events import Side
from kracked.sim.engine.orders import (
    EngineBatch,
    EngineStep,
    LeaveCause,
    LeftLevel,
    Resized,
    Rested,
)
from kracked.sim.market_data.public_book import VisibleBook, VisibleLevel, VisibleSide
from kracked.sim.market_data.shown_takers import is_split, with_remainder
from kracked.sim.realism import PLAIN, Realism

BOOK, LEVEL3 = "book", "level3"
_NS_PER_US = 1000
_EVENT_SPACING_NS = 15
"""Recorded deletes of one taker are 10 to 20 ns apart."""
_EVENTS = {Rested, Resized, LeftLevel}
_GONE = {LeaveCause.FILLED, LeaveCause.CANCELLED, LeaveCause.EXPIRED}


class DepthMessage(NamedTuple):
    """One message, for everyone who watches this channel at this depth."""

    channel: str
    depth: int
    text: str


class _Window:
    """The entries of the message that is being made for one depth."""

    __slots__ = ("asks", "begun", "bids", "depth", "pushed")

    def __init__(self, depth: int, begun: list[_Window]) -> None:
        """`begun`: where a window is listed once its message has an entry."""
        self.depth = depth
        self.begun = begun
        self.pushed: set[int] = set()
        """Prices pushed below the depth since the message began: subscribers, who cut only
        after it, still have them."""
        self.bids: list[str] = []
        self.asks: list[str] = []

    def entries(self, side: VisibleSide) -> list[str]:
        """Return the entries of one side, to add to."""
        if not self.bids and not self.asks:
            self.begun.append(self)
        return self.bids if side.side is Side.BID else self.asks

    def clear(self) -> None:
        """Begin the next message."""
        self.bids, self.asks = [], []
        self.pushed.clear()

    def holds(self, rank: int, price: int) -> bool:
        """Whether subscribers have a level now, in the middle of the message."""
        return rank < self.depth or price in self.pushed

    def gains(self, side: VisibleSide, rank: int) -> VisibleLevel | None:
        """Return the level that enters because that of `rank` went; None if they have it."""
        level = side.at(self.depth - 1) if rank < self.depth else None
        if level is not None and level.price in self.pushed:
            self.pushed.discard(level.price)
            return None
        return level


class BookPublisher:
    """Words the changes of one instrument's book; follows the engine by `apply` alone."""

    def __init__(
        self, instrument: Instrument, book: VisibleBook, time: int, habits: Realism = PLAIN
    ) -> None:
        """Begin from a book, which belongs to the publisher from now on.

        Args:
            instrument: The instrument's rules.
            book: The public's book at `time`.
            time: ns since the Unix epoch.
            habits: How takers are told.
        """
        self._habits = habits
        self._shown = ""
        """The id of a taker that `level3` shows and `book` does not."""
        self.instrument = instrument
        self.book = book
        self._time = time
        self._qty_text = instrument.precision.qty_text
        self._books: dict[int, _Window] = {}
        self._orders: dict[int, _Window] = {}
        self._begun_books: list[_Window] = []
        self._begun_orders: list[_Window] = []
        self._deepest = 0
        self.last_updates: dict[tuple[str, int], int] = {}
        """When each channel and depth was last updated, ns since the Unix epoch."""

    # --- who watches ------------------------------------------------------------------

    def watch(self, channel: str, depth: int) -> None:
        """Word messages for this depth from now on."""
        begun = self._begun_books if channel == BOOK else self._begun_orders
        self._windows(channel).setdefault(depth, _Window(depth, begun))
        self._deepest = max((0, *self._books, *self._orders))

    def unwatch(self, channel: str, depth: int) -> None:
        """Word messages for this depth no more."""
        self._windows(channel).pop(depth, None)
        self._deepest = max((0, *self._books, *self._orders))

    @property
    def watched(self) -> bool:
        """Whether anybody watches."""
        return bool(self._books or self._orders)

    def _windows(self, channel: str) -> dict[int, _Window]:
        return self._books if channel == BOOK else self._orders

    def snapshot(self, channel: str, depth: int, now: int) -> str:
        """Return the whole window at `now`, as a message."""
        self._time = max(self._time, now)
        if channel == BOOK:
            bids, asks = (
                [self._level(level) for level in side.best(depth)]
                for side in (self.book.bids, self.book.asks)
            )
            checksum, timestamp = self.book.book_checksum(), encode.micros(self._time)
            return encode.book(SNAPSHOT, self.instrument.symbol, bids, asks, checksum, timestamp)
        bids, asks = (
            [
                encode.order(order_id, level.price_text, self._qty_text(qty), encode.nanos(entered))
                for level in side.best(depth)
                for order_id, (qty, entered) in level.orders.items()
            ]
            for side in (self.book.bids, self.book.asks)
        )
        checksum, timestamp = self.book.order_checksum(), encode.nanos(self._time)
        return encode.level3(SNAPSHOT, self.instrument.symbol, bids, asks, checksum, timestamp)

    # --- following the engine ---------------------------------------------------------

    def apply(self, batch: EngineBatch) -> list[DepthMessage]:
        """Follow the engine by one batch, and return the messages it makes, in order."""
        messages: list[DepthMessage] = []
        time, steps = batch.time, iter(batch.steps)
        if batch.killed is not None and self._habits.shown_takers and self._orders:
            steps, self._shown = with_remainder(batch), batch.killed.order_id
        split = self._habits.split_sweeps and is_split(batch)
        for step in steps:
            ends = self._follow(step, time)
            if self._begun_orders and (ends or (split and self._emptied(step))):
                self._finish_orders(self._next_time(batch.time), messages)
            if type(step) in _EVENTS or not (split or self._shown):
                time += _EVENT_SPACING_NS
        self._shown = ""
        if self._begun_books or self._begun_orders:
            now = self._next_time(batch.time)
            if self._begun_books:
                end = (self.book.book_checksum(), encode.micros(now))
                self._finish(self._begun_books, BOOK, end, messages)
            if self._begun_orders:
                self._finish_orders(now, messages)
        return messages

    def _follow(self, step: EngineStep, time: int) -> bool:
        """Follow one step; return whether a message of `level3` ends with it."""
        kind = type(step)
        if kind is Rested:
            self._rested(step)  # type: ignore[arg-type]
        elif kind is Resized:
            self._resized(step)  # type: ignore[arg-type]
        elif kind is LeftLevel:
            self._left(step, time)  # type: ignore[arg-type]
            # The first of a price amend's two messages is of `level3` alone.
            return step.cause is LeaveCause.AMENDED  # type: ignore[attr-defined]
        return False

    def _rested(self, order: Rested) -> None:
        side = self.book.side(order.side)
        rank, level = side.put(order.order_id, order.price, order.visible_qty, order.entered)
        if rank > self._deepest and not self._begun_books and not self._begun_orders:
            return  # nobody sees so deep, nor the level it pushes out
        if len(level.orders) == 1:
            self._push_out(side, rank, order.order_id)
        self._add_level(side, rank, level, order.order_id)
        self._add_order("add", order, side, rank, level, qty=order.visible_qty, when=order.entered)

    def _resized(self, order: Resized) -> None:
        side = self.book.side(order.side)
        rank, level = side.put(order.order_id, order.price, order.visible_qty, order.entered)
        self._add_level(side, rank, level, order.order_id)
        self._add_order(
            "modify", order, side, rank, level, qty=order.visible_qty, when=order.entered
        )

    def _left(self, order: LeftLevel, time: int) -> None:
        side = self.book.side(order.side)
        rank, level = side.remove(order.order_id, order.price)
        self._add_level(side, rank, level, order.order_id)
        # An amend leaves with the order's own old time, all else with that of the event.
        when = time if order.cause in _GONE else order.entered
        self._add_order("delete", order, side, rank, level, qty=order.visible_qty_left, when=when)
        if not level.orders and rank <= self._deepest:
            self._add_entering(side, rank, order.order_id)

    def _emptied(self, step: EngineStep) -> bool:
        """Whether a fill has just emptied its level."""
        return (
            isinstance(step, LeftLevel)
            and step.cause is LeaveCause.FILLED
            and self.book.side(step.side).level(step.price) is None
        )

    def _push_out(self, side: VisibleSide, rank: int, order_id: str) -> None:
        """Note that a new level of `rank` pushes the last one out of every window it is in."""
        for windows in (self._orders,) if order_id == self._shown else (self._books, self._orders):
            for depth, window in windows.items():
                last = side.at(depth) if rank < depth else None
                if last is not None:
                    window.pushed.add(last.price)

    def _add_level(self, side: VisibleSide, rank: int, level: VisibleLevel, order_id: str) -> None:
        """Add a level's new quantity to every window of `book` that holds it."""
        if order_id == self._shown:
            return
        entry = ""
        for window in self._books.values():
            if window.holds(rank, level.price):
                entry = entry or self._level(level)
                window.entries(side).append(entry)

    def _add_order(
        self,
        event: str,
        order: Rested | Resized | LeftLevel,
        side: VisibleSide,
        rank: int,
        level: VisibleLevel,
        *,
        qty: int,
        when: int,
    ) -> None:
        """Add an event of an order to every window of `level3` that holds its level."""
        entry = ""
        for window in self._orders.values():
            if window.holds(rank, level.price):
                entry = entry or encode.order_event(
                    event, order.order_id, level.price_text, self._qty_text(qty), encode.nanos(when)
                )
                window.entries(side).append(entry)

    def _add_entering(self, side: VisibleSide, rank: int, order_id: str) -> None:
        """Add the level that enters each window the level of `rank` was in, if there is one."""
        for window in () if order_id == self._shown else self._books.values():
            if level := window.gains(side, rank):
                window.entries(side).append(self._level(level))
        for window in self._orders.values():
            if level := window.gains(side, rank):
                window.entries(side).extend(
                    encode.order_event(
                        "add",
                        order_id,
                        level.price_text,
                        self._qty_text(qty),
                        encode.nanos(entered),
                    )
                    for order_id, (qty, entered) in level.orders.items()
                )

    # --- messages ---------------------------------------------------------------------

    def _level(self, level: VisibleLevel) -> str:
        return encode.level(level.price_text, self._qty_text(level.qty))

    def _next_time(self, time: int) -> int:
        """Return the next message's time: one instrument's rise, by a microsecond or more."""
        self._time = max(time, self._time - self._time % _NS_PER_US + _NS_PER_US)
        return self._time

    def _finish_orders(self, now: int, messages: list[DepthMessage]) -> None:
        """Finish the messages of `level3` that have entries."""
        end = (self.book.order_checksum(), encode.nanos(now))
        self._finish(self._begun_orders, LEVEL3, end, messages)

    def _finish(
        self, begun: list[_Window], channel: str, end: tuple[int, str], messages: list[DepthMessage]
    ) -> None:
        """Finish messages; `end` is their checksum and their time."""
        message = encode.book if channel == BOOK else encode.level3
        for window in begun:
            text = message(UPDATE, self.instrument.symbol, window.bids, window.asks, *end)
            messages.append(DepthMessage(channel, window.depth, text))
            self.last_updates[channel, window.depth] = self._time
            window.clear()
        begun.clear()
