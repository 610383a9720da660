"""Reads exports back with the tools that they are for; each is used where it is installed.

    pip install hftbacktest lobster-reconstructor mbo-queue databento-dbn
    kracked export SESSION --to lobster --out out/lobster     (likewise the other formats)
    python tests/benchmarks/strangers.py out

It needs nothing of kracked, so that a Python of its own will do: `nautilus_trader` wants 3.12 or
later. The exit code is 1 when a tool finds something wrong.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np

DEPTH = 5
Result = tuple[int, int]
"""How many were right, of how many."""


def lobster(folder: Path) -> Result:
    """Rebuild the best levels from the messages; compare each with the book file's line."""
    from lobster_reconstructor.orderbook import Orderbook
    from lobster_reconstructor.orders import Order

    kinds = {1: "submit", 2: "cancel", 3: "delete", 4: "vis_exec", 5: "hid_exec"}
    [message], [state] = (
        list(folder.glob(f"*/*_{kind}_*.csv")) for kind in ("message", "orderbook")
    )
    book = Orderbook(nlevels=DEPTH, ticker="any", tick_size=0.1)
    right, count, filling = 0, 0, True
    [why] = folder.glob("*/*_why_*.csv")
    with message.open() as messages, state.open() as states, why.open() as reasons:
        for line, told, reason in zip(messages, states, reasons, strict=True):
            time, kind, *numbers = line.split(",")
            number, size, price, direction = map(int, numbers)
            side = "bid" if direction == 1 else "ask"
            book.process_order(Order(float(time), kinds[int(kind)], number, size, price, side))
            filling = filling and reason.strip() == "snapshot"
            if filling:
                continue
            row = list(map(int, told.split(",")))
            wanted = [(row[4 * k + at], row[4 * k + at + 1]) for at in (0, 2) for k in range(DEPTH)]
            count += 1
            right += wanted == _top(book)
    return right, count


def _top(book) -> list[tuple[int, int]]:
    found = []
    for side, sign, nothing in ((book.asks, 1, 9999999999), (book.bids, -1, -9999999999)):
        prices = sorted(side, key=lambda price: sign * price)[:DEPTH]
        rows = [(price, sum(one.size for one in side[price].values())) for price in prices]
        found += rows + [(nothing, 0)] * (DEPTH - len(rows))
    return found


def hftbacktest(folder: Path) -> Result:
    """Let hftbacktest check the order of events on both clocks, and run a level 3 backtest."""
    from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
    from hftbacktest.data.validation import validate_event_order

    [path] = folder.glob("*/*.npz")
    events = np.load(path)["data"]
    validate_event_order(events)
    asset = (
        BacktestAsset()
        .data([str(path)])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .l3_fifo_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(0.1)
        .lot_size(1e-8)
    )
    test = HashMapMarketDepthBacktest([asset])
    while test.elapse(1_000_000_000) == 0:
        pass
    depth = test.depth(0)
    best = (depth.best_bid, depth.best_ask)
    test.close()
    return (int(best == _best(events)), 1)


def _best(events: np.ndarray) -> tuple[float, float]:
    """The best prices after the last event, by the events alone."""
    prices: dict[int, tuple[int, float]] = {}
    for event in events[events["ev"] & (1 << 31) > 0]:
        kind, side = int(event["ev"]) & 0xFF, int(event["ev"]) >> 28 & 3
        if kind == 3:
            prices.clear()
        elif kind == 10:
            prices[int(event["order_id"])] = (side, float(event["px"]))
        elif kind == 11:
            del prices[int(event["order_id"])]
    bids, asks = ([px for side, px in prices.values() if side == one] for one in (2, 1))
    return max(bids), min(asks)


def tardis(folder: Path) -> Result:
    """Let hftbacktest convert the trades and the book, and count what became of them."""
    import gzip

    from hftbacktest.data.utils.tardis import convert

    files = [next(folder.glob(f"*/kraken_{kind}_*.gz")) for kind in ("trades", "incremental_book*")]
    trades, changes = (gzip.decompress(file.read_bytes()).splitlines()[1:] for file in files)
    events = convert([str(file) for file in files])
    events = events[events["ev"] & (1 << 31) > 0]
    made = int((events["ev"] & 0xFF == 2).sum()), int(((events["ev"] & 0xFF) % 3 == 1).sum())
    return sum(made), len(trades) + len(changes)


def databento(folder: Path) -> Result:
    """Decode the file with Databento's decoder, and count fills at the front of the queue."""
    import databento_dbn
    import zstandard

    [path] = folder.glob("*/*.dbn.zst")
    decoder = databento_dbn.DBNDecoder()
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
        decoder.write(plain.read())
    _, *records = decoder.decode()
    queues: dict[tuple[str, int], dict[int, int]] = {}
    right = count = 0
    for one in records:
        action, number = str(one.action), one.order_id
        queue = queues.setdefault((str(one.side), one.price), {})
        if action == "R":
            queues.clear()
        elif action in ("A", "M"):
            queue[number] = one.size
        elif action == "C":
            del queue[number]
        elif action == "F":
            count += 1
            right += next(iter(queue)) == number
    return right, count


def mbo_queue(folder: Path) -> Result:
    """Let mbo-queue run over the records; it counts what refers to no order."""
    import databento_dbn
    import mboq.fast
    import zstandard

    [path] = folder.glob("*/*.dbn.zst")
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
        content = plain.read()
    header = 8 + int.from_bytes(content[4:8], "little")
    records = np.frombuffer(content[header:], np.dtype(databento_dbn.MBOMsg._dtypes))
    columns = ("ts_event", "order_id", "price", "size", "flags", "action", "side")
    rows = {name: np.ascontiguousarray(records[name]) for name in columns}
    stats = mboq.fast.run(rows, 10**8)["stats"]
    wrong = sum(
        stats[name]
        for name in ("dup_add", "fill_unknown", "modify_unknown", "shadow_fifo_anomaly",
                     "unknown_cancel")
    )  # fmt: skip
    return stats["records"] - wrong, len(records)


def nautilus(folder: Path) -> Result:
    """Let nautilus run a backtest over its catalog; count what came, and the queues at the end.

    Each queue of its level 3 book is compared with one that is kept from the file's own rows.
    """
    import pyarrow.parquet as pq
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.enums import AccountType, BookType, OmsType
    from nautilus_trader.model.objects import Money
    from nautilus_trader.persistence.catalog.parquet import ParquetDataCatalog
    from nautilus_trader.trading.strategy import Strategy

    catalog = ParquetDataCatalog(str(folder))
    [pair] = catalog.instruments()

    class Counting(Strategy):
        deltas = trades = 0

        def on_start(self) -> None:
            self.subscribe_order_book_deltas(pair.id, BookType.L3_MBO)
            self.subscribe_trade_ticks(pair.id)

        def on_order_book_deltas(self, deltas) -> None:
            self.deltas += len(deltas.deltas)

        def on_trade_tick(self, _) -> None:
            self.trades += 1

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="ERROR")))
    engine.add_venue(
        venue=pair.id.venue,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(1_000_000, pair.quote_currency)],
        book_type=BookType.L3_MBO,
    )
    engine.add_instrument(pair)
    counting = Counting()
    engine.add_strategy(counting)
    engine.add_data(catalog.order_book_deltas())
    engine.add_data(catalog.trade_ticks())
    engine.run()
    files = [next(folder.glob(f"data/{kind}/*/*")) for kind in ("order_book_deltas", "trade_tick")]
    deltas, trades = (pq.ParquetFile(file).read().to_pylist() for file in files)
    book, queues = engine.cache.order_book(pair.id), _queues(deltas)
    right = 0
    for side, levels in ((1, book.bids()), (2, book.asks())):
        for level in levels:
            price = _sixteen_decimals(level.price)
            theirs = [(one.order_id, _sixteen_decimals(one.size)) for one in level.orders()]
            right += queues.get((side, price)) == theirs
    return counting.deltas + counting.trades + right, len(deltas) + len(trades) + len(queues)


def _queues(deltas: list[dict]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """The queues after the last delta: order and size, first to fill first."""
    queues: dict[tuple[int, int], dict[int, int]] = {}
    for delta in deltas:
        price, size = (int.from_bytes(delta[name], "little") for name in ("price", "size"))
        queue = queues.setdefault((delta["side"], price), {})
        if delta["action"] == 4:
            queues.clear()
        elif delta["action"] == 3:
            del queue[delta["order_id"]]
        else:
            queue[delta["order_id"]] = size
    return {key: list(queue.items()) for key, queue in queues.items() if queue}


def _sixteen_decimals(number: object) -> int:
    return int(Decimal(str(number)).scaleb(16))


CHECKS = {
    "lobster": ("lobster_reconstructor", lobster),
    "mbo-queue": ("mboq", mbo_queue),
    "hftbacktest": ("hftbacktest", hftbacktest),
    "tardis": ("hftbacktest", tardis),
    "databento-mbo": ("databento_dbn", databento),
    "nautilus": ("nautilus_trader", nautilus),
}


def main() -> int:
    folder, failed = Path(sys.argv[1]), 0
    for name, (package, check) in CHECKS.items():
        files = folder / ("databento-mbo" if name == "mbo-queue" else name)
        if find_spec(package) is None or not files.is_dir():
            print(f"{name}: not checked, {package} or {files} is missing")
            continue
        right, count = check(files)
        failed += right != count
        print(f"{name}: {right:,} of {count:,}")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
