"""One symbol as the paper engine sees it: its ledger, what is visible, what rests, what ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from kracked.book.l2 import L2Book
from kracked.book.queue import QueuePosition
from kracked.flow import Fact, Ghost, GhostState, Ledger, Outcome, Taker, What
from kracked.flow.links import HOLD_NS
from kracked.paper.levels import LevelGhost, RestingLevels, VisibleLevels
from kracked.paper.resting import Fills, Resting
from kracked.paper.terms import PlaceBounds
from kracked.paper.visible import Taken, Visible
from kracked.protocol.events import BookSnapshot, BookUpdate, Side, Trades

_HOLE = What.HOLE
_US = 1_000
"""A trade's time is cut to microseconds: what arrives after it stands a microsecond later."""
_DECIDED_NS = 2 * HOLD_NS
"""After so long every taker of before is decided, whatever the feeds have shown since."""


class Ending(NamedTuple):
    """A cancel that waits until the takers of before it are decided."""

    until: int
    """The exchange's time of what came last before it."""
    arrival: int
    """On the clock of the events' `received`."""
    reason: str
    ticket: int | None
    expired: bool = False
    """Whether its time is over, in place of a cancel."""


class SymbolMarket:
    """Owner of what is transient in one symbol; the account keeps what lasts.

    Attributes:
        ledger: The market's orders.
        visible: The book that a taker meets.
        resting: The own orders that rest.
        ending: Cancels that are not decided, by order id.
        entered: The exchange's time when orders were placed: trades of before trigger nothing.
        last: The price of the last trade whose taker is decided; 0 before the first.
        holed: Whether level 3 was lost with the last outcome.
    """

    def __init__(
        self,
        ledger: Ledger,
        verified: Callable[[], bool],
        *,
        levels: Callable[[], L2Book | None] | None = None,
    ) -> None:
        """Begin without orders.

        Args:
            ledger: The market's orders; of level 2, its trades alone.
            verified: Whether the book is verified just now.
            levels: Returns the level 2 book, where there is no level 3.
        """
        self.ledger = ledger
        self.visible: Visible | VisibleLevels
        self.resting: Resting | RestingLevels
        if levels is None:
            self.visible = Visible(ledger)
            self.resting = Resting(self.visible)
        else:
            self.visible = VisibleLevels(levels)
            self.resting = RestingLevels(self.visible)
        self.ending: dict[str, Ending] = {}
        self.entered: dict[str, int] = {}
        self.last = self._traded = self._booked = self._passed = 0
        self._heard: deque[tuple[int, int]] = deque()
        """Arrival and exchange time of level 2 messages of late."""
        self.holed = False
        self._verified = verified
        self._trade_id = 0
        self._prices: list[tuple[int, int]] = []

    @property
    def time(self) -> int:
        """The newest time that level 3 or a trade has shown, on the exchange's clock.

        Whatever arrives now comes after it.
        """
        seen = max(self._traded, self._booked)
        return max(seen, self.ledger.told, self.ledger.linker.level3_time)

    @property
    def ready(self) -> bool:
        """Whether something may be decided from the book just now."""
        by_levels = isinstance(self.visible, VisibleLevels)
        return (by_levels or not self.ledger.lost) and self._verified()

    @property
    def idle(self) -> bool:
        """Whether no own order rests and no cancel waits."""
        return not self.ending and self.resting.idle

    def look_at(self, event: Trades) -> bool:
        """Note times and ids of trades; return whether trades are missing."""
        self._traded = max([self._traded, *(trade.exchange_time for trade in event.trades)])
        ids = [trade.trade_id for trade in event.trades]
        if not ids:
            return False
        before, self._trade_id = self._trade_id, max(self._trade_id, *ids)
        fresh = sorted({one for one in ids if one > before})
        if not before or not fresh:
            return False
        return fresh != list(range(before + 1, fresh[-1] + 1))

    def follow(self, event: BookSnapshot | BookUpdate) -> None:
        """Follow level 2, where there is no level 3."""
        if isinstance(self.resting, RestingLevels) and isinstance(self.visible, VisibleLevels):
            self._booked = max(self._booked, event.exchange_time or 0)
            self.visible.follow()
            if not self.resting.idle:
                self._heard.append((event.received, self._booked))
                self.resting.follow(event, self._booked)

    def apply(self, outcome: Outcome) -> Fills:
        """Follow the market by one outcome; return what it fills of the own orders."""
        if isinstance(outcome, Fact):
            if outcome.what is _HOLE:
                self.holed = True
                return []
            if self.visible.used:
                self.visible.apply(outcome)
        elif isinstance(outcome, Taker):
            self._prices += [(trade.price, outcome.instant) for trade in outcome.trades]
        else:
            return []
        return self.resting.apply(outcome)

    def new_prices(self) -> list[tuple[int, int]]:
        """Return price and instant of the trades since the last call, and keep the last one."""
        prices, self._prices = self._prices, []
        if prices:
            self.last = prices[-1][0]
        return prices

    def settle(self, now: int) -> Fills:
        """Return what is filled by orders that came to rest across own ones."""
        decided = self.ledger.decided
        # Level 2 alone moves no watermark: a taker that it has shown is told by then, and its
        # trades are taken from a place before the totals that it left.
        while self._heard and now - self._heard[0][0] >= HOLD_NS:
            self._passed = self._heard.popleft()[1]
        passed = self._passed
        if passed:
            undecided = self.ledger.linker.undecided
            passed = min([passed, *(trade.exchange_time - 1 for trade in undecided)])
        return self.resting.settle(max(decided, passed))

    def offers(self, side: Side, qty: int, limit: int | None) -> tuple[list[Taken], str | None]:
        """Return what a taker takes now, and the own order that stops it there, if one does."""
        own = self.resting.first(side.opposite)
        if own is None:
            return self.visible.offers(side, qty, limit), None
        price = self.resting[own].price
        if limit is not None and (price - limit) * _sign(side) > 0:
            return self.visible.offers(side, qty, limit), None
        found = self.visible.offers(side, qty, price - _sign(side))
        return found, own if sum(one.qty for one in found) < qty else None

    def crosses(self, side: Side, price: int) -> bool:
        """Whether an order would trade on arrival, with the market or with an own one."""
        own = self.resting.first(side.opposite)
        bests = self.visible.best(side.opposite), None if own is None else self.resting[own].price
        return any(one is not None and (price - one) * _sign(side) >= 0 for one in bests)

    def rest(self, order_id: str, side: Side, price: int, qty: int, shown: int | None) -> None:
        """Let an order join the back of its level."""
        if isinstance(self.resting, RestingLevels):
            self.resting.join(order_id, side, price, qty, time=self.time + _US, shown=shown)
            return
        standing = self.ledger.back_of(side, price, self.time + _US)
        self.resting.rest(order_id, Ghost(side, price, qty, standing, display=shown))

    # --- places -------------------------------------------------------------------------------

    def place(self, order_id: str) -> tuple[int, QueuePosition] | None:
        """Return the price of a resting order and its place among the real orders there.

        None where it rests in no queue, or in one that is not known, as without level 3.
        """
        if order_id not in self.resting or self.ledger.lost:
            return None
        ghost, ledger = self.resting[order_id], self.ledger
        if not isinstance(ghost, Ghost) or ghost.state is not GhostState.RESTING:
            return None
        real = list(ledger.queue(ghost.side, ghost.price))
        ahead = [life.qty for life in ledger.ahead_of(ghost.side, ghost.price, ghost.standing)]
        level_qty = sum(life.qty for life in real) + ghost.shown
        place = QueuePosition(len(ahead) + 1, len(real) + 1, sum(ahead), len(ahead), level_qty)
        return ghost.price, place

    def bounds(self, order_id: str) -> PlaceBounds | None:
        """Return what stands ahead of a resting order at least and at most; None as `place`."""
        if order_id in self.resting:
            ghost = self.resting[order_id]
            if isinstance(ghost, LevelGhost):
                undecided = self.ledger.linker.undecided
                met = any(t.side is not ghost.side and ghost.reached(t.price) for t in undecided)
                return PlaceBounds(ghost.price, 0 if met else ghost.least, ghost.ahead)
        stands = self.place(order_id)
        if stands is None:
            return None
        price, place = stands
        return PlaceBounds(price, place.qty_ahead, place.qty_ahead)

    # --- ends ---------------------------------------------------------------------------------

    def begin_end(self, order_id: str, reason: str, time: int, ticket: int | None) -> bool:
        """Begin to cancel an order; return whether it rests or is about to end."""
        return self._begin_end(order_id, Ending(self.time, time, reason, ticket))

    def begin_expiry(self, order_id: str, reason: str, time: int) -> bool:
        """Begin to end an order at its own time; return whether it rests or is about to end."""
        return self._begin_end(order_id, Ending(time, time, reason, None, expired=True))

    def _begin_end(self, order_id: str, ending: Ending) -> bool:
        if order_id in self.ending:
            return True
        if order_id not in self.resting:
            return False
        self.resting.retire(order_id, ending.until)
        self.ending[order_id] = ending
        return True

    def ended(self, now: int) -> list[tuple[str, Ending]]:
        """Return the cancels that are decided at `now`, and forget them."""
        decided, latest = self.ledger.decided, now - _DECIDED_NS
        found = [
            (order_id, one)
            for order_id, one in self.ending.items()
            if one.until <= decided or one.arrival <= latest
        ]
        for order_id, _ in found:
            del self.ending[order_id]
        return found


def _sign(side: Side) -> int:
    return 1 if side is Side.BID else -1
