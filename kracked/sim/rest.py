"""The simulated exchange's REST: public market data; private calls are handed on.

Every reply is `{"error": [...], "result": ...}` with HTTP status 200, errors included,
as the real one answers. Names follow its rules: asked by id or altname a pair is keyed
by id, asked by a name with a slash it is keyed by that name.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from typing import Any

import msgspec

from kracked import units
from kracked.protocol import encode
from kracked.protocol.events import Side
from kracked.sim.account import INVALID_NONCE, Call
from kracked.sim.catalogue import ListedAsset, Listing
from kracked.sim.desk import Desk
from kracked.sim.exchange import Exchange
from kracked.sim.history import DAY_NS, INTERVALS, Candle, Trade
from kracked.sim.matching import Matcher
from kracked.sim.refusal import Refusal
from kracked.sim.trading import words
from kracked.sim.trading.fees import SCHEDULE
from kracked.sim.trading.mishaps import Mishap, Rule
from kracked.sim.trading.private import Private
from kracked.times import NS_PER_S

Params = Mapping[str, str]
Method = Callable[[Params, int], object]

_LEVERAGE = list(range(2, 11))
_SIDES = {Side.BID: "b", Side.ASK: "s"}


_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


class Answer(msgspec.Struct, frozen=True):
    """What a call gets, faults included."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    late_ns: int = 0
    """How long to keep it back."""
    dropped: bool = False
    """The connection ends instead."""


class Rest:
    """Answers calls about one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._private = Private(exchange, exchange.brokerage, exchange.accounts, exchange.listed)
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
        }

    def call(self, http_method: str, call: Call, query: Params, now: int) -> Answer:
        """Answer a call, unless a fault of orders comes between."""
        kind, _, name = call.path.removeprefix("/0/").partition("/")
        mishap = self._exchange.order_faults.strike(name) if kind == "private" else None
        if mishap is None:
            return Answer(self.answer(http_method, call, query, now))
        if not mishap.kind.acts:
            return _spared(mishap, now)
        lag_ns = mishap.length_ns if mishap.kind is Mishap.REST_LAG else 0
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
            return self._public[name](query, now)
        if kind == "private" and http_method == "POST" and self._private.knows(name):
            return self._private.answer(name, call, now, lag_ns=lag_ns)
        raise Refusal(words.UNKNOWN_METHOD)

    # --- what is listed ---------------------------------------------------------------

    def _system_status(self, _: Params, now: int) -> object:
        return {
            "status": self._exchange.system,
            "timestamp": encode.micros(now)[:19] + "Z",
            "upcoming_maintenance": [],
            "emergency": [],
        }

    def _assets(self, query: Params, _: int) -> object:
        listed = self._exchange.assets
        if "asset" in query:
            listed = tuple(self._find_asset(name) for name in query["asset"].split(","))
        return {one.rest_id: _asset(one) for one in listed}

    def _find_asset(self, name: str) -> ListedAsset:
        for listed in self._exchange.assets:
            if name in (listed.rest_id, listed.altname, listed.asset.id):
                return listed
        raise Refusal(words.UNKNOWN_ASSET)

    def _asset_pairs(self, query: Params, _: int) -> object:
        return {key: _pair(desk.listing) for key, desk in self._named(query)}

    def _named(self, query: Params) -> list[tuple[str, Desk]]:
        """The pairs asked for, all of them by default, each with the key to answer under."""
        if "pair" not in query:
            return [(desk.listing.rest_id, desk) for desk in self._exchange.desks.values()]
        return [self._find(name) for name in query["pair"].split(",")]

    def _find(self, name: str) -> tuple[str, Desk]:
        for desk in self._exchange.desks.values():
            listing = desk.listing
            if name in (listing.rest_id, listing.altname):
                return listing.rest_id, desk
            if name in (listing.symbol, listing.wsname):
                return name, desk
        raise Refusal(words.UNKNOWN_PAIR)

    def _one(self, query: Params) -> tuple[str, Desk]:
        if not query.get("pair"):
            raise Refusal(words.ARGUMENTS)
        return self._find(query["pair"])

    # --- the market -------------------------------------------------------------------

    def _ticker(self, query: Params, now: int) -> object:
        return {key: _ticker(desk, now) for key, desk in self._named(query)}

    def _ohlc(self, query: Params, now: int) -> object:
        key, desk = self._one(query)
        interval, since = _number(query, "interval", 1), _number(query, "since", 0)
        if interval not in INTERVALS:
            raise Refusal(words.ARGUMENTS)
        candles = desk.tape.candles(interval, now)
        # The last row still forms; `last` is the start of the newest finished one.
        last = candles[-2].begin // NS_PER_S if len(candles) > 1 else since
        rows = [_candle(one, desk) for one in candles if one.begin // NS_PER_S >= since]
        return {key: rows, "last": last}

    def _depth(self, query: Params, _: int) -> object:
        key, desk = self._one(query)
        count = _number(query, "count", 100)
        if not 1 <= count <= 500:
            raise Refusal(words.ARGUMENTS)
        asks, bids = (_levels(desk, side, count) for side in (Side.ASK, Side.BID))
        return {key: {"asks": asks, "bids": bids}}

    def _trades(self, query: Params, _: int) -> object:
        key, desk = self._one(query)
        count, since = _number(query, "count", 1000), _number(query, "since", -1)
        if not 1 <= count <= 1000:
            raise Refusal(words.ARGUMENTS)
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


def _spared(mishap: Rule, now: int) -> Answer:
    """What is answered before the exchange has acted."""
    match mishap.kind:
        case Mishap.NONCE:
            return Answer(reply([INVALID_NONCE]))
        case Mishap.THROTTLED:
            return Answer(reply([words.throttled(now + mishap.length_ns)]))
        case Mishap.UNAVAILABLE:
            return Answer(reply([words.UNAVAILABLE]))
        case Mishap.GATEWAY_BEFORE:
            return Answer(_GATEWAY_PAGE, 502, "text/html")
    return Answer(b"", dropped=True)


def _acted(mishap: Rule, body: bytes) -> Answer:
    """What becomes of the reply when the exchange has acted."""
    match mishap.kind:
        case Mishap.REPLY_LATE:
            return Answer(body, late_ns=mishap.length_ns)
        case Mishap.GATEWAY_AFTER:
            return Answer(_GATEWAY_PAGE, 502, "text/html")
        case Mishap.REPLY_LOST:
            return Answer(body, dropped=True)
    return Answer(body)


# --- rows -----------------------------------------------------------------------------


def server_time(_: Params, now: int) -> object:
    seconds = now // NS_PER_S
    return {"unixtime": seconds, "rfc1123": formatdate(seconds, usegmt=True)}


def _asset(listed: ListedAsset) -> object:
    row: dict[str, object] = {
        "aclass": "currency",
        "altname": listed.altname,
        "decimals": listed.asset.precision,
        "display_decimals": listed.asset.precision_display,
        "status": listed.asset.status,
    }
    if listed.collateral_value:
        row["collateral_value"] = listed.collateral_value
    if listed.margin_rate is not None:
        row["margin_rate"] = f"{listed.margin_rate:.6f}"
    return row


def _pair(listing: Listing) -> object:
    instrument = listing.instrument
    leverage = _LEVERAGE if instrument.marginable else []
    row: dict[str, object] = {
        "altname": listing.altname,
        "wsname": listing.wsname,
        "aclass_base": "currency",
        "base": listing.base_id,
        "aclass_quote": "currency",
        "quote": listing.quote_id,
        "lot": "unit",
        "cost_decimals": instrument.cost_precision,
        "pair_decimals": instrument.precision.price,
        "lot_decimals": instrument.precision.qty,
        "lot_multiplier": 1,
        "leverage_buy": leverage,
        "leverage_sell": leverage,
        "fees": [[step.volume, step.rates.taker / 100] for step in SCHEDULE],
        "fees_maker": [[step.volume, step.rates.maker / 100] for step in SCHEDULE],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": _trimmed(instrument.precision.qty_text(instrument.qty_min)),
        "costmin": f"{instrument.cost_min:f}",
        "tick_size": instrument.precision.price_text(instrument.price_increment),
        "status": instrument.status,
        "execution_venue": "international",
    }
    if listing.position_limit_long is not None:
        row["long_position_limit"] = listing.position_limit_long
        row["short_position_limit"] = listing.position_limit_short
    return row


def _ticker(desk: Desk, now: int) -> object:
    """Every pair of figures is [since midnight UTC, last 24 hours]."""
    day, last = desk.tape.day, desk.tape.last
    day.forget(now - DAY_NS)
    qty = desk.listing.instrument.precision.qty_text
    price = _prices(desk)
    today = day.since(now - now % DAY_NS)
    flat = Candle(0, day.last, day.last, day.last, day.last, 0, 0, 0)
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


def _top(desk: Desk, side: Side) -> list[str]:
    best = next(iter(desk.matcher.levels(side)), None)
    if best is None:
        return [_prices(desk)(0), "0", "0.000"]
    lots = _thousandths(desk, best.qty)
    return [_prices(desk)(best.price), lots.partition(".")[0], lots]


def _candle(candle: Candle, desk: Desk) -> list[object]:
    digits = desk.listing.instrument.precision
    prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap)
    return [
        candle.begin // NS_PER_S,
        *map(digits.price_text, prices),
        digits.qty_text(candle.volume),
        candle.trades,
    ]


def _levels(desk: Desk, side: Side, count: int) -> list[list[object]]:
    matcher, price = desk.matcher, _prices(desk)
    rows: list[list[object]] = []
    for level in matcher.levels(side):
        if len(rows) == count:
            break
        newest = _newest(matcher, side, level.price) // NS_PER_S
        rows.append([price(level.price), _thousandths(desk, level.qty), newest])
    return rows


def _newest(matcher: Matcher, side: Side, price: int) -> int:
    return max(order.entered for order in matcher.queue(side, price))


def _trade(trade: Trade, desk: Desk) -> list[object]:
    seconds, fraction = divmod(trade.time, NS_PER_S)
    return [
        _prices(desk)(trade.price),
        desk.listing.instrument.precision.qty_text(trade.qty),
        msgspec.Raw(f"{seconds}.{fraction // 100:07d}".encode()),
        _SIDES[trade.side],
        trade.taking.value[0],
        "",
        trade.trade_id,
    ]


def _prices(desk: Desk) -> Callable[[int], str]:
    """Prices of most endpoints have five decimals, or more where the pair has more."""
    decimals = desk.listing.instrument.precision.price
    wide = max(5, decimals)
    factor = 10 ** (wide - decimals)
    return lambda price: units.to_text(price * factor, wide)


def _wide(desk: Desk, price: int | None) -> str:
    return _prices(desk)(price or 0)


def _thousandths(desk: Desk, qty: int) -> str:
    """Depth and Ticker cut quantities to three decimals."""
    return units.to_text(qty // 10 ** (desk.listing.instrument.precision.qty - 3), 3)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(query: Params, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refusal(words.ARGUMENTS)
    return int(text)


_encode = msgspec.json.Encoder(decimal_format="number").encode


def reply(errors: Iterable[str], result: Any = None) -> bytes:
    body = {"error": list(errors)}
    return _encode(body if result is None else {**body, "result": result})
