"""Reviews one symbol's own fills, as they come and as the mids that follow them come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple

from kracked.flow.facts import Birth, Fact, Outcome, State, Taker, What
from kracked.flow.ledger import Ledger
from kracked.flow.life import Life, QueueLevel
from kracked.flow.review.mids import HORIZONS_S, KEPT_NS, MidPath
from kracked.flow.review.reviewed_fill import Passage, ReviewedFill
from kracked.flow.review.summary import MINUTE_NS, Chance, FillSummary, summarize
from kracked.instruments import Precision
from kracked.protocol.events import Executions, Side
from kracked.protocol.own_orders import Fill, OwnOrder, is_past, merged, read, side_of, text_of
from kracked.protocol.replies import UNREADABLE
from kracked.times import NS_PER_S, parse_ns

MOST_FILLS = 10_000
"""Fills and orders that are kept live; the oldest ones make room, and are counted."""
MOST_DUE = 8 * MOST_FILLS
"""Marks that are pending, those of fills that are let go too: four for each that is kept."""
MOST_MINUTES = 24 * 60
TAKERS_KNOWN = 4_096
"""Trades whose taker is remembered for a fill that is told later."""
_HORIZONS_NS = tuple(seconds * NS_PER_S for seconds in HORIZONS_S)
_HOLE = What.HOLE
_ACCEPTS = ("pending_new", "new")
"""Reports that tell when an order was accepted."""
_LIQUIDITY = {"m": True, "t": False}


class _Print(NamedTuple):
    """A trade at the touch, until it can be marked."""

    time: int
    trade_id: int
    sign: int
    price: Decimal
    qty: Decimal


class FillReview:
    """The own fills of one symbol, each with what followed.

    Give it the reports of the account and, of the same symbol, every event's outcomes of the
    ledger; without level 3 give it `quote`, `lose` and `taken` by hand.

    Attributes:
        fills: The fills, in the order in which they were told.
        placed: The quantity of each own order that was told.
        dropped: Fills that made room for later ones.
        unreadable: Reports that were not what the documentation promises.
    """

    def __init__(self, symbol: str, *, bounded: bool = True) -> None:
        """Begin without a fill.

        Args:
            symbol: The symbol.
            bounded: Forget old fills and mids, as is right for a process that runs for weeks.
        """
        self.symbol = symbol
        self.fills: deque[ReviewedFill] = deque()
        self.placed: dict[str, Decimal] = {}
        self.dropped = self.unreadable = 0
        self._bounded = bounded
        self._path = MidPath(KEPT_NS if bounded else None)
        self._due: list[tuple[int, int, ReviewedFill, int | None]] = []
        """A heap of the marks that are pending, by time; None for the mid at the fill itself."""
        self._numbers = count()
        self._orders: dict[str, OwnOrder] = {}
        self._accepted: dict[str, int] = {}
        """When each own order was accepted; 0 where that was not told."""
        self._seen: dict[str, None] = {}
        """The `exec_id` of every fill."""
        self._own_trades: dict[int, None] = {}
        self._resting: dict[str, tuple[Life, QueueLevel]] = {}
        """Own orders in the book and the level where they joined."""
        self._passages: dict[int, Passage] = {}
        """By trade, for fills that are told later."""
        self._takers: dict[int, Taker] = {}
        self._untaken: dict[int, ReviewedFill] = {}
        """Fills whose taker has not been told, by trade."""
        self._prints: deque[_Print] = deque()
        self._chances: dict[int, Chance] = {}
        self._mid = 0
        self._ledger: Ledger | None = None
        self._precision: Precision | None = None

    # --- the market ---------------------------------------------------------------------------

    def follow(self, ledger: Ledger, precision: Precision, outcomes: Iterable[Outcome]) -> None:
        """Follow one event of level 3 or the trades, after the ledger has applied it."""
        self._ledger = ledger
        for one in outcomes:
            if isinstance(one, Fact):
                if one.order_id in self._accepted:
                    self._stands(one.order_id)
                elif one.what is _HOLE:
                    self.lose(one.time)
            elif isinstance(one, Taker):
                self._note_passages(one, precision)
                self.taken(one, precision)
        if ledger.lost:
            return
        bids, asks = ledger.bids.keys, ledger.asks.keys
        time = ledger.linker.level3_time
        if not bids or not asks:
            self.lose(time)
        elif bids[-1] + asks[-1] < 0:  # not across: no taker is at work
            self.quote(time, bids[-1], -asks[-1], precision)

    def quote(self, time: int, bid: int, ask: int, precision: Precision) -> None:
        """Take the best bid and ask of the verified book from a time on.

        Args:
            time: The exchange's, ns since the Unix epoch.
            bid: The best bid, scaled.
            ask: The best ask, scaled.
            precision: Decimals of the prices.
        """
        twice = bid + ask
        if twice != self._mid:
            self._mid = twice
            self._path.tell(time, precision.price_decimal(twice) / 2)
        else:
            self._path.pass_time(time)
        self._mark()

    def quote_mid(self, time: int, mid: Decimal) -> None:
        """Take the mid of the verified book from a time on, where it is known as such."""
        self._mid = 0
        self._path.tell(time, mid)
        self._mark()

    def lose(self, time: int) -> None:
        """Take that the book is not known from a time on."""
        self._mid = 0
        self._path.tell(time, None)

    def elapse(self, now: int) -> None:
        """Let time pass on a quiet market whose book is still verified.

        Args:
            now: On the exchange's clock.
        """
        self._path.pass_time(now)
        self._mark()

    def taken(self, taker: Taker, precision: Precision) -> None:
        """Take all trades of one incoming order."""
        first = taker.trades[0].price
        sign = -1 if taker.side is Side.BID else 1  # a buyer's maker sold
        price = precision.price_decimal(first)
        for trade in taker.trades:
            self._takers[trade.trade_id] = taker
            if trade.price == first:
                qty = precision.qty_decimal(trade.qty)
                self._prints.append(_Print(taker.instant, trade.trade_id, sign, price, qty))
            fill = self._untaken.pop(trade.trade_id, None)
            if fill is not None:
                self._meet(fill, taker, precision)
        while len(self._takers) > TAKERS_KNOWN:
            del self._takers[next(iter(self._takers))]
        self._precision = precision

    # --- the account --------------------------------------------------------------------------

    def apply(self, event: Executions) -> None:
        """Take the reports on own orders. What cannot be read is counted and changes nothing."""
        for report in event.reports:
            try:
                self.report(report, snapshot=event.snapshot)
            except UNREADABLE:
                self.unreadable += 1

    def report(self, report: Mapping[str, object], *, snapshot: bool) -> None:
        """Take one report of the `executions` channel.

        Args:
            report: The exchange's own object.
            snapshot: Whether it was in a snapshot.

        Raises:
            msgspec.ValidationError: A member has the wrong type.
            ProtocolError: A time or an amount cannot be read.
        """
        order_id = text_of(report, "order_id")
        if report.get("symbol") != self.symbol and order_id not in self._accepted:
            return
        kind = text_of(report, "exec_type")
        if order_id not in self._accepted:
            accepted = kind in _ACCEPTS and report.get("cum_qty") in (None, 0)
            self._accepted[order_id] = parse_ns(text_of(report, "timestamp")) if accepted else 0
            self._stands(order_id)
        known = self._orders.get(order_id)
        if not is_past(report, snapshot=snapshot):
            known = self._orders[order_id] = merged(known, report)
            if known.order_qty:
                self.placed[order_id] = known.order_qty
        if kind == "trade":
            self._add(read({"symbol": self.symbol, **report, **side_of(report, known)}, Fill))
        self._forget()

    def _add(self, fill: Fill) -> None:
        """Review a fill, unless it is known already: a snapshot repeats them."""
        if fill.exec_id in self._seen:
            return
        self._seen[fill.exec_id] = None
        time = fill.exchange_time
        reviewed = ReviewedFill(
            symbol=self.symbol,
            exec_id=fill.exec_id,
            order_id=fill.order_id,
            trade_id=fill.trade_id,
            time=time,
            side=fill.side,
            price=fill.last_price,
            qty=fill.last_qty,
            maker=_LIQUIDITY.get(fill.liquidity_ind),
            wait_ns=self._wait(fill.order_id, time),
            fees=fill.fees,
        )
        self.fills.append(reviewed)
        for at, horizon in ((None, 0), *enumerate(_HORIZONS_NS)):
            heappush(self._due, (time + horizon, next(self._numbers), reviewed, at))
        if fill.trade_id is not None:
            self._own_trades[fill.trade_id] = None
            reviewed.passage = self._passages.pop(fill.trade_id, None)
            taker = self._takers.get(fill.trade_id)
            if taker is None:
                self._untaken[fill.trade_id] = reviewed
            elif self._precision is not None:
                self._meet(reviewed, taker, self._precision)
        self._mark()

    def _wait(self, order_id: str, time: int) -> int | None:
        accepted = self._accepted.get(order_id)
        if accepted:
            return max(0, time - accepted)
        resting = self._resting.get(order_id)
        if resting is None or resting[0].birth is not Birth.SEEN:
            return None
        return max(0, time - resting[0].born)

    # --- how it came about --------------------------------------------------------------------

    def _stands(self, order_id: str) -> None:
        """Remember the level that an own order stands in; it may be gone when it is filled."""
        if self._ledger is None:
            return
        life = self._ledger.lives.known.get(order_id)
        if life is not None and life.state is State.LIVE:
            level = self._ledger.side(life.side).levels.get(life.price)
            if level is not None:
                self._resting[order_id] = (life, level)

    def _note_passages(self, taker: Taker, precision: Precision) -> None:
        """Note how own orders among a taker's makers came to the front of their queue."""
        for link in taker.links:
            resting = self._resting.get(link.order_id or "")
            if resting is None or link.standing is None:
                continue
            life, level = resting
            stood = link.standing
            if (level.made, life.number) != (stood.made, stood.number):
                continue  # it has joined another queue since
            moves = level.moves(life, 0)
            told = not moves.pending and not moves.earlier
            passed = sum(other.number < life.number for other in level.orders.values())
            passage = Passage(
                known=life.known,
                position=passed + 1,
                joined_position=life.joined_orders + 1,
                joined_qty_ahead=precision.qty_decimal(life.joined_qty),
                ahead_filled=precision.qty_decimal(moves.filled) if told else None,
                ahead_left=precision.qty_decimal(moves.cancelled + moves.amended) if told else None,
            )
            fill = self._untaken.get(link.trade_id)
            if fill is not None:
                fill.passage = passage
            else:
                self._passages[link.trade_id] = passage

    def _meet(self, fill: ReviewedFill, taker: Taker, precision: Precision) -> None:
        """Say of a maker's fill who filled it."""
        if fill.maker is False:
            return
        fill.taker_qty = precision.qty_decimal(sum(trade.qty for trade in taker.trades))
        fill.taker_levels = len({trade.price for trade in taker.trades})

    # --- marks --------------------------------------------------------------------------------

    def _mark(self) -> None:
        """Mark what is due: own fills at each horizon, others' trades once, at the last one."""
        due, now = self._due, self._path.now
        while due and due[0][0] < now:
            _, _, fill, at = heappop(due)
            if at is None:
                fill.mid = self._path.mark(fill.time, 0).mid
            else:
                fill.marks[at] = self._path.mark(fill.time, _HORIZONS_NS[at])
        prints, last = self._prints, _HORIZONS_NS[-1]
        while prints and prints[0].time + last < now:
            self._count(prints.popleft())

    def _count(self, one: _Print) -> None:
        """Add another maker's fill to its minute, if all of what followed is known."""
        mid = self._path.at(one.time)
        marks = [self._path.mark(one.time, horizon).mid for horizon in _HORIZONS_NS]
        known = [mark for mark in marks if mark is not None]
        if mid is None or len(known) < len(marks) or one.trade_id in self._own_trades:
            return
        chance = self._chances.setdefault(one.time // MINUTE_NS, Chance())
        chance.prints += 1
        chance.notional += one.price * one.qty
        for at, mark in enumerate(known):
            chance.markouts[at] += one.sign * (mark - one.price) * one.qty
        if self._bounded and len(self._chances) > MOST_MINUTES:
            del self._chances[next(iter(self._chances))]

    def summary(self, fills: Iterable[ReviewedFill] | None = None) -> FillSummary:
        """Return what fills were worth together.

        Args:
            fills: Only these; by default all.
        """
        chosen = list(self.fills if fills is None else fills)
        placed = self.placed
        if fills is not None:
            ids = {fill.order_id for fill in chosen}
            placed = {order_id: qty for order_id, qty in placed.items() if order_id in ids}
        return summarize(chosen, placed=placed, chances=self._chances)

    def _forget(self) -> None:
        """Let the oldest fills and orders make room."""
        if not self._bounded:
            return
        while len(self.fills) > MOST_FILLS:
            self.fills.popleft()
            self.dropped += 1
        if len(self._due) > MOST_DUE:  # nobody has told the time of this pair for long
            kept = set(map(id, self.fills))
            self._due = [one for one in self._due if id(one[2]) in kept]
            heapify(self._due)
        for by_id in (self._orders, self._accepted, self.placed, self._resting, self._seen):
            while len(by_id) > 2 * MOST_FILLS:
                by_id.pop(next(iter(by_id)))
        while len(self._own_trades) > 2 * MOST_FILLS:
            del self._own_trades[next(iter(self._own_trades))]
        for waiting in (self._untaken, self._passages):
            while len(waiting) > TAKERS_KNOWN:
                waiting.pop(next(iter(waiting)))
