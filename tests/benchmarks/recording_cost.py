"""What recording adds to reading the market: CPU per event, bytes per event, sustained rate.

The stream is level3 of the simulated exchange at depth 10, with times as if it came at
20,000 events a second. It is worked through in blocks of a tenth of a second, every
variant in turn and several times over; a block counts with its quickest time, so that
what else the machine does drops out. Ratios to `json.loads` of the same bytes need no
quiet machine to compare.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.protocol.events import Event, Subscribed
from kracked.record.convert import convert
from kracked.record.folder import SessionFolder, SessionInfo
from kracked.record.intake import Intake
from kracked.record.line import Message
from kracked.record.session import record_into
from kracked.record.sinks import Batch, CsvTables, RawLog, Store
from kracked.times import NS_PER_S
from tests.benchmarks.streams import START, stream

RATE = 20_000
HAND_OVER_NS, SLICE_NS = 100_000_000, 5_000_000
INFO = SessionInfo(start="2026-09-21T14:13:20.000000000Z")


Blocks = Sequence[Sequence[Sequence[Message]]]
"""Frames by hand-over, and by the slices in which the recorder takes them in before."""


class Stream(NamedTuple):
    blocks: Blocks
    changes: int
    """Order events, or levels, in all messages."""

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
    """In a writer's place: takes every batch and writes nothing."""

    free_bytes = 1 << 62
    segment_bytes = 0

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def hand_over(self, batch: Batch) -> bool:
        self.batches.append(batch)
        return True


def paced(channel: str, messages: int, *, rate: int = RATE, depth: int = 10) -> Stream:
    """The stream with times as if it came at `rate` events a second."""
    snapshot, updates = stream(channel, depth, messages)
    slices, changes = [[("level3", START, snapshot)]], 0
    for data in updates:
        changes += _changes(data)
        at = changes * NS_PER_S // rate
        if at // SLICE_NS >= len(slices):
            slices.append([])
        slices[-1].append(("level3", START + at, data))
    each = HAND_OVER_NS // SLICE_NS
    blocks = [slices[first : first + each] for first in range(0, len(slices), each)]
    return Stream(blocks, changes)


def _changes(data: bytes) -> int:
    return data.count(b'"qty"') + data.count(b'"order_qty"')


def parse(blocks: Blocks) -> Iterator[None]:
    """The measure of the machine."""
    for block in blocks:
        for _, _, data in chain.from_iterable(block):
            json.loads(data)
        yield


def keep(blocks: Blocks) -> Iterator[None]:
    """What a feed spends anyway: decode, apply, verify, queue."""
    keeper = BookKeeper()
    for block in blocks:
        for slice_ in block:
            heard(keeper, slice_)
        yield


def keep_and_text(blocks: Blocks, taker: Taker | None = None) -> Iterator[None]:
    """The same with the recorder's share of the event loop, a slice at a time."""
    keeper, intake = BookKeeper(), Intake(taker or Taker(), taken=lambda _: False)
    for block in blocks:
        for slice_ in block:
            intake.take(slice_, heard(keeper, slice_))
        intake.keyframe(keeper.orders.values(), slice_[-1][1])
        intake.hand_over(slice_[-1][1])
        yield


def heard(keeper: BookKeeper, slice_: Sequence[Message]) -> list[Event]:
    """What the feed tells of these frames."""
    happened = [keeper.receive(data, received) for _, received, data in slice_]
    return list(chain.from_iterable(happened))


def write(batches: Sequence[Batch], path: Path) -> Iterator[None]:
    """The writer thread's share, a sync each second."""
    shutil.rmtree(path, ignore_errors=True)
    with SessionFolder.hold(path) as folder:
        stores: tuple[Store, ...] = (RawLog(folder), CsvTables(folder))
        for number, batch in enumerate(batches):
            for store in stores:
                store.prepare(batch)
                store.write(batch)
                store.flush()
                if number % 10 == 9:
                    store.sync()
            yield


def least(rounds: int, **variants: Callable[[], Iterator[None]]) -> dict[str, float]:
    """CPU seconds of this thread: of each variant, each block's least of all rounds."""
    spent: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, variant in variants.items():
            times, before = [], time.thread_time()
            for _ in variant():
                times.append(time.thread_time() - before)
                before = time.thread_time()
            spent[name] = list(map(min, spent.get(name, times), times))
    return {name: sum(times) for name, times in spent.items()}


def record(blocks: Blocks, path: Path) -> None:
    """The whole recorder, as it runs beside a feed."""
    keeper = BookKeeper()
    with record_into(path, INFO) as session:
        # Without its depth a book's keyframes cannot be looked for.
        session.intake.event(Subscribed(START, "level3", "BTC/USD", 10))
        for block in blocks:
            for slice_ in block:
                session.intake.take(slice_, heard(keeper, slice_))
            books = [*keeper.books.values(), *keeper.orders.values()]
            session.hand_over(books, slice_[-1][1])


def costs(told: Stream, folder: Path, *, rounds: int) -> None:
    """Print CPU and bytes per event."""
    taker = Taker()
    for _ in keep_and_text(told.blocks, taker):
        pass
    spent = least(
        rounds,
        json=lambda: parse(told.blocks),
        keep=lambda: keep(told.blocks),
        text=lambda: keep_and_text(told.blocks),
        write=lambda: write(taker.batches, folder / "written"),
    )
    loop, thread = spent["text"] - spent["keep"], spent["write"]
    print(f"{told.messages} messages, {told.changes} order events, {told.bytes} bytes")
    for name, seconds in (
        ("json.loads", spent["json"]),
        ("decode and keep the books", spent["keep"]),
        ("recorder adds, event loop", loop),
        ("recorder adds, writer's thread", thread),
        ("recorder adds, both", loop + thread),
    ):
        per_event, ratio = seconds / told.changes * 1e6, seconds / spent["json"]
        print(f"  {name:32} {per_event:6.2f} us/event  {ratio:5.2f} x json.loads")
    path = folder / "sized"
    record(told.blocks, path)
    convert(path)
    for name, pattern in (
        ("raw", "raw/*"),
        ("CSV", "L3_ticks*"),
        ("Parquet", "parquet/channel=l3/**/*.parquet"),
    ):
        size = sum(file.stat().st_size for file in path.glob(pattern))
        print(f"  {name:32} {size / told.changes:6.1f} bytes/event")


def saturated(told: Stream, folder: Path) -> None:
    """Print how many events a second reach the disk when fed as fast as they decode."""
    before = time.monotonic()
    for _ in keep(told.blocks):
        pass
    alone = time.monotonic() - before
    before = time.monotonic()
    record(told.blocks, folder / "saturated")
    both = time.monotonic() - before
    print(f"  {'decode and keep, no recorder':32} {told.changes / alone:8.0f} events/s")
    print(f"  {'the same, all recorded on disk':32} {told.changes / both:8.0f} events/s")
