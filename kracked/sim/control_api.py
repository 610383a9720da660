"""The test bench at `/sim/`: the engine's own books, and a market that can be stopped.

Nothing here is Kraken's. It is there only while the simulator runs with faults, so that
a client's books can be compared with the truth, level by level and order by order:

- `GET /sim/truth?symbol=BTC/USD&channel=level3&depth=10` is the engine's book. `time` is
  how far the market has come, `told` the time of the last update made for that channel
  and depth. Rows are (price, quantity) or (order id, price, quantity, entered), scaled.
- `GET /sim/account` is what the exchange holds of every client, by account: the rows of
  open orders and of balances as a fresh subscriber would get them, and the ids of the
  latest fills, oldest first.
- `POST /sim/hold?seconds=5` stops trade and faults for so long, `/sim/calm?seconds=5`
  faults alone; `/sim/release` ends both.
- `GET /sim/faults` lists what has struck, `GET /sim/state` counts; its `rested_ns` is how
  long there was no trade, because the market was stopped or the machine too slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kracked.protocol.events import Side
from kracked.sim.accounts import stream_rows
from kracked.sim.exchange import Exchange
from kracked.sim.injection.injector import FaultInjector
from kracked.times import NS_PER_S

PREFIX = "/sim/"
FILLS_TOLD = 50
Params = Mapping[str, str]


class ControlApi:
    """Answers calls below `/sim/`."""

    def __init__(self, exchange: Exchange, injector: FaultInjector) -> None:
        self._exchange, self._injector = exchange, injector
        self._reads: dict[str, Callable[[Params], object]] = {
            "truth": self._truth,
            "account": self._accounts,
            "faults": self._faults,
            "state": self._state,
        }
        self._acts: dict[str, Callable[[Params], None]] = {
            "hold": lambda query: injector.hold(_seconds_ns(query)),
            "calm": lambda query: injector.calm(_seconds_ns(query)),
            "release": lambda _: injector.release(),
        }

    def answer(self, http_method: str, path: str, query: Params) -> bytes | None:
        """A JSON body; None when there is no such thing, or the query is wrong."""
        name = path.removeprefix(PREFIX)
        try:
            if http_method == "POST" and name in self._acts:
                self._acts[name](query)
                return msgspec.json.encode(self._state({}))
            if http_method == "GET" and name in self._reads:
                return msgspec.json.encode(self._reads[name](query))
        except (KeyError, ValueError):
            return None
        return None

    def _truth(self, query: Params) -> dict[str, Any]:
        symbol, channel, depth = query["symbol"], query["channel"], int(query["depth"])
        publisher = self._exchange.publishers[symbol]
        sides = {"bids": Side.BID, "asks": Side.ASK}
        rows = {name: self._rows(symbol, channel, depth, side) for name, side in sides.items()}
        return {"time": self._exchange.time, "told": publisher.last_update(channel, depth), **rows}

    def _rows(self, symbol: str, channel: str, depth: int, side: Side) -> list[tuple[Any, ...]]:
        matcher = self._exchange.publishers[symbol].matcher
        count = min(depth, matcher.depth(side))
        levels = [level for level, _ in zip(matcher.levels(side), range(count), strict=False)]
        if channel == "book":
            return [(level.price, level.qty) for level in levels]
        return [
            (order.order_id, order.price, order.visible_qty, order.entered)
            for level in levels
            for order in matcher.queue(side, level.price)
        ]

    def _accounts(self, _: Params) -> dict[str, Any]:
        brokerage = self._exchange.brokerage
        words = brokerage.settlement.rows
        return {
            name: {
                "orders": [words[one.symbol].standing(one) for one in account.orders.open()],
                "balances": [
                    stream_rows.balance(account.ledger, asset) for asset in account.ledger.balances
                ],
                "fills": list(account.fills)[-FILLS_TOLD:],
            }
            for name, account in brokerage.accounts.items()
        }

    def _faults(self, _: Params) -> list[Any]:
        return list(self._injector.log)

    def _state(self, _: Params) -> dict[str, Any]:
        return {
            "time": self._exchange.time,
            "rested_ns": self._exchange.paused_ns,
            "system": self._exchange.system,
            "connections": len(self._exchange.sessions),
            "busy": self._injector.busy,
            "market_rests": self._injector.market_paused,
            "faults": len(self._injector.log),
        }


def _seconds_ns(query: Params) -> int:
    return int(float(query["seconds"]) * NS_PER_S)
