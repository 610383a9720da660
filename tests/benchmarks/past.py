"""The cost of the always-on buffer: `python -m tests.benchmarks.past [--depth 1000]`.

A simulated market is received, kept, and looked at again at random positions. Times are
processor time: on a busy machine the clock would measure the others.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from random import Random
from statistics import median
from time import process_time

from kracked.book.keeper import BookKeeper
from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.protocol.requests import Subscribe, encode
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S, parse_ns
from kracked_tui.past.recording import BufferRecording
from kracked_tui.past.ring import Bound, MessageRing
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.state.store import Store

SYMBOL = "BTC/USD"
OPENED = parse_ns("2026-11-22T14:00:00Z")
POSITIONS = 200
BATCH = 8
"""Messages taken at once, as the monitor takes them."""


def received(depth: int, seconds: int) -> list[tuple[int, bytes]]:
    """Return the messages of a market with both books at a depth."""
    accounts, key = ApiKeys(), ApiKey(*new_key())
    accounts.add(key)
    market = SimulatedMarket(listings.listings((SYMBOL,)), seed=5).opened(OPENED)
    exchange, now = Exchange(market, accounts, OPENED), OPENED
    arrived: list[tuple[int, bytes]] = []

    def hear(data: bytes) -> None:
        """Note a message; two of one instant keep their order."""
        arrived.append((max(now, arrived[-1][0] + 1 if arrived else 0), data))

    public = exchange.connect(Socket.PUBLIC, hear, now)
    level3 = exchange.connect(Socket.LEVEL3, hear, now)
    token, symbol = accounts.issue(key, now), (SYMBOL,)
    for number, request in enumerate(
        (
            Subscribe(channel="instrument"),
            Subscribe(channel="trade", symbol=symbol),
            Subscribe(channel="ticker", symbol=symbol),
            Subscribe(channel="book", symbol=symbol, depth=depth),
        ),
        1,
    ):
        public.receive(encode(request, number), now)
    subscribe = Subscribe(channel="level3", symbol=symbol, depth=depth, token=token)
    level3.receive(encode(subscribe, 1), now)
    while now < OPENED + seconds * NS_PER_S:
        now += NS_PER_S // 10
        exchange.advance(now)
    return arrived


def timed(work: Callable[[], object]) -> float:
    """Return the processor time of some work, ms."""
    begun = process_time()
    work()
    return (process_time() - begun) * 1e3


def told(name: str, times: list[float]) -> str:
    """Say the median and the 99th percentile."""
    times = sorted(times)
    worst = times[min(len(times) - 1, len(times) * 99 // 100)]
    return f"{name:<34} median {median(times):6.2f} ms   p99 {worst:6.2f} ms"


def keep(messages: list[tuple[int, bytes]], ring: MessageRing) -> tuple[float, list[float]]:
    """Keep messages. Returns the time of all of it besides keyframes, ms, and that of each."""
    keeper, taking, keyframes = BookKeeper(), 0.0, list[float]()
    ring.begin((), (), messages[0][0] - 1)
    for begin in range(0, len(messages), BATCH):
        batch = messages[begin : begin + BATCH]
        happened = [event for at, data in batch for event in keeper.receive(data, at)]
        raw = [("public", at, data) for at, data in batch]
        taking += timed(lambda raw=raw, told=happened: ring.take(raw, told))  # type: ignore[misc]
        books, now = [*keeper.l2.values(), *keeper.l3.values()], batch[-1][0]
        if ring.needs_segment(books, now):
            begin_segment = lambda all_=books, at=now: ring.begin_segment(all_, at)  # noqa: E731
            keyframes.append(timed(begin_segment))  # type: ignore[arg-type]
    return taking, keyframes


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--depth", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=120)
    options = parser.parse_args()
    messages = received(options.depth, options.seconds)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    base = Store("REPLAY")
    ring = MessageRing(Bound(900 * NS_PER_S, 64_000_000), base.apply)
    taking, keyframes = keep(messages, ring)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    recording, random = BufferRecording(ring, base), Random(1)
    seeks, backs, states = list[float](), list[float](), list[float]()
    for _ in range(POSITIONS):
        at = random.choice(messages)[0]
        seeks.append(timed(lambda at=at: recording.player_at(at)))  # type: ignore[misc]
        seq = recording.player_at(at).seq
        states.append(timed(lambda: recording.state_at(MessagePlace(seq, at))))  # noqa: B023
        backs.append(timed(lambda: step_back(recording, seq)))  # noqa: B023
    raw = sum(len(data) for _, data in messages)
    print(f"{len(messages)} messages of {raw / len(messages):.0f} bytes, depth {options.depth}")
    print(f"bytes a message in the buffer      {ring.size / len(messages):6.1f}")
    print(f"peak memory grown by               {grown / 1024:6.1f} MB, {ring.size / 1e6:.1f} kept")
    print(f"kept in                            {taking * 1e3 / len(messages):6.2f} us a message")
    print(told("a keyframe of every book", keyframes))
    print(told("any position: its books", seeks))
    print(told("one order event back: its books", backs))
    print(told("the state besides the books", states))


def step_back(recording: BufferRecording, seq: int) -> None:
    """Rebuild the books before the last order event."""
    place = recording.last_update(seq, SYMBOL, "level3")
    if place is not None:
        recording.player_before(place)


if __name__ == "__main__":
    main()
