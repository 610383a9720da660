"""REST's public methods: what is listed, and the market.

Names follow the exchange's rules: a pair requested by id or altname is keyed by its id in
the reply, one requested by a name with a slash is keyed by that name.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest import Params, PublicMethod, server_time
from kracked.gateway.rest_names import reply_key
from kracked.protocol.events import Side
from kracked.sim.exchange import Exchange
from kracked.sim.market_data import book_rows
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.market_data.trade_history import INTERVALS
from kracked.sim.public_api import listing_rows, market_rows
from kracked.times import NS_PER_S

_WHOLE = re.compile(r"[0-9]{1,19}")


class PublicRest:
    """Answers public calls about one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.methods: Mapping[str, PublicMethod] = {
            "Time": server_time,
            "SystemStatus": self.system_status,
            "MaintenanceSchedule": self.maintenance_schedule,
            "Assets": self.assets,
            "AssetPairs": self.asset_pairs,
            "Ticker": self.ticker,
            "OHLC": self.ohlc,
            "Depth": self.depth,
            "Trades": self.trades,
            "Spread": self.spread,
            "GroupedBook": self.grouped_book,
        }
        """By name."""

    # --- what is listed ---------------------------------------------------------------

    def system_status(self, _: Params, now: int) -> object:
        """Answer SystemStatus."""
        return self._exchange.state.system_status(now)

    def maintenance_schedule(self, _: Params, now: int) -> object:
        """Answer MaintenanceSchedule."""
        return self._exchange.state.maintenance_schedule(now)

    def assets(self, query: Params, _: int) -> object:
        """Answer Assets: all, or those that `asset` names."""
        chosen = self._exchange.assets if listing_rows.is_currency(query.get("aclass")) else ()
        if "asset" in query:
            chosen = tuple(self._exchange.names.asset(name) for name in query["asset"].split(","))
        return {listed.rest_id: listing_rows.asset(listed) for listed in chosen}

    def asset_pairs(self, query: Params, _: int) -> object:
        """Answer AssetPairs: all, or those that `pair` names."""
        info = query.get("info") or "info"
        pairs = self._pairs(query, "aclass_base")
        if query.get("execution_venue") not in (None, "", listing_rows.VENUE):
            return {}
        return {key: listing_rows.pair(publisher.listing, info) for key, publisher in pairs}

    def _pairs(
        self, query: Params, aclass: str = "asset_class"
    ) -> list[tuple[str, MarketDataPublisher]]:
        """Return the requested pairs, by default all, each with its key in the reply.

        Args:
            query: The call's parameters.
            aclass: The parameter that names the asset class.
        """
        publishers = self._exchange.publishers
        if not listing_rows.is_currency(query.get(aclass)):
            if "pair" in query:
                raise Refusal(refusals.UNKNOWN_PAIR)
            return []
        if "pair" not in query:
            return [(publisher.listing.rest_id, publisher) for publisher in publishers.values()]
        return [self._find(name) for name in query["pair"].split(",")]

    def _pair(self, query: Params) -> tuple[str, MarketDataPublisher]:
        """Return the one requested pair, with its key in the reply."""
        if not query.get("pair"):
            raise Refusal(refusals.ARGUMENTS)
        if not listing_rows.is_currency(query.get("asset_class")):
            raise Refusal(refusals.UNKNOWN_PAIR)
        return self._find(query["pair"])

    def _find(self, name: str) -> tuple[str, MarketDataPublisher]:
        listing = self._exchange.names.pair(name)
        return reply_key(name, listing), self._exchange.publishers[listing.symbol]

    # --- the market -------------------------------------------------------------------

    def ticker(self, query: Params, now: int) -> object:
        """Answer Ticker."""
        return {key: market_rows.ticker(publisher, now) for key, publisher in self._pairs(query)}

    def ohlc(self, query: Params, now: int) -> object:
        """Answer OHLC: the candles of one pair that began at `since` or later."""
        key, publisher = self._pair(query)
        interval, since = _whole(query, "interval", 1), _whole(query, "since", 0)
        if interval not in INTERVALS:
            raise Refusal(refusals.ARGUMENTS)
        candles = publisher.history.candles(interval, now)
        # The last row still forms; `last` is the start of the newest finished one.
        last = candles[-2].begin // NS_PER_S if len(candles) > 1 else since
        rows = [
            market_rows.candle(candle, publisher)
            for candle in candles
            if candle.begin // NS_PER_S >= since
        ]
        return {key: rows, "last": last}

    def depth(self, query: Params, _: int) -> object:
        """Answer Depth: up to `count` levels of each side."""
        key, publisher = self._pair(query)
        count = _whole(query, "count", 100)
        if not 1 <= count <= 500:
            raise Refusal(refusals.ARGUMENTS)
        asks, bids = (market_rows.levels(publisher, side, count) for side in (Side.ASK, Side.BID))
        return {key: {"asks": asks, "bids": bids}}

    def grouped_book(self, query: Params, _: int) -> object:
        """Answer GroupedBook."""
        key, publisher = self._pair(query)
        depth, grouping = _whole(query, "depth", 10), _whole(query, "grouping", 1)
        if depth not in book_rows.GROUPED_DEPTHS or grouping not in book_rows.GROUPINGS:
            raise Refusal(refusals.ARGUMENTS)
        levels = book_rows.grouped(publisher.listing, publisher.matcher, depth, grouping)
        return {"pair": key, "grouping": grouping, **levels}

    def trades(self, query: Params, _: int) -> object:
        """Answer Trades: the last, or those after `since` (ns)."""
        key, publisher = self._pair(query)
        count, since = _whole(query, "count", 1000), _whole(query, "since", -1)
        if not 1 <= count <= 1000:
            raise Refusal(refusals.ARGUMENTS)
        trades = [trade for trade in publisher.history.trades if trade.time > since]
        page = trades[-count:] if since < 0 else trades[:count]
        last = page[-1].time if page else max(since, 0)
        return {key: [market_rows.trade(trade, publisher) for trade in page], "last": str(last)}

    def spread(self, query: Params, now: int) -> object:
        """Answer Spread: the best prices from `since` (s) on."""
        key, publisher = self._pair(query)
        since = _whole(query, "since", 0)
        rows = [
            market_rows.spread(spread, publisher)
            for spread in publisher.spreads
            if spread.time // NS_PER_S >= since
        ]
        return {key: rows, "last": rows[-1][0] if rows else now // NS_PER_S}


def _whole(query: Params, name: str, default: int) -> int:
    """Return a whole number among the parameters; `default` when it is missing or empty."""
    text = query.get(name, "")
    if not text:
        return default
    if not _WHOLE.fullmatch(text):
        raise Refusal(refusals.ARGUMENTS)
    return int(text)
