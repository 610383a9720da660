"""Who is told of an account: subscriptions to `executions` and `balances`.

Each subscription numbers its own messages from 1, its snapshot included. A test may have
messages lost, so that a client's care about the numbers is tried.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from kracked.gateway.client_session import Send
from kracked.protocol import encode, events

Row = dict[str, object]
EXECUTIONS, BALANCES = "executions", "balances"
_ENDS_AND_FILLS = frozenset(("new", "filled", "canceled", "expired", "trade"))
"""What is told with `order_status` off."""


class Stream:
    """One subscription to one of the two channels."""

    def __init__(
        self, channel: str, send: Send, *, every_status: bool = True, rate_count: bool = False
    ) -> None:
        self.channel, self._send = channel, send
        self._every_status = every_status
        self.rate_count = rate_count
        """Whether its rows show the engine's counter."""
        self._sequence = 0
        self._losing = 0

    def snapshot(self, rows: Iterable[Row]) -> None:
        self._tell(tuple(rows), snapshot=True)

    def update(self, row: Row) -> None:
        """Tell one row, unless the client asked not to hear its kind."""
        if self.channel == BALANCES or self._every_status or row["exec_type"] in _ENDS_AND_FILLS:
            self._tell((row,), snapshot=False)

    def lose(self, messages: int) -> None:
        """Never send the next ones: the client finds a hole in the numbers."""
        self._losing += messages

    def _tell(self, rows: tuple[Row, ...], *, snapshot: bool) -> None:
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
    """All subscriptions to one account, by whose they are."""

    def __init__(self) -> None:
        self._streams: dict[tuple[Hashable, str], Stream] = {}

    def join(self, listener: Hashable, stream: Stream) -> None:
        self._streams[listener, stream.channel] = stream

    def leave(self, listener: Hashable, channel: str) -> None:
        self._streams.pop((listener, channel), None)

    def of(self, channel: str) -> list[Stream]:
        """A copy, because sending may end a connection and its subscriptions."""
        return [stream for (_, name), stream in self._streams.items() if name == channel]
