"""The simulated exchange's REST: public market data; private calls are handed on.

Every reply is `{"error": [...], "result": ...}` with HTTP status 200, errors included,
as the real one answers. Names follow its rules: asked by id or altname a pair is keyed
by id, asked by a name with a slash it is keyed by that name.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from functools import partial
from typing import Any

import msgspec

from kracked import units
from kracked.gateway import refusals
from kracked.gateway.auth import Call, body_fields
from kracked.gateway.refusals import Refusal
from kracked.protocol import encode
from kracked.protocol.events import Side
from kracked.sim import depth_endpoints, listing_rows, messages
from kracked.sim.engine.matching import Matcher
from kracked.sim.exchange import Exchange
from kracked.sim.faults.order_faults import OrderFault, OrderFaultRule
from kracked.sim.listings import ListedAsset
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.market_data.trade_history import DAY_NS, INTERVALS, PastCandle, PastTrade
from kracked.sim.private_api.rest_endpoints import PrivateRest
from kracked.times import NS_PER_S

Params = Mapping[str, str]
Method = Callable[[Params, int], object]

_SIDES = {Side.BID: "b", Side.ASK: "s"}


_WHOLE = re.compile(r"[0-9]{1,19}")
_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


class HttpAnswer(msgspec.Struct, frozen=True):
    """What a call gets, faults included."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    late_ns: int = 0
    """How long to keep it back."""
    dropped: bool = False
    """The connection ends instead."""


class PublicRest:
    """Answers calls about one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._private = PrivateRest(exchange, exchange.brokerage, exchange.keys, exchange.listed)
        self._public: dict[str, Method] = {
            "Time": server_time,
            "SystemStatus": self._system_status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._ticker,
            "OHLC": self._ohlc,
            "Depth": self._depth,
            "Trades": self._trades,
            "Spread": self._spread,
            "GroupedBook": self._grouped_book,
        }

    def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        """Answer a call, unless a fault of orders comes between."""
        kind, _, name = call.path.removeprefix("/0/").partition("/")
        mishap = self._exchange.order_faults.strike(name) if kind == "private" else None
        if mishap is None:
            return HttpAnswer(self.answer(http_method, call, query, now))
        if not mishap.kind.acts:
            return _spared(mishap, now)
        lag_ns = mishap.length_ns if mishap.kind is OrderFault.REST_LAG else 0
        return _acted(mishap, self.answer(http_method, call, query, now, lag_ns=lag_ns))

    def answer(
        self, http_method: str, call: Call, query: Params, now: int, *, lag_ns: int = 0
    ) -> bytes:
        """The body of the reply. `lag_ns`: how old what queries show is."""
        try:
            return reply([], self._result(http_method, call, query, now, lag_ns))
        except Refusal as refusal:
            return reply([refusal.error])

    def _result(self, http_method: str, call: Call, query: Params, now: int, lag_ns: int) -> object:
        kind, _, name = call.path.removeprefix("/0/").partition("/")
        if kind == "public" and name in self._public:
            return self._public[name](_asked(call, query), now)
        if kind == "private" and http_method == "POST" and self._private.knows(name):
            return self._private.answer(name, call, now, lag_ns=lag_ns)
        raise Refusal(refusals.UNKNOWN_METHOD)

    # --- what is listed ---------------------------------------------------------------

    def _system_status(self, _: Params, now: int) -> object:
        return {
            "status": self._exchange.system,
            "timestamp": encode.micros(now)[:19] + "Z",
            "upcoming_maintenance": [],
            "emergency": [],
        }

    def _assets(self, query: Params, _: int) -> object:
        chosen = self._exchange.assets if listing_rows.is_currency(query.get("aclass")) else ()
        if "asset" in query:
            chosen = tuple(self._find_asset(name) for name in query["asset"].split(","))
        return {one.rest_id: listing_rows.asset(one) for one in chosen}

    def _find_asset(self, name: str) -> ListedAsset:
        for one in self._exchange.assets:
            if name in (one.rest_id, one.altname, one.asset.id):
                return one
        raise Refusal(refusals.UNKNOWN_ASSET)

    def _asset_pairs(self, query: Params, _: int) -> object:
        info = query.get("info") or "info"
        found = self._named(query, "aclass_base")
        elsewhere = query.get("execution_venue") not in (None, "", listing_rows.VENUE)
        return {key: listing_rows.pair(desk.listing, info) for key, desk in found if not elsewhere}

    def _named(
        self, query: Params, aclass: str = "asset_class"
    ) -> list[tuple[str, MarketDataPublisher]]:
        """The pairs asked for, all of them by default, each with the key to answer under."""
        if not listing_rows.is_currency(query.get(aclass)):
            if "pair" in query:
                raise Refusal(refusals.UNKNOWN_PAIR)
            return []
        if "pair" not in query:
            return [(desk.listing.rest_id, desk) for desk in self._exchange.desks.values()]
        return [self._find(name) for name in query["pair"].split(",")]

    def _find(self, name: str) -> tuple[str, MarketDataPublisher]:
        for desk in self._exchange.desks.values():
            listing = desk.listing
            if name in (listing.rest_id, listing.altname):
                return listing.rest_id, desk
            if name in (listing.symbol, listing.wsname):
                return name, desk
        raise Refusal(refusals.UNKNOWN_PAIR)

    def _one(self, query: Params) -> tuple[str, MarketDataPublisher]:
        if not query.get("pair"):
            raise Refusal(refusals.ARGUMENTS)
        if not listing_rows.is_currency(query.get("asset_class")):
            raise Refusal(refusals.UNKNOWN_PAIR)
        return self._find(query["pair"])

    # --- the market -------------------------------------------------------------------

    def _ticker(self, query: Params, now: int) -> object:
        return {key: _ticker(desk, now) for key, desk in self._named(query)}

    def _ohlc(self, query: Params, now: int) -> object:
        key, desk = self._one(query)
        interval, since = _number(query, "interval", 1), _number(query, "since", 0)
        if interval not in INTERVALS:
            raise Refusal(refusals.ARGUMENTS)
        candles = desk.tape.candles(interval, now)
        # The last row still forms; `last` is the start of the newest finished one.
        last = candles[-2].begin // NS_PER_S if len(candles) > 1 else since
        rows = [_candle(one, desk) for one in candles if one.begin // NS_PER_S >= since]
        return {key: rows, "last": last}

    def _depth(self, query: Params, _: int) -> object:
        key, desk = self._one(query)
        count = _number(query, "count", 100)
        if not 1 <= count <= 500:
            raise Refusal(refusals.ARGUMENTS)
        asks, bids = (_levels(desk, side, count) for side in (Side.ASK, Side.BID))
        return {key: {"asks": asks, "bids": bids}}

    def _grouped_book(self, query: Params, _: int) -> object:
        key, desk = self._one(query)
        depth, grouping = _number(query, "depth", 10), _number(query, "grouping", 1)
        if depth not in depth_endpoints.GROUPED_DEPTHS or grouping not in depth_endpoints.GROUPINGS:
            raise Refusal(refusals.ARGUMENTS)
        return depth_endpoints.grouped(desk.listing, desk.matcher, key, depth, grouping)

    def _trades(self, query: Params, _: int) -> object:
        key, desk = self._one(query)
        count, since = _number(query, "count", 1000), _number(query, "since", -1)
        if not 1 <= count <= 1000:
            raise Refusal(refusals.ARGUMENTS)
        trades = [trade for trade in desk.tape.trades if trade.time > since]
        page = trades[-count:] if since < 0 else trades[:count]
        last = page[-1].time if page else max(since, 0)
        return {key: [_trade(trade, desk) for trade in page], "last": str(last)}

    def _spread(self, query: Params, now: int) -> object:
        key, desk = self._one(query)
        since = _number(query, "since", 0)
        rows = [
            [spread.time // NS_PER_S, _wide(desk, spread.bid), _wide(desk, spread.ask)]
            for spread in desk.spreads
            if spread.time // NS_PER_S >= since
        ]
        return {key: rows, "last": rows[-1][0] if rows else now // NS_PER_S}


def _asked(call: Call, query: Params) -> Params:
    """What a public call asks: of its address, and of its body when it has one."""
    fields = body_fields(call) if call.body else {}
    return {**query, **{name: str(value) for name, value in fields.items()}}


def _spared(mishap: OrderFaultRule, now: int) -> HttpAnswer:
    """What is answered before the exchange has acted."""
    match mishap.kind:
        case OrderFault.NONCE:
            return HttpAnswer(reply([refusals.INVALID_NONCE]))
        case OrderFault.THROTTLED:
            return HttpAnswer(reply([messages.throttled(now + mishap.length_ns)]))
        case OrderFault.UNAVAILABLE:
            return HttpAnswer(reply([refusals.UNAVAILABLE]))
        case OrderFault.GATEWAY_BEFORE:
            return HttpAnswer(_GATEWAY_PAGE, 502, "text/html")
    return HttpAnswer(b"", dropped=True)


def _acted(mishap: OrderFaultRule, body: bytes) -> HttpAnswer:
    """What becomes of the reply when the exchange has acted."""
    match mishap.kind:
        case OrderFault.REPLY_LATE:
            return HttpAnswer(body, late_ns=mishap.length_ns)
        case OrderFault.GATEWAY_AFTER:
            return HttpAnswer(_GATEWAY_PAGE, 502, "text/html")
        case OrderFault.REPLY_LOST:
            return HttpAnswer(body, dropped=True)
    return HttpAnswer(body)


# --- rows -----------------------------------------------------------------------------


def server_time(_: Params, now: int) -> object:
    seconds = now // NS_PER_S
    return {"unixtime": seconds, "rfc1123": formatdate(seconds, usegmt=True)}


def _ticker(desk: MarketDataPublisher, now: int) -> object:
    """Every pair of figures is [since midnight UTC, last 24 hours]."""
    day, last = desk.tape.day, desk.tape.last
    day.forget(now - DAY_NS)
    qty = desk.listing.instrument.precision.qty_text
    price = partial(_wide, desk)
    today = day.since(now - now % DAY_NS)
    flat = PastCandle(0, day.last, day.last, day.last, day.last, 0, 0, 0)
    so_far = today or flat
    return {
        "a": _top(desk, Side.ASK),
        "b": _top(desk, Side.BID),
        "c": [price(last.price), qty(last.qty)] if last else [price(0), qty(0)],
        "v": [qty(so_far.volume), qty(day.volume)],
        "p": [price(so_far.vwap), price(day.vwap)],
        "t": [so_far.trades, day.trades],
        "l": [price(so_far.low), price(day.low)],
        "h": [price(so_far.high), price(day.high)],
        "o": price(so_far.open),
    }


def _top(desk: MarketDataPublisher, side: Side) -> list[str]:
    best = next(iter(desk.matcher.levels(side)), None)
    if best is None:
        return [_wide(desk, 0), "0", "0.000"]
    lots = _thousandths(desk, best.qty)
    return [_wide(desk, best.price), lots.partition(".")[0], lots]


def _candle(candle: PastCandle, desk: MarketDataPublisher) -> list[object]:
    digits = desk.listing.instrument.precision
    prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap)
    return [
        candle.begin // NS_PER_S,
        *map(digits.price_text, prices),
        digits.qty_text(candle.volume),
        candle.trades,
    ]


def _levels(desk: MarketDataPublisher, side: Side, count: int) -> list[list[object]]:
    matcher = desk.matcher
    rows: list[list[object]] = []
    for level in matcher.levels(side):
        if len(rows) == count:
            break
        newest = _newest(matcher, side, level.price) // NS_PER_S
        rows.append([_wide(desk, level.price), _thousandths(desk, level.qty), newest])
    return rows


def _newest(matcher: Matcher, side: Side, price: int) -> int:
    return max(order.entered for order in matcher.queue(side, price))


def _trade(trade: PastTrade, desk: MarketDataPublisher) -> list[object]:
    seconds, fraction = divmod(trade.time, NS_PER_S)
    return [
        _wide(desk, trade.price),
        desk.listing.instrument.precision.qty_text(trade.qty),
        msgspec.Raw(f"{seconds}.{fraction // 100:07d}".encode()),
        _SIDES[trade.side],
        trade.taking.value[0],
        "",
        trade.trade_id,
    ]


def _wide(desk: MarketDataPublisher, price: int | None) -> str:
    return depth_endpoints.wide_price(desk.listing.instrument.precision, price or 0)


def _thousandths(desk: MarketDataPublisher, qty: int) -> str:
    """Depth and Ticker cut quantities to three decimals."""
    return units.to_text(qty // 10 ** (desk.listing.instrument.precision.qty - 3), 3)


def _number(query: Params, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not _WHOLE.fullmatch(text):
        raise Refusal(refusals.ARGUMENTS)
    return int(text)


_encode = msgspec.json.Encoder(decimal_format="number").encode


def reply(errors: Iterable[str], result: Any = None) -> bytes:
    body = {"error": list(errors)}
    return _encode(body if result is None else {**body, "result": result})
