"""The last five minutes of a market, by the second: takers' quantities, and how the mid moved."""

from __future__ import annotations

from kracked.flow.facts import Fact, Outcome, Taker, What
from kracked.flow.ledger import Ledger
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

SECONDS = 300
"""How far back it looks. Odds need a market that was watched this long."""
_WINDOW_NS = SECONDS * NS_PER_S


class RecentMarket:
    """One symbol's recent trades and moves, up to date in constant time.

    Quantities are scaled integers. A mid is told as bid + ask, scaled: twice the mid, exact.

    Attributes:
        mid: Bid + ask now; 0 before the first book.
        now: The newest second that was told.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.mid = 0
        self.now = 0
        self._traded_since = self._quoted_since = 0
        """The exchange's times since which no trade and no book is missing; 0 while one is."""
        self._taken: dict[Side, list[int]] = {side: [0] * SECONDS for side in Side}
        """Quantity that takers of each side took, by second."""
        self._moved = [0] * SECONDS
        """Absolute moves of the mid, by second."""
        self._began = [0] * SECONDS
        """The mid when each second began."""
        self._trade_id: int | None = None

    def follow(self, ledger: Ledger, outcomes: list[Outcome]) -> None:
        """Take what the ledger told of one event, after it has applied it."""
        for one in outcomes:
            kind = type(one)
            if kind is Taker:
                self._take(one)  # type: ignore[arg-type]
            elif kind is Fact and one.what is What.HOLE:  # type: ignore[union-attr]
                self._quoted_since = 0
        if ledger.lost:
            return
        time = ledger.linker.level3_time
        second = time // NS_PER_S
        if second > self.now:
            self._advance(second)
        bids, asks = ledger.bids.keys, ledger.asks.keys
        if bids and asks:
            mid = bids[-1] - asks[-1]
            if bids[-1] + asks[-1] < 0 and mid != self.mid:  # not across: no taker is at work
                if self._quoted_since:
                    self._moved[second % SECONDS] += abs(mid - self.mid)
                self.mid = mid
        if not self._quoted_since and self.mid:
            self._quote_from(time)

    def lose_trades(self) -> None:
        """Take that trades are missing from now on, until the next one comes."""
        self._traded_since = 0

    def lacks_ns(self, now: int) -> int:
        """Return how long it must be watched on until nothing is missing of what odds look at.

        Args:
            now: On the exchange's clock.
        """
        if not self._quoted_since or not self._traded_since:
            return _WINDOW_NS
        return max(0, max(self._traded_since, self._quoted_since) + _WINDOW_NS - now)

    def taken(self, side: Side, seconds: int) -> int:
        """Return the quantity that takers of a side took in the last seconds, this one included."""
        return self._sum(self._taken[side], seconds)

    def moved(self, seconds: int) -> int:
        """Return the sum of the mid's absolute moves, of twice the mid, in the last seconds."""
        return self._sum(self._moved, seconds)

    def drift(self, seconds: int) -> int:
        """Return how much twice the mid is above where it was so many seconds ago."""
        return self.mid - self._began[(self.now - seconds + 1) % SECONDS]

    def pass_time(self, now: int) -> None:
        """Let time pass without an event: on a quiet market, what was recent no longer is."""
        if now // NS_PER_S > self.now and self._quoted_since:
            self._advance(now // NS_PER_S)

    def _quote_from(self, time: int) -> None:
        """Count moves from a time on: the book was not known before."""
        self._quoted_since = time
        if self._trade_id is None:  # of a market that has not traded no trade is missing
            self._traded_since = time
        self._moved[:] = [0] * SECONDS
        self._began[:] = [self.mid] * SECONDS

    # --- seconds ------------------------------------------------------------------------------

    def _sum(self, ring: list[int], seconds: int) -> int:
        end = self.now % SECONDS + 1
        start = end - seconds
        if start >= 0:
            return sum(ring[start:end])
        return sum(ring[:end]) + sum(ring[start:])

    def _take(self, taker: Taker) -> None:
        """Count a taker; where trades are missing before it, count from here on."""
        first, last = taker.trades[0].trade_id, taker.trades[-1].trade_id
        known = self._trade_id
        if not self._traded_since or (known is not None and first > known + 1):
            self._traded_since = taker.instant
        self._trade_id = last if known is None else max(known, last)
        second = taker.instant // NS_PER_S
        if second > self.now:
            self._advance(second)
        if self.now - second < SECONDS:
            ring = self._taken[taker.side]
            ring[second % SECONDS] += sum(trade.qty for trade in taker.trades)

    def _advance(self, second: int) -> None:
        """Begin a second, and those before it that nothing was told of."""
        for each in range(max(self.now + 1, second - SECONDS + 1), second + 1):
            at = each % SECONDS
            self._taken[Side.BID][at] = self._taken[Side.ASK][at] = self._moved[at] = 0
            self._began[at] = self.mid
        self.now = second
