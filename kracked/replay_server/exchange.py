"""A recording as an exchange, minus its sockets: what is played goes to the subscribers.

`publish` is called with each moment the player plays.
"""

from __future__ import annotations

from kracked.gateway.auth import ApiKeys
from kracked.gateway.relay.market_relay import MISSING, MarketRelay
from kracked.protocol import encode, events
from kracked.protocol.last_values import REMEMBERED_TYPES
from kracked.record.replay import Moment, Player
from kracked.replay_server.recorded_state import events_before, instrument_list

LOST = "the recorder lost its connection here"

_ONE_WORDING = REMEMBERED_TYPES | {events.Instruments}
"""The events of a keyframe that have one wording; a book has one for each depth."""


class RecordedExchange:
    """Plays moments to the clients of a relay."""

    def __init__(self, player: Player, keys: ApiKeys) -> None:
        """Begin where the player stands."""
        self.relay = MarketRelay(
            keys,
            books=lambda: player.keeper,
            offered=player.recording.info().symbols,
            instruments=instrument_list(player.recording),
            lost=LOST,
        )
        self._seq = 0
        if player.seq:
            self.relay.restore(events_before(player))

    def publish(self, moment: Moment) -> None:
        """Send one moment of the recording, which the player's books have taken already."""
        if moment.connection:
            if self._seq and moment.seq > self._seq + 1:
                self.relay.close_connections(MISSING)
            self._seq = moment.seq
        for event in moment.snapshots:
            if type(event) in _ONE_WORDING:
                self.relay.publish((event,), encode.message(event).encode())
        self.relay.publish(moment.events, moment.data)
        # A keyframe's books go last: by now they hold what the message says of them.
        books = [event for event in moment.snapshots if type(event) not in _ONE_WORDING]
        self.relay.publish(books, b"")
