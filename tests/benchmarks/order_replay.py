"""What replaying a level 3 table costs: a section of `recording_loads`.

The table is what the recorder makes of the simulated exchange's messages, over and over
with new times and order ids, as Parquet. Beside each figure stand two floors taken in turns
with it: reading the same columns into integers, and a Python loop over them that does
nothing but add.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kracked.book.keeper import BookKeeper
from kracked.format.lazy_text import render
from kracked.format.session_info import SessionInfo, SymbolInfo
from kracked.format.tables import ORDERS
from kracked.frames import best_bid_offer, sampled_books
from kracked.frames.books import numba_engine, order_replay
from kracked.frames.books.numba_engine import Engine
from kracked.frames.books.order_rows import OrderRows, order_rows
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.record.parquet import Part
from kracked.record.write import rows
from tests.benchmarks.streams import START, stream

SYMBOL, PRECISION = "BTC/USD", Precision(1, 8)
MESSAGES, STEP_NS = 60_000, 800_000
RUNS = 3


def replays(folder: Path, *, count: int) -> None:
    """Print what the best bid and offer, and samples, of about so many rows cost."""
    engines: tuple[Engine, ...] = ("plain", "numba") if find_spec("numba") else ("plain",)
    for depth in (10, 1000):
        source, made = recorded(folder / f"depth-{depth}", depth, count)
        print(f"{made} order events of depth {depth}, Parquet")
        for engine in engines:
            _figures(source, engine, made)
    source, made = recorded(folder / "verified", 10, 1)
    spent = _least(lambda: best_bid_offer(source, SYMBOL, verify=True))
    print(f"  every checksum, depth 10: {made / spent / 1e6:.2f} M rows/s")


def _figures(source: Path, engine: Engine, count: int) -> None:
    with _timed(engine) as spent:
        best_bid_offer(source, SYMBOL, engine=engine)  # compiles
        kernel, whole_s, samples_s, read_s, loop_s = [], [], [], [], []
        for _ in range(RUNS):
            spent[0] = 0.0
            whole_s.append(_least(lambda: best_bid_offer(source, SYMBOL, engine=engine), runs=1))
            kernel.append(spent[0])
            samples_s.append(_least(lambda: sampled_books(source, SYMBOL, engine=engine), runs=1))
            read_s.append(_least(lambda: _read(source), runs=1))
            loop_s.append(_loop(_read(source)))
    read, loop = min(read_s), min(loop_s)
    for name, seconds in (
        ("kernel alone", kernel),
        ("bid and offer", whole_s),
        ("samples of 1 s", samples_s),
    ):
        best = min(seconds)
        print(
            f"  {engine:6} {name:15} CPU {best:6.2f} s {count / best / 1e6:6.2f} M rows/s"
            f"   of reading {best / read:5.2f}, of a bare loop {best / loop:5.2f}",
            flush=True,
        )


@contextmanager
def _timed(engine: Engine) -> Iterator[list[float]]:
    """CPU seconds in the kernel, while the block runs."""
    real, spent = numba_engine.kernel(engine, 0), [0.0]

    def advance(*given: Any) -> Any:
        before = time.process_time()
        told = real.advance(*given)
        spent[0] += time.process_time() - before
        return told

    made = real._replace(advance=advance)
    with patch.object(order_replay, "kernel", lambda _engine, _rows: made):
        yield spent


def _least(work: Callable[[], object], runs: int = RUNS) -> float:
    spent = []
    for _ in range(runs):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return min(spent)


def _read(source: Path) -> list[OrderRows]:
    return list(order_rows(source, SYMBOL))


def _loop(files: list[OrderRows]) -> float:
    """CPU seconds to go over the columns in Python."""
    before, total = time.process_time(), 0
    for file in files:
        columns = (file.key, file.qty, file.action)
        for key, qty, action in zip(*(column.tolist() for column in columns), strict=True):
            total += key + qty + action
    return time.process_time() - before


def recorded(folder: Path, depth: int, count: int) -> tuple[Path, int]:
    """A converted recording of at least so many rows, and how many it has."""
    pair = folder / "channel=l3" / "date=2026-09-21" / "pair=BTC-USD"
    pair.mkdir(parents=True)
    subject = SymbolInfo(price_precision=PRECISION.price, qty_precision=PRECISION.qty, level3=depth)
    info = SessionInfo(start="2026-09-21T14:13:20.000000000Z", symbols={SYMBOL: subject})
    (folder / "session.json").write_bytes(msgspec.json.encode(info))
    once, made = _once(folder / "once.parquet", depth), 0
    with pq.ParquetWriter(pair / "part-00.parquet", once.schema, compression="zstd") as file:
        for number in range(-(-count // len(once))):
            file.write_table(_again(once, number), row_group_size=100_000)
            made += len(once)
    return folder, made


def _once(path: Path, depth: int) -> Any:
    """A snapshot and the updates after it, as the recorder writes them."""
    snapshot, updates = stream("level3", depth, MESSAGES)
    keeper, texts = BookKeeper(depth=depth), list[str]()
    for seq, data in enumerate([snapshot, *updates]):
        for event in keeper.receive(data, START + seq * STEP_NS):
            if isinstance(event, events.L3Snapshot):
                texts.append(render([rows.orders_snapshot(event, seq)]))
            elif isinstance(event, events.L3Update):
                texts.append(rows.orders(event, seq))
    part = Part(path, ORDERS)
    part.add(texts)
    part.finish()
    return pq.read_table(path)


def _again(table: Any, number: int) -> Any:
    """The same, later, of other orders."""
    schema = table.schema
    for name, step in (("ts_recv", MESSAGES * STEP_NS + STEP_NS), ("seq", MESSAGES + 1)):
        moved = pc.add(table[name].cast(pa.int64()), number * step)
        table = table.set_column(table.schema.names.index(name), name, moved)
    ids = pc.replace_substring_regex(table["order_id"], "^.{5}", f"O{number:04}")
    later = table.set_column(table.schema.names.index("order_id"), "order_id", ids)
    return later.cast(schema)
