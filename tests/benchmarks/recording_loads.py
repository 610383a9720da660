"""What reading costs: typed frames from CSV and Parquet, bars of trades, seeking, replay.

Each figure stands beside what pandas alone takes for the same in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from kracked.frames import bars, load_orders
from kracked.record.parquet import Part
from kracked.record.reader import open_recording
from kracked.record.replay import Player
from kracked.tables import ORDERS


def seconds(work: Callable[[], object], *, runs: int = 2) -> float:
    """Least wall time of several runs."""
    spent = []
    for _ in range(runs):
        before = time.perf_counter()
        work()
        spent.append(time.perf_counter() - before)
    return min(spent)


def _told(name: str, took_s: float, alone_s: float, count: int) -> None:
    print(
        f"  {name:32} {took_s:6.2f} s  {count / took_s / 1e6:6.2f} M/s"
        f"  pandas alone {alone_s:6.2f} s, {alone_s / took_s:5.1f} times as long"
    )


def loads(session: Path, folder: Path, *, rows: int) -> None:
    """Print how long `rows` order events take to become a typed frame."""
    header, *lines = (session / "L3_ticks.csv").read_text().splitlines(keepends=True)
    times = max(1, rows // len(lines))
    csv, parquet = folder / "L3_ticks.csv", folder / "L3_ticks.parquet"
    csv.write_text(header + "".join(lines) * times)
    part = Part(parquet, ORDERS)
    for _ in range(times):
        part.add(lines)
    part.finish()

    def by_pandas() -> None:
        frame = pd.read_csv(csv)
        for name in ("ts_event", "ts_recv", "ts_msg"):
            frame[name] = pd.to_datetime(frame[name], format="ISO8601", utc=True)

    count, alone = len(lines) * times, seconds(by_pandas, runs=1)
    print(f"{count} order events")
    _told("load CSV", seconds(lambda: load_orders(csv)), alone, count)
    alone = seconds(lambda: pd.read_parquet(parquet))
    _told("load Parquet", seconds(lambda: load_orders(parquet)), alone, count)


def aggregates(*, rows: int) -> None:
    """Print how long minute bars of so many trades take."""
    random = np.random.default_rng(1)
    times = np.sort(random.integers(0, 86_400 * 10**9, rows)) + 1_731_369_600 * 10**9
    trades = pd.DataFrame(
        {
            "ts_event": pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC"),
            "symbol": pd.Categorical.from_codes(
                random.integers(0, 4, rows), ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD"]
            ),
            "price": 1000 + np.round(np.cumsum(random.normal(0, 0.1, rows)), 1),
            "qty": random.integers(1, 10**9, rows) / 1e8,
            "side": pd.Categorical.from_codes(random.integers(0, 2, rows), ["buy", "sell"]),
            "trade_id": np.arange(rows),
            "flags": 128,
        }
    )

    def by_pandas() -> None:
        trades["value"] = trades["price"] * trades["qty"]
        grouped = trades.set_index("ts_event").groupby("symbol", observed=True)
        grouped.resample("1min").agg({"price": "ohlc", "qty": "sum", "value": "sum"})

    alone = seconds(by_pandas, runs=1)
    _told("minute bars of trades", seconds(lambda: bars(trades, "1min")), alone, rows)


def seeks(session: Path) -> None:
    """Print how long a search for an instant takes, and how fast a recording plays."""
    recording = open_recording(session)
    begin, end = recording.span()
    instants = [begin + (end - begin) * part // 20 for part in range(1, 20)]
    spent = sorted(seconds(lambda at=at: recording.at(at), runs=1) for at in instants)
    print(f"  seek: median {spent[9] * 1e3:.1f} ms, worst {spent[-1] * 1e3:.1f} ms")
    player, messages = Player(recording), 0
    before = time.perf_counter()
    while player.step() is not None:
        messages += 1
    rows = (session / "L3_ticks.csv").read_bytes().count(b"\n")
    took_s = time.perf_counter() - before
    print(f"  replay: {messages / took_s:.0f} messages/s, {rows / took_s:.0f} events/s")
