"""Rows a second of `kracked export`, a format at a time.

    python -m tests.benchmarks.export_speed --minutes 15 --depth 100

Makes a recording of a seeded market, then measures the CPU time of its normal form (reading the
tables, the ledger, the rows) and that of each writer for the same rows. `of floor` is that cost
beside the least that a reader of the same messages does: decode them and keep a dict of orders.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from pathlib import Path
from time import process_time

from kracked.errors import RecordError
from kracked.export import NormalForm, NormalRow
from kracked.export.export import WRITERS
from kracked.export.recorded_rows import recorded_rows
from kracked.export.writing import Target
from kracked.sim.realism import Realism
from tests.benchmarks.queue_truth import Market, record
from tests.benchmarks.streams import plain_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--depth", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    market = Market(given.symbol, given.seed, given.minutes, [given.depth], Realism())
    with tempfile.TemporaryDirectory() as folder:
        session = Path(folder) / "session"
        record(session, market, given.depth, market.feed(given.depth, 250_000_000, 0, given.seed))
        least = plain_seconds(message.raw for message in market.level3[given.depth])
        gc.collect()
        started = process_time()
        found = recorded_rows(session, given.symbol, NormalForm(), exact=False)
        rows = [row for _, some in found for row in some]
        base = process_time() - started
        rate = len(rows) / base
        print(f"normal form: {len(rows):,} rows, {rate:,.0f} rows/s, {base / least:.1f} of floor")
        for form in WRITERS:
            written(form, Path(folder), market, rows, base, least)


def written(
    form: str, folder: Path, market: Market, rows: list[NormalRow], base: float, least: float
) -> None:
    """Write the rows in a format, and print how fast it went."""
    target = folder / form
    target.mkdir()
    precision = market.listing.instrument.precision
    gc.collect()
    started = process_time()
    try:
        writer = WRITERS[form](Target(target, market.symbol, precision))
        writer.write(rows)
        writer.finish()
    except RecordError as error:
        print(f"{form}: {error}")
        return
    spent = process_time() - started
    alone, all_of_it = len(rows) / spent, len(rows) / (spent + base)
    ratio = (spent + base) / least
    print(
        f"{form}: {alone:,.0f} rows/s, with the normal form {all_of_it:,.0f}, {ratio:.1f} of floor"
    )


if __name__ == "__main__":
    main()
