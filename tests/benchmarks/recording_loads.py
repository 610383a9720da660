"""What reading costs: typed frames, bars of trades, books replayed, a cluster, seeking.

    python -m tests.benchmarks.recording_loads [frames] [bars] [books] [cluster] [--rows 10000000]

Each figure stands beside a floor taken in turns with it in the same run: what pyarrow
alone takes to read the same file, what pandas takes for the same bars. Wall and CPU
seconds, best of three; with two threads CPU is more than wall. 10 million rows need
4 GB of memory and 2.5 GB of disk, and five minutes to make.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from kracked.format.tables import ORDERS, TRADES, ColumnKind
from kracked.frames import bars, imbalance, load_orders, microprice, ofi
from kracked.record.parquet import Part
from kracked.record.read.recording import open_recording
from kracked.record.replay import Player
from tests.benchmarks.order_replay import replays

SECTIONS = ("frames", "bars", "books", "cluster")
SYMBOLS = np.array(["BTC/USD", "DOGE/USD", "ETH/USD", "SOL/USD"])
START = 1_731_369_600 * 10**9
DAY_NS = 86_400 * 10**9
_AT_ONCE = 1_000_000
_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", dtype=np.uint8)
_ARROW = {
    ColumnKind.TIME: pa.timestamp("ns", "UTC"),
    ColumnKind.DECIMAL: pa.float64(),
    ColumnKind.LABEL: pa.dictionary(pa.int32(), pa.string()),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.COUNT: pa.int64(),
}


class Cost(NamedTuple):
    cpu_s: float
    wall_s: float


def costs(*works: Callable[[], object], runs: int = 3) -> list[Cost]:
    """Least CPU and least wall time of each, taken in turns."""
    spent: list[list[Cost]] = [[] for _ in works]
    for _ in range(runs):
        for work, mine in zip(works, spent, strict=True):
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            work()
            mine.append(Cost(time.process_time() - cpu_s, time.perf_counter() - wall_s))
    return [Cost(*(min(times) for times in zip(*mine, strict=True))) for mine in spent]


def _told(name: str, ours: Cost, floor: Cost, count: int, by: str) -> None:
    print(
        f"  {name:24} wall {ours.wall_s:6.2f} s  CPU {ours.cpu_s:6.2f} s"
        f"  {count / ours.cpu_s / 1e6:6.2f} M/s"
        f"   {by}: wall {floor.wall_s:6.2f} CPU {floor.cpu_s:6.2f},"
        f" ours/that {ours.cpu_s / floor.cpu_s:5.2f}",
        flush=True,
    )


def loads(folder: Path, *, rows: int) -> None:
    """Print what `rows` order events cost to become a typed frame."""
    csv, parquet = folder / "loads.csv", folder / "loads.parquet"
    _write_orders(csv, parquet, rows)
    _compare(csv, parquet, rows=rows)
    csv.unlink()
    parquet.unlink()


def _compare(csv: Path, parquet: Path, *, rows: int) -> None:
    print(f"{rows} order events: {csv.stat().st_size >> 20} MB CSV, "
          f"{parquet.stat().st_size >> 20} MB Parquet")  # fmt: skip
    for name, file, floor in (
        ("load Parquet", parquet, _arrow_parquet),
        ("load CSV", csv, _arrow_csv),
    ):
        ours, theirs = costs(lambda file=file: load_orders(file), lambda: floor(file))  # type: ignore[misc] # noqa: B023
        _told(name, ours, theirs, rows, "pyarrow alone")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  peak memory {peak:.2f} GB")


def _arrow_parquet(file: Path) -> Any:
    labels = [column.name for column in ORDERS.columns if column.kind is ColumnKind.LABEL]
    table = pq.read_table(file, partitioning=None, read_dictionary=labels)
    return table.to_pandas(split_blocks=True, self_destruct=True)


def _arrow_csv(file: Path) -> Any:
    types = {column.name: _ARROW[column.kind] for column in ORDERS.columns}
    options = pyarrow.csv.ConvertOptions(column_types=types, null_values=[""])
    table = pyarrow.csv.read_csv(file, convert_options=options)
    return table.to_pandas(split_blocks=True, self_destruct=True)


def _write_orders(csv: Path, parquet: Path, rows: int) -> None:
    """Made-up order events, as many digits and as various as real ones."""
    random, part = np.random.default_rng(1), Part(parquet, ORDERS)
    now, seq = START, 1
    with csv.open("w") as file:
        file.write(f"{ORDERS.header}\n")
        for begin in range(0, rows, _AT_ONCE):
            table, now, seq = orders(random, min(_AT_ONCE, rows - begin), now, seq)
            text = text_of(table)
            file.write(text)
            part.add([text])
    part.finish()


def orders(random: Any, count: int, now: int, seq: int) -> tuple[Any, int, int]:
    last = random.random(count) < 0.6
    last[-1] = True
    message = np.concatenate(([0], np.cumsum(last)[:-1]))
    said = now + np.cumsum(random.integers(1, 90_000, message[-1] + 1))
    received, sent = said[message], (said - 1_500_000)[message]
    event = sent - random.integers(0, 5 * 10**9, count) * (random.random(count) < 0.3)
    symbol = random.integers(0, len(SYMBOLS), len(said))[message]
    base = np.array([894_101, 40_010, 32_001, 1_800])[symbol]
    cells = {
        "side": random.choice(["b", "a"], count),
        "ts_event": _stamps(event),
        "ts_recv": _stamps(received),
        "price": _digits(base + random.integers(-200, 200, count), 1),
        "size": _digits(random.integers(1000, 10**10, count), 8),
        "action": random.choice(["A", "C"], count, p=[0.64, 0.36]),
        "order_id": pa.array(_ids(random, count)),
        "symbol": SYMBOLS[symbol],
        "seq": seq + message,
        "ts_msg": _stamps(sent),
        "flags": np.where(last, 128, 0),
        "checksum": pa.array(random.integers(0, 2**32, count), mask=~last),
    }
    return pa.table(cells), int(said[-1]), int(seq + message[-1] + 1)


def _ids(random: Any, count: int) -> Any:
    letters = _LETTERS[random.integers(0, 32, (count, 19), dtype=np.uint8)]
    letters[:, 0], letters[:, [6, 12]] = ord("O"), ord("-")
    return letters.view("S19").ravel().astype("U19")


def _digits(scaled: Any, decimals: int) -> Any:
    whole = pa.array(scaled).cast(pa.decimal128(19, 0))
    exact = pa.decimal128(19, decimals)
    return pa.Array.from_buffers(exact, len(whole), whole.buffers()).cast(pa.string())


def _stamps(times: Any) -> Any:
    return pc.strftime(pa.array(times).cast(pa.timestamp("ns")), format="%Y-%m-%dT%H:%M:%SZ")


def text_of(table: Any) -> str:
    out = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(table, out, options)
    return out.getvalue().to_pybytes().decode()


def aggregates(*, rows: int) -> None:
    """Print what bars of every rule, and features of a touch, cost over so many rows."""
    trades = _trades(rows, seed=1)
    print(f"{rows} trades of {len(SYMBOLS)} symbols in a day")
    for every in ("1min", "1s"):
        ours, theirs = costs(
            lambda every=every: bars(trades, every),  # type: ignore[misc]
            lambda every=every: _by_pandas(trades, every),  # type: ignore[misc]
        )
        _told(f"bars of {every}", ours, theirs, rows, "pandas groupby")
    [floor] = costs(lambda: _kernel(trades))
    for name, rule in (
        ("bars of 1min", {"every": "1min"}),
        ("bars of 1000 trades", {"ticks": 1000}),
        ("bars by volume", {"volume": 5000}),
        ("same, not carried", {"volume": 5000, "carry": False}),
        ("bars by value", {"dollars": 5e6}),
    ):
        [ours] = costs(lambda rule=rule: bars(trades, **rule))  # type: ignore[misc]
        _told(name, ours, floor, rows, "one symbol's minutes by reduceat")
    touch = _touch(rows)
    for name, feature in (("ofi", ofi), ("micro-price", microprice), ("imbalance", imbalance)):
        [ours] = costs(lambda feature=feature: feature(touch))  # type: ignore[misc]
        _told(name, ours, floor, rows, "the same")


def _trades(rows: int, *, seed: int, day: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    times = np.sort(random.integers(0, DAY_NS, rows)) + START + day * DAY_NS
    return pd.DataFrame(
        {
            "ts_event": pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC"),
            "symbol": pd.Categorical.from_codes(random.integers(0, 4, rows), pd.Index(SYMBOLS)),
            "price": 1000 + np.round(np.cumsum(random.normal(0, 0.1, rows)), 1),
            "qty": random.integers(1, 10**9, rows) / 1e8,
            "side": pd.Categorical.from_codes(random.integers(0, 2, rows), ["buy", "sell"]),
            "trade_id": np.arange(rows) + day * rows,
            "flags": 128,
        }
    )


def _touch(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(2)
    bid = 1000 + np.round(np.cumsum(random.normal(0, 0.1, rows)), 1)
    qty = random.integers(1, 10**9, (2, rows)) / 1e8
    times = pd.date_range(START, periods=rows, freq="ms", tz="UTC")
    columns = {"bid": bid, "bid_qty": qty[0], "ask": bid + 0.1, "ask_qty": qty[1]}
    return pd.DataFrame(columns, index=times)


def _by_pandas(trades: pd.DataFrame, every: str) -> object:
    frame = trades.assign(value=trades["price"] * trades["qty"])
    keys = [frame["symbol"], frame["ts_event"].dt.floor(every)]
    prices = {"open": ("price", "first"), "high": ("price", "max"), "low": ("price", "min")}
    sums = {"volume": ("qty", "sum"), "value": ("value", "sum"), "trades": ("qty", "size")}
    return frame.groupby(keys, observed=True).agg(**prices, close=("price", "last"), **sums)


def _kernel(trades: pd.DataFrame) -> object:
    """The least that minute bars can cost: as if all were one symbol's."""
    times = pd.DatetimeIndex(trades["ts_event"]).asi8 // (60 * 10**9)
    price, qty = trades["price"].to_numpy(), trades["qty"].to_numpy()
    starts = np.concatenate(([0], np.flatnonzero(times[1:] != times[:-1]) + 1))
    return (
        np.maximum.reduceat(price, starts),
        np.minimum.reduceat(price, starts),
        np.add.reduceat(qty, starts),
        np.add.reduceat(price * qty, starts),
    )


def cluster(folder: Path, *, rows: int, days: int = 8) -> None:
    """Print how much sooner two workers are done than one, by pool and by Dask."""
    files = [_partition(folder, rows // days, day) for day in range(days)]
    [alone] = costs(lambda: bars(files, "1min"), runs=2)
    print(f"{rows} trades in {days} files, minute bars: in this process {alone.wall_s:.2f} s")
    plain = bars(files, "1min")
    for name, pool in (("process pool", _pool), ("Dask", _dask)):
        walls = []
        for workers in (1, 2):
            with pool(workers) as executor:
                made = bars(files, "1min", executor=executor)
                pd.testing.assert_frame_equal(made, plain)
                [cost] = costs(lambda run=executor: bars(files, "1min", executor=run))  # type: ignore[misc]
                walls.append(cost.wall_s)
        print(f"  {name:14} 1 worker {walls[0]:.2f} s, 2 workers {walls[1]:.2f} s: "
              f"{walls[0] / walls[1]:.2f} times as fast", flush=True)  # fmt: skip


def _partition(folder: Path, rows: int, day: int) -> Path:
    """A day's trades as the converter writes them."""
    trades = _trades(rows, seed=day, day=day)
    plain = trades.astype({"symbol": "str", "side": "str"})
    plain["ts_recv"], plain["seq"], plain["ord_type"] = (
        plain["ts_event"],
        plain["trade_id"],
        "limit",
    )
    names = [column.name for column in TRADES.columns]
    path = folder / f"trades-{day:02}.parquet"
    pq.write_table(
        pa.Table.from_pandas(plain[names], preserve_index=False), path, compression="zstd"
    )
    return path


def _pool(workers: int) -> AbstractContextManager[Executor]:
    return ProcessPoolExecutor(workers, get_context("forkserver"))


def _dask(workers: int) -> AbstractContextManager[Executor]:
    from distributed import Client

    client = Client(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    return _Closing(client)


class _Closing(AbstractContextManager[Any]):
    """A client's executor, that takes the cluster along when it ends."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __enter__(self) -> Any:
        return self._client.get_executor(pure=False)

    def __exit__(self, *_: object) -> None:
        self._client.cluster.close()
        self._client.close()


def seeks(session: Path) -> None:
    """Print how long a search for an instant takes, and how fast a recording plays."""
    recording = open_recording(session)
    begin, end = recording.span()
    instants = [begin + (end - begin) * part // 20 for part in range(1, 20)]
    spent = sorted(costs(lambda at=at: recording.at(at), runs=1)[0].wall_s for at in instants)  # type: ignore[misc]
    print(f"  seek: median {spent[9] * 1e3:.1f} ms, worst {spent[-1] * 1e3:.1f} ms")
    player, messages = Player(recording), 0
    before = time.perf_counter()
    while player.step() is not None:
        messages += 1
    rows = (session / "L3_ticks.csv").read_bytes().count(b"\n")
    took_s = time.perf_counter() - before
    print(f"  replay: {messages / took_s:.0f} messages/s, {rows / took_s:.0f} events/s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", default=SECTIONS, metavar="section")
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if "frames" in options.sections:
            loads(Path(name), rows=options.rows)
        if "bars" in options.sections:
            aggregates(rows=options.rows)
        if "books" in options.sections:
            replays(Path(name), count=options.rows)
        if "cluster" in options.sections:
            cluster(Path(name), rows=options.rows)


if __name__ == "__main__":
    main()
