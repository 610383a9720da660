"""Subscriptions to an account's `executions` and `balances` channels.

Each subscription numbers its own messages from 1, its snapshot included. A test may lose
messages, to try a client's care about the numbers.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from kracked.gateway.client_session import Send
from kracked.protocol import encode, events

Row = dict[str, object]
EXECUTIONS, BALANCES = "executions", "balances"
_ENDS_AND_FILLS = frozenset(("new", "filled", "canceled", "expired", "trade"))
"""The rows that are sent with `order_status` off."""


class Stream:
    """One subscription to one of the two channels."""

    def __init__(
        self, channel: str, send: Send, *, every_status: bool = True, rate_count: bool = False
    ) -> None:
        """Begin a subscription; `snapshot` or `update` sends its first message.

        Args:
            channel: `EXECUTIONS` or `BALANCES`.
            send: Takes one message for the client.
            every_status: Whether to send rows besides fills and the ends of an order.
            rate_count: Whether rows show the engine's counter.
        """
        self.channel, self._send = channel, send
        self._every_status = every_status
        self.rate_count = rate_count
        self._sequence = 0
        self._losing = 0

    def snapshot(self, rows: Iterable[Row]) -> None:
        """Send a snapshot."""
        self._send_rows(tuple(rows), snapshot=True)

    def update(self, row: Row) -> None:
        """Send one row, unless the client declined its kind."""
        if self.channel == BALANCES or self._every_status or row["exec_type"] in _ENDS_AND_FILLS:
            self._send_rows((row,), snapshot=False)

    def lose(self, messages: int) -> None:
        """Never send the next messages: the client finds a gap in the numbers."""
        self._losing += messages

    def _send_rows(self, rows: tuple[Row, ...], *, snapshot: bool) -> None:
        self._sequence += 1
        if self._losing:
            self._losing -= 1
            return
        number = self._sequence
        if self.channel == EXECUTIONS:
            text = encode.executions(events.Executions(0, rows, number, snapshot))
        else:
            text = encode.balances(events.Balances(0, rows, number, snapshot))
        self._send(text.encode())


class StreamAudience:
    """All subscriptions to one account, by listener and channel."""

    def __init__(self) -> None:
        self._streams: dict[tuple[Hashable, str], Stream] = {}

    def join(self, listener: Hashable, stream: Stream) -> None:
        """Take in a subscription, in place of the listener's own to the same channel."""
        self._streams[listener, stream.channel] = stream

    def leave(self, listener: Hashable, channel: str) -> None:
        """End a listener's subscription, if it has one."""
        self._streams.pop((listener, channel), None)

    def of(self, channel: str) -> list[Stream]:
        """Return a channel's subscriptions: a copy, as sending may end a connection."""
        return [stream for (_, name), stream in self._streams.items() if name == channel]
