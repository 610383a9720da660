"""Digests of a seeded recording: run it before and after a change, and compare.

    python -m tests.benchmarks.recording_bytes

A script of messages, on a clock of its own, goes through the real recorder: level 2 and
level 3, trades, tickers, candles, the account, a lost connection, a failed checksum, lost
frames, a clock that jumps, decimals that change, an hour that closes, a second recording
that joins. It is recorded as CSV, SQLite and Parquet. One SHA-256 a file is printed, of
compressed files and databases that of their content too, and one of what each reader
makes of the recording. Equal lines before and after say that no byte has changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from zlib import crc32

import msgspec
import pyarrow.parquet as pq
import zstandard

import kracked
from kracked import frames, recorder
from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError
from kracked.feed.clock import Clock
from kracked.feed.fanout import Fanout, Policy
from kracked.feed.tap import Tap
from kracked.protocol import events
from kracked.record.check import check
from kracked.record.replay import Player
from kracked.record.write.session import Format
from kracked.times import NS_PER_S, parse_ns, to_rfc3339
from kracked.verify import verify_lines
from tests.patience import until
from tests.record.seeded_market import Level3Market

BEGIN = parse_ns("2024-11-12T06:59:57.000000000Z")
STEP_NS = NS_PER_S // 20
STEPS = 240
SYMBOLS = ("BTC/USD", "ETH/USD")
CLOCK_COMPARISON = recorder.ClockComparison
NOT_CONTENT = ("session.lock",)
"""It holds the number of a process."""


class Level2Market:
    """A seeded level 2 book of ten levels a side, cut as the exchange cuts it."""

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol, self._random = symbol, random.Random(seed)
        self._bids = {630_000 - 3 * rank: self._qty() for rank in range(10)}
        self._asks = {630_001 + 3 * rank: self._qty() for rank in range(10)}

    def _qty(self) -> int:
        return self._random.randrange(1, 3 * 10**8)

    def snapshot(self, now: int) -> bytes:
        sides = (sorted(self._bids.items(), reverse=True), sorted(self._asks.items()))
        return self._message("snapshot", *sides, now)

    def update(self, now: int, *, wrong: bool = False) -> bytes:
        """One level that comes, goes or changes; more than ten are cut at the worst end."""
        side = self._random.choice((self._bids, self._asks))
        worst = min if side is self._bids else max
        price = self._random.choice(sorted(side))
        qty = self._qty()
        if self._random.random() < 0.3 and len(side) > 5:
            qty = 0
            del side[price]
        elif self._random.random() < 0.5:
            price += self._random.choice((-1, 1))
            if price in self._bids or price in self._asks or not self._is_free(side, price):
                return self.update(now, wrong=wrong)
            side[price] = qty
        else:
            side[price] = qty
        if len(side) > 10:
            del side[worst(side)]
        changed = [(price, qty)]
        sides = (changed, []) if side is self._bids else ([], changed)
        return self._message("update", *sides, now, wrong=wrong)

    def _is_free(self, side: dict[int, int], price: int) -> bool:
        return price < min(self._asks) if side is self._bids else price > max(self._bids)

    def _message(
        self,
        kind: str,
        bids: Iterable[tuple[int, int]],
        asks: Iterable[tuple[int, int]],
        now: int,
        *,
        wrong: bool = False,
    ) -> bytes:
        best = [*sorted(self._asks.items()), *sorted(self._bids.items(), reverse=True)]
        checksum = crc32("".join(f"{price}{qty}" for price, qty in best).encode()) ^ wrong
        texts = [
            ",".join(
                f'{{"price":{price // 10}.{price % 10},"qty":{qty // 10**8}.{qty % 10**8:08}}}'
                for price, qty in side
            )
            for side in (bids, asks)
        ]
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.symbol}",'
            f'"bids":[{texts[0]}],"asks":[{texts[1]}],"checksum":{checksum},'
            f'"timestamp":"{to_rfc3339(now)}"}}]}}'
        ).encode()


class ScriptedFeed:
    """What a recorder needs of a `FeedManager`, fed by a script; each sleep is one step of it."""

    def __init__(self, *, loses: bool) -> None:
        self.now = BEGIN
        self.loses = loses
        """Whether frames are lost, so that the recording ends with an error."""
        self.jump_ns = 0
        self.has_account = True
        self.clock = Clock(wall=lambda: self.now, steady=lambda: self.now, sleep=self._sleep)
        self.endpoints = SimpleNamespace(public="wss://p", level3="wss://l", private="wss://a")
        self.ended = asyncio.Event()
        self._keepers = {name: BookKeeper() for name in ("public", "level3", "private")}
        self._fanout = Fanout()
        self._taps: list[Tap] = []
        self._last: dict[type, events.Event] = {}
        self._script = script(self)
        self._left = 0

    @property
    def l2(self) -> dict:
        return self._keepers["public"].l2

    @property
    def l3(self) -> dict:
        return self._keepers["level3"].l3

    def tap(self) -> Tap:
        self._taps = [Tap(1 << 30, lambda _: None)]
        return self._taps[0]

    def consumer(self, policy: Policy) -> object:
        self._fanout.open()
        return self._fanout.consumer(policy, None)

    def lose(self, count: int) -> None:
        """Let the tap drop so many frames."""
        self._taps[0].dropped += count

    def current_state(self) -> list[events.Event]:
        return [msgspec.structs.replace(event, received=self.now) for event in self._last.values()]

    def open_gaps(self) -> list[events.Gap]:
        return [events.Gap(self.now, "ticker", SYMBOLS[:1], self.now - 5, self.now, "lost")]

    def stats(self) -> SimpleNamespace:
        public = SimpleNamespace(
            name="public", clock_offset_ns=-1_234_567, subscriptions=(), open=True, reason=""
        )
        return SimpleNamespace(connections=(public,))

    def hear(self, connection: str, *frames: bytes | str) -> None:
        """Let frames arrive on a connection."""
        for frame in frames:
            data = frame if isinstance(frame, bytes) else frame.encode()
            self.now += 1
            happened = self._keepers[connection].receive(data, self.now)
            for event in happened:
                if getattr(event, "snapshot", False) and type(event) is not events.Subscribed:
                    self._last[type(event)] = event
            for tap in self._taps:
                tap.put(connection, self.now, data)
            self._fanout.publish(happened)

    def tell(self, *happened: events.Event) -> None:
        """Publish events that no frame brought."""
        self._fanout.publish(list(happened))

    def play(self, steps: int) -> None:
        """Allow so many steps of the script until the feed ends."""
        self._left = steps
        self.ended.clear()
        self._step()

    def _step(self) -> None:
        next(self._script, None)
        self._left -= 1

    async def _sleep(self, _: float) -> None:
        self.now = (self.now // STEP_NS + 1) * STEP_NS
        if self._left > 0:
            self._step()
        else:
            self._fanout.close()
            self.ended.set()


def acknowledged(channel: str, symbol: str, **terms: object) -> str:
    result = {"channel": channel, "symbol": symbol, "snapshot": True, **terms}
    return json.dumps({"method": "subscribe", "success": True, "result": result})


def script(feed: ScriptedFeed) -> Iterator[None]:
    """The session, a step each time it is asked for."""
    rng = random.Random(5)
    levels = Level2Market("BTC/USD", 1)
    orders = [Level3Market(seed, symbol) for seed, symbol in enumerate(SYMBOLS, 2)]
    for name, url in (("public", "wss://p"), ("level3", "wss://l"), ("private", "wss://a")):
        feed.tell(events.Connected(feed.now, name, url))
        feed.hear(name, STATUS)
    feed.hear("public", INSTRUMENTS)
    feed.hear("public", acknowledged("book", "BTC/USD", depth=10), levels.snapshot(feed.now))
    feed.hear("public", acknowledged("ticker", "BTC/USD"), ticker(rng, "snapshot"))
    feed.hear("public", acknowledged("trade", "BTC/USD"), trades(rng, 0, "snapshot", 50))
    feed.hear("public", acknowledged("ohlc", "BTC/USD", interval=1), candles(rng, "snapshot"))
    for market in orders:
        feed.hear("level3", market.acknowledge(), market.snapshot())
    feed.hear("private", *ACCOUNT)
    yield
    for step in range(1, 10**6):
        feed.hear("public", *(levels.update(feed.now) for _ in range(3)), HEARTBEAT)
        if not 60 <= step < 70:
            feed.hear("level3", *(market.update() for market in orders for _ in range(2)))
        if step % 2:
            feed.hear("public", ticker(rng, "update"))
        if step % 4 == 0:
            feed.hear("public", candles(rng, "update"))
        if step % 5 == 0:
            feed.hear("public", trades(rng, 50 + step, "update", rng.randrange(1, 4)))
        if step % 20 == 0:
            feed.hear("private", execution(step // 20 + 1), balance(step // 20 + 1))
        trouble(feed, step, levels, orders)
        yield


def trouble(  # noqa: C901 - a list of cases
    feed: ScriptedFeed, step: int, levels: Level2Market, orders: list[Level3Market]
) -> None:
    """What befalls the recording at some of the steps."""
    match step:
        case 60:
            feed.tell(events.Reconnecting(feed.now, "level3", "wss://l", "reset", 1, 0.5))
        case 70:
            feed.tell(events.Reconnected(feed.now, "level3", "wss://l", 10 * STEP_NS))
            for market in orders:
                feed.hear("level3", market.acknowledge(), market.snapshot())
            since = feed.now - 10 * STEP_NS
            feed.tell(events.Gap(feed.now, "level3", SYMBOLS, since, feed.now, "reset"))
        case 90:
            feed.hear("public", levels.update(feed.now, wrong=True))
        case 95:
            feed.hear("public", levels.snapshot(feed.now))
        case 100:
            feed.tell(events.Stale(feed.now, "BTC/USD", "trade", 9 * NS_PER_S))
            feed.tell(events.Overflow(feed.now, 2))
        case 110 if feed.loses:
            feed.lose(5)
        case 130:
            feed.jump_ns = -3 * NS_PER_S
        case 140:
            feed.jump_ns = 0
        case 150:
            orders[1].refine()
            feed.hear("level3", orders[1].snapshot())
        case 160:
            feed.hear("public", REFUSED, "not json", '{"two":\n"lines"}', ODD_TICKER)


STATUS = json.dumps(
    {
        "channel": "status",
        "type": "update",
        "data": [{"system": "online", "version": "2", "api_version": "v2", "connection_id": 2**63}],
    }
)
HEARTBEAT = '{"channel":"heartbeat"}'
INSTRUMENTS = (
    '{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD","status":"enabled",'
    '"precision":4,"precision_display":2,"borrowable":true,"collateral_value":1.0,'
    '"margin_rate":0.02}],"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD",'
    '"status":"online","qty_precision":8,"qty_increment":1e-08,"price_precision":1,'
    '"cost_precision":5,"marginable":true,"has_index":true,"cost_min":0.5,"price_increment":0.1,'
    '"qty_min":0.00005}]}}'
)
REFUSED = (
    '{"method":"subscribe","success":false,"error":"Currency pair not supported X/Y",'
    '"symbol":"X/Y","token":"s3cret"}'
)
ODD_TICKER = (
    '{"channel":"ticker","type":"update","data":[{"symbol":"A,\\"B","bid":1.5,"bid_qty":0.1,'
    '"ask":2.5,"ask_qty":0.2,"last":1.7,"volume":3.1,"vwap":1.6,"low":1.1,"high":3.9,'
    '"change":0.1,"change_pct":0.5}]}'
)
ACCOUNT = (
    '{"channel":"executions","type":"snapshot","data":[{"order_id":"OAAAAA-BBBBB-CCCCCC",'
    '"exec_type":"pending_new","symbol":"BTC/USD","side":"buy","order_type":"limit",'
    '"order_qty":0.50000000,"limit_price":62000.1,"order_status":"new","fees":[],'
    '"timestamp":"2024-11-12T06:59:00.123456Z"}],"sequence":1}',
    '{"channel":"balances","type":"snapshot","data":[{"asset":"USD","asset_class":"currency",'
    '"balance":1000.2500,"wallets":[{"type":"spot","id":"main","balance":1000.2500}]}],'
    '"sequence":1}',
)


def ticker(rng: random.Random, kind: str) -> str:
    bid = 630_000 + rng.randrange(100)
    return (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"BTC/USD",'
        f'"bid":{bid / 10:.1f},"bid_qty":0.{rng.randrange(10**8):08},"ask":{bid / 10 + 1:.1f},'
        f'"ask_qty":1.{rng.randrange(10**8):08},"last":{bid / 10:.1f},"volume":2000.12345678,'
        f'"vwap":63005.{rng.randrange(10)},"low":62000.1,"high":64000.5,'
        f'"change":-{rng.randrange(500)}.3,"change_pct":-0.{rng.randrange(100):02},'
        f'"timestamp":"2024-11-12T06:59:58.{rng.randrange(10**6):06}Z"}}]}}'
    )


def trades(rng: random.Random, first: int, kind: str, count: int) -> str:
    rows = ",".join(
        f'{{"symbol":"BTC/USD","side":"{rng.choice(("buy", "sell"))}",'
        f'"price":63{rng.randrange(1000):03}.{rng.randrange(10)},'
        f'"qty":0.{rng.randrange(1, 10**8):08},"ord_type":"{rng.choice(("limit", "market"))}"'
        f',"trade_id":{4 * first + number},"timestamp":"2024-11-12T06:59:{(first + number) % 60:02}'
        f'.{rng.randrange(10**6):06}Z"}}'
        for number in range(count)
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def candles(rng: random.Random, kind: str) -> str:
    rows = ",".join(
        f'{{"symbol":"BTC/USD","open":63000.1,"high":63{rng.randrange(100, 999)}.2,"low":62999.9'
        f',"close":6310{rng.randrange(10)}.5,"trades":{rng.randrange(99)},'
        f'"volume":1.{rng.randrange(10**8):08},"vwap":63050.5,'
        f'"interval_begin":"2024-11-12T06:{minute}:00.000000000Z","interval":1,'
        f'"timestamp":"2024-11-12T06:{minute + 1}:00.000000Z"}}'
        for minute in ((56, 57, 58) if kind == "snapshot" else (58,))
    )
    return (
        f'{{"channel":"ohlc","type":"{kind}","timestamp":"2024-11-12T06:59:00.5Z","data":[{rows}]}}'
    )


def execution(sequence: int) -> str:
    return (
        '{"channel":"executions","type":"update","data":[{"order_id":"OAAAAA-BBBBB-CCCCCC",'
        f'"exec_id":"T{sequence}","exec_type":"trade","trade_id":{sequence},"symbol":"BTC/USD",'
        '"side":"buy","last_qty":0.01000000,"last_price":62000.1,"liquidity_ind":"m",'
        f'"cum_qty":0.0{sequence % 10}000000,"order_status":"partially_filled",'
        '"fees":[{"asset":"USD","qty":0.62000}],"reason":"say, \\"so\\"",'
        f'"timestamp":"2024-11-12T06:59:59.12345{sequence % 10}Z"}}],"sequence":{sequence}}}'
    )


def balance(sequence: int) -> str:
    return (
        '{"channel":"balances","type":"update","data":[{"ledger_id":"L1","ref_id":"T1",'
        '"timestamp":"2024-11-12T06:59:59.5Z","type":"trade","subtype":"spot-trade",'
        '"asset":"USD","asset_class":"currency","category":"trade","wallet_type":"spot",'
        f'"wallet_id":"main","amount":-62.0001,"fee":0.62,"balance":{1000 - sequence}.25}}],'
        f'"sequence":{sequence}}}'
    )


async def record(path: Path, form: Format, *, recordings: int = 1) -> None:
    """Record the script's steps into a folder; a second recording joins where the first ended."""
    feed = ScriptedFeed(loses=form is Format.CSV)
    recorder.ClockComparison = partial(CLOCK_COMPARISON, computer=lambda: feed.now + feed.jump_ns)
    for number in range(recordings):
        if number:
            feed.now += NS_PER_S
        with suppress(RecordError):  # of lost frames
            async with recorder.recording(feed, path, form=form):  # type: ignore[arg-type]
                feed.play(STEPS // (number + 1))
                await feed.ended.wait()
                # The writer compresses closed hours when it is idle.
                await until(lambda: not [*path.glob("*Z*.csv")])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """The name and the digest of each file, and of the content of what is packed."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name in NOT_CONTENT:
            continue
        name = str(path.relative_to(folder))
        yield name, digest(path.read_bytes())
        match path.suffix:
            case ".zst":
                with path.open("rb") as file:
                    reader = zstandard.ZstdDecompressor().stream_reader(
                        file, read_across_frames=True
                    )
                    yield f"{name} content", digest(reader.read())
            case ".sqlite":
                with closing(sqlite3.connect(path)) as database:
                    yield f"{name} content", digest("\n".join(database.iterdump()).encode())
            case ".parquet":
                table = pq.read_table(path, partitioning=None)
                fields = [(field.name, str(field.type), field.metadata) for field in table.schema]
                yield f"{name} content", digest(repr((fields, table.to_pydict())).encode())


def readings(folder: Path) -> Iterator[tuple[str, str]]:
    """What each reader makes of a recording."""
    loaders: dict[str, Callable[..., object]] = {
        name: partial(getattr(frames, name), folder)
        for name in frames.__all__
        if name.startswith("load_")
    }
    exact = {f"{name} exact": partial(load, exact=True) for name, load in loaders.items()}
    books = {
        "bars": partial(frames.bars, folder, every="1s"),
        "bars of 5": partial(frames.bars, folder, ticks=5, history=True),
        "queue_position": partial(frames.queue_position, folder, "BTC/USD", "O00042-60735-TESTED"),
    }
    for verify in (False, True):
        for symbol in SYMBOLS:
            name = f"{symbol} {verify=}"
            books[f"touch {name}"] = partial(frames.best_bid_offer, folder, symbol, verify=verify)
            books[f"samples {name}"] = partial(frames.sampled_books, folder, symbol, verify=verify)
    for name, load in (loaders | exact | books).items():
        frame = load()
        dtypes = "".join(f"{column}:{kind}" for column, kind in frame.dtypes.items())
        yield name, digest((dtypes + frame.to_csv()).encode())
    health = msgspec.json.decode(msgspec.json.encode(check(folder)))
    yield "check", digest(json.dumps(health | {"path": ""}, sort_keys=True).encode())
    recording = kracked.open_recording(folder)
    lines = [data for _, _, data in recording]
    report = msgspec.to_builtins(verify_lines("-", lines))
    for book in report["books"]:
        book["seconds"] = 0
    yield "verify", digest(repr(report).encode())
    gaps = [tuple(gap) for gap in recording.gaps()]
    yield "gaps", digest(repr(gaps).encode())
    player, played = Player(recording), hashlib.sha256()
    while (moment := player.step()) is not None:
        played.update(msgspec.json.encode(tuple(moment)))
    yield "replay", played.hexdigest()
    start, end = recording.span()
    found = hashlib.sha256()
    for at in islice(range(start, end, (end - start) // 40), 40):
        moment = player.seek(at)
        found.update(msgspec.json.encode(tuple(moment)))
    yield "seek", found.hexdigest()


def main() -> int:
    socket.gethostname = lambda: "host"
    with tempfile.TemporaryDirectory() as name:
        for form, recordings in ((Format.CSV, 2), (Format.SQLITE, 1), (Format.PARQUET, 1)):
            folder = Path(name) / form.value
            asyncio.run(record(folder, form, recordings=recordings))
            for part in (files, readings):
                for title, found in [*part(folder)]:
                    print(f"{found}  {form.value}: {title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
