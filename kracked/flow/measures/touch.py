"""Measures of the best prices: imbalance, weighted mid, order flow imbalance.

The order flow imbalance is that of Cont, Kukanov and Stoikov, "The Price Impact of Order Book
Events" (2014, arxiv.org/abs/1011.6402): what arrives at the best bid or leaves the best ask
counts up, the opposite down. The weighted mid is not Stoikov's micro-price, which needs a
table estimated on recordings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from fractions import Fraction
from math import sqrt
from typing import NamedTuple

from kracked.protocol.events import Side
from kracked.times import NS_PER_S

FLOW_NS = 10 * NS_PER_S
"""Length of the window of the order flow imbalance."""
NEAR_BP = 10
"""How far from the mid quantities count towards the wider imbalance."""
SAMPLES = 360
"""Samples of the order flow imbalance, one in ten seconds: an hour."""
LEAST_SAMPLES = 30
"""Below so many samples there is no z-score."""


class Touch(NamedTuple):
    """The best prices and what rests there. A side without orders has quantity 0."""

    bid: int
    bid_qty: int
    ask: int
    ask_qty: int

    def distance(self, side: Side, price: int) -> int:
        """Return how far a price is from the best one of its side; negative when it is better."""
        return self.bid - price if side is Side.BID else price - self.ask

    @property
    def weighted_mid(self) -> Fraction | None:
        """The mid, nearer to the ask when more is bid; None where a side is empty."""
        both = self.bid_qty + self.ask_qty
        if not (self.bid_qty and self.ask_qty):
            return None
        return Fraction(self.bid * self.ask_qty + self.ask * self.bid_qty, both)


def lean_percent(bid_qty: int, ask_qty: int) -> int | None:
    """Return (bid - ask) / (bid + ask) in per cent, -100 to 100, to the nearest one.

    Positive leans to buyers. None without any quantity.
    """
    both = bid_qty + ask_qty
    if not both:
        return None
    size = (200 * abs(bid_qty - ask_qty) + both) // (2 * both)
    return size if bid_qty >= ask_qty else -size


class Near(NamedTuple):
    """Resting quantity near the mid: both sides to the same distance, however little is known."""

    bids: int
    asks: int
    bp: float
    """The distance in basis points of the mid: `NEAR_BP`, or less where a book ends before it."""


def quantities_near(
    bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], middle: int, depth: int
) -> Near:
    """Return what rests within 10 bp of the mid.

    A side that is cut to its depth before that distance is known no further: then both sides are
    summed up to there, so that the deeper one does not outweigh the other.

    Args:
        bids: Prices and quantities, best first.
        asks: Prices and quantities, best first.
        middle: Best bid plus best ask.
        depth: Levels a side that are told.
    """
    reach = NEAR_BP * middle
    sides: list[list[tuple[int, int]]] = []
    for levels, sign in ((bids, 1), (asks, -1)):
        found: list[tuple[int, int]] = []
        for price, qty in levels:
            distance = sign * (middle - 2 * price) * 10_000
            if distance > NEAR_BP * middle:
                break
            found.append((distance, qty))
        else:
            if len(found) >= depth:
                reach = min(reach, found[-1][0])
        sides.append(found)
    own, other = (sum(qty for at, qty in found if at <= reach) for found in sides)
    return Near(own, other, reach / middle)


class OrderFlowImbalance:
    """The order flow imbalance of the last ten seconds, in base quantity, and how unusual it is.

    Attributes:
        value: The sum of the window.
        touch: The best prices last seen; None at first and in a hole.
    """

    def __init__(self) -> None:
        self.value = 0
        self.touch: Touch | None = None
        self._changes: deque[tuple[int, int]] = deque()
        self._samples: deque[int] = deque(maxlen=SAMPLES)
        self._sampled = self._next = 0
        """The time of the newest sample, in lengths of the window, and when the next is due."""

    def take(self, touch: Touch, time: int) -> None:
        """Take the best prices after a change of the book; the same ones again cost nothing."""
        before, self.touch = self.touch, touch
        if touch == before:
            return
        if time >= self._next:
            self.advance(time)
        else:
            self._expire(time)
        if before is None:
            return
        bid, bid_qty, ask, ask_qty = touch
        bid_before, bid_qty_before, ask_before, ask_qty_before = before
        if not (bid_qty_before and ask_qty_before):
            return
        if not (bid_qty and ask_qty):
            self.touch = None
            return
        change = 0
        if bid >= bid_before:
            change = bid_qty
        if bid <= bid_before:
            change -= bid_qty_before
        if ask <= ask_before:
            change -= ask_qty
        if ask >= ask_before:
            change += ask_qty_before
        self.value += change
        self._changes.append((time, change))

    def lose(self) -> None:
        """Begin anew with the next touch: changes were missed."""
        self.touch, self.value = None, 0
        self._changes.clear()
        self._sampled = self._next = 0

    def advance(self, now: int) -> None:
        """Let what is older than ten seconds leave the sum; take the samples that are due.

        Args:
            now: On the exchange's clock, ns since the Unix epoch.
        """
        tick = now // FLOW_NS
        if not self._sampled:
            self._sampled = tick
        for due in range(max(self._sampled, tick - SAMPLES) + 1, tick + 1):
            self._expire(due * FLOW_NS)
            self._samples.append(self.value)
        self._sampled = max(self._sampled, tick)
        self._next = (self._sampled + 1) * FLOW_NS
        self._expire(now)

    def _expire(self, now: int) -> None:
        changes = self._changes
        while changes and changes[0][0] <= now - FLOW_NS:
            self.value -= changes.popleft()[1]

    @property
    def z_score(self) -> float | None:
        """The deviations between the value and the mean of the last hour; None while unknown."""
        count = len(self._samples)
        if count < LEAST_SAMPLES:
            return None
        total = sum(self._samples)
        spread = count * sum(one * one for one in self._samples) - total * total
        return (count * self.value - total) / sqrt(spread) if spread else None
