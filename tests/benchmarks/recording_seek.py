"""How soon a recording shows another place: its books at an instant, a step, the end.

    python -m tests.benchmarks.recording_seek [--minutes 20] [--depths 10 1000] [--keep FOLDER]

Four symbols of the simulated exchange at its natural pace, level 3, level 2, trades and
tickers, recorded as they came. CPU time of the process, all its threads; places are random.
Each book found at an instant is compared with that of one reading straight through.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from kracked.book.keeper import BookKeeper
from kracked.format import keyframe
from kracked.format.keyframe import Book
from kracked.format.line import Message
from kracked.format.session_info import SessionInfo
from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.protocol.requests import Subscribe, encode
from kracked.record.read.book_rebuilder import BookRebuilder
from kracked.record.read.recording import open_recording
from kracked.record.replay import Player
from kracked.record.write.session import Format, RecordingSession, record_into
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.sim.listings import listings
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.sources.open import check_playable, open_playable
from kracked_tui.sources.replay import ReplaySource
from tests.benchmarks.recording_cost import informed
from tests.benchmarks.streams import START

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "DOGE/USD")
PLACES, STEPS = 40, 12
OPEN_MS, STEP_MS = 1000, 50
GOALS_MS = {10: 100, 1000: 250}
_TICK_NS, _HAND_OVER_NS = NS_PER_S // 40, NS_PER_S // 10
_MOST_QUEUED = 2**20


class _Ear:
    """Hears an exchange, and says when each message came; no two came at once."""

    def __init__(self) -> None:
        self.now = START
        self._heard: list[Message] = []

    def of(self, connection: str) -> Callable[[bytes], None]:
        return lambda data: self._heard.append((connection, self._instant(), data))

    def _instant(self) -> int:
        self.now += 1
        return self.now

    def take(self) -> list[Message]:
        taken, self._heard = self._heard, []
        return taken


def told(depth: int, seconds: float) -> Iterator[tuple[int, list[Message]]]:
    """What four symbols tell, hand-over by hand-over, and the time of each."""
    accounts, key, ear = ApiKeys(), ApiKey(*new_key()), _Ear()
    accounts.add(key)
    exchange = Exchange(SimulatedMarket(listings(SYMBOLS), seed=7).opened(START), accounts, START)
    public = exchange.connect(Socket.PUBLIC, ear.of("public"), START)
    token = accounts.issue(key, START)
    for number, channel in enumerate(("instrument", "trade", "ticker", "book"), 1):
        named = () if channel == "instrument" else SYMBOLS
        wish = Subscribe(channel=channel, symbol=named, depth=depth if channel == "book" else None)
        public.receive(encode(wish, number), START)
    for number, symbol in enumerate(SYMBOLS, 1):  # one connection is granted two deep books
        level3 = exchange.connect(Socket.LEVEL3, ear.of(f"level3-{number}"), START)
        wish = Subscribe(channel="level3", symbol=(symbol,), depth=depth, token=token)
        level3.receive(encode(wish, 1), START)
    for passed in range(_TICK_NS, int(seconds * NS_PER_S), _TICK_NS):
        ear.now = START + passed
        exchange.advance(START + passed)
        if passed % _HAND_OVER_NS == 0:
            yield ear.now, ear.take()


def record(path: Path, depth: int, seconds: float) -> None:
    """The recorder as it runs beside a feed; the raw log alone, which is all that is searched."""
    keeper, now = informed(), START
    info = SessionInfo(start=to_rfc3339(START))
    with record_into(path, info, form=Format.PARQUET, clock=lambda: now) as session:
        for now, frames in told(depth, seconds):
            happened = [event for _, at, data in frames for event in keeper.receive(data, at)]
            session.ingest.take(frames, happened)
            session.hand_over([*keeper.l2.values(), *keeper.l3.values()], now)
            _wait_for_writer(session)


def _wait_for_writer(session: RecordingSession) -> None:
    """Live there is time enough between two hand-overs."""
    while session.status().queued_bytes > _MOST_QUEUED:
        time.sleep(0.005)


def _cpu_ms(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1e3


def _print(name: str, spent_ms: Iterable[float], goal_ms: int) -> None:
    costs = sorted(spent_ms)
    middle, worst = costs[len(costs) // 2], costs[-1]
    print(f"  {name:34} median {middle:7.1f}  worst {worst:7.1f} ms  (goal {goal_ms})", flush=True)


def seeks(path: Path, instants: Sequence[int], goal_ms: int) -> None:
    """Print what one book at an instant costs, and all of them as the monitor winds."""
    recording = open_recording(path)
    recording.position_at(0)  # the index is made once
    for channel in ("level3", "book"):
        of = [(at, SYMBOLS[number % len(SYMBOLS)], channel) for number, at in enumerate(instants)]
        spent = [_cpu_ms(lambda each=each: recording.at(*each[:2], channel=each[2])) for each in of]  # type: ignore[misc]
        _print(f"one {channel} book at an instant", spent, goal_ms)
    spent = [_cpu_ms(lambda at=at: Player(recording).move_to(at)) for at in instants]  # type: ignore[misc]
    _print(f"all {2 * len(SYMBOLS)} books wound to an instant", spent, goal_ms)


def equal(path: Path, instants: Sequence[int]) -> bool:
    """Whether every book found at an instant is that of reading straight through."""
    found, recording = open_recording(path), open_recording(path)
    rebuilder, lines = BookRebuilder(recording.info(), check_keyframes=False), recording.read()
    upcoming = next(lines, None)
    for at in sorted(instants):
        while upcoming is not None and upcoming.line.received <= at:
            rebuilder.apply(*upcoming)
            upcoming = next(lines, None)
        player = Player(found)
        player.move_to(at)
        if _spelled(player.keeper) != _spelled(rebuilder.keeper):
            return False
    return True


def _spelled(keeper: BookKeeper) -> list[bytes]:
    books: list[Book] = [*keeper.l2.values(), *keeper.l3.values()]
    return sorted(keyframe.encode(book) for book in books if book.verified)


async def _cpu_ms_of(work: Awaitable[object]) -> float:
    begun = time.process_time()
    await work
    return (time.process_time() - begun) * 1e3


async def steps(path: Path, instants: Sequence[int]) -> None:
    """Print what it costs in the monitor to open a recording, to step, and to jump to its end."""
    begun = time.process_time()
    check_playable(path)
    source = ReplaySource(open_playable(path))
    _print("monitor: open", [(time.process_time() - begun) * 1e3], OPEN_MS)
    source.toggle()
    back, again, on = [], [], []
    for number, at in enumerate(instants):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        await source.seek(at)
        back.append(await _cpu_ms_of(source.step(symbol, -1)))
        again += [await _cpu_ms_of(source.step(symbol, -1)) for _ in range(3)]
        on += [await _cpu_ms_of(source.step(symbol, 1)) for _ in range(3)]
    for name, spent in (("first step back", back), ("next steps back", again), ("on", on)):
        _print(f"monitor: {name}", spent, STEP_MS)
    end = source.view().end
    _print("monitor: jump to the end", [await _cpu_ms_of(source.seek(end))], OPEN_MS)
    _print("monitor: to the beginning", [await _cpu_ms_of(source.seek(0))], OPEN_MS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--depths", type=int, nargs="+", choices=GOALS_MS, default=[10, 1000])
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--keep", type=Path, help="folder the recordings are left in, and found")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for depth in options.depths:
            path = (options.keep or Path(name)) / f"depth-{depth}-{options.minutes:g}"
            if not path.exists():
                record(path, depth, options.minutes * 60)
            report(path, depth, options.places)


def report(path: Path, depth: int, places: int) -> None:
    recording, random = open_recording(path), Random(1)
    size = sum(log.stat().st_size for log in recording.logs)
    begin, end = recording.span()
    print(f"depth {depth}: {(end - begin) / 60e9:.1f} minutes, {size >> 20} MB, "
          f"{len(recording.frame_index)} frames")  # fmt: skip
    instants = [random.randrange(begin, end) for _ in range(places)]
    seeks(path, instants, GOALS_MS[depth])
    print(f"  equal to a full replay: {equal(path, instants)}")
    asyncio.run(steps(path, instants[:STEPS]))


if __name__ == "__main__":
    main()
