"""A day of the monitor in minutes: the same market, with a clock that goes with its messages.

    python -m tests.benchmarks.monitor --hours 8 --frames-per-s 0.5 --size 200x60

The simulated market runs in a process of its own and is read as fast as it comes; here every
message goes through the books, the store and the order flow, and frames of all panes are drawn
and painted, without a terminal to take them. Times are processor times of the loop's
thread, so other programs slow the run and change little of its figures. What is flat from hour
to hour does not grow with the day.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import BinaryIO

from kracked.book.keeper import BookKeeper
from kracked.gateway.channels import Topic
from kracked.protocol import encode, events
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.listings import listings
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.config import Settings, Trading
from kracked_tui.sources.base import Counters
from tests.patience import until
from tests.tui.conftest import settled
from tests.tui.frozen_account import AccountSource
from tests.tui.frozen_market import NOW, SYMBOL

DEPTH = 100
PARTS = 8
_HEAD = struct.Struct("<qI")
_STEP_NS = NS_PER_S // 20


def produce(out: BinaryIO, seed: int) -> None:
    """Write the time, the length and the bytes of each message, until the reader is gone."""
    [listing] = listings([SYMBOL])
    market = SimulatedMarket([listing], seed=seed).opened(NOW)
    publisher = MarketDataPublisher(listing, market.matcher(SYMBOL), market.histories[SYMBOL], NOW)
    topics = [Topic(channel, SYMBOL, DEPTH) for channel in ("book", "level3")]
    topics += [Topic("trade", SYMBOL), Topic("ticker", SYMBOL, "bbo"), Topic("ohlc", SYMBOL, 1)]
    first = encode.instruments(events.Instruments(NOW, (listing.instrument,), (), snapshot=True))
    _write(out, NOW, first)
    for topic in topics:
        publisher.watch(topic)
        _write(out, NOW, publisher.snapshot(topic, NOW))
    now = NOW
    while True:
        now += _STEP_NS
        for _, batch in market.advance(now):
            for _, text in publisher.apply(batch):
                _write(out, batch.time, text)
        _write(out, now, '{"channel":"heartbeat"}')


def _write(out: BinaryIO, now: int, text: str) -> None:
    data = text.encode()
    out.write(_HEAD.pack(now, len(data)) + data)


@contextmanager
def messages(seed: int) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Start the market in a process of its own; its memory is not the monitor's."""
    command = [sys.executable, "-m", "tests.benchmarks.monitor_day", "--produce", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout
    assert out is not None

    def read() -> Iterator[tuple[int, bytes]]:
        while head := out.read(_HEAD.size):
            now, length = _HEAD.unpack(head)
            yield now, out.read(length)

    try:
        yield read()
    finally:
        process.kill()
        process.wait()
        out.close()


class MarketSource(AccountSource):
    """The market as it is read, with an account whose orders rest elsewhere."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, trades=True, unknown=False)
        self.keeper = BookKeeper()
        for channel in ("book", "level3"):
            self.keeper.expect(SYMBOL, channel, DEPTH)
        self.books_held, self.orders_held = self.keeper.l2, self.keeper.l3

    def counters(self) -> Counters:
        stats = self.keeper.stats.values()
        return Counters(sum(one.verified for one in stats), 0)


class Part:
    """The figures of one part of the day."""

    def __init__(self) -> None:
        self.messages = 0
        self.message_s = 0.0
        self.frames: list[float] = []

    def row(self, name: str) -> str:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = pages * resource.getpagesize() / 1e6
        each_us = 1e6 * self.message_s / max(1, self.messages)
        frames = sorted(self.frames) or [0.0]
        mean, worst = sum(frames) / len(frames), frames[int(len(frames) * 0.99)]
        figures = (
            f"{self.messages:>10}{each_us:>12.1f}{len(self.frames):>9}{1e3 * mean:>10.2f}"
            f"{1e3 * median(frames):>10.2f}{1e3 * worst:>10.2f}{memory:>11.1f}"
        )
        return f"{name:<8}{figures}{len(gc.get_objects()):>10}"


HEADS = (
    f"{'hours':<8}{'messages':>10}{'us each':>12}{'frames':>9}{'mean ms':>10}{'p50 ms':>10}"
    f"{'p99 ms':>10}{'memory MB':>11}{'objects':>10}"
)


async def day(hours: float, frames_per_s: float, seed: int, size: tuple[int, int]) -> None:
    """Draw so many hours of the market; print the figures of each eighth, then the share."""
    with tempfile.TemporaryDirectory() as folder, messages(seed) as told:
        source = MarketSource(Path(folder))
        settings = Settings(trading=Trading())
        monitor = Monitor(source, settings, (SYMBOL,))
        _apply(monitor, source, events.Connected(NOW, "public", "ws://127.0.0.1/public/v2"))
        async with monitor.run_test(size=size) as pilot:
            for _ in range(6):
                _receive(monitor, source, *next(told))
            await until(lambda: monitor.view_model.trader and monitor.view_model.trader.open)
            await settled(monitor, pilot)
            print(f"panes in sight: {', '.join(one.id for one in monitor.trade.panels.in_sight())}")
            print(HEADS)
            whole = Part()
            for number in range(1, PARTS + 1):
                until_ns = NOW + int(hours * 3600 * NS_PER_S * number / PARTS)
                part = await _drawn(monitor, source, told, until_ns, int(NS_PER_S / frames_per_s))
                print(part.row(f"{hours * number / PARTS:g}"), flush=True)
                whole.messages += part.messages
                whole.message_s += part.message_s
                whole.frames += part.frames
    each = whole.message_s / whole.messages
    frame = sum(whole.frames) / len(whole.frames)
    share = 100 * (2000 * each + 20 * frame)
    print(f"2,000 messages and 20 frames a second would be {share:.1f} % of a core, sockets apart")


async def _drawn(
    monitor: Monitor,
    source: MarketSource,
    told: Iterator[tuple[int, bytes]],
    until_ns: int,
    every_ns: int,
) -> Part:
    part, screen, due = Part(), monitor.trade, source.time + every_ns
    clock = time.thread_time
    while source.time < until_ns:
        waiting: list[tuple[int, bytes]] = []
        for one in told:
            waiting.append(one)
            if one[0] >= due:
                break
        begun = clock()
        for now, raw in waiting:
            _receive(monitor, source, now, raw)
        part.message_s += clock() - begun
        part.messages += len(waiting)
        due += every_ns
        begun = clock()
        screen.frames += 1
        for _ in screen.frame():
            pass
        screen.paint()
        part.frames.append(clock() - begun)
        await asyncio.sleep(0)
    return part


def _receive(monitor: Monitor, source: MarketSource, now: int, raw: bytes) -> None:
    source.time = max(source.time, now)
    for event in source.keeper.receive(raw, now):
        monitor.store.apply(event)


def _apply(monitor: Monitor, source: MarketSource, event: events.Event) -> None:
    source.time = event.received
    monitor.store.apply(event)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--produce", type=int, metavar="SEED")
    produce(sys.stdout.buffer, parser.parse_args().produce)


if __name__ == "__main__":
    main()
