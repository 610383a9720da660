"""One own fill: what it cost or earned against the mids, and how it came about."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec

from kracked.flow.facts import PlaceKnown
from kracked.flow.review.mids import HORIZONS_S, PENDING, Mark
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fee


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """The way of an order through its queue, and who ended it, as level 3 told."""

    known: PlaceKnown
    """How its place was learnt when it joined."""
    joined_position: int
    """1 is first to fill."""
    joined_qty_ahead: Decimal
    position: int
    """When it was filled: 1, unless the ledger has an order ahead that the taker did not meet."""
    ahead_filled: Decimal | None
    """The quantity ahead that was filled until then; None where it is not told any more."""
    ahead_left: Decimal | None
    """The quantity ahead that was cancelled or amended away."""


class ReviewedFill(msgspec.Struct, kw_only=True):
    """An own fill and what followed. Prices are in the quote currency, quantities in the base."""

    symbol: str
    exec_id: str
    order_id: str
    trade_id: int | None
    time: int
    """The exchange's, ns since the Unix epoch."""
    side: Side
    """Bid for what was bought."""
    price: Decimal
    qty: Decimal
    maker: bool | None
    """None where the report does not say."""
    fees: tuple[Fee, ...] = ()
    wait_ns: int | None = None
    """Since the order was accepted, or was first seen in the book; None if neither was told."""
    passage: Passage | None = None
    """None for a taker, and without level 3."""
    taker_qty: Decimal | None = None
    """All that the taker took, if it was another one and the trades were told."""
    taker_levels: int | None = None
    """Prices that it took: a sweep has several."""
    mid: Decimal | None = None
    """The mid at the fill; None in a hole."""
    marks: list[Mark] = msgspec.field(default_factory=lambda: [PENDING] * len(HORIZONS_S))
    """By horizon."""

    @property
    def sign(self) -> int:
        """1 for what was bought, -1 for what was sold."""
        return 1 if self.side is Side.BID else -1

    @property
    def notional(self) -> Decimal:
        """Price times quantity."""
        return self.price * self.qty

    @property
    def earned(self) -> Decimal | None:
        """Return what the fill was better than the mid, for all of it, in the quote currency."""
        return None if self.mid is None else self.sign * (self.mid - self.price) * self.qty

    def drift(self, at: int) -> Decimal | None:
        """Return what the mid did for the fill after it, for all of it, in the quote currency.

        Args:
            at: Which of `HORIZONS_S`.
        """
        after = self.marks[at].mid
        if self.mid is None or after is None:
            return None
        return self.sign * (after - self.mid) * self.qty

    def bp(self, amount: Decimal | None) -> Fraction | None:
        """Return an amount of this fill in basis points of its price, exact."""
        return None if amount is None else 10_000 * Fraction(amount) / Fraction(self.notional)

    def markout(self, at: int) -> Decimal | None:
        """Return what was earned and what drifted, together; positive was good for us."""
        earned, drift = self.earned, self.drift(at)
        return None if earned is None or drift is None else earned + drift
