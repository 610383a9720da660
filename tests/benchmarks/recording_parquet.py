"""What a whole session's Parquet costs to load, beside polars reading the same files.

    python -m tests.benchmarks.recording_parquet [--rows 5000000]

Five files of each of four symbols, as the converter parts them. `load_orders` returns their rows
in order of arrival, so polars is measured without and with that order, and as a pandas frame.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import numpy as np
import polars
import pyarrow as pa
import pyarrow.compute as pc

from kracked.format.tables import ORDERS
from kracked.frames import load_orders
from kracked.record.parquet import Part
from tests.benchmarks.recording_loads import START, SYMBOLS, costs, orders, text_of

_FILES = 5


def session(folder: Path, rows: int) -> None:
    """Write so many made-up order events as a session that was converted."""
    folder.mkdir()
    (folder / "session.json").write_text('{"start":"2024-11-12T00:00:00.000000000Z"}')
    random, now, seq = np.random.default_rng(1), START, 1
    for number in range(_FILES):
        table, now, seq = orders(random, rows // _FILES, now, seq)
        for symbol in SYMBOLS:
            pair = f"pair={symbol.replace('/', '-')}"
            path = folder / f"parquet/channel=l3/date=2024-11-12/{pair}/part-{number:02}.parquet"
            part = Part(path, ORDERS)
            part.add([text_of(table.filter(pc.equal(table["symbol"], pa.scalar(symbol))))])
            part.finish()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "session"
        session(folder, options.rows)
        load_orders(folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        files = sorted(folder.glob("parquet/**/*.parquet"))

        def read() -> polars.DataFrame:
            return polars.read_parquet(files, hive_partitioning=False)

        def in_order() -> polars.DataFrame:
            return read().sort("seq", maintain_order=True)

        ours, *theirs = costs(
            lambda: load_orders(folder), read, in_order, lambda: in_order().to_pandas(), runs=5
        )
    print(f"{options.rows} order events: CPU {ours.cpu_s:.2f} s, wall {ours.wall_s:.2f} s, "
          f"peak memory {peak:.2f} GB")  # fmt: skip
    names = ("polars", "polars, in order", "polars, in order, to pandas")
    for name, cost in zip(names, theirs, strict=True):
        print(f"  ours / {name:28} CPU {ours.cpu_s / cost.cpu_s:5.2f}"
              f"  wall {ours.wall_s / cost.wall_s:5.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
