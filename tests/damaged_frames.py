"""Frames of every channel, and structured damage to them: any value in any place."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

STAMP = "2026-11-30T08:00:00.000000Z"
_PAIR = {
    "symbol": "BTC/USD",
    "base": "BTC",
    "quote": "USD",
    "status": "online",
    "qty_precision": 8,
    "qty_increment": 1e-08,
    "price_precision": 1,
    "price_increment": 0.1,
    "tick_size": 0.1,
    "qty_min": 0.0001,
    "cost_precision": 5,
    "cost_min": "0.5",
    "marginable": True,
    "has_index": True,
}
_ASSET = {
    "id": "BTC",
    "status": "enabled",
    "precision": 10,
    "precision_display": 5,
    "borrowable": True,
}
_LEVELS = [{"price": 100.5, "qty": 1.25}, {"price": 100.0, "qty": 0.5}]
_BOOK = {"symbol": "BTC/USD", "bids": _LEVELS, "asks": [], "checksum": 7, "timestamp": STAMP}
_ORDER = {"order_id": "O1", "limit_price": 100.5, "order_qty": 1.25, "timestamp": STAMP}
_ORDERS = {"symbol": "BTC/USD", "bids": [_ORDER], "asks": [], "checksum": 7, "timestamp": STAMP}
_CHANGE = {**_ORDERS, "bids": [{**_ORDER, "event": "add"}]}
_TICKER = {
    "symbol": "BTC/USD",
    **dict.fromkeys(("bid", "ask", "last", "vwap", "low", "high", "change"), 100.5),
    **dict.fromkeys(("bid_qty", "ask_qty", "volume"), 1.25),
    "change_pct": 0.5,
    "trades": 5,
    "timestamp": STAMP,
}
_TRADE = {
    "symbol": "BTC/USD",
    "side": "buy",
    "price": 100.5,
    "qty": 1.25,
    "ord_type": "limit",
    "trade_id": 5,
    "timestamp": STAMP,
}
_CANDLE = {
    "symbol": "BTC/USD",
    **dict.fromkeys(("open", "high", "low", "close", "vwap", "volume"), 100.5),
    "trades": 5,
    "interval_begin": STAMP,
    "interval": 1,
    "timestamp": STAMP,
}
_REPORT = {
    "exec_type": "new",
    "order_id": "OAAAAA-BBBBB-CCCCCC",
    "order_status": "new",
    "symbol": "BTC/USD",
    "side": "buy",
    "order_type": "limit",
    "order_qty": 1.25,
    "limit_price": 100.5,
    "triggers": {"price": 100.5, "price_type": "static", "status": "triggered"},
    "cum_qty": 0.5,
    "timestamp": STAMP,
}
_FILL = {
    **_REPORT,
    "exec_type": "trade",
    "exec_id": "TAAAAA-BBBBB-CCCCCC",
    "last_qty": 0.5,
    "last_price": 100.5,
    "fees": [{"asset": "USD", "qty": 0.1}],
    "trade_id": 5,
}
_BALANCE = {"asset": "BTC", "balance": 1.5, "wallets": [{"type": "spot", "balance": 1.5}]}


def _message(channel: str, kind: str, data: object, **more: object) -> dict[str, object]:
    return {"channel": channel, "type": kind, "data": data, **more}


def _answer(method: str, **more: object) -> dict[str, object]:
    return {"method": method, "success": True, "time_in": STAMP, "time_out": STAMP, **more}


def _acknowledgement(channel: str, **more: object) -> dict[str, object]:
    result = {"channel": channel, "symbol": "BTC/USD", "snapshot": True, "warnings": ["w"], **more}
    return _answer("subscribe", result=result, req_id=2)


FRAMES: tuple[dict[str, object], ...] = (
    _message("status", "update", [{"system": "online", "connection_id": 5, "version": "2"}]),
    {"channel": "heartbeat"},
    _message("instrument", "snapshot", {"pairs": [_PAIR], "assets": [_ASSET]}),
    _message("instrument", "update", {"pairs": [_PAIR, _PAIR], "assets": []}),
    _message("book", "snapshot", [_BOOK]),
    _message("book", "update", [_BOOK]),
    _message("book", "update", [_BOOK, _BOOK]),
    _message("level3", "snapshot", [_ORDERS]),
    _message("level3", "update", [_CHANGE]),
    _message("ticker", "snapshot", [_TICKER]),
    _message("ticker", "update", [_TICKER, _TICKER]),
    _message("trade", "snapshot", [_TRADE, {**_TRADE, "trade_id": 6}]),
    _message("trade", "update", [{**_TRADE, "trade_id": 9}]),
    _message("ohlc", "snapshot", [_CANDLE, _CANDLE], timestamp=STAMP),
    _message("ohlc", "update", [_CANDLE], timestamp=STAMP),
    _message("executions", "snapshot", [_REPORT, _FILL], sequence=1),
    _message("executions", "update", [_FILL], sequence=2),
    _message("balances", "snapshot", [_BALANCE], sequence=1),
    _message("balances", "update", [_BALANCE], sequence=2),
    _acknowledgement("book", depth=10),
    _acknowledgement("level3", depth=10),
    _acknowledgement("ohlc", interval=1),
    _acknowledgement("executions", maxratecount=180),
    _answer("unsubscribe", result={"channel": "book", "symbol": "BTC/USD", "depth": 10}, req_id=2),
    _answer("pong", req_id=1),
    _answer("add_order", result={"order_id": "O1"}, req_id=1),
    {"method": "subscribe", "error": "Currency pair not supported", "success": False, "req_id": 2},
    {"Error": "Exceeded msg rate"},
)
"""One frame of every kind; `damaged` spoils it."""

HOSTILE: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"{}", b"[]", b"[[]]", b"[null]", b'[{"a":1}]', b'""', b'"x"'),
    *(b"-1", b"0", b"-0.0", b"1e9", b"1E-400", b"1e400", b"-1e36", b"0.000000000000001"),
    *(b"9223372036854775808", b"18446744073709551616", b"1" + b"0" * 400, b"1" + b"0" * 5000),
    *(b"0." + b"1" * 60, b"1" * 40 + b".00000000", b"-5.00000000", b'"NaN"', b'"Infinity"', b"NaN"),
    *(
        b'"\xff\xfe"',
        b'"A\xed\xa0\x80B"',
        b'"\\ud800"',
        b'"\\u0000"',
        b'"\\u202e\\u001b]52;c;\\u0007"',
    ),
    *(b'"' + b"x" * 5000 + b'"', b"[" * 3000 + b"]" * 3000, b'{"a":' * 2000 + b"1" + b"}" * 2000),
    *(b'"9999-99-99T99:99:99Z"', b'"0000-00-00T00:00:00Z"', b"[" + b"0," * 300 + b"0]"),
)
"""JSON texts, good and bad, to stand in the place of any value."""
_MARK = "\x00here\x00"


def damaged(random: Random, frame: dict[str, object] | None = None) -> bytes:
    """Return a frame in which values are replaced, removed or repeated, or bytes spoilt."""
    body: Any = json.loads(json.dumps(frame or random.choice(FRAMES)), parse_float=Decimal)
    hostile: list[bytes] = []
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        _spoil(body, random, hostile)
    text = json.dumps(body, default=float).encode()
    for value in hostile:
        text = text.replace(json.dumps(_MARK).encode(), value, 1)
    if random.random() < 0.15:
        at = random.randrange(len(text) + 1)
        junk = random.choice((b"", b"\xff", b"\x00", b"\xc3", b'"', b"}", b",", b"\xe2\x80\xae"))
        text = text[:at] + junk + text[at + random.choice((0, 1)) :]
    return text


def _spoil(body: Any, random: Random, hostile: list[bytes]) -> None:
    place, inside = body, True
    while inside:
        names = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not names:
            return
        name = random.choice(names)
        inner = place[name]
        inside = isinstance(inner, dict | list) and bool(inner) and random.random() < 0.85
        if inside:
            place = inner
    match random.randrange(10):
        case 0:
            del place[name]
        case 1 if isinstance(place, list):
            place.extend([place[name]] * random.choice((1, 3, 200)))
        case 2 if isinstance(place, dict):
            place["symbol"] = random.choice(("ETH/USD", "", "BTC/USD\n", "x" * 300))
        case _:
            place[name] = _MARK
            hostile.append(random.choice(HOSTILE))
