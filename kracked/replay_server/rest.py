"""The REST of a served recording: what a client needs to find its way to the sockets.

Source: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kracked.gateway import refusals
from kracked.gateway.auth import Call
from kracked.gateway.refusals import Refusal
from kracked.instruments import Asset, Instrument
from kracked.protocol import encode
from kracked.replay_server.exchange import RecordedExchange
from kracked.sim.rest import Params, reply, server_time

_OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}


class ReplayRest:
    """Answers calls about one served recording."""

    def __init__(self, stage: RecordedExchange) -> None:
        self._stage = stage
        self._public: Mapping[str, Callable[[Params, int], object]] = {
            "Time": server_time,
            "SystemStatus": self._system_status,
            "Assets": self._assets,
            "AssetPairs": self._pairs,
        }

    def answer(self, http_method: str, call: Call, query: Params, now: int) -> bytes:
        """The body of the reply."""
        try:
            return reply([], self._result(http_method, call, query, now))
        except Refusal as refusal:
            return reply([refusal.error])

    def _result(self, http_method: str, call: Call, query: Params, now: int) -> object:
        kind, _, name = call.path.removeprefix("/0/").partition("/")
        if kind == "public" and name in self._public:
            return self._public[name](query, now)
        if kind == "private" and name == "GetWebSocketsToken" and http_method == "POST":
            return self._token(call, now)
        raise Refusal(refusals.UNKNOWN_METHOD)

    def _token(self, call: Call, now: int) -> object:
        keys = self._stage.keys
        return keys.token_reply(keys.identify(call).key, now)

    def _system_status(self, _: Params, now: int) -> object:
        stamp = encode.micros(now)[:19] + "Z"
        return {"status": self._stage.system, "timestamp": stamp}

    def _assets(self, query: Params, _: int) -> object:
        rows = {_old(asset.id): _asset(asset) for asset in self._stage.listing.rules.assets}
        if "asset" not in query:
            return rows
        asked = [_old(name) for name in query["asset"].split(",")]
        if not rows.keys() >= set(asked):
            raise Refusal(refusals.UNKNOWN_ASSET)
        return {name: rows[name] for name in asked}

    def _pairs(self, query: Params, _: int) -> object:
        pairs = self._stage.listing.rules.pairs
        if "pair" not in query:
            return {_altname(pair): _pair(pair) for pair in pairs}
        known = {name: pair for pair in pairs for name in (_altname(pair), _wsname(pair))}
        known |= {pair.symbol: pair for pair in pairs}
        asked = query["pair"].split(",")
        if not known.keys() >= set(asked):
            raise Refusal(refusals.UNKNOWN_PAIR)
        return {name: _pair(known[name]) for name in asked}


def _old(asset: str) -> str:
    """The name REST has for a currency."""
    return _OLD_NAMES.get(asset, asset)


def _altname(pair: Instrument) -> str:
    return _old(pair.base) + _old(pair.quote)


def _wsname(pair: Instrument) -> str:
    return f"{_old(pair.base)}/{_old(pair.quote)}"


def _asset(asset: Asset) -> object:
    return {
        "aclass": "currency",
        "altname": _old(asset.id),
        "decimals": asset.precision,
        "display_decimals": asset.precision_display,
        "status": asset.status,
    }


def _pair(pair: Instrument) -> object:
    digits = pair.precision
    return {
        "altname": _altname(pair),
        "wsname": _wsname(pair),
        "aclass_base": "currency",
        "base": _old(pair.base),
        "aclass_quote": "currency",
        "quote": _old(pair.quote),
        "lot": "unit",
        "cost_decimals": pair.cost_precision,
        "pair_decimals": digits.price,
        "lot_decimals": digits.qty,
        "lot_multiplier": 1,
        "ordermin": digits.qty_text(pair.qty_min),
        "costmin": f"{pair.cost_min:f}",
        "tick_size": digits.price_text(pair.price_increment),
        "status": pair.status,
    }
