"""A clock set back between two recorders: an instant is the place after the last message by then.

"Last" goes by the messages' numbers, so what comes twice is the later one, and every place
has the books that playing everything up to it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.format import keyframe
from kracked.record.read.recording import Recording, open_recording
from kracked.record.replay import Player, Replay
from kracked.times import NS_PER_S
from tests.record.seeded_market import Level3Market, record_stream
from tests.record.test_replay import Stopwatch

Books = dict[str, tuple[bytes, bool]]
State = tuple[int, Books]


@pytest.fixture(params=[NS_PER_S, 3 * NS_PER_S, 3600 * NS_PER_S], ids=["1 s", "3 s", "1 h"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Recording:
    """Some four seconds, and as many again by a clock that was set back before."""
    market, path = Level3Market(seed=3), tmp_path / "session"
    record_stream(path, market.stream(80))
    record_stream(path, [(received - request.param, data) for received, data in market.stream(80)])
    return open_recording(path)


def _books(keeper: BookKeeper) -> Books:
    return {name: (keyframe.encode(book), book.verified) for name, book in keeper.l3.items()}


def _state(player: Player) -> State:
    return player.seq, _books(player.keeper)


def _instants(recording: Recording) -> Iterator[tuple[int, State]]:
    """Times of messages, and what a full replay to the last one by then has."""
    times = [received for received, _, _ in recording]
    player, states = Player(recording), dict[int, State]()
    while player.step():
        states[player.seq] = _state(player)
    for time in times:
        yield time, states[max(n for n, received in enumerate(times, 1) if received <= time)]


def test_every_instant_has_the_books_of_a_full_replay(recording: Recording) -> None:
    for time, expected in _instants(recording):
        player = Player(recording)
        player.seek(time)
        assert _state(player) == expected
        assert _books(recording.keeper_at(time)) == expected[1]


def test_a_later_instant_is_never_at_an_earlier_place(recording: Recording) -> None:
    start, end = recording.span()
    instants = [*range(start, end, (end - start) // 500), end]
    goals = [recording.position_at(time).seq for time in instants]
    assert goals == sorted(goals)
    assert goals[0] >= 1
    assert goals[-1] == len(list(recording))


def test_a_step_back_goes_to_the_message_before_by_number(recording: Recording) -> None:
    player = Player(recording)
    for _ in range(100):
        player.step()
    for _ in range(30):
        seq = player.seq
        player.back()
        assert player.seq == seq - 1


async def test_setting_a_clock_back_takes_no_time_to_replay(recording: Recording) -> None:
    watch = Stopwatch()
    replay = Replay(Player(recording), steady=watch.steady, sleep=watch.sleep)
    times = [moment.received async for moment in replay]
    spent = sum(max(0, after - before) for before, after in pairwise(times))
    assert watch.now == pytest.approx(spent, abs=NS_PER_S // 50)
