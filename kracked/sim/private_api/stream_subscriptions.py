"""Subscribing to `executions` and `balances`: what is agreed, and what comes first.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances
"""

from __future__ import annotations

from collections.abc import Hashable

from kracked.gateway.client_session import Send
from kracked.protocol.requests import Subscribe
from kracked.sim.accounts import stream_rows
from kracked.sim.accounts.private_streams import BALANCES, EXECUTIONS, Row, Stream
from kracked.sim.order_entry.brokerage import Brokerage

CHANNELS = (EXECUTIONS, BALANCES)
_FILLS_TOLD = 50
_WARNINGS = [
    "cancel_reason is deprecated, use reason",
    "stop_price is deprecated, use triggers.price",
    "trigger is deprecated use triggers.reference",
    "triggered_price is deprecated use triggers.last_price",
]


class StreamSubscriptions:
    """Opens and ends streams about the accounts of one brokerage."""

    def __init__(self, brokerage: Brokerage) -> None:
        self._brokerage = brokerage

    def terms(self, account: str, request: Subscribe) -> dict[str, object]:
        """Return the parameters in force, as the acknowledgement states them."""
        terms: dict[str, object] = {"channel": request.channel, "snapshot": _first(request)}
        if request.channel == EXECUTIONS:
            terms |= {
                "maxratecount": self._brokerage.accounts[account].tier.threshold,
                "snap_orders": request.snap_orders is not False,
                "snap_trades": _fills(request),
                "warnings": _WARNINGS,
            }
        return terms

    def begin(self, account: str, request: Subscribe, listener: Hashable, send: Send) -> None:
        """Send the snapshot, and every change from now on."""
        stream = Stream(
            request.channel,
            send,
            every_status=request.order_status is not False,
            rate_count=request.ratecounter is True,
        )
        if _first(request):
            stream.snapshot(self._snapshot(account, request))
        self._brokerage.accounts[account].streams.join(listener, stream)

    def end(self, account: str, channel: str, listener: Hashable) -> None:
        """Stop sending a channel's messages to a listener."""
        self._brokerage.accounts[account].streams.leave(listener, channel)

    def lose(self, name: str, channel: str, messages: int = 1) -> None:
        """Let nobody hear the account's next messages of a channel."""
        for stream in self._brokerage.accounts[name].streams.of(channel):
            stream.lose(messages)

    def _snapshot(self, name: str, request: Subscribe) -> list[Row]:
        account = self._brokerage.accounts[name]
        if request.channel != EXECUTIONS:
            return [stream_rows.balance(account.ledger, asset) for asset in account.ledger.balances]
        words = self._brokerage.settlement.rows
        rows: list[Row] = []
        if _fills(request):
            for fill in list(account.fills.values())[-_FILLS_TOLD:]:
                order = account.orders.get(fill.order_id)
                assert order is not None
                rows.append(words[order.symbol].trade(order, fill, snapshot=True))
        if request.snap_orders is not False:
            rows += [words[order.symbol].standing(order) for order in account.orders.open()]
        return rows


def _first(request: Subscribe) -> bool:
    """Whether a snapshot comes: of orders none does for all users of a master account."""
    everyone = request.channel == EXECUTIONS and request.users == "all"
    return request.snapshot is not False and not everyone


def _fills(request: Subscribe) -> bool:
    """Whether the snapshot has the last fills, by today's name of the option or its older one."""
    asked = request.snapshot_trades if request.snap_trades is None else request.snap_trades
    return asked is True
