"""Alerts on trades: the last price, one large taker, a burst of volume."""

from __future__ import annotations

from collections import deque
from itertools import groupby

from kracked.flow.alerts.book_checks import check_price
from kracked.flow.alerts.memory import Alert, Armed
from kracked.flow.alerts.rule import AlertKind
from kracked.flow.market_flow import MarketFlow
from kracked.instruments import Precision
from kracked.protocol.events import Side, Trade, Trades
from kracked.times import NS_PER_S, parse_ns

WINDOW_NS = 10 * NS_PER_S
WINDOWS = 360
"""Windows that the median is made of: an hour."""
LEAST_WINDOWS = 30
"""Below so many windows nothing is usual yet."""
MEDIANS = 5
TAKER_MEDIANS = 20
TAKER_EVERY_NS = 5 * NS_PER_S
"""An alert of large takers is told once in so long a time."""


class Burst:
    """The volume of the last ten seconds, and what is usual. Times are the exchange's."""

    def __init__(self) -> None:
        self.volume = 0
        self._trades: deque[tuple[int, int]] = deque()
        self._windows: deque[int] = deque(maxlen=WINDOWS)
        self._window = 0
        self._sum = 0

    @property
    def learning(self) -> bool:
        """Whether too little was seen to say what is usual."""
        return len(self._windows) < LEAST_WINDOWS

    def add(self, time: int, qty: int) -> None:
        """Count a trade; windows without any count as 0."""
        window = time // WINDOW_NS
        if self._window and window > self._window:
            self._windows.append(self._sum)
            self._windows.extend([0] * min(window - self._window - 1, WINDOWS))
            self._sum = 0
        self._window = max(window, self._window)
        self._sum += qty
        self.volume += qty
        self._trades.append((time, qty))
        while self._trades[0][0] <= time - WINDOW_NS:
            self.volume -= self._trades.popleft()[1]

    def usual(self) -> int:
        """Return the median of the windows of the last hour."""
        return sorted(self._windows)[len(self._windows) // 2]

    def needed(self, median_taker: int) -> int:
        """Return the volume from which on it is a burst.

        Args:
            median_taker: The median quantity of a taker.
        """
        return max(MEDIANS * self.usual(), TAKER_MEDIANS * median_taker, 1)


class TradeChecks:
    """The checks of one symbol's trades."""

    def __init__(self) -> None:
        self._alerts: list[Armed] = []
        self.burst = Burst()
        self._counted = 0
        """The number of the newest trade of the burst."""

    def use(self, alerts: list[Armed]) -> None:
        """Evaluate these: the alerts of the symbol that need trades."""
        self._alerts = [one for one in alerts if one.rule.kind is not AlertKind.SIGHTING]

    def see(self, event: Trades, market: MarketFlow) -> list[Alert]:
        """Evaluate all after a message.

        Args:
            event: The message.
            market: The measures of the symbol, before the message.
        """
        trades = [(parse_ns(trade.timestamp), trade) for trade in event.trades]
        fired: list[Alert] = []
        for armed in self._alerts:
            newest = armed.memory.newest
            fresh = [(time, trade) for time, trade in trades if trade.trade_id > newest]
            if not fresh:
                continue
            armed.memory.newest = max(trade.trade_id for _, trade in fresh)
            late = bool(newest) and (event.snapshot or fresh[0][1].trade_id > newest + 1)
            old = event.snapshot and not newest  # from before anybody watched
            match armed.rule.kind:
                case AlertKind.PRICE:
                    fired += _prices(
                        armed, fresh[-1:] if old else fresh, event.precision, late=late
                    )
                case AlertKind.TAKER if not old:
                    fired += _takers(armed, fresh, event.precision, market, late=late)
        for time, trade in trades:
            if trade.trade_id > self._counted:
                self._counted = trade.trade_id
                self.burst.add(time, trade.qty)
                fired += self._bursts(time, event, market)
        return fired

    def _bursts(self, time: int, event: Trades, market: MarketFlow) -> list[Alert]:
        bursts = [one for one in self._alerts if one.rule.kind is AlertKind.BURST]
        takers = market.detectors.context.takers.in_force
        if not bursts or event.snapshot or self.burst.learning or takers is None:
            return []
        needed, volume, fired = self.burst.needed(takers.median), self.burst.volume, []
        for armed in bursts:
            memory = armed.memory
            if not memory.ready:
                memory.ready = 2 * volume < needed
            elif volume >= needed and time > memory.last:
                memory.ready, memory.last = False, time
                found, usual = (
                    event.precision.qty_decimal(one) for one in (volume, self.burst.usual())
                )
                said = f"{found:f} traded in 10 s, usual are {usual:f}"
                fired.append(armed.alert(time, said, key=str(time), volume=found, usual=usual))
        return fired


def _prices(
    armed: Armed, trades: list[tuple[int, Trade]], precision: Precision, *, late: bool
) -> list[Alert]:
    fired: list[Alert] = []
    if armed.rule.what == "last":
        for time, trade in trades:
            price = precision.price_decimal(trade.price)
            alert = check_price(armed, price, time, late=late)
            fired += [alert] if alert is not None else []
    return fired


def _takers(
    armed: Armed,
    trades: list[tuple[int, Trade]],
    precision: Precision,
    market: MarketFlow,
    *,
    late: bool,
) -> list[Alert]:
    rule, memory, fired = armed.rule, armed.memory, []
    usual = market.detectors.context.takers.in_force
    for (time, side), group in groupby(trades, key=lambda one: (one[0], one[1].side)):
        fills = [trade for _, trade in group]
        total = sum(trade.qty for trade in fills)
        qty = precision.qty_decimal(total)
        if rule.limit is not None:
            large = qty >= rule.limit
        else:
            large = usual is not None and not usual.learning and total >= usual.huge
        if not large or rule.side not in (None, side) or time < memory.last + TAKER_EVERY_NS:
            continue
        memory.last = time
        first, last = (precision.price_decimal(fills[n].price) for n in (0, -1))
        took = "buy" if side is Side.BID else "sell"
        said = f"one taker: {took} {qty:f} at {first:f}"
        said += f" to {last:f}" if first != last else ""
        said += ", while data were missing" if late else ""
        alert = armed.alert(
            time, said, late=late, key=str(fills[0].trade_id), side=took, qty=qty, price=first
        )
        fired.append(alert)
    return fired
