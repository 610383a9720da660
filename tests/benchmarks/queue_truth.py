"""What the ledger says of every order, scored against the engine that made the messages.

    python -m tests.benchmarks.queue_truth --seeds 1 2 3 --depths 10 100 1000

The market runs in this process. Each depth's level 3 messages and the trades come over two
feeds of their own, each message up to `--delay-ms` late and in order within its feed;
`--outage-s` loses that much of level 3 a minute, then a snapshot follows. Columns:
precision and recall of the links from trades to orders, ends of orders that are right, levels
whose queue is right at every 500th message, what the ledger costs for an event, and its cost
beside that of decoding and keeping the verified book, and beside the least that any reader does:
to decode the messages and keep a dict of their orders.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.flow import Birth, Ledger, Life, Link, OrderFlow, PlaceKnown, State
from kracked.format.session_info import SessionInfo
from kracked.frames.order_lives import load_lifetimes
from kracked.gateway.channels import Topic
from kracked.instruments import Precision
from kracked.protocol.events import Event, Side
from kracked.record.write.session import record_into
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.matching import Matcher
from kracked.sim.listings import listings
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.realism import PLAIN, Realism
from kracked.sim.truth import TruthRow, truth_rows
from kracked.times import NS_PER_S, to_rfc3339
from tests.benchmarks.streams import START, plain_seconds

EVERY = 500
"""Messages between two looks at the queues."""
LEVEL3, TRADE = "level3", "trade"
CONNECTIONS = {b"trade": "public", b'book"': "public", b"execu": "private"}
"""The connection of a recorded message, by the first letters of its channel."""

Queues = tuple[tuple[tuple[int, tuple[str, ...]], ...], ...]
"""Each side's levels: price, ids in queue order."""


class Message(NamedTuple):
    """One message of one feed, and the engine's queues after it, if they are to be compared."""

    received: int
    raw: bytes
    queues: Queues | None = None


class Market:
    """One seed's messages of every depth, its trades, and the truth."""

    def __init__(
        self,
        symbol: str,
        seed: int,
        minutes: float,
        depths: list[int],
        habits: Realism = PLAIN,
        matcher: Matcher | None = None,
    ) -> None:
        [self.listing] = listings([symbol])
        self.symbol = symbol
        self.depths = depths
        self.truth: list[TruthRow] = []
        self.level3: dict[int, list[Message]] = {depth: [] for depth in depths}
        self.trades: list[Message] = []
        market = SimulatedMarket([self.listing], seed=seed, changing_owners=habits.changing_owners)
        if matcher is not None:  # one that looks on
            market._contexts[symbol].matcher = matcher
        market.opened(START)
        self.matcher = market.matcher(symbol)
        history = market.histories[symbol]
        publisher = MarketDataPublisher(self.listing, self.matcher, history, START, habits)
        for depth in depths:
            topic = Topic(LEVEL3, symbol, depth)
            publisher.watch(topic)
            self.level3[depth].append(Message(START, publisher.snapshot(topic, START).encode()))
        publisher.watch(Topic(TRADE, symbol))
        end = START + int(minutes * 60 * NS_PER_S)
        self.snapshots: dict[int, list[Message]] = {depth: [] for depth in depths}
        due = START
        seconds = range(START + NS_PER_S, end + NS_PER_S, NS_PER_S)
        for _, batch in (each for second in seconds for each in market.advance(second)):
            self.truth += truth_rows(symbol, batch)
            last: dict[int, int] = {}
            for topic, text in publisher.apply(batch):
                if topic.channel == TRADE:
                    self.trades.append(Message(batch.time, text.encode()))
                else:
                    messages = self.level3[topic.variety]
                    messages.append(Message(batch.time, text.encode()))
                    last[topic.variety] = len(messages)
            for depth, count in last.items():
                if count % EVERY < 2:
                    messages = self.level3[depth]
                    messages[-1] = messages[-1]._replace(queues=self.queues(depth))
            if batch.time >= due:  # a snapshot a minute, for outages
                due = batch.time + 60 * NS_PER_S
                for depth in depths:
                    text = publisher.snapshot(Topic(LEVEL3, symbol, depth), batch.time)
                    self.snapshots[depth].append(
                        Message(batch.time, text.encode(), self.queues(depth))
                    )
        self.end = end

    def queues(self, depth: int) -> Queues:
        found = []
        for side in Side:
            levels = []
            for rank in range(depth):
                level = self.matcher.level_at(side, rank)
                if level is None:
                    break
                ids = tuple(order.order_id for order in self.matcher.queue(side, level.price))
                levels.append((level.price, ids))
            found.append(tuple(levels))
        return tuple(found)

    def feed(self, depth: int, delay_ns: int, outage_ns: int, seed: int) -> list[Message]:
        """Both feeds as one stream in the order of arrival."""
        random = Random(f"{seed}/{depth}/delays")
        level3 = self.level3[depth]
        if outage_ns:
            level3 = self._with_outages(depth, outage_ns)
        streams = [_delayed(level3, delay_ns, random), _delayed(self.trades, delay_ns, random)]
        return sorted((m for stream in streams for m in stream), key=lambda m: m.received)

    def _with_outages(self, depth: int, outage_ns: int) -> list[Message]:
        snapshots = self.snapshots[depth][1:]
        kept: list[Message] = []
        holes = [(one.received - outage_ns, one.received) for one in snapshots]
        at = 0
        for message in self.level3[depth]:
            while at < len(holes) and message.received > holes[at][1]:
                kept.append(snapshots[at])
                at += 1
            if at < len(holes) and holes[at][0] < message.received <= holes[at][1]:
                continue
            kept.append(message)
        self.holes = holes
        return kept


def _delayed(messages: list[Message], delay_ns: int, random: Random) -> Iterator[Message]:
    latest = 0
    for message in messages:
        latest = max(latest + 1, message.received + int(random.random() * delay_ns))
        yield message._replace(received=latest)


class Score(NamedTuple):
    """What one run got right."""

    trades: int
    linked: int
    right: int
    in_holes: int
    orders: int
    wrong_ends: int
    wrong_fills: int
    left_view: int
    compared: int
    wrong_queues: int
    wrong_observed: int
    observed: float
    events: int
    spent: float
    book: float
    least: float


def decode(messages: list[Message], precision: Precision, symbol: str) -> list[list[Event]]:
    keeper = BookKeeper(precisions={symbol: precision})
    return [keeper.receive(message.raw, message.received) for message in messages]


def floor(market: Market, depth: int) -> tuple[float, int]:
    """CPU seconds of decoding and keeping the verified book, and the count of events."""
    keeper = BookKeeper(precisions={market.symbol: market.listing.instrument.precision})
    messages, events = market.level3[depth], 0
    gc.collect()
    started = process_time()
    for message in messages:
        keeper.receive(message.raw, message.received)
    spent = process_time() - started
    for message in messages[1:]:
        events += message.raw.count(b'"event"')
    [stats] = keeper.stats.values()
    if stats.mismatched:
        raise SystemExit(f"not a benchmark: {stats}")
    return spent, events


def run(market: Market, depth: int, delay_ns: int, outage_ns: int, seed: int) -> Score:
    messages = market.feed(depth, delay_ns, outage_ns, seed)
    precision = market.listing.instrument.precision
    decoded = decode(messages, precision, market.symbol)
    flow = OrderFlow(depth)
    gone: list[Life] = []
    ledger = flow.ledgers[market.symbol] = Ledger(market.symbol, depth, finished=gone.append)
    links: list[Link] = []
    spent = 0.0
    compared = wrong_queues = wrong_observed = 0
    known: list[PlaceKnown] = []
    gc.collect()
    gc.disable()
    started = process_time()
    for message, happened in zip(messages, decoded, strict=True):
        for event in happened:
            links += [one for one in flow.apply(event) if type(one) is Link]
        if message.queues is not None:
            spent += process_time() - started
            compared += 1
            wrong, observed = compare(ledger, message.queues)
            wrong_queues += wrong
            wrong_observed += observed
            known += [
                life.known
                for side in (ledger.bids, ledger.asks)
                for level in side.levels.values()
                for life in level.orders.values()
            ]
            started = process_time()
    live = {one.order_id for one in ledger.lives.known.values() if one.state is State.LIVE}
    links += [one for one in ledger.finish() if type(one) is Link]
    spent += process_time() - started
    gc.enable()
    base, events = floor(market, depth)
    holes = market.holes if outage_ns else []
    return Score(
        *score_links(market, links, holes),
        *score_ends(market, gone, live, bool(outage_ns)),
        compared,
        wrong_queues,
        wrong_observed,
        known.count(PlaceKnown.OBSERVED) / max(1, len(known)),
        events,
        spent,
        base,
        plain_seconds(message.raw for message in market.level3[depth]),
    )


def compare(ledger: Ledger, queues: Queues) -> tuple[bool, bool]:
    """Whether a queue differs from the engine's, and whether an `observed` place does."""
    ours = tuple(
        tuple(
            (side.levels[side.sign * key].price, tuple(side.levels[side.sign * key].orders))
            for key in reversed(side.keys)
        )
        for side in (ledger.bids, ledger.asks)
    )
    if ours == queues:
        return False, False
    theirs = {price: ids for side in queues for price, ids in side}
    observed = False
    for side in ours:
        for price, ids in side:
            if theirs.get(price, ()) != ids:
                observed = observed or any(
                    ledger.lives.known[one].known is PlaceKnown.OBSERVED
                    and theirs.get(price, ())[: at + 1] != ids[: at + 1]
                    for at, one in enumerate(ids)
                )
    return True, observed


def score_links(
    market: Market, links: list[Link], holes: list[tuple[int, int]]
) -> tuple[int, int, int, int]:
    truth = {row.trade_id: row for row in market.truth if row.what == "filled"}
    inside = sum(any(start < row.time <= end for start, end in holes) for row in truth.values())
    linked = right = 0
    for link in links:
        if link.order_id is not None:
            linked += 1
            row = truth.get(link.trade_id)
            right += row is not None and (row.order_id, row.qty) == (link.order_id, link.qty)
    return len(truth), linked, right, inside


def score_ends(
    market: Market, gone: list[Life], live: set[str], outages: bool
) -> tuple[int, int, int, int]:
    ends: dict[str, str] = {}
    trades: dict[str, list[int]] = {}
    for row in market.truth:
        if row.what == "ended":
            ends[row.order_id] = row.cause
        elif row.what == "filled":
            trades.setdefault(row.order_id, []).append(row.trade_id)
    allowed = {
        "filled": {State.FILLED},
        "cancelled": {State.CANCELLED, State.AWAY, State.TAKER},
        "expired": {State.CANCELLED, State.AWAY},
        "": {State.LIVE, State.AWAY, State.MOVING},
    }
    wrong = wrong_fills = left_view = 0
    for life in gone:
        state = State.LIVE if life.order_id in live else life.state
        right = allowed[ends.get(life.order_id, "")]
        wrong += state not in right and not (outages and state is State.UNKNOWN)
        left_view += state is State.AWAY
        whole = not life.holes and not (outages and life.birth is Birth.SNAPSHOT)
        if whole and state is not State.UNKNOWN and state is not State.TAKER:
            wrong_fills += list(life.trades) != trades.get(life.order_id, [])
    return len(gone), wrong, wrong_fills, left_view


def record(
    path: Path,
    market: Market,
    depth: int,
    feed: list[Message],
    acknowledged: Message | None = None,
) -> None:
    """Record both feeds into a folder."""
    keeper = BookKeeper(precisions={market.symbol: market.listing.instrument.precision})
    now = handed = START
    with record_into(path, SessionInfo(start=to_rfc3339(START)), clock=lambda: now) as session:
        for message in (acknowledged or acknowledgement(market.symbol, depth), *feed):
            now = message.received
            connection = CONNECTIONS.get(message.raw[12:17], LEVEL3)
            session.ingest.take_message(connection, now, message.raw)
            for event in keeper.receive(message.raw, now):
                session.ingest.take_event(event)
            if now - handed > NS_PER_S:
                session.hand_over([*keeper.l3.values(), *keeper.l2.values()], now)
                handed = now
        session.hand_over([*keeper.l3.values(), *keeper.l2.values()], now)


def acknowledgement(symbol: str, depth: int, channel: str = LEVEL3) -> Message:
    """The answer to the request for the books."""
    time = to_rfc3339(START)
    return Message(
        START - 1,
        (
            f'{{"method":"subscribe","result":{{"channel":"{channel}","depth":{depth},'
            f'"snapshot":true,"symbol":"{symbol}"}},"success":true,'
            f'"time_in":"{time}","time_out":"{time}"}}'
        ).encode(),
    )


def offline(market: Market, depth: int, delay_ns: int, seed: int) -> str:
    """Record the stream, and time the lives of its orders read back."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session"
        record(path, market, depth, market.feed(depth, delay_ns, 0, seed))
        gc.collect()
        started = process_time()
        frame = load_lifetimes(path)
        spent = process_time() - started
    events = sum(message.raw.count(b'"event"') for message in market.level3[depth][1:])
    ratio = spent / plain_seconds(message.raw for message in market.level3[depth])
    return (
        f"  lives from a recording: {len(frame)} orders, {events / spent:,.0f} events/s,"
        f" {ratio:.1f} of least"
    )


def line(seed: int, depth: int, one: Score, symbol: str) -> str:
    precision = one.right / one.linked if one.linked else 0.0
    recall = one.right / one.trades if one.trades else 0.0
    spent, each = one.spent, one.spent / one.events * 1e6
    return (
        f"{symbol:9} {seed:4} {depth:5} {one.events:8} {one.trades:6}"
        f"  {precision:.5f} {recall:.5f} (holes {one.in_holes / max(1, one.trades):.5f})"
        f"  {one.orders:7} {one.wrong_ends:5} {one.wrong_fills:5} {one.left_view / one.orders:6.1%}"
        f"  {one.compared:5} {one.wrong_queues:5} {one.wrong_observed:3} {one.observed:6.1%}"
        f"  {each:5.2f} us {spent / one.book:5.2f} {spent / one.least:5.2f}"
    )


HEAD = (
    "symbol    seed depth   events trades  precis. recall  (share in holes)"
    "   orders ends  fills   left   queues wrong obs observed  event, of book, of least"
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--delay-ms", type=float, default=250)
    parser.add_argument("--outage-s", type=float, default=0)
    parser.add_argument("--plain", action="store_true", help="none of the live habits")
    parser.add_argument("--offline", action="store_true", help="record, and load the lives too")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.json:
        print(HEAD)
    for seed in given.seeds:
        market = Market(
            given.symbol, seed, given.minutes, given.depths, PLAIN if given.plain else Realism()
        )
        for depth in given.depths:
            score = run(market, depth, int(given.delay_ms * 1e6), int(given.outage_s * 1e9), seed)
            if given.json:
                print(json.dumps({"seed": seed, "depth": depth, **score._asdict()}))
            else:
                print(line(seed, depth, score, given.symbol), flush=True)
            if given.offline:
                print(offline(market, depth, int(given.delay_ms * 1e6), seed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
