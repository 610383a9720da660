"""Detectors of takers: sweeps of one, runs of one uneven size, bursts of many in a second."""

from __future__ import annotations

from collections import OrderedDict, deque

from kracked.flow.detectors.context import MarketContext, Sightings
from kracked.flow.detectors.sighting import Evidence, Kind, Notes, Sighting, Sureness
from kracked.flow.measures.sizes import LARGE_ORDER, AdaptiveSizes
from kracked.flow.measures.touch import Touch
from kracked.protocol.events import Side, Trade
from kracked.times import NS_PER_S

SIZES = 4_096
"""Sizes of takers that are remembered, as long as another could make a run of one."""
LATER_NS = (NS_PER_S, 10 * NS_PER_S)
"""When the best price is looked at again after a sweep."""
NEVER = 1 << 63


class _Run:
    """Takers of one size and side."""

    __slots__ = ("first", "notes", "number", "times", "total")

    def __init__(self, number: int, time: int) -> None:
        self.number, self.first = number, time
        self.times: deque[int] = deque()
        self.total = 0
        self.notes = Notes()


class SameSize:
    """Takers of the same uneven size, one after the other on one side."""

    def __init__(self, context: MarketContext, sightings: Sightings) -> None:
        self._context, self._sightings = context, sightings
        self._runs: OrderedDict[tuple[Side, int], _Run] = OrderedDict()
        self._count = 0

    def lose(self) -> None:
        """Forget the runs: trades were missed."""
        self._runs.clear()

    def taker(self, trades: list[Trade], time: int) -> None:
        """Take one taker's trades."""
        numbers, side = self._context.numbers, trades[0].side
        qty = sum(trade.qty for trade in trades)
        if len(str(qty).rstrip("0")) < numbers.same_digits:
            return
        if qty < numbers.dust_minimums * self._context.least_qty:
            return
        run = self._runs.get((side, qty))
        if run is None or time - run.times[-1] > numbers.same_ns:
            self._count += 1
            run = self._runs[side, qty] = _Run(self._count, time)
        runs = self._runs
        runs.move_to_end((side, qty))
        run.times.append(time)
        oldest = next(iter(runs))
        # A run that nothing can join any more would cost 800 bytes until its size comes again.
        while len(runs) > SIZES or time - runs[oldest].times[-1] > numbers.same_ns:
            del runs[oldest]
            oldest = next(iter(runs))
        run.total += 1
        run.notes.add(Evidence(time, "taker", "", trades[0].price, qty))
        while time - run.times[0] > numbers.same_ns:
            run.times.popleft()
        least = numbers.same_takers + self._sightings.raised.get(Kind.SAME_SIZE, 0)
        reported = self._sightings.has(Kind.SAME_SIZE, run.number)
        if len(run.times) < least and not reported:
            return
        self._sightings.report(
            run.number,
            Sighting(
                kind=Kind.SAME_SIZE,
                side=side,
                price=run.notes.facts[0].price,
                last_price=trades[-1].price,
                first=run.first,
                last=time,
                qty=run.total * qty,
                count=run.total,
                sureness=Sureness.PATTERN,
                evidence=run.notes.facts,
                detail={"each": qty},
                numbers={"takers": least, "within ns": numbers.same_ns},
            ),
        )


class _Swept:
    """A sweep whose aftermath is still looked at."""

    __slots__ = ("before", "count", "detail", "due", "notes", "number", "side", "time", "trades")

    def __init__(self, number: int, trades: list[Trade], time: int, before: Touch | None) -> None:
        self.number, self.trades, self.time, self.before = number, trades, time, before
        self.side = trades[0].side
        self.count = len({trade.price for trade in trades})
        self.detail: dict[str, int] = {}
        self.due = list(LATER_NS)
        self.notes = Notes(Evidence(time, "trade", "", trade.price, trade.qty) for trade in trades)


class Sweeps:
    """Takers that went through several levels and were large, emptied many, or moved the price.

    Attributes:
        due_at: When the aftermath of a sweep is to be looked at next.
    """

    def __init__(self, context: MarketContext, sightings: Sightings) -> None:
        self._context, self._sightings = context, sightings
        self._open: deque[_Swept] = deque(maxlen=64)
        self._lately: deque[_Swept] = deque(maxlen=64)
        """The newest ones: whether they are own ones may be told later."""
        self.due_at = NEVER
        self._count = 0

    def lose(self) -> None:
        """Look no more at the aftermath: the best prices were missed."""
        self._open.clear()
        self.due_at = NEVER

    def taker(self, trades: list[Trade], time: int) -> None:
        """Take one taker's trades."""
        numbers = self._context.numbers
        prices = dict.fromkeys(trade.price for trade in trades)
        if len(prices) < numbers.sweep_prices:
            return
        thresholds = self._context.takers.thresholds()
        qty = sum(trade.qty for trade in trades)
        large = thresholds is not None and qty >= thresholds.detector
        spread = self._context.median_spread
        moved = abs(trades[-1].price - trades[0].price)
        far = spread is not None and moved >= numbers.sweep_spreads * spread
        if not (large or far or len(prices) > numbers.sweep_levels):
            return
        self._count += 1
        swept = _Swept(self._count, trades, time, self._context.touch_at(time - 1))
        self._open.append(swept)
        self._lately.append(swept)
        self.due_at = min(self.due_at, time + swept.due[0])
        self._is_own(swept)
        self._report(swept)

    def learn_own(self) -> None:
        """Mark the sweeps of own orders, after the account has told of their trades."""
        for swept in self._lately:
            if "yours" not in swept.detail and self._is_own(swept):
                self._report(swept)

    def _is_own(self, swept: _Swept) -> bool:
        """Return whether an own order swept; its detail says so then."""
        symbol, taken = self._sightings.symbol, self._context.own.taken
        own = any((symbol, trade.trade_id) in taken for trade in swept.trades)
        if own:
            swept.detail["yours"] = 1
        return own

    def see(self, touch: Touch, time: int) -> None:
        """Take the best prices at `due_at` or later: what came back after a sweep."""
        for swept in self._open:
            while swept.due and time - swept.time >= swept.due[0]:
                seconds = swept.due.pop(0) // NS_PER_S
                far = swept.trades[-1].price - swept.trades[0].price
                best = touch.ask if swept.side is Side.BID else touch.bid
                back = swept.trades[-1].price - best
                swept.detail[f"came back % in {seconds} s"] = 100 * back // far if far else 0
                self._report(swept)
        while self._open and not self._open[0].due:
            self._open.popleft()
        due = [swept.time + swept.due[0] for swept in self._open if swept.due]
        self.due_at = min(due, default=NEVER)

    def _report(self, swept: _Swept) -> None:
        trades = swept.trades
        thresholds = self._context.takers.thresholds()
        self._sightings.report(
            swept.number,
            Sighting(
                kind=Kind.SWEEP,
                side=swept.side,
                price=trades[0].price,
                last_price=trades[-1].price,
                first=swept.time,
                last=swept.time,
                qty=sum(trade.qty for trade in trades),
                count=swept.count,
                sureness=Sureness.EXACT,
                evidence=swept.notes.facts,
                detail=dict(swept.detail),
                numbers={
                    "large taker": thresholds.detector if thresholds is not None else 0,
                    "prices": self._context.numbers.sweep_prices,
                },
            ),
        )


class _Second:
    """What takers of one side took in a second."""

    __slots__ = ("notes", "number", "prices", "qty", "takers")

    def __init__(self, number: int) -> None:
        self.number = number
        self.qty = self.takers = 0
        self.prices: list[int] = []
        self.notes = Notes()


class Bursts:
    """Several takers of one side who in one second took more than one second in 200 sees.

    Not a sweep, which is one taker. Seconds without a trade of the side do not count.
    """

    def __init__(self, context: MarketContext, sightings: Sightings) -> None:
        self._context, self._sightings = context, sightings
        self._seconds: dict[Side, _Second] = {}
        self._usual = AdaptiveSizes(LARGE_ORDER)

    def lose(self) -> None:
        """Forget the present seconds: trades were missed."""
        self._seconds.clear()

    def taker(self, trades: list[Trade], time: int) -> None:
        """Take one taker's trades."""
        side, number = trades[0].side, time // NS_PER_S
        second = self._seconds.get(side)
        if second is None or number > second.number:
            if second is not None:
                self._usual.add(second.qty, time)
            second = self._seconds[side] = _Second(number)
        qty = sum(trade.qty for trade in trades)
        second.qty += qty
        second.takers += 1
        second.prices += trades[0].price, trades[-1].price
        second.notes.add(Evidence(time, "taker", "", trades[-1].price, qty))
        thresholds, least = self._usual.thresholds(), self._context.numbers.burst_takers
        if thresholds is None or thresholds.learning or second.takers < least:
            return
        large = self._sightings.raise_limit(Kind.BURST, thresholds.detector)
        if second.qty >= large:
            self._report(side, second, {"at least": large, "takers": least})

    def _report(self, side: Side, second: _Second, numbers: dict[str, int]) -> None:
        evidence = second.notes.facts
        self._sightings.report(
            (second.number, side),
            Sighting(
                kind=Kind.BURST,
                side=side,
                price=second.prices[0],
                last_price=second.prices[-1],
                first=evidence[0].time,
                last=evidence[-1].time,
                qty=second.qty,
                count=second.takers,
                sureness=Sureness.PATTERN,
                evidence=evidence,
                numbers=numbers,
            ),
        )
