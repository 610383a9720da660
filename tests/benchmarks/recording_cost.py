"""What recording adds to reading the market: CPU per row, bytes per row, sustained rate.

Streams of the simulated exchange, with times as if they came at 20,000 rows a second, are
worked through in slices of 5 ms, several times over. Only CPU time of a step counts, and
of each step the quickest time, so that what else the machine does drops out. Ratios to
`json.loads` of the same bytes need no quiet machine to compare.
"""

from __future__ import annotations

import gc
import json
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.format.cells import price_cells
from kracked.format.line import Message
from kracked.format.session_info import SessionInfo
from kracked.protocol.events import Event, Subscribed
from kracked.record.convert import convert
from kracked.record.write.ingest import Ingest
from kracked.record.write.session import record_into
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import BatchSink, CsvTables, RawLogSink, WriteBatch
from kracked.sim.listings import listings
from kracked.times import NS_PER_S
from tests.benchmarks.streams import START, stream

RATE = 20_000
HAND_OVER_NS, SLICE_NS = 100_000_000, 5_000_000
BACKLOG_BYTES = 16 * 1024 * 1024
"""As much waits to be written at most where the disk alone decides how fast it goes."""
INFO = SessionInfo(start="2026-09-21T14:13:20.000000000Z")


Blocks = Sequence[Sequence[Sequence[Message]]]
"""Frames by hand-over, and by the slices in which the recorder takes them in before."""


class Stream(NamedTuple):
    name: str
    """Its channel."""
    blocks: Blocks
    changes: int
    """Order events, levels or tickers, the snapshot's left out."""

    @property
    def messages(self) -> int:
        return sum(1 for _ in self.frames())

    @property
    def bytes(self) -> int:
        return sum(len(data) for _, _, data in self.frames())

    def frames(self) -> Iterator[Message]:
        for block in self.blocks:
            yield from chain.from_iterable(block)


class Taker:
    """In a writer's place: takes every batch, writes nothing, and lets go as a writer does."""

    free_bytes = 1 << 62
    segment_bytes = tables_queued_bytes = 0
    tables_failure = None
    wants_live_books = True

    def __init__(self, *, kept: int | None = 2) -> None:
        """`kept` batches are held, as a writer holds those on their way; all, if None."""
        self.batches: deque[WriteBatch] = deque(maxlen=kept)

    def hand_over(self, batch: WriteBatch) -> bool:
        self.batches.append(batch)
        return True


def paced(channel: str, messages: int, *, rate: int = RATE, depth: int = 10) -> Stream:
    """The stream with times as if it came at `rate` rows a second."""
    if channel == "ticker":
        return _in_time(channel, tickers(messages), rate)
    snapshot, updates = stream(channel, depth, messages)
    return _in_time(channel, [snapshot, *updates], rate)


def _in_time(channel: str, told: Sequence[bytes], rate: int) -> Stream:
    slices: list[list[Message]] = [[]]
    changes = 0
    for number, data in enumerate(told):
        changes += _changes(data) if number else 0
        at = changes * NS_PER_S // rate
        if at // SLICE_NS >= len(slices):
            slices.append([])
        # No two messages arrive at one instant.
        slices[-1].append((channel, START + at + number, data))
    each = HAND_OVER_NS // SLICE_NS
    blocks = [slices[first : first + each] for first in range(0, len(slices), each)]
    return Stream(channel, blocks, changes)


def tickers(messages: int) -> list[bytes]:
    """Messages of `ticker`, no two alike."""
    return [
        (
            '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD",'
            f'"bid":{630000 + n % 97}.{n % 10},"bid_qty":0.{n:08},"ask":{630100 + n % 89}.1,'
            f'"ask_qty":1.{n * 7 % 10**8:08},"last":{630050 + n % 83}.0,'
            f'"volume":{2000 + n % 1000}.12345678,"vwap":63005.{n % 10},"low":62000.1,'
            f'"high":64000.5,"change":{n % 500}.3,"change_pct":{n % 10}.{n % 100:02},'
            f'"timestamp":"2026-09-21T14:13:20.{n % 10**6:06}Z"}}]}}'
        ).encode()
        for n in range(messages)
    ]


def _changes(data: bytes) -> int:
    return data.count(b'"qty"') + data.count(b'"order_qty"') + data.count(b'"vwap"')


class Step(NamedTuple):
    """CPU seconds that one slice of a twentieth of a hand-over costs."""

    json: float
    """`json.loads` of each message: the measure of the machine."""
    keep: float
    """What a feed spends anyway: decode, apply, verify, queue."""
    record: float
    """The recorder's share of the event loop: text of raw log and rows, hand-over, keyframe."""


def steps(blocks: Blocks, taker: Taker, rounds: int) -> list[Step]:
    """Each slice's cost, the least of all rounds: so what else the machine does drops out."""
    found: list[Step] = []
    for _ in range(rounds):
        taker.batches.clear()
        now = list(_steps(blocks, taker))
        found = [Step(*map(min, *pair)) for pair in zip(found or now, now, strict=True)]
    return found


def _steps(blocks: Blocks, taker: Taker) -> Iterator[Step]:
    price_cells.cache_clear()  # of a round before: who records remembers no texts of the future
    keeper, ingest = informed(), Ingest(taker, segment_exists=lambda _: False)  # type: ignore[arg-type]
    clock = time.thread_time
    for block in blocks:
        for number, slice_ in enumerate(block, 1):
            begun = clock()
            for _, _, data in slice_:
                json.loads(data)
            parsed = clock()
            happened = heard(keeper, slice_)
            kept = clock()
            ingest.take(slice_, happened)
            if number == len(block):
                ingest.write_keyframes([*keeper.l2.values(), *keeper.l3.values()], slice_[-1][1])
                ingest.hand_over(slice_[-1][1])
            yield Step(parsed - begun, kept - parsed, clock() - kept)


def informed() -> BookKeeper:
    """A keeper that knows its instruments' rules, as every feed's does, and need not guess."""
    return BookKeeper(precisions={one.symbol: one.instrument.precision for one in listings()})


def heard(keeper: BookKeeper, slice_: Sequence[Message]) -> list[Event]:
    """What the feed tells of these frames."""
    happened = [keeper.receive(data, received) for _, received, data in slice_]
    return list(chain.from_iterable(happened))


def writing(batches: Iterable[WriteBatch], path: Path, rounds: int) -> float:
    """CPU seconds of the writer's thread, a sync each second; each batch's least of all rounds."""
    found: list[float] = []
    for _ in range(rounds):
        now = list(_writing(batches, path))
        found = list(map(min, found or now, now))
    return sum(found)


def _writing(batches: Iterable[WriteBatch], path: Path) -> Iterator[float]:
    shutil.rmtree(path, ignore_errors=True)
    with SessionFolder.hold(path) as folder:
        stores: tuple[BatchSink, ...] = (RawLogSink(folder), CsvTables(folder))
        for number, batch in enumerate(batches):
            begun = time.thread_time()
            for store in stores:
                store.prepare(batch)
                store.write(batch)
                store.flush()
                if number % 10 == 9:
                    store.sync()
            yield time.thread_time() - begun


def record(blocks: Blocks, path: Path) -> None:
    """The whole recorder, as it runs beside a feed."""
    keeper = informed()
    with record_into(path, INFO) as session:
        # Without its depth a book's keyframes cannot be looked for.
        session.ingest.take_event(Subscribed(START, "level3", "BTC/USD", 10))
        for block in blocks:
            for slice_ in block:
                session.ingest.take(slice_, heard(keeper, slice_))
            books = [*keeper.l2.values(), *keeper.l3.values()]
            session.hand_over(books, slice_[-1][1])


def costs(told: Stream, folder: Path, *, rounds: int) -> None:
    """Print CPU per row, rows a second of one core, and the length of the loop's steps."""
    cost = steps(told.blocks, Taker(), rounds)
    whole = Taker(kept=None)
    steps(told.blocks, whole, 1)
    thread = writing(whole.batches, folder / "written", rounds)
    parsed, kept, loop = (sum(part) for part in zip(*cost, strict=True))
    print(f"{told.name}: {told.messages} messages, {told.changes} rows, {told.bytes} bytes")
    for name, seconds in (
        ("json.loads", parsed),
        ("decode, verify and keep the books", kept),
        ("recorder adds, event loop", loop),
        ("recorder adds, writer's thread", thread),
        ("recorder adds, both", loop + thread),
        ("all of it", kept + loop + thread),
    ):
        per_row, a_second = seconds / told.changes * 1e6, told.changes / seconds
        print(
            f"  {name:34} {per_row:6.2f} us/row {a_second:9.0f} rows/s"
            f"  {seconds / parsed:5.2f} x json.loads"
        )


def sizes(told: Stream, folder: Path) -> None:
    """Print bytes per row of each form."""
    path = folder / "sized"
    record(told.blocks, path)
    convert(path)
    for name, pattern in (
        ("raw", "raw/*"),
        ("CSV", "L3_ticks*"),
        ("Parquet", "parquet/channel=l3/**/*.parquet"),
    ):
        size = sum(file.stat().st_size for file in path.glob(pattern))
        print(f"  {name:32} {size / told.changes:6.1f} bytes/row")


def saturated(told: Stream, folder: Path, *, rounds: int) -> None:
    """Print rows a second that reach the disk when fed as fast as it takes them.

    By the CPU time of this process, both threads: what one core does with nothing beside.
    The recorder's share leaves out what the feed spends before it on the same messages.
    """
    runs = [_saturated(told, folder / "saturated") for _ in range(rounds)]
    names = ("wall time, decoded here", "CPU, decoded here", "CPU, the recorder's share")
    for name, seconds in zip(names, zip(*runs, strict=True), strict=True):
        rates = [told.changes / each for each in seconds]
        print(f"  saturated, rows/s of {name:25} {median(rates):9.0f} (most {max(rates):.0f})")


def _saturated(told: Stream, path: Path) -> tuple[float, float, float]:
    """Seconds of one recording, nothing waiting to be written at its end."""
    shutil.rmtree(path, ignore_errors=True)
    keeper, feed = informed(), 0.0
    slices = [slice_ for block in told.blocks for slice_ in block]
    gc.collect()
    gc.freeze()  # a feed does not have the messages of minutes lying about
    wall, cpu = time.monotonic(), time.process_time()
    with record_into(path, INFO) as session:
        for number, slice_ in enumerate(slices):
            begun = time.thread_time()
            happened = heard(keeper, slice_)
            feed += time.thread_time() - begun
            session.ingest.take(slice_, happened)
            if number % (HAND_OVER_NS // SLICE_NS) == 0:
                session.hand_over([], slice_[-1][1])
                while session.status().queued_bytes > BACKLOG_BYTES:
                    time.sleep(0.001)
    gc.unfreeze()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return wall, cpu, cpu - feed
