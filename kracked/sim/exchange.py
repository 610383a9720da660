"""The simulated exchange, minus its sockets: a market, and who is told what of it.

Time is an argument, so an hour of trading is a loop. A server connects clients, hands
over their frames and calls `advance`; everything that is to be sent leaves through
each conversation's `send`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from kracked.protocol import encode, events
from kracked.protocol.encode import SNAPSHOT, UPDATE
from kracked.sim import catalogue
from kracked.sim.account import Accounts
from kracked.sim.catalogue import ListedAsset, Listing
from kracked.sim.channels import Socket, Topic
from kracked.sim.conversation import Conversation
from kracked.sim.desk import Desk
from kracked.sim.market import Market
from kracked.sim.orders import Batch

INSTRUMENT = Topic("instrument")


class Exchange:
    """Owns the subscriptions and the order in which things are told."""

    def __init__(self, market: Market, accounts: Accounts, now: int) -> None:
        """`market` has been opened at `now`, ns since the Unix epoch."""
        self.market, self.accounts = market, accounts
        self.time = now
        """How far the market has come."""
        self.system = "online"
        self.desks = {
            listing.symbol: Desk(
                listing, market.matcher(listing.symbol), market.tapes[listing.symbol], now
            )
            for listing in market.listings
        }
        self.assets = catalogue.assets(market.listings)
        self._audience: dict[Topic, dict[Conversation, None]] = {}
        self._conversations: dict[Conversation, None] = {}
        # Connection ids name connections; they need not be repeatable, nor secret.
        self._ids = Random()

    # --- connections ------------------------------------------------------------------

    def connect(self, socket: Socket, send: Callable[[bytes], None], now: int) -> Conversation:
        """Greet a new client with the status; `send` must not wait."""
        connection_id = self._ids.getrandbits(64)
        conversation = Conversation(self, socket, send, connection_id=connection_id, now=now)
        self._conversations[conversation] = None
        conversation.tell_status(self.system)
        return conversation

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """Everybody connected."""
        return tuple(self._conversations)

    def disconnect(self, conversation: Conversation) -> None:
        self._conversations.pop(conversation, None)
        conversation.end()

    def join(self, topic: Topic, conversation: Conversation) -> None:
        """Tell this conversation of the topic from now on."""
        audience = self._audience.setdefault(topic, {})
        if not audience and topic.symbol:
            self.desks[topic.symbol].watch(topic)
        audience[conversation] = None

    def leave(self, topic: Topic, conversation: Conversation) -> None:
        audience = self._audience.get(topic, {})
        audience.pop(conversation, None)
        if not audience and self._audience.pop(topic, None) is not None and topic.symbol:
            self.desks[topic.symbol].unwatch(topic)

    def snapshot(self, topic: Topic) -> str:
        """What a new subscriber to the topic starts from."""
        match topic.channel:
            case "instrument":
                return self._instruments(SNAPSHOT, self.assets, self.listings)
            case "executions":
                return encode.executions(events.Executions(0, (), 1, snapshot=True))
            case "balances":
                return encode.balances(events.Balances(0, (), 1, snapshot=True))
            case _:
                return self.desks[topic.symbol].snapshot(topic, self.time)

    def lists(self, symbol: str) -> bool:
        return symbol in self.desks

    # --- time -------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let the market trade until `now`, and tell everybody what they asked to hear."""
        for symbol, batch in self.market.advance(now):
            self.publish(symbol, batch)
        self.time = max(self.time, now)
        for conversation in self._conversations:
            conversation.beat(now)

    def rest(self, now: int) -> None:
        """Let time pass without trade: the agents go on later as if it had not."""
        self.market.rest(now - self.time)
        self.time = max(self.time, now)
        for conversation in self._conversations:
            conversation.beat(now)

    def publish(self, symbol: str, batch: Batch) -> None:
        """Tell what one request did to an instrument, the agents' or a client's."""
        for topic, text in self.desks[symbol].apply(batch):
            self._tell(topic, text)

    def _tell(self, topic: Topic, text: str) -> None:
        data = text.encode()
        for conversation in self._audience.get(topic, ()):
            conversation.send(data)

    # --- modes ------------------------------------------------------------------------

    def set_system(self, system: str) -> None:
        """Announce a mode: `online`, `post_only`, `cancel_only`, `maintenance`."""
        self.system = system
        for conversation in self._conversations:
            conversation.tell_status(system)

    def set_pair_status(self, symbol: str, status: str) -> None:
        """Announce a pair's mode on the `instrument` channel."""
        desk = self.desks[symbol]
        instrument = msgspec.structs.replace(desk.listing.instrument, status=status)
        desk.listing = msgspec.structs.replace(desk.listing, instrument=instrument)
        self._tell(INSTRUMENT, self._instruments(UPDATE, (), (desk.listing,)))

    @property
    def listings(self) -> tuple[Listing, ...]:
        return tuple(desk.listing for desk in self.desks.values())

    @staticmethod
    def _instruments(
        kind: str, assets: tuple[ListedAsset, ...], listings: tuple[Listing, ...]
    ) -> str:
        return encode.instrument_lists(
            kind,
            [
                encode.asset(listed.asset, listed.collateral_value, listed.margin_rate)
                for listed in assets
            ],
            [encode.pair(one.instrument, one.margin_initial, _limits(one)) for one in listings],
        )


def _limits(listing: Listing) -> tuple[int, int] | None:
    long, short = listing.position_limit_long, listing.position_limit_short
    return None if long is None or short is None else (long, short)
