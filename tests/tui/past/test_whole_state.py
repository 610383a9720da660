"""After a jump the order flow is what it was then, and not what begins there."""

from __future__ import annotations

import asyncio
from functools import cache
from random import Random
from typing import NamedTuple

import pytest

from kracked.book.keeper import BookKeeper
from kracked.flow.measures.level_changes import LevelChanges, Span
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.past.recording import BufferRecording
from kracked_tui.past.ring import Bound, MessageRing
from kracked_tui.past.whole_state import WholeStates
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.state.store import Store
from tests.patience import until
from tests.tui.recorded_minute import SYMBOL, received_market

SECONDS = 100
WINDOW_NS = 30 * NS_PER_S


class Flow(NamedTuple):
    """What was shown of the order flow at an instant."""

    bids: dict[int, LevelChanges]
    asks: dict[int, LevelChanges]
    spans: tuple[Span | None, ...]
    traded: object
    profile: object


def flow_of(store: Store, received: int) -> Flow:
    """Return what a frame of this instant would show."""
    market = store.flows[SYMBOL]
    now = market.now(received)
    market.advance(now)
    changes = market.changes
    return Flow(
        changes.rows(Side.BID),
        changes.rows(Side.ASK),
        tuple(changes.span(side, now) for side in Side),
        dict(market.traded.prices),
        market.session.profile.poc if market.session else None,
    )


class Kept(NamedTuple):
    """A session, the past of it, and what it showed."""

    recording: BufferRecording
    was: dict[MessagePlace, Flow]


@cache
def kept() -> Kept:
    """Receive a market, keep it, and note what was shown each half second."""
    keeper, live, base = BookKeeper(), Store("LIVE"), Store("REPLAY")
    ring = MessageRing(Bound(3_600 * NS_PER_S, 1 << 30), base.apply)
    was: dict[MessagePlace, Flow] = {}
    messages = received_market(SECONDS)
    ring.begin((), (), messages[0][0] - 1)
    noted = messages[0][0]
    for number, (at, data) in enumerate(messages, 1):
        happened = keeper.receive(data, at)
        for event in happened:
            live.apply(event)
        ring.take([("level3", at, data)], happened)
        books = [*keeper.l2.values(), *keeper.l3.values()]
        if ring.needs_segment(books, at):
            ring.begin_segment(books, at)
        if at - noted >= NS_PER_S // 2:
            noted = at
            was[MessagePlace(number, at)] = flow_of(live, at)
    return Kept(BufferRecording(ring, base), was)


def whole(states: WholeStates, place: MessagePlace) -> Store:
    """Return the whole state of a place."""
    event = states.at(place, lambda: True)
    assert event is not None
    state = event.state
    assert isinstance(state, Store)
    return state


@pytest.mark.parametrize("seed", range(12))
def test_after_any_jump_pulling_stacking_and_sums_are_those_of_the_live_session(seed: int) -> None:
    found, random = kept(), Random(seed)
    states = WholeStates(found.recording)
    for place in random.sample([*found.was][1:], 4):
        assert found.was[place].bids
        assert flow_of(whole(states, place), place.received) == found.was[place]


def test_a_state_that_is_not_wanted_is_not_made() -> None:
    found = kept()
    assert WholeStates(found.recording).at([*found.was][-1], lambda: False) is None


def test_where_little_may_be_played_the_window_says_since_when_it_is() -> None:
    found = kept()
    place = [*found.was][-1]
    state = whole(WholeStates(found.recording, most_messages=200, near=10), place)
    span = flow_of(state, place.received).spans[0]
    assert span is not None
    assert span.shortened is not None
    assert place.received - WINDOW_NS < span.since < place.received


def test_a_place_near_the_last_one_is_made_of_what_was_kept_there() -> None:
    found, places = kept(), [*kept().was]
    states = WholeStates(found.recording, near=400)
    whole(states, places[-1])
    asked: list[None] = []

    def goes_on() -> bool:
        """Count how often it is asked."""
        asked.append(None)
        return True

    before = places[-2]
    event = states.at(before, goes_on)
    assert event is not None
    assert flow_of(event.state, before.received) == found.was[before]
    assert len(asked) <= 1 + 400 // 50


async def test_a_place_whose_state_fails_leaves_the_next_jump_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recording, asked = kept().recording, list[MessagePlace]()

    def fails(place: MessagePlace, _: object) -> None:
        asked.append(place)
        raise LookupError(place)

    source = ReplaySource(recording, at=recording.start + 50 * NS_PER_S, make_state=fails)

    async def watch() -> None:
        async for _ in source.batches():
            pass

    watching = asyncio.create_task(watch())
    for jumps in (1, 2):
        await until(lambda jumps=jumps: len(asked) == jumps and not source.restoring)  # type: ignore[misc]
        assert f"{asked[-1]}" in caplog.text
        await source.seek(recording.start + 20 * NS_PER_S)
    watching.cancel()
