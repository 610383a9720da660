"""The REST of a served recording: what a client needs to find its way to the sockets.

Source: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections.abc import Mapping

from kracked.gateway import refusals
from kracked.gateway.auth import Call
from kracked.gateway.refusals import Refusal
from kracked.gateway.relay.market_relay import MarketRelay
from kracked.gateway.rest import Params, PublicMethod, answer, method_of, server_time
from kracked.instruments import Instrument

_OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
"""The currencies that REST calls by another name than the WebSocket."""


_CLASSED = {
    **{name: f"X{_OLD_NAMES.get(name, name)}" for name in ("BTC", "DOGE", "ETC", "ETH", "LTC")},
    **{name: f"X{name}" for name in ("MLN", "REP", "XLM", "XMR", "XRP", "ZEC")},
    **{name: f"Z{name}" for name in ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")},
}
"""The oldest assets, whose ids have a letter for their class. A recording does not tell.

Source: docs.kraken.com/api/docs/rest-api/get-asset-info"""
_UNCLASSED = frozenset(("XDGUSD", "XDGEUR"))
"""Pairs of such assets whose ids have no letters all the same."""


class ReplayRest:
    """Answers REST calls about one served recording."""

    def __init__(self, exchange: MarketRelay) -> None:
        self._exchange = exchange
        self._public: Mapping[str, PublicMethod] = {
            "Time": server_time,
            "SystemStatus": self.system_status,
            "MaintenanceSchedule": self.maintenance_schedule,
            "Assets": self.assets,
            "AssetPairs": self.asset_pairs,
        }

    def answer(self, http_method: str, call: Call, query: Params, now: int) -> bytes:
        """Return a reply's body."""
        return answer(lambda: self._result(http_method, call, query, now))

    def _result(self, http_method: str, call: Call, query: Params, now: int) -> object:
        visibility, name = method_of(call.path)
        if visibility == "public" and name in self._public:
            return self._public[name](query, now)
        if visibility == "private" and name == "GetWebSocketsToken" and http_method == "POST":
            keys = self._exchange.keys
            return keys.token_reply(keys.identify(call).key, now)
        raise Refusal(refusals.UNKNOWN_METHOD)

    def system_status(self, _: Params, now: int) -> object:
        """Answer SystemStatus."""
        return self._exchange.state.system_status(now)

    def maintenance_schedule(self, _: Params, now: int) -> object:
        """Answer MaintenanceSchedule."""
        return self._exchange.state.maintenance_schedule(now)

    def assets(self, query: Params, _: int) -> object:
        """Answer Assets: all, or those that `asset` names."""
        assets = self._exchange.instruments.decoded.assets
        rows = {
            asset_id(asset.id): {
                "aclass": "currency",
                "altname": rest_name(asset.id),
                "decimals": asset.precision,
                "display_decimals": asset.precision_display,
                "status": asset.status,
            }
            for asset in assets
        }
        if "asset" not in query:
            return rows
        known = {name: asset_id(one.id) for one in assets for name in (one.id, rest_name(one.id))}
        known |= {name: name for name in rows}
        names = query["asset"].split(",")
        if not known.keys() >= set(names):
            raise Refusal(refusals.UNKNOWN_ASSET)
        return {known[name]: rows[known[name]] for name in names}

    def asset_pairs(self, query: Params, _: int) -> object:
        """Answer AssetPairs: all, or those that `pair` names."""
        pairs = self._exchange.instruments.decoded.pairs
        if "pair" not in query:
            return {pair_id(pair): _pair_row(pair) for pair in pairs}
        known = {
            name: pair
            for pair in pairs
            for name in (pair_id(pair), altname(pair), wsname(pair), pair.symbol)
        }
        names = query["pair"].split(",")
        if not known.keys() >= set(names):
            raise Refusal(refusals.UNKNOWN_PAIR)
        return {
            name if "/" in name else pair_id(known[name]): _pair_row(known[name]) for name in names
        }


def rest_name(asset: str) -> str:
    """Return the name of a currency over REST."""
    return _OLD_NAMES.get(asset, asset)


def asset_id(asset: str) -> str:
    """Return the id of a currency over REST: `XXBT`."""
    return _CLASSED.get(asset, rest_name(asset))


def pair_id(pair: Instrument) -> str:
    """Return the id of a pair over REST: `XXBTZUSD`."""
    classed = pair.base in _CLASSED and pair.quote in _CLASSED
    name = altname(pair)
    if not classed or name in _UNCLASSED:
        return name
    return _CLASSED[pair.base] + _CLASSED[pair.quote]


def altname(pair: Instrument) -> str:
    """Return a pair's name without a slash: `XBTUSD`."""
    return rest_name(pair.base) + rest_name(pair.quote)


def wsname(pair: Instrument) -> str:
    """Return a pair's v1 name: `XBT/USD`."""
    return f"{rest_name(pair.base)}/{rest_name(pair.quote)}"


def _pair_row(pair: Instrument) -> object:
    precision = pair.precision
    return {
        "altname": altname(pair),
        "wsname": wsname(pair),
        "aclass_base": "currency",
        "base": asset_id(pair.base),
        "aclass_quote": "currency",
        "quote": asset_id(pair.quote),
        "lot": "unit",
        "cost_decimals": pair.cost_precision,
        "pair_decimals": precision.price,
        "lot_decimals": precision.qty,
        "lot_multiplier": 1,
        "ordermin": precision.qty_text(pair.qty_min),
        "costmin": f"{pair.cost_min:f}",
        "tick_size": precision.price_text(pair.price_increment),
        "status": pair.status,
    }
