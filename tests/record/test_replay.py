"""Replay: the same moments in the same order, at any speed, forth and back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.format import keyframe
from kracked.instruments import Instrument, Precision
from kracked.protocol import encode
from kracked.record.raw_index import LogPosition
from kracked.record.read.checkpoints import Checkpoints
from kracked.record.read.recording import open_recording
from kracked.record.replay import MAX_SPEED, Moment, Player, Replay
from kracked.record.write import book_tracking
from kracked.times import NS_PER_S
from tests.record.seeded_market import Level3Market, record_stream

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]


class Stopwatch:
    """A clock that moves when someone sleeps, and only then."""

    def __init__(self) -> None:
        self.now = 0
        self.naps: list[float] = []

    def steady(self) -> int:
        return self.now

    async def sleep(self, delay_s: float) -> None:
        self.naps.append(delay_s)
        self.now += round(delay_s * 1e9)


@pytest.fixture
def player(record: Record) -> Player:
    return Player(open_recording(record()))


def _books(stream: Stream) -> bytes:
    keeper = BookKeeper()
    for received, data in stream:
        keeper.receive(data, received)
    return keyframe.encode(keeper.l3["BTC/USD"])


async def _played(replay: Replay) -> list[Moment]:
    return [moment async for moment in replay if moment.connection]


async def test_at_full_speed_everything_is_played_to_the_byte(
    player: Player, stream: Stream
) -> None:
    moments = await _played(Replay(player, speed=MAX_SPEED))
    assert [(moment.received, moment.data) for moment in moments] == stream


@pytest.mark.parametrize("speed", [1.0, 10.0])
async def test_a_replay_takes_the_recorded_time_divided_by_its_speed(
    player: Player, speed: float
) -> None:
    watch = Stopwatch()
    await _played(Replay(player, speed=speed, steady=watch.steady, sleep=watch.sleep))
    assert watch.now == pytest.approx((player.end - player.start) / speed, abs=3e6)


async def test_silences_are_cut_to_the_longest_allowed(player: Player) -> None:
    watch = Stopwatch()
    await _played(Replay(player, max_gap_s=0.01, steady=watch.steady, sleep=watch.sleep))
    assert max(watch.naps) <= 0.0121
    assert 0 < sum(watch.naps) < 2.1


async def test_the_clock_shows_recorded_time(player: Player, stream: Stream) -> None:
    replay = Replay(player, speed=MAX_SPEED)
    shown = [replay.clock.wall() async for moment in replay if moment.connection]
    assert shown == [received for received, _ in stream]


async def test_a_paused_replay_plays_only_steps(player: Player, stream: Stream) -> None:
    replay = Replay(player, speed=MAX_SPEED)
    replay.pause()
    played = aiter(replay)
    for received, data in stream[:3]:
        replay.step()
        moment = await anext(played)
        assert (moment.received, moment.data) == (received, data)


async def test_after_a_seek_the_books_come_first(player: Player, stream: Stream) -> None:
    replay = Replay(player, speed=MAX_SPEED)
    replay.seek(stream[80][0])
    first, second, *_ = [moment async for moment in replay]
    assert [type(event).__name__ for event in first.events] == ["L3Snapshot"]
    assert (second.received, second.data) == stream[81]


def test_a_step_back_undoes_a_step(player: Player, stream: Stream) -> None:
    for _ in range(60):
        player.step()
    for number in (59, 58, 57):
        player.back()
        assert player.seq == number
        assert keyframe.encode(player.keeper.l3["BTC/USD"]) == _books(stream[:number])


def test_there_is_nothing_before_the_first_message(player: Player) -> None:
    player.step()
    assert player.back() is None


def test_at_the_end_there_is_nothing_to_step_to(player: Player) -> None:
    player.seek(player.end)
    while player.step():
        pass
    assert player.next_due is None


def _state(player: Player) -> tuple[int, dict[str, bytes], dict[str, bool]]:
    books = player.keeper.l3
    return (
        player.seq,
        {symbol: keyframe.encode(book) for symbol, book in books.items()},
        {symbol: book.verified for symbol, book in books.items()},
    )


def test_of_a_search_only_places_near_its_end_are_kept(player: Player, stream: Stream) -> None:
    """Pictures of all books on the way would cost more than the way."""
    recording = player.recording
    recording.checkpoints = Checkpoints(every_messages=10)
    Player(recording).seek(stream[150][0])
    kept = recording.checkpoints.best(LogPosition(150))
    assert kept is not None
    assert recording.checkpoints.is_near(kept, LogPosition(150))
    assert recording.checkpoints.best(LogPosition(100)) is None


def test_between_the_keyframes_of_two_books_both_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that begins at the first of them does not know the other book at once."""
    monkeypatch.setattr(book_tracking, "_EVERY_MESSAGES", 40)
    monkeypatch.setattr(book_tracking, "_ROWS_PER_MESSAGE", 1 << 20)
    monkeypatch.setattr(book_tracking, "_ROWS_AT_ONCE", 1)
    markets = (Level3Market(seed=seed, symbol=f"A{seed}/USD") for seed in range(2))
    record_stream(tmp_path, sorted(chain(*(market.stream(100) for market in markets))))
    searched = Player(open_recording(tmp_path))
    searched.recording.checkpoints = Checkpoints(every_messages=5)
    for number in range(200, 100, -1):
        fresh = Player(open_recording(tmp_path))
        for player in (searched, fresh):
            player.move_to_message(number)
        assert _state(searched) == _state(fresh)
        assert len(fresh.keeper.l3) == 2


def test_places_after_a_change_of_decimals_are_kept_too(tmp_path: Path) -> None:
    market = Level3Market()
    arrived = market.stream(100)
    market.refine()
    arrived += [(market.now, listed(2)), (market.now + 1, market.snapshot())]
    arrived += [(market.now + 1_000_000, market.update()) for _ in range(100)]
    keeper = BookKeeper(precisions={market.symbol: Precision(1, 8)})
    record_stream(tmp_path / "session", arrived, keeper=keeper)
    player = Player(open_recording(tmp_path / "session"))
    player.recording.checkpoints = Checkpoints(every_messages=10)
    for number in (190, 50, 130):
        player.move_to_message(number)
        place = player.recording.checkpoints.best(LogPosition(number))
        assert place is not None
        assert place.seq > number - 20
        fresh = Player(open_recording(tmp_path / "session"))
        fresh.move_to_message(number)
        again = Player(player.recording)  # from the place that is kept
        again.move_to_message(number)
        assert _state(again) == _state(fresh)


def listed(decimals: int) -> bytes:
    """The exchange's list, which says in how many decimals prices are now."""
    pair = Instrument(
        symbol="BTC/USD",
        base="BTC",
        quote="USD",
        precision=Precision(decimals, 8),
        price_increment=1,
        qty_increment=1,
        qty_min=1,
    )
    return encode.instrument_lists(encode.UPDATE, (), [encode.pair(pair)]).encode()


@given(
    every=st.integers(1, 100),
    ahead_ns=st.integers(0, 12 * NS_PER_S),
    number=st.integers(1, 201),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_place_is_the_same_however_it_is_reached(
    player: Player, stream: Stream, every: int, ahead_ns: int, number: int
) -> None:
    """By a search, by steps from the beginning, or by going back."""
    recording = player.recording
    recording.checkpoints = Checkpoints(every_messages=every)
    Player(recording).seek(player.start + ahead_ns)
    stepped, searched, rewound = Player(recording), Player(recording), Player(recording)
    for _ in range(number):
        stepped.step()
    searched.seek(stream[number - 1][0])
    rewound.move_to_message(number)
    assert _state(stepped) == _state(searched) == _state(rewound)
    assert stepped.next_due == searched.next_due == rewound.next_due
