"""Paper orders where only level 2 is known: totals of levels, and no order's place.

A place has bounds. The worst is that everything that was at the level stands ahead until trades
have taken it, or the level's total has fallen below it; what is cancelled stood behind. The best
is that cancels stood ahead. Of a level beyond those in view nothing is told: the worst place is
unknown until it is. Fills follow the worst: an order is never filled too early.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from kracked.book.l2 import L2Book
from kracked.flow import FillReason, GhostFill, Outcome, Taker
from kracked.flow.facts import Standing
from kracked.paper.visible import Offered
from kracked.protocol.events import BookSnapshot, BookUpdate, Side

_US = 1_000
_NOWHERE = Standing(-1, 0, 0)
Fills = list[tuple[str, GhostFill]]


class VisibleLevels(Offered):
    """The levels that are there for own takers, less what own takers have used up.

    What was used of a level is forgotten as the level shrinks to less.
    """

    def __init__(self, book: Callable[[], L2Book | None]) -> None:
        """`book` returns the book as it is now; None while there is none."""
        super().__init__()
        self._book = book

    def apply(self, _outcome: Outcome) -> None:
        """Follow nothing: orders are not known here."""

    def follow(self) -> None:
        """Forget what was used of levels that have shrunk, or are gone."""
        for key, used in tuple(self.used.items()):
            side, _, price = key.partition(":")
            total = self.told(Side(side), int(price))
            left = used if total is None else min(used, total)
            if left:
                self.used[key] = left
            else:
                del self.used[key]

    def told(self, side: Side, price: int) -> int | None:
        """Return the total at a price; None beyond the levels in view, where none is told."""
        book = self._book()
        if book is None:
            return None
        levels = book.bids if side is Side.BID else book.asks
        if len(levels) >= book.depth:
            worst = levels[len(levels) - 1].price
            if price < worst if side is Side.BID else price > worst:
                return None
        return levels.qty_at(price)

    def unused(self, side: Side, price: int, qty: int) -> int:
        """Return how much of a level's total own orders have not used up."""
        return max(0, qty - self.used.get(_key(side, price), 0))

    def _left(self, side: Side) -> Iterator[tuple[str, int, int]]:
        """Iterate over key, price and unused quantity of the levels of a side, best first."""
        book = self._book()
        for level in () if book is None else (book.bids if side is Side.BID else book.asks):
            key = _key(side, level.price)
            unused = self.unused(side, level.price, level.qty)
            if unused:
                yield key, level.price, unused


class LevelGhost:
    """A resting order whose place is bounded.

    Attributes:
        side: Bids or asks.
        price: Its limit.
        left: What it still wants.
        standing: Nothing that is known; it is there for amends.
        ahead: The most that stands ahead of it; None while its level has not been told.
        ahead_at_best: The least that stands ahead of it.
        placed: The exchange's time when it came to rest.
        cancelled: The exchange's time when it ceased to; None while it rests.
    """

    def __init__(
        self,
        side: Side,
        price: int,
        qty: int,
        *,
        ahead: int | None,
        placed: int,
        display: int | None,
    ) -> None:
        """Rest an order behind everything that is at its level."""
        self.side, self.price, self.left = side, price, qty
        self.standing = _NOWHERE
        self.ahead = ahead
        self.ahead_at_best = self.total = ahead or 0
        self.placed = placed
        self.cancelled: int | None = None
        self.display = display
        self.shown = qty if display is None else min(display, qty)
        self.totals: deque[tuple[int, int]] = deque()
        """Times and totals of its level that wait until the takers of before are decided."""
        self.crossings: deque[tuple[int, int]] = deque()
        """Times and quantities of levels across it, likewise."""

    @property
    def least(self) -> int:
        """The least ahead by all that its level has told, decided or not.

        A total that has fallen since the last decided taker may hide a larger taker: the next
        part of an iceberg order has joined the back then, and nothing is left ahead.
        """
        falls, total = False, self.total
        for _, told in self.totals:
            falls, total = falls or told < total, told
        return 0 if falls else self.ahead_at_best

    def amend(
        self, left: int, _price: int, _standing: Standing, *, display: int | None = None
    ) -> None:
        """Want or show less, at the same price and place; show more from the next part on."""
        self.display = self.display if display is None else display
        self.left, self.shown = left, min(self.shown, left, self.display or left)

    def concerns(self, time: int) -> bool:
        """Whether it rested at an instant, which may be cut to microseconds."""
        if not self.left or time + _US <= self.placed:
            return False
        return self.cancelled is None or time <= self.cancelled

    def shrink(self, until: int) -> None:
        """Follow the totals of its level up to a time."""
        while self.totals and self.totals[0][0] <= until:
            _, total = self.totals.popleft()
            gone = max(0, self.total - total)
            self.ahead = total if self.ahead is None else min(self.ahead, total)
            self.ahead_at_best = min(max(0, self.ahead_at_best - gone), self.ahead)
            self.total = total

    def take(self, qty: int, instant: int, trade_id: int) -> GhostFill | None:
        """Take what a trade at its price leaves behind those ahead."""
        before = qty
        if self.ahead is not None:
            before = min(self.ahead, qty)
            self.ahead -= before
        self.ahead_at_best = max(0, self.ahead_at_best - qty)
        self.total = max(0, self.total - qty)
        return self.fill(qty - before, instant, FillReason.QUEUE, trade_id)

    def fill(
        self, offered: int, instant: int, reason: FillReason, trade_id: int | None = None
    ) -> GhostFill | None:
        """Fill as much as is offered and shown. An iceberg's next part joins the back."""
        qty = min(offered, self.shown)
        if not qty:
            return None
        self.shown -= qty
        self.left -= qty
        if self.left and not self.shown and self.display is not None:
            self.shown = min(self.display, self.left)
            self.ahead = None if self.ahead is None else self.total
            self.ahead_at_best = self.total
        return GhostFill(instant, self.price, qty, reason, trade_id)

    def reached(self, price: int) -> bool:
        """Whether an order of the other side at a price meets it."""
        return price <= self.price if self.side is Side.BID else price >= self.price


class RestingLevels:
    """Owner of the resting orders of one symbol, by level 2 alone."""

    ghost_type = LevelGhost

    def __init__(self, visible: VisibleLevels) -> None:
        self._visible = visible
        self._stays: dict[str, LevelGhost] = {}
        self._retired: list[tuple[int, str, LevelGhost]] = []

    def __contains__(self, order_id: object) -> bool:
        """Whether an order rests."""
        return order_id in self._stays

    def __getitem__(self, order_id: str) -> LevelGhost:
        """Return an order that rests."""
        return self._stays[order_id]

    @property
    def idle(self) -> bool:
        """Whether nothing rests, and nothing that did may still be filled."""
        return not self._stays and not self._retired

    def first(self, side: Side) -> str | None:
        """Return the own order of a side that fills first; None when there are none."""
        stays = [stay for stay in self._stays.items() if stay[1].side is side]
        return min(stays, key=_priority)[0] if stays else None

    def join(
        self, order_id: str, side: Side, price: int, qty: int, *, time: int, shown: int | None
    ) -> None:
        """Let an order join the back of its level."""
        ahead = self._visible.told(side, price)
        ghost = self.ghost_type(side, price, qty, ahead=ahead, placed=time, display=shown)
        self._stays[order_id] = ghost

    def retire(self, order_id: str, time: int) -> None:
        """Let an order rest no more from an exchange time on; takers of before still fill it."""
        ghost = self._stays.pop(order_id, None)
        if ghost is not None:
            ghost.cancelled = time
            self._retired.append((time, order_id, ghost))

    def drop(self, order_id: str) -> None:
        """Forget an order that is over, or whose outcome is unknown."""
        self._stays.pop(order_id, None)
        self._retired = [one for one in self._retired if one[1] != order_id]

    def follow(self, event: BookSnapshot | BookUpdate, time: int) -> None:
        """Note the totals at own prices, and levels that come across own orders."""
        changes = {Side.BID: event.bids, Side.ASK: event.asks}
        for _, ghost in self._in_order():
            total = next((qty for at, qty in changes[ghost.side] if at == ghost.price), None)
            if total is None and (ghost.ahead is None or isinstance(event, BookSnapshot)):
                total = self._visible.told(ghost.side, ghost.price)
            if total is not None:
                ghost.totals.append((time, total))
            for price, qty in changes[ghost.side.opposite]:
                if not qty or not ghost.reached(price):
                    continue
                # What is new of a level across an own order is offered once.
                offered = min(self._visible.unused(ghost.side.opposite, price, qty), ghost.left)
                if offered:
                    self._visible.use(_key(ghost.side.opposite, price), offered)
                    ghost.crossings.append((time, offered))

    def apply(self, outcome: Outcome) -> Fills:
        """Give a taker to each order by price and time, less what the ones before took."""
        if not isinstance(outcome, Taker):
            return []
        found: Fills = []
        rest = [(trade.price, trade.qty, trade.trade_id) for trade in outcome.trades]
        for order_id, ghost in self._in_order():
            if ghost.side is outcome.side or not ghost.concerns(outcome.instant):
                continue
            ghost.shrink(outcome.instant - 1)
            left = []
            for price, qty, trade_id in rest:
                fill = None
                if qty and ghost.reached(price):
                    if price == ghost.price:
                        fill = ghost.take(qty, outcome.instant, trade_id)  # behind those ahead
                    else:
                        fill = ghost.fill(qty, outcome.instant, FillReason.THROUGH, trade_id)
                if fill is not None:
                    found.append((order_id, fill))
                left.append((price, qty - (fill.qty if fill else 0), trade_id))
            rest = left
        return found

    def settle(self, decided: int) -> Fills:
        """Follow totals and crossing levels up to where every taker is decided."""
        found: Fills = []
        for order_id, ghost in self._in_order():
            while ghost.crossings and ghost.crossings[0][0] <= decided:
                time, qty = ghost.crossings.popleft()
                fill = ghost.fill(qty, time, FillReason.CROSSED) if ghost.concerns(time) else None
                if fill is not None:
                    found.append((order_id, fill))
            ghost.shrink(decided)
        self._retired = [one for one in self._retired if one[0] > decided]
        return found

    def _in_order(self) -> list[tuple[str, LevelGhost]]:
        """Return all orders in the order in which one taker would fill them."""
        every = [*self._stays.items(), *((order_id, one) for _, order_id, one in self._retired)]
        return sorted(every, key=_priority)


def _priority(stay: tuple[str, LevelGhost]) -> tuple[int, int]:
    """Return the key of price, then time."""
    ghost = stay[1]
    return -ghost.price if ghost.side is Side.BID else ghost.price, ghost.placed


def _key(side: Side, price: int) -> str:
    return f"{side.value}:{price}"
