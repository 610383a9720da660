"""A recording as an exchange, minus its sockets: what is played goes to the subscribers.

`publish` is called with each moment the player plays.
"""

from __future__ import annotations

from collections.abc import Iterable

from kracked.flow import OrderFlow
from kracked.gateway.auth import ApiKeys
from kracked.gateway.listing import ListedAsset, ListedPair
from kracked.gateway.relay.market_relay import MISSING, MarketRelay
from kracked.instruments import Asset
from kracked.paper_exchange.exchange import PaperExchange
from kracked.paper_exchange.opening import PaperTerms, PaperVenue, open_exchange
from kracked.protocol import encode, events
from kracked.protocol.last_values import REMEMBERED_TYPES
from kracked.record.replay import Moment, Player
from kracked.replay_server.recorded_state import events_before, instrument_list, ticker_triggers
from kracked.replay_server.rest import altname, asset_id, pair_id, rest_name, wsname

LOST = "the recorder lost its connection here"

_ONE_WORDING = REMEMBERED_TYPES | {events.Instruments}
"""The events of a keyframe that have one wording; a book has one for each depth."""


class RecordedExchange:
    """Plays moments to the clients of a relay, and to a paper account if there is one."""

    def __init__(self, player: Player, keys: ApiKeys) -> None:
        """Begin where the player stands."""
        self.relay = MarketRelay(
            keys,
            books=lambda: player.keeper,
            offered=player.recording.info().symbols,
            instruments=instrument_list(player.recording),
            lost=LOST,
        )
        self.relay.triggers = ticker_triggers(player.recording)
        self.paper: PaperExchange | None = None
        """Trades on what is played; None denies orders."""
        self._player = player
        self._seq = 0
        if player.seq:
            self.relay.restore(events_before(player))

    def publish(self, moment: Moment) -> None:
        """Send one moment of the recording, which the player's books have taken already."""
        if moment.connection:
            if self._seq and moment.seq > self._seq + 1:
                self.relay.close_connections(MISSING)
                dropped = moment.seq - self._seq - 1
                self._send((events.Overflow(moment.received, dropped),), b"", moment.received)
            self._seq = moment.seq
        for event in moment.snapshots:
            if type(event) in _ONE_WORDING:
                self._send((event,), encode.message(event).encode(), moment.received)
        self._send(moment.events, moment.data, moment.received)
        # A keyframe's books go last: by now they hold what the message says of them.
        books = [event for event in moment.snapshots if type(event) not in _ONE_WORDING]
        self._send(books, b"", moment.received)

    def _send(self, happened: Iterable[events.Event], data: bytes, now: int) -> None:
        if self.paper is None:
            self.relay.publish(happened, data)
        else:
            self.paper.apply(happened, data, now)
            self.paper.advance(now)

    def trade(self, terms: PaperTerms) -> PaperExchange:
        """Open a paper account on the recording, in memory; its time is the recording's.

        Raises:
            TooPrecise: A balance has too many decimals.
        """
        listed = self.relay.instruments.decoded
        assets = {asset.id: asset for asset in listed.assets}
        pairs = [
            pair for pair in listed.pairs if pair.symbol in self._player.recording.info().symbols
        ]
        flow = OrderFlow()
        for book in self._player.keeper.l3.values():
            if book.verified:
                flow.restart(book, self._player.position)
        self.paper = open_exchange(
            PaperVenue(
                relay=self.relay,
                pairs=[
                    ListedPair(
                        instrument=pair,
                        rest_id=pair_id(pair),
                        altname=altname(pair),
                        wsname=wsname(pair),
                    )
                    for pair in pairs
                ],
                assets=[
                    _listed_asset(assets.get(name) or Asset(id=name))
                    for name in dict.fromkeys(n for one in pairs for n in (one.base, one.quote))
                ],
                books=lambda: self._player.keeper,
                verified=self._verified,
                flow=flow,
                before=tuple(events_before(self._player)) if self._player.seq else (),
                by_levels=self._by_levels,
            ),
            (),
            lambda _: None,
            terms,
            now=self._player.position,
        )
        return self.paper

    def _verified(self, symbol: str) -> bool:
        keeper = self._player.keeper
        book = keeper.l2.get(symbol) if self._by_levels else keeper.l3.get(symbol)
        role = "public" if self._by_levels else "level3"
        return book is not None and book.verified and not self.relay.is_lost(role)

    @property
    def _by_levels(self) -> bool:
        """Whether level 3 was recorded of no symbol: places are bounded by level 2."""
        return not any(one.level3 for one in self._player.recording.info().symbols.values())


def _listed_asset(asset: Asset) -> ListedAsset:
    return ListedAsset(asset=asset, rest_id=asset_id(asset.id), altname=rest_name(asset.id))
