"""What recording and reading a recording cost: run it by hand, compare ratios.

    python -m tests.benchmarks.recording [cost] [lag] [loads] [seek] [--rows 2000000]

Two minutes in all. `recording_kills`, `recording_soak` and `recording_parquet` are
commands of their own.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.recording_cost import costs, paced, record, saturated, sizes
from tests.benchmarks.recording_lag import lag
from tests.benchmarks.recording_loads import aggregates, loads, seeks

SECTIONS = ("cost", "lag", "loads", "seek")
MESSAGES = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", default=SECTIONS, metavar="section")
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the frames loaded")
    parser.add_argument("--rounds", type=int, default=8, help="of the cost section")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = paced("level3", MESSAGES)
        record(told.blocks, folder / "session")
        if "cost" in options.sections:
            for channel in ("book", "ticker"):
                costs(paced(channel, MESSAGES), folder, rounds=options.rounds)
            costs(told, folder, rounds=options.rounds)
            sizes(told, folder)
            saturated(paced("level3", 5 * MESSAGES), folder, rounds=options.rounds)
        if "lag" in options.sections:
            lag(told, rounds=options.rounds)
        if "loads" in options.sections:
            loads(folder, rows=options.rows)
            aggregates(rows=options.rows)
        if "seek" in options.sections:
            seeks(folder / "session")


if __name__ == "__main__":
    main()
