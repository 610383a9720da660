"""Which data alerts may be evaluated on now, and why others not."""

from __future__ import annotations

from kracked.protocol import events
from kracked.protocol.events import Event

NOTHING_YET = "nothing came yet"
_CARRIED = {"public": ("book", "trade"), "level3": ("level3",), "private": ("executions",)}
"""The channels of a connection, by the beginning of its name."""


class Trust:
    """The reasons why channels of symbols are not to be believed.

    `watch` settles books and level 3, which need a proof; this takes what events say of
    connections and subscriptions.
    """

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str], str] = {}

    def reason(self, channel: str, symbol: str) -> str:
        """Return why a channel is not evaluated; empty where it is."""
        symbol = "" if channel == "executions" else symbol
        return self._reasons.get((channel, symbol), NOTHING_YET)

    def believe(self, channel: str, symbol: str) -> None:
        """Say that the data are proven."""
        self._reasons[channel, symbol] = ""

    def doubt(self, channel: str, symbol: str, reason: str) -> None:
        """Say that the data cannot be believed."""
        self._reasons[channel, "" if channel == "executions" else symbol] = reason

    def take(self, event: Event, symbols: tuple[str, ...]) -> list[tuple[str, str]]:
        """Take an event; return the channels and symbols that it makes doubtful.

        Args:
            event: Any event.
            symbols: The symbols that are watched.
        """
        match event:
            case events.Reconnecting(connection=name, reason=reason):
                carried = next((_CARRIED[one] for one in _CARRIED if name.startswith(one)), ())
                found = [(channel, symbol) for channel in carried for symbol in symbols]
                said = f"the connection is lost: {reason}"
            case events.Resync():
                found, said = [(event.channel, event.symbol)], f"it is renewed: {event.reason}"
            case events.Stale():
                found = [(event.channel, event.symbol)]
                said = f"it is stale: {event.reason or 'heartbeats are missing'}"
            case events.Unsubscribed(channel=channel):
                found = [(channel, one) for one in symbols if event.symbol in (one, None)]
                said = "the exchange has ended the subscription"
            case events.Rejected(channel=str(channel)):
                found = [(channel, one) for one in symbols if event.symbol in (one, None)]
                said = f"the exchange refused it: {event.error}"
            case events.Overflow():
                channels = ("book", "level3", "executions")
                found = [(channel, symbol) for channel in channels for symbol in symbols]
                said = "this program was too slow, messages were left out"
            case events.Subscribed(channel="trade", symbol=str(symbol)):
                self.believe("trade", symbol)
                return []
            case events.Executions(snapshot=True):
                self.believe("executions", "")
                return []
            case _:
                return []
        for channel, symbol in found:
            self.doubt(channel, symbol, said)
        return found
