"""Subscribing to `executions` and `balances`: the acknowledgement and the snapshot.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances
"""

from __future__ import annotations

from collections.abc import Hashable

from kracked.gateway.accounts import stream_rows
from kracked.gateway.accounts.private_streams import EXECUTIONS, Row, Stream
from kracked.gateway.accounts.stream_rows import StreamRows
from kracked.gateway.client_session import Send
from kracked.gateway.private_api.ports import Broker
from kracked.protocol.requests import Subscribe

_SNAPSHOT_FILLS = 50
_WARNINGS = [
    "cancel_reason is deprecated, use reason",
    "stop_price is deprecated, use triggers.price",
    "trigger is deprecated use triggers.reference",
    "triggered_price is deprecated use triggers.last_price",
]


class StreamSubscriptions:
    """Begins and ends subscriptions to the accounts of one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._rows = {symbol: StreamRows(one) for symbol, one in broker.amounts.items()}

    def terms(self, account: str, request: Subscribe) -> dict[str, object]:
        """Return the parameters in force, as the acknowledgement states them."""
        terms: dict[str, object] = {"channel": request.channel, "snapshot": _has_snapshot(request)}
        if request.channel == EXECUTIONS:
            terms |= {
                "maxratecount": self._broker.accounts[account].tier.threshold,
                "snap_orders": request.snap_orders is not False,
                "snap_trades": _has_fills(request),
                "warnings": _WARNINGS,
            }
        return terms

    def begin(self, account: str, request: Subscribe, listener: Hashable, send: Send) -> None:
        """Send the snapshot that was requested, then every change of the account."""
        stream = Stream(
            request.channel,
            send,
            every_status=request.order_status is not False,
            rate_count=request.ratecounter is True,
        )
        if _has_snapshot(request):
            stream.snapshot(self._snapshot(account, request))
        self._broker.accounts[account].streams.join(listener, stream)

    def end(self, account: str, channel: str, listener: Hashable) -> None:
        """Stop sending a channel's messages to a listener."""
        self._broker.accounts[account].streams.leave(listener, channel)

    def lose(self, account: str, channel: str, messages: int = 1) -> None:
        """Never send the account's next messages of a channel to anybody."""
        for stream in self._broker.accounts[account].streams.of(channel):
            stream.lose(messages)

    def _snapshot(self, name: str, request: Subscribe) -> list[Row]:
        account = self._broker.accounts[name]
        if request.channel != EXECUTIONS:
            return [stream_rows.balance(account.ledger, asset) for asset in account.ledger.balances]
        rows: list[Row] = []
        if _has_fills(request):
            for fill in list(account.fills.values())[-_SNAPSHOT_FILLS:]:
                order = account.orders.get(fill.order_id)
                assert order is not None
                rows.append(self._rows[order.symbol].trade(order, fill, snapshot=True))
        if request.snap_orders is not False:
            rows += [self._rows[order.symbol].standing(order) for order in account.orders.open()]
        return rows


def _has_snapshot(request: Subscribe) -> bool:
    """Whether a snapshot is sent: none of orders for all users of a master account."""
    all_users = request.channel == EXECUTIONS and request.users == "all"
    return request.snapshot is not False and not all_users


def _has_fills(request: Subscribe) -> bool:
    """Whether the snapshot has the last fills, by the option's name or its older name."""
    option = request.snapshot_trades if request.snap_trades is None else request.snap_trades
    return option is True
