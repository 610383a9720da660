"""The buffer shows what the live books were, at every position, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.book.l3 import L3Book
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.times import NS_PER_S
from kracked_tui.past.recording import BufferRecording
from kracked_tui.past.ring import Bound, MessageRing
from kracked_tui.sources.base import StateRestored
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.state.store import Store
from tests.record.seeded_market import Level3Market

SYMBOL = "BTC/USD"
LONG = Bound(3_600 * NS_PER_S, 1 << 30)


class Shown(NamedTuple):
    """What a live store showed after a message."""

    received: int
    book: object
    prints: int


def shown(book: L3Book | None) -> object:
    """Return everything of a book that a screen can show."""
    if book is None:
        return None
    return book.verified, book.computed, [list(side.orders()) for side in (book.bids, book.asks)]


def trade(number: int, received: int) -> bytes:
    """Return a trade of the exchange."""
    return (
        f'{{"channel":"trade","type":"update","data":[{{"symbol":"{SYMBOL}","side":"buy",'
        f'"price":63000.1,"qty":0.10000000,"ord_type":"limit","trade_id":{number},'
        f'"timestamp":"2024-11-12T06:50:44.000000Z"}}]}}'
    ).encode()


class Session:
    """A live session whose messages a buffer keeps: books, store and buffer side by side."""

    def __init__(self, seed: int, bound: Bound = LONG) -> None:
        self.market = Level3Market(seed)
        self.keeper = BookKeeper()
        self.base, self.live = Store("REPLAY"), Store("LIVE")
        self.ring = MessageRing(bound, self.base.apply)
        self.now = self.market.now
        self.was: list[Shown] = []
        self.ring.begin((), (), self.now)
        self.receive(self.market.acknowledge())
        self.receive(self.market.snapshot())

    def receive(self, data: bytes) -> None:
        """Receive a message of the exchange, a second after the one before."""
        self.now += NS_PER_S
        self.take([("level3", self.now, data)], self.keeper.receive(data, self.now))

    def take(self, messages: Sequence[tuple[str, int, bytes]], happened: Sequence[Event]) -> None:
        """Give messages and events to the live store and to the buffer."""
        for event in happened:
            self.live.apply(event)
        self.ring.take(messages, happened)
        prints = len(self.live.market(SYMBOL).prints)
        self.was.append(Shown(self.now, shown(self.keeper.l3.get(SYMBOL)), prints))

    def begin_segment(self) -> None:
        """Begin a segment, as after some thousand messages."""
        self.ring.begin_segment(self.keeper.l3.values(), self.now)

    def recording(self) -> BufferRecording:
        """Look at the past."""
        return BufferRecording(self.ring, self.base)


ACTS = st.lists(st.sampled_from(("update",) * 8 + ("trade", "segment", "snapshot")), max_size=120)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(1, 10_000), acts=ACTS, data=st.data())
def test_any_position_shows_the_book_and_the_tape_that_the_live_store_showed(
    seed: int, acts: list[str], data: st.DataObject
) -> None:
    session = Session(seed)
    for number, act in enumerate(acts, 1):
        match act:
            case "update":
                session.receive(session.market.update())
            case "trade":
                session.receive(trade(number, session.now))
            case "snapshot":
                session.receive(session.market.snapshot())
            case "segment":
                session.begin_segment()
    at = data.draw(st.integers(0, len(session.was) - 1))
    then, recording = session.was[at], session.recording()

    by_time = recording.player_at(then.received)
    by_number = recording.player_before(MessagePlace(at + 2, 0))
    assert shown(by_time.keeper.l3.get(SYMBOL)) == then.book
    assert shown(by_number.keeper.l3.get(SYMBOL)) == then.book
    assert by_time.seq == by_number.seq == at + 1
    state = recording.state_at(MessagePlace(by_time.seq, by_time.position))
    assert len(state.market(SYMBOL).prints) == then.prints


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(1, 10_000), acts=ACTS)
def test_playing_on_from_any_segment_comes_to_the_present(seed: int, acts: list[str]) -> None:
    session = Session(seed)
    for act in acts:
        session.begin_segment() if act == "segment" else session.receive(session.market.update())
    recording = session.recording()
    for segment in recording.segments:
        player = recording.player_at(segment.received)
        while player.step() is not None:
            pass
        assert shown(player.keeper.l3.get(SYMBOL)) == session.was[-1].book


def test_messages_that_come_while_one_looks_can_be_played_too() -> None:
    session = Session(1)
    recording = session.recording()
    player = recording.player_at(session.now)
    assert player.next_due is None
    session.receive(session.market.update())
    session.begin_segment()
    session.receive(session.market.update())
    session.ring.close_chunk()
    assert [player.step() is not None for _ in range(3)] == [True, True, False]
    assert shown(player.keeper.l3[SYMBOL]) == session.was[-1].book
    assert recording.end == session.now


def test_what_is_older_than_the_span_leaves_by_whole_segments_and_stays_in_the_state() -> None:
    session = Session(2, Bound(60 * NS_PER_S, 1 << 30))
    for number in range(1, 200):
        session.receive(session.market.update() if number % 5 else trade(number, session.now))
        if number % 20 == 0:
            session.begin_segment()
    kept = session.now - session.ring.start
    assert 60 * NS_PER_S <= kept <= (60 + 2 * 20) * NS_PER_S  # and the segments at both ends
    recording = session.recording()
    state = recording.state_at(MessagePlace(len(session.was), session.now))
    assert len(state.market(SYMBOL).prints) == session.was[-1].prints


def test_the_memory_stays_within_the_bound_and_a_segment() -> None:
    session = Session(3, Bound(3_600 * NS_PER_S, 20_000))
    sizes = []
    for number in range(1, 600):
        session.receive(session.market.update())
        if number % 20 == 0:
            session.begin_segment()
            sizes.append(session.ring.size)
    largest = max(segment.size for segment in session.ring.segments)
    assert max(sizes) <= 20_000 + largest
    assert session.ring.start > session.was[0].received


def test_what_one_looks_at_stays_when_it_leaves_the_buffer() -> None:
    session = Session(4, Bound(30 * NS_PER_S, 1 << 20))
    for _ in range(10):
        session.receive(session.market.update())
    recording, there = session.recording(), session.was[5]
    for number in range(1, 200):
        session.receive(session.market.update())
        if number % 10 == 0:
            session.begin_segment()
            assert recording.start  # as with every frame
    assert session.ring.start > there.received
    player = recording.player_at(there.received)
    assert shown(player.keeper.l3[SYMBOL]) == there.book
    session.ring.close_chunk()
    while player.step() is not None:
        pass
    assert shown(player.keeper.l3[SYMBOL]) == session.was[-1].book


def test_a_view_keeps_at_most_twice_the_bound() -> None:
    session = Session(5, Bound(3_600 * NS_PER_S, 8_000))
    recording = session.recording()
    for number in range(1, 400):
        session.receive(session.market.update() if number % 7 else trade(number, session.now))
        if number % 10 == 0:
            session.begin_segment()
            assert recording.start  # as with every frame
    recording.player_at(session.now)
    sizes = [segment.size for segment in recording.segments]
    assert sum(sizes) <= 16_000 + max(sizes)
    state = recording.state_at(MessagePlace(len(session.was), session.now))
    assert len(state.market(SYMBOL).prints) == session.was[-1].prints


def test_a_view_that_nobody_asked_for_long_begins_anew_with_what_is_kept() -> None:
    session = Session(5, Bound(3_600 * NS_PER_S, 4_000))
    recording = session.recording()
    for number in range(1, 400):
        session.receive(session.market.update() if number % 7 else trade(number, session.now))
        if number % 10 == 0:
            session.begin_segment()
    assert recording.start == session.ring.start
    state = recording.state_at(MessagePlace(len(session.was), session.now))
    assert len(state.market(SYMBOL).prints) == session.was[-1].prints


def test_after_lost_messages_no_book_of_the_past_is_trusted_before_the_next_snapshot() -> None:
    session = Session(6)
    for _ in range(5):
        session.receive(session.market.update())
    lost_at = session.now
    session.now += NS_PER_S
    session.ring.skip(3, session.now)
    session.receive(session.market.update())
    after = session.now
    session.receive(session.market.snapshot())
    recording = session.recording()
    assert recording.player_at(lost_at).keeper.l3[SYMBOL].verified
    assert not recording.player_at(after).keeper.l3[SYMBOL].verified
    assert recording.player_at(session.now).keeper.l3[SYMBOL].verified
    assert recording.gaps == [(lost_at, lost_at + NS_PER_S)]


def test_a_connection_that_was_lost_shows_in_the_past_as_it_did_live() -> None:
    session = Session(7)
    session.receive(session.market.update())
    before = session.now
    session.now += NS_PER_S
    gone = events.Reconnecting(session.now, "level3", "wss://host", "timed out", 1, 1.0)
    session.take([], [gone])
    down = session.now
    session.now += 5 * NS_PER_S
    gap = events.Gap(session.now, "level3", (SYMBOL,), down, session.now, "reconnected")
    session.take([], [gap])
    session.receive(session.market.snapshot())
    recording = session.recording()
    assert recording.player_at(before).keeper.l3[SYMBOL].verified
    assert not recording.player_at(down + NS_PER_S).keeper.l3[SYMBOL].verified
    assert recording.player_at(session.now).keeper.l3[SYMBOL].verified
    restored = recording.events_until(MessagePlace(3, down))
    assert [type(each) for each in restored] == [StateRestored]
    assert recording.gaps == [(down, gap.end)]


@pytest.mark.parametrize("steps", [1, 4])
def test_the_last_update_before_a_place_is_found_across_segments(steps: int) -> None:
    session = Session(8)
    for _ in range(3):
        session.receive(session.market.update())
    session.begin_segment()
    for number in range(1, 4):
        session.receive(trade(number, session.now))
    recording, seq = session.recording(), len(session.was)
    for _ in range(steps):
        place = recording.last_update(seq, SYMBOL, "level3")
        assert place is None or place.seq <= 5
        seq = place.seq - 1 if place else 0
    assert (place is None) == (steps == 4)
