"""A limit order on paper: it stands in a real queue, and the market does not know of it.

It is filled by volume that no order ahead of it explains. Each trade is given to its maker; one
that stood ahead of the ghost leaves it nothing, one behind it, an unknown one and one at a
worse price could only be hit because the ghost does not exist: the ghost takes that volume, up
to what it still wants. An order that comes to rest where it would have met the ghost fills it
too.

Not modelled: nobody reacts to the ghost, orders behind it keep the volume it took, hidden
orders ahead of it show no standing.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

import msgspec

from kracked.flow.facts import Fact, Link, Outcome, Standing, Taker, What
from kracked.protocol.events import Side

_US = 1_000
JOINS = frozenset((What.NEW, What.MOVED_IN, What.REFILLED))
"""Facts of an order that enters the book where it stands."""


class GhostState(StrEnum):
    """The state of a ghost."""

    RESTING = "resting"
    FILLED = "filled"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Data were lost while it rested: what would have happened to it cannot be told."""


class FillReason(StrEnum):
    """The reason for which a ghost was filled."""

    QUEUE = "queue"
    """A trade at its price that no order ahead of it explains."""
    THROUGH = "through"
    """A trade at a worse price."""
    CROSSED = "crossed"
    """An order came to rest where it would have met the ghost."""
    REMAINDER = "remainder"
    """A taker was killed with a remainder that the ghost would have filled."""


class GhostFill(msgspec.Struct, frozen=True):
    """A part of a ghost that would have been filled, at the ghost's own price."""

    instant: int
    """The exchange's time, ns since the Unix epoch; a trade's is cut to microseconds."""
    price: int
    qty: int
    reason: FillReason
    trade_id: int | None = None


class Ghost:
    """A limit order on paper.

    Give it every outcome of its symbol's ledger, in order, and `settle` it after each event.

    Prices and quantities are scaled integers.

    Attributes:
        side: Bids or asks.
        price: Its limit.
        left: What it still wants, the hidden part of an iceberg included.
        standing: Its place in the queue.
        state: What became of it so far.
        fills: Its fills, in order.
    """

    def __init__(
        self, side: Side, price: int, qty: int, standing: Standing, *, display: int | None = None
    ) -> None:
        """Rest an order.

        Args:
            side: Bids or asks.
            price: Its limit.
            qty: How much of it rests.
            standing: Where it joins: `Ledger.back_of` at the instant of its arrival.
            display: How much of an iceberg is shown; None shows all.
        """
        self.side, self.price = side, price
        self.left = qty
        self.standing = standing
        self.state = GhostState.RESTING
        self.fills: list[GhostFill] = []
        self._display = display
        self._shown = qty if display is None else min(display, qty)
        self._placed = standing.entered
        self._cancelled: int | None = None
        self._crossings: deque[tuple[int, int]] = deque()
        """Time and quantity of orders across it, until the takers of before are decided."""
        self._met: set[str] = set()
        """Orders of the other side that it has used up."""

    def apply(self, outcome: Outcome) -> list[GhostFill]:
        """Follow the market by one outcome; return what was filled."""
        kind = type(outcome)
        if kind is Taker:
            return self.take(outcome)  # type: ignore[arg-type]
        if kind is Fact:
            self._follow(outcome)  # type: ignore[arg-type]
        return []

    @property
    def shown(self) -> int:
        """The quantity of it that the queue would show."""
        return self._shown

    @property
    def crossed(self) -> bool:
        """Whether an order that rested across it waits for the takers of before."""
        return bool(self._crossings)

    def settle(self, decided: int) -> list[GhostFill]:
        """Decide what orders that rested across it have filled.

        Facts come at once and takers later, so this waits for the takers of before.

        Args:
            decided: `Ledger.decided`, after each event.
        """
        before = len(self.fills)
        while self._crossings and self._crossings[0][0] <= decided:
            time, qty = self._crossings.popleft()
            if self._concerns(time):
                self._fill(time, qty, FillReason.CROSSED)
        return self.fills[before:]

    def take(self, taker: Taker) -> list[GhostFill]:
        """Take what a taker leaves for the ghost."""
        if taker.side is self.side or not self._concerns(taker.instant):
            return []
        before = len(self.fills)
        self.settle(taker.instant - 1)
        for link in taker.links:
            reason = self._reason(link)
            if reason is not None:
                self._fill(taker.instant, link.qty, reason, link.trade_id)
        if taker.killed and taker.limit is not None and self._reached(taker.limit):
            self._fill(taker.instant, taker.killed, FillReason.REMAINDER)
        return self.fills[before:]

    def cancel(self, time: int) -> None:
        """Cancel what is left, at an instant; takers of before may still be decided later."""
        self._cancelled = time
        if self.state is GhostState.RESTING:
            self.state = GhostState.CANCELLED

    def amend(
        self, left: int, price: int, standing: Standing, *, display: int | None = None
    ) -> None:
        """Change what is left, or the price. Less at the same price keeps the place, none ends it.

        Args:
            left: What is to be left of it.
            price: Its new limit.
            standing: Where it would join: `Ledger.back_of` at the instant of the amend.
            display: How much of an iceberg is to be shown: less at once, more from the next
                part on. None leaves it as it is.
        """
        self._display = self._display if display is None else display
        if left <= 0:
            self.cancel(standing.entered)
            return
        shown = left if self._display is None else min(self._display, left)
        if price == self.price and left <= self.left:
            self._shown = min(self._shown, shown)
        else:
            self.standing, self._shown = standing, shown
            self._placed = standing.entered
        self.left, self.price = left, price

    # --- the rule ---------------------------------------------------------------------------

    def _reason(self, link: Link) -> FillReason | None:
        """Return why a trade would have been the ghost's; None if it would not."""
        if link.price == self.price:
            ahead = link.standing is not None and link.standing.before(self.standing)
            return None if ahead else FillReason.QUEUE
        worse = link.price < self.price if self.side is Side.BID else link.price > self.price
        return FillReason.THROUGH if worse else None

    def _follow(self, fact: Fact) -> None:
        """Follow a fact: an order that rests across the ghost is used up, once."""
        if fact.what is What.HOLE:
            if self.state is GhostState.RESTING:
                self.state = GhostState.UNKNOWN
        elif (
            fact.what in JOINS
            and fact.side is not self.side
            and fact.order_id not in self._met
            and self._reached(fact.price)
            and self._concerns(fact.time)
        ):
            self._met.add(fact.order_id)
            self._crossings.append((fact.time, fact.qty))

    def _reached(self, limit: int) -> bool:
        """Whether an order of the other side with this limit would meet the ghost."""
        return limit <= self.price if self.side is Side.BID else limit >= self.price

    def _concerns(self, time: int) -> bool:
        """Whether the ghost rested at an instant, which may be cut to microseconds."""
        if not self.left or self.state is GhostState.UNKNOWN or time + _US <= self._placed:
            return False
        return self._cancelled is None or time <= self._cancelled

    def _fill(
        self, instant: int, offered: int, reason: FillReason, trade_id: int | None = None
    ) -> None:
        """Fill as much as is offered and shown. An iceberg's next part joins the back."""
        qty = min(offered, self._shown)
        if not qty:
            return
        self._shown -= qty
        self.left -= qty
        self.fills.append(GhostFill(instant, self.price, qty, reason, trade_id))
        if not self.left:
            self.state = GhostState.FILLED
        elif not self._shown and self._display is not None:
            self._shown = min(self._display, self.left)
            self.standing = Standing(-1, 0, instant + _US)
