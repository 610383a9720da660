"""The control API at `/sim/`: the engine's own books, and a market that can be stopped.

Nothing here is Kraken's. It is there only while the simulator runs with faults, or with a
script of maintenance, so that
a client's books can be compared with the truth, level by level and order by order:

- `GET /sim/truth?symbol=BTC/USD&channel=level3&depth=10` is the engine's book. `time` is
  how far the market has come, `told` the time of the last update made for that channel
  and depth. Rows are (price, quantity) or (order id, price, quantity, entered), scaled.
- `GET /sim/account` is what the exchange has of every client, by account: the rows of
  open orders and of balances as a new subscriber would get them, and the ids of the
  latest fills, oldest first.
- `POST /sim/hold?seconds=5` stops trade and faults for so long, `/sim/calm?seconds=5`
  faults alone; `/sim/release` ends both.
- `POST /sim/maintenance?script=imminent_5m:0s,maintenance:10s,online:30s` begins a script of
  maintenance now (`kracked.sim.faults.maintenance`); one that cannot be read is answered
  with `{"error": ...}`, and changes nothing.
- `POST /sim/plant?symbol=BTC/USD&pattern=sweep&count=5&within=60` plants a pattern, five times
  within a minute of model time; the patterns are in `kracked.sim.agents.planter`, the truth
  about each goes to the file of `--truth`. `POST /sim/hide_ids?symbol=BTC/USD` gives each next
  part of the agents' icebergs an id of its own.
- `GET /sim/faults` lists the faults that were injected, `GET /sim/state` counts; its
  `rested_ns` is how long there was no trade, because the market was stopped or the machine
  too slow.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from kracked.gateway.accounts import stream_rows
from kracked.gateway.rest import Params
from kracked.protocol.events import Side
from kracked.sim.agents.planter import Pattern
from kracked.sim.exchange import Exchange
from kracked.sim.faults.grammar import BadFaults
from kracked.sim.injection.injector import FaultInjector
from kracked.times import NS_PER_S

PREFIX = "/sim/"
FILLS_SHOWN = 50


class ControlApi:
    """Answers calls below `/sim/`."""

    def __init__(self, exchange: Exchange, injector: FaultInjector) -> None:
        self._exchange, self._injector = exchange, injector
        self._reads: dict[str, Callable[[Params], object]] = {
            "truth": self._truth,
            "account": self._accounts,
            "faults": lambda _: list(injector.log),
            "state": self._state,
        }
        self._acts: dict[str, Callable[[Params], None]] = {
            "hold": lambda query: injector.hold(_seconds_ns(query)),
            "calm": lambda query: injector.calm(_seconds_ns(query)),
            "release": lambda _: injector.release(),
            "maintenance": lambda query: exchange.run_maintenance(query["script"]),
            "plant": self._plant,
            "hide_ids": lambda query: exchange.market.hide_ids(query["symbol"]),
        }

    def answer(self, http_method: str, path: str, query: Params) -> bytes | None:
        """Return a JSON body; None when there is no such call, or the query is wrong."""
        name = path.removeprefix(PREFIX)
        try:
            if http_method == "POST" and name in self._acts:
                self._acts[name](query)
                return msgspec.json.encode(self._state({}))
            if http_method == "GET" and name in self._reads:
                return msgspec.json.encode(self._reads[name](query))
        except BadFaults as error:
            return msgspec.json.encode({"error": str(error)})
        except (KeyError, ValueError):
            return None
        return None

    def _plant(self, query: Params) -> None:
        self._exchange.market.plant(
            query["symbol"],
            Pattern(query["pattern"]),
            int(query.get("count", "1")),
            float(query.get("within", "0")),
        )

    def _truth(self, query: Params) -> dict[str, Any]:
        symbol, channel, depth = query["symbol"], query["channel"], int(query["depth"])
        publisher = self._exchange.publishers[symbol]
        return {
            "time": self._exchange.time,
            "told": publisher.last_update(channel, depth),
            "bids": self._rows(symbol, channel, depth, Side.BID),
            "asks": self._rows(symbol, channel, depth, Side.ASK),
        }

    def _rows(self, symbol: str, channel: str, depth: int, side: Side) -> list[tuple[Any, ...]]:
        """Return one side of the engine's book, best first: its levels, or their orders."""
        matcher = self._exchange.matcher(symbol)
        levels = list(islice(matcher.levels(side), max(0, depth)))
        if channel == "book":
            return [(level.price, level.qty) for level in levels]
        return [
            (order.order_id, order.price, order.visible_qty, order.entered)
            for level in levels
            for order in matcher.queue(side, level.price)
        ]

    def _accounts(self, _: Params) -> dict[str, Any]:
        brokerage = self._exchange.brokerage
        rows = brokerage.settlement.rows
        return {
            name: {
                "orders": [rows[order.symbol].standing(order) for order in account.orders.open()],
                "balances": [
                    stream_rows.balance(account.ledger, asset) for asset in account.ledger.balances
                ],
                "fills": list(account.fills)[-FILLS_SHOWN:],
            }
            for name, account in brokerage.accounts.items()
        }

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
