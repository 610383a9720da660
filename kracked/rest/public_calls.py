"""The exchange's public calls over REST: time and state, instruments, market data.

Source: docs.kraken.com/api-reference/market-data
"""

from __future__ import annotations

from collections.abc import Callable

from kracked.protocol.maintenance.announcements import MaintenanceEvent
from kracked.protocol.maintenance.lists import read_schedule
from kracked.rest import market
from kracked.rest.encoding import pair_params
from kracked.rest.replies import Refused
from kracked.rest.typed_calls import TypedCalls
from kracked.times import NS_PER_S


class ExchangeClock:
    """The exchange's clock: bounded by each answer, and this computer's as long as that fits.

    The exchange measures deadlines by its own clock. By a clock of ours that is ten seconds slow
    every order would come too late; by one that is a minute fast every deadline would be refused.

    Source: docs.kraken.com/api/docs/rest-api/get-server-time

    Args:
        clock: Returns this computer's time, ns since the Unix epoch.
        ticks: Returns ns that only rise, so that a clock that is set in between does no harm.
    """

    def __init__(self, clock: Callable[[], int], ticks: Callable[[], int]) -> None:
        self._clock, self._ticks = clock, ticks
        self._bounds: tuple[int, int] | None = None
        """The least and the most by which the exchange's clock can be ahead of the ticks, ns."""

    @property
    def known(self) -> bool:
        """Whether the exchange has told its time."""
        return self._bounds is not None

    def learn(self, told_s: int, sent: int, received: int) -> None:
        """Take over a time that the exchange has told.

        Args:
            told_s: Whole seconds since the Unix epoch.
            sent: The tick at which it was asked for.
            received: The tick at which it came.
        """
        least, most = told_s * NS_PER_S - received, (told_s + 1) * NS_PER_S - sent
        if self._bounds is not None:
            low, high = max(least, self._bounds[0]), min(most, self._bounds[1])
            if low <= high:
                least, most = low, high
        self._bounds = least, most

    def now(self) -> int:
        """Return the exchange's time, ns since the Unix epoch; this computer's while unknown."""
        own = self._clock()
        if self._bounds is None:
            return own
        ticks, (least, most) = self._ticks(), self._bounds
        return min(max(own, ticks + least), ticks + most)

    @property
    def ahead_ns(self) -> int:
        """The lead of the exchange's clock over this computer's; 0 while they may agree."""
        return self.now() - self._clock()


class PublicCalls:
    """The calls that need no key; `RestClient` adds those that do.

    Attributes:
        exchange_clock: The exchange's clock, as `server_time` has shown it: deadlines follow it.
    """

    def __init__(
        self, calls: TypedCalls, exchange_clock: ExchangeClock, ticks: Callable[[], int]
    ) -> None:
        """
        Args:
            calls: Makes the calls.
            exchange_clock: Takes over the time that the exchange tells.
            ticks: Returns ns that only rise.
        """
        self._calls, self.exchange_clock, self._ticks = calls, exchange_clock, ticks

    async def server_time(self) -> market.ServerTime:
        """Return the exchange's time, in whole seconds; `exchange_clock` takes it over."""
        sent = self._ticks()
        found = await self._calls.public("Time", {}, market.ServerTime)
        self.exchange_clock.learn(found.unixtime, sent, self._ticks())
        return found

    async def system_status(self) -> market.SystemStatus:
        """Return the state of the trading engine, maintenance of 72 hours, and incidents.

        Source: docs.kraken.com/api-reference/market-data/get-system-status
        """
        return await self._calls.public_with("SystemStatus", market.read_system_status)

    async def maintenance_schedule(self) -> tuple[MaintenanceEvent, ...] | None:
        """Return the maintenance of the next seven days, the nearest first.

        None from an exchange that does not know this call: nothing is known then. An event
        leaves the schedule when its window starts.

        Source: docs.kraken.com/api-reference/market-data/get-maintenance-schedule
        """
        try:
            return await self._calls.public_with("MaintenanceSchedule", read_schedule)
        except Refused as refused:
            if "Unknown method" not in refused.error:
                raise
            return None

    async def assets(self) -> dict[str, market.AssetInfo]:
        """Return all assets by their old codes, such as ``XXBT``; unreadable ones are left out."""
        return await self._calls.public_rows("Assets", {}, market.AssetInfo)

    async def asset_pairs(self, *pairs: str) -> dict[str, market.PairInfo]:
        """Return the rules and fees of pairs, by pair id or by the name asked for.

        A pair that cannot be read is left out.
        """
        params = pair_params(pairs)
        return await self._calls.public_rows("AssetPairs", params, market.PairInfo)

    async def ticker(self, *pairs: str) -> dict[str, market.TickerInfo]:
        """Return the tickers of pairs, of all pairs by default, by pair id.

        A pair that cannot be read is left out.
        """
        return await self._calls.public_rows("Ticker", pair_params(pairs), market.TickerInfo)

    async def ohlc(
        self, pair: str, *, interval: int = 1, since: str | None = None
    ) -> tuple[tuple[market.OhlcRow, ...], str]:
        """Return at most 720 candles, oldest first, the last unfinished; and the next `since`.

        Args:
            interval: Minutes: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600.
            since: Only candles after this one, as an earlier call returned it.
        """
        params = {"pair": pair, "interval": str(interval)}
        return await self._calls.page("OHLC", params, since, tuple[market.OhlcRow, ...])

    async def depth(self, pair: str, *, count: int = 100) -> market.Depth:
        """Return up to 500 levels a side of the book. No checksum verifies them."""
        params = {"pair": pair, "count": str(count)}
        found = await self._calls.public("Depth", params, dict[str, market.Depth])
        return market.only_value(found) or market.Depth((), ())

    async def trades(
        self, pair: str, *, since: str | None = None, count: int = 1000
    ) -> tuple[tuple[market.TradeRow, ...], str]:
        """Return the market's trades, oldest first; and the next `since` (ns as text).

        A trade may come twice: drop repeats by `trade_id`.
        """
        params = {"pair": pair, "count": str(count)}
        return await self._calls.page("Trades", params, since, tuple[market.TradeRow, ...])

    async def spread(
        self, pair: str, *, since: str | None = None
    ) -> tuple[tuple[market.SpreadRow, ...], str]:
        """Return recent best bids and asks, oldest first; and the next `since`."""
        return await self._calls.page("Spread", {"pair": pair}, since, tuple[market.SpreadRow, ...])
