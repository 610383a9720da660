"""The session under generated faults: no error escapes, and every book is right or unverified."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.protocol.client.session import Session
from kracked.protocol.client.subscription import (
    EXECUTIONS,
    INSTRUMENTS,
    Subscription,
)
from kracked.protocol.client.subscription_stages import SubscriptionStage
from tests.exchange import Exchange, Talk

SYMBOLS = ("BTC/USD", "ETH/USD")
CHANNELS = ("book", "level3")
HEAL_S = 150
"""Longer than the longest wait between two attempts."""


class Storm:
    """A conversation with faults on purpose, one method each."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.talk = Talk(Session(BookKeeper()), self.exchange)
        self.old = self.exchange.snapshot("BTC/USD")
        for subscription in (INSTRUMENTS, EXECUTIONS):
            self.talk.session.want(subscription)
        for symbol in SYMBOLS:
            for channel in CHANNELS:
                self.talk.session.want(Subscription(channel, symbol, depth=10))
        self.talk.connect("token")
        self.talk.settle()

    def update(self, symbol: str, channel: str) -> None:
        self.talk.hear(*self._update(symbol, channel))

    def lost_update(self, symbol: str, channel: str) -> None:
        self._update(symbol, channel)

    def doubled_update(self, symbol: str, channel: str) -> None:
        self.talk.hear(*self._update(symbol, channel) * 2)

    def swapped_updates(self, symbol: str, channel: str) -> None:
        first, second = self._update(symbol, channel), self._update(symbol, channel)
        self.talk.hear(*second, *first)

    def wrong_checksum(self, symbol: str, channel: str) -> None:
        self.talk.hear(self.exchange.wrong_update(symbol, channel))

    def torn_frame(self, symbol: str, channel: str) -> None:
        for frame in self._update(symbol, channel):
            self.talk.hear(frame[: len(frame) // 2])

    def stray_text(self, *_: str) -> None:
        self.talk.hear(b"CloudFlare WebSocket proxy restarting")

    def stale_snapshot(self, symbol: str, channel: str) -> None:
        self.talk.hear(self.old)
        self.old = self.exchange.snapshot(symbol, channel)

    def lost_answers(self, symbol: str, channel: str) -> None:
        self.wrong_checksum(symbol, channel)
        self.exchange.answer(self.talk.session.to_send(self.talk.now))

    def late_answers(self, symbol: str, channel: str) -> None:
        self.wrong_checksum(symbol, channel)
        late = self.exchange.answer(self.talk.session.to_send(self.talk.now))
        self.talk.live(7)
        self.talk.hear(*late)

    def doubled_answers(self, symbol: str, channel: str) -> None:
        self.wrong_checksum(symbol, channel)
        for _ in range(3):
            answers = self.exchange.answer(self.talk.session.to_send(self.talk.now))
            self.talk.hear(*answers, *answers)

    def answers_in_disorder(self, symbol: str, channel: str) -> None:
        self.wrong_checksum(symbol, channel)
        for _ in range(3):
            answers = self.exchange.answer(self.talk.session.to_send(self.talk.now))
            self.talk.hear(*reversed(answers))

    def snapshot_that_never_comes(self, symbol: str, channel: str) -> None:
        self.wrong_checksum(symbol, channel)
        for _ in range(3):
            answers = self.exchange.answer(self.talk.session.to_send(self.talk.now))
            self.talk.hear(*(one for one in answers if b"snapshot" not in one))

    def unsubscribed_by_the_exchange(self, symbol: str, channel: str) -> None:
        if self.exchange.granted.pop((channel, symbol), None) is not None:
            result = b'{"channel":"%b","symbol":"%b"}' % (channel.encode(), symbol.encode())
            self.talk.hear(b'{"method":"unsubscribe","success":true,"result":%b}' % result)

    def quick_changes(self, symbol: str, channel: str) -> None:
        for depth in (25, 100, 10) if channel == "book" else (100, 1000, 10):
            self.talk.session.drop((channel, symbol, None))
            self.talk.session.want(Subscription(channel, symbol, depth=depth))

    def refusal(self, symbol: str, channel: str) -> None:
        self._refuse("EService:Busy", symbol, channel)

    def refused_token(self, symbol: str, channel: str) -> None:
        self._refuse("ESession:Invalid session", symbol, channel)

    def refused_as_too_fast(self, symbol: str, channel: str) -> None:
        self._refuse("Exceeded msg rate", symbol, channel)

    def refused_as_known(self, symbol: str, channel: str) -> None:
        self._refuse("Already subscribed", symbol, channel)

    def _refuse(self, error: str, symbol: str, channel: str) -> None:
        """Refuse the next unsubscription, then the next subscription."""
        self.wrong_checksum(symbol, channel)
        for _ in range(2):
            for request in self.talk.asks():
                method, req_id = request["method"], request["req_id"]
                self.talk.hear(self.exchange.refusal(error, req_id, method=method))

    def too_fast(self, *_: str) -> None:
        self.talk.hear(b'{"Error":"Exceeded msg rate"}')

    def lost_account_message(self, *_: str) -> None:
        self.exchange.account("executions")
        self.talk.hear(self.exchange.account("executions"))

    def cut(self, *_: str) -> None:
        self.talk.session.close("cut")
        self.talk.now += 10**9
        self.talk.connect("token")

    def silence(self, *_: str) -> None:
        self.talk.wait(6)

    def maintenance(self, *_: str) -> None:
        self.talk.hear(self.exchange.status("maintenance"))
        self.talk.live(2)
        self.talk.hear(self.exchange.status())

    def resubscription(self, symbol: str, channel: str) -> None:
        self.talk.session.drop((channel, symbol, None))
        self.talk.settle()
        self.talk.session.want(Subscription(channel, symbol, depth=10))

    def peace(self, *_: str) -> None:
        self.talk.live(3)

    def _update(self, symbol: str, channel: str) -> list[bytes]:
        """Return the updates of one change: both channels show the same market."""
        frame = self.exchange.update(symbol, channel)
        other = CHANNELS[channel == "book"]
        market = self.exchange.markets[symbol]
        best = market.bids(1)
        twin = self.exchange._book(symbol, other, "update", best, [], market.checksum())
        return [
            told
            for told, name in ((frame, channel), (twin, other))
            if (name, symbol) in self.exchange.granted
        ]

    def tend(self) -> None:
        """Do what the shell around a session does: replace a broken connection, send requests."""
        if self.talk.session.broken is not None:
            self.cut()
        self.talk.settle()

    def heal(self) -> None:
        for _ in range(HEAL_S):
            self.talk.live(1)
            self.tend()
            for symbol in SYMBOLS:
                self.update(symbol, "book")
        self.talk.live(1)

    def books(self) -> list:
        keeper = self.talk.session._keeper
        return [*keeper.l2.values(), *keeper.l3.values()]


FAULTS = sorted(name for name in vars(Storm) if name not in ("tend", "heal", "books"))
FAULTS = [name for name in FAULTS if not name.startswith("_")]
steps = st.tuples(st.sampled_from(FAULTS), st.sampled_from(SYMBOLS), st.sampled_from(CHANNELS))
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_right(book, exchange: Exchange) -> bool:
    market = exchange.markets[book.symbol]
    return book.checksum == market.checksum()


@slow
@given(st.lists(steps, max_size=25))
def test_after_any_storm_every_book_is_live_verified_and_right(storm_steps) -> None:
    storm = Storm()
    for name, symbol, channel in storm_steps:
        getattr(storm, name)(symbol, channel)
        storm.tend()
    storm.heal()
    assert {state.stage for state in storm.talk.session.states.values()} == {SubscriptionStage.LIVE}
    assert len(storm.books()) == 4
    assert all(book.verified and is_right(book, storm.exchange) for book in storm.books())


@slow
@given(st.lists(steps, max_size=25))
def test_in_any_storm_a_book_that_has_just_been_updated_is_right_or_marked(storm_steps) -> None:
    storm = Storm()
    for name, symbol, channel in storm_steps:
        getattr(storm, name)(symbol, channel)
        storm.tend()
        for each in SYMBOLS:
            storm.update(each, "book")
        assert all(is_right(book, storm.exchange) for book in storm.books() if book.verified)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"null", b'{"a":1}'])))
def test_no_bytes_whatever_raise(frames: list[bytes]) -> None:
    storm = Storm()
    storm.talk.hear(*frames)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ("channel", "type", "data", "method", "req_id", "success", "error", "symbol", "result")
)
WORDS = st.sampled_from(
    ("book", "level3", "snapshot", "update", "subscribe", "unsubscribe", "pong", "BTC/USD", 1, 2)
)


@given(st.lists(st.dictionaries(NAMES, WORDS | JSON), max_size=8))
def test_no_object_whatever_raises(objects) -> None:
    import json

    storm = Storm()
    storm.talk.hear(*(json.dumps(one).encode() for one in objects))
    storm.talk.settle()
