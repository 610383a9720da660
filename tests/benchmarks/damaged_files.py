"""Damaged and foreign tables by the thousand: what is not in a frame must be told.

    python -m tests.benchmarks.damaged_files [--files 1000] [--foreign 300] [--seed 1]

Every file is loaded by both readers, with pyarrow and without. A file is refused, or each of
its rows is in the frame or told as left out; both readers load the same frame and tell the
same. Prints the figures, and every file that breaks a rule; exit code 1 if one does.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import logging
import lzma
import random
import resource
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import zstandard

from kracked.errors import KrackedError
from kracked.format.tables import BOOK, CANDLES, ORDERS, TICKER, TRADES, ColumnKind, Table
from kracked.frames import load_book, load_ohlc, load_orders, load_ticker, load_trades, loaders

LOADERS: dict[str, tuple[Table, Callable[..., pd.DataFrame]]] = {
    "trades": (TRADES, load_trades),
    "orders": (ORDERS, load_orders),
    "book": (BOOK, load_book),
    "ticker": (TICKER, load_ticker),
    "ohlc": (CANDLES, lambda path: load_ohlc(path, every_change=True)),
}
PACKED = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
_MEMORY_MB = 500


class MadeFile(NamedTuple):
    """A file, and how many of its lines are rows for whoever reads it line by line."""

    path: Path
    kind: str
    how: str
    rows: int | None
    """None where a cut inside the packing leaves it open."""


class Outcome(NamedTuple):
    """What a loader made of a file."""

    frame: pd.DataFrame | None
    refused: str
    told_rows: int
    told: tuple[str, ...]


class _Told(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.records.append(record)


# --- sound tables --------------------------------------------------------------------


def _cell(column: str, kind: ColumnKind, at: int, seeded: random.Random) -> str:
    match kind:
        case ColumnKind.TIME:
            return f"2026-11-30T08:{at // 60 % 60:02}:{at % 60:02}.{seeded.randrange(10**9):09}Z"
        case ColumnKind.DECIMAL:
            return f"{seeded.randrange(1, 10**9) / 10**4:.4f}"
        case ColumnKind.COUNT:
            return str({"trade_id": at + 1, "seq": at + 1}.get(column, 128))
        case ColumnKind.TEXT:
            return f"O{at:05}-{seeded.randrange(10**5):05}-MADEUP"
        case ColumnKind.LABEL:
            words = {"symbol": ("BTC/USD", "ETH/USD"), "action": ("A", "C", "M")}
            return seeded.choice(words.get(column, ("b", "a")))


def _table(table: Table, count: int, seeded: random.Random) -> list[str]:
    rows = (
        ",".join(_cell(one.name, one.kind, at, seeded) for one in table.columns)
        for at in range(count)
    )
    return [table.header, *rows]


# --- damage --------------------------------------------------------------------------

_ODD = (
    "nan", "inf", "1_0", "0x1F", "1e400", "--", "9" * 30, "7.0", " 5 ", "+3", '"', '"x"', "é",
    "\x00", "\ufffd", "2024", "1764489600", "2026-02-30T00:00:00Z", "24:61", ".5", "5.",
)  # fmt: skip


def _odd_cells(lines: list[str], seeded: random.Random) -> None:
    for _ in range(seeded.randrange(1, 6)):
        at = seeded.randrange(1, len(lines))
        cells = lines[at].split(",")
        cells[seeded.randrange(len(cells))] = seeded.choice(_ODD)
        lines[at] = ",".join(cells)


def _ragged(lines: list[str], seeded: random.Random) -> None:
    for _ in range(seeded.randrange(1, 4)):
        at = seeded.randrange(1, len(lines))
        cells = lines[at].split(",")
        lines[at] = ",".join(cells[:-1] if seeded.random() < 0.5 else [*cells, "more"])


def _headers(lines: list[str], seeded: random.Random) -> None:
    for _ in range(seeded.randrange(1, 4)):
        lines.insert(seeded.randrange(1, len(lines) + 1), lines[0])


def _blanks(lines: list[str], seeded: random.Random) -> None:
    for _ in range(seeded.randrange(1, 4)):
        lines.insert(seeded.randrange(len(lines) + 1), "")


def _doubled(lines: list[str], seeded: random.Random) -> None:
    for _ in range(seeded.randrange(1, 4)):
        at = seeded.randrange(1, len(lines))
        lines.insert(at, lines[at])


def _no_ids(lines: list[str], seeded: random.Random) -> None:
    names = lines[0].split(",")
    if "trade_id" in names:
        at, value = names.index("trade_id"), seeded.choice(("", "7", "x9", "9" * 25))
        for row in range(1, len(lines)):
            cells = lines[row].split(",")
            cells[at : at + 1] = [value]
            lines[row] = ",".join(cells)


def _fewer(lines: list[str], seeded: random.Random) -> None:
    left = seeded.randrange(len(lines[0].split(",")))
    for at, line in enumerate(lines):
        cells = line.split(",")
        lines[at] = ",".join(cells[:left] + cells[left + 1 :])


def _nothing(lines: list[str], seeded: random.Random) -> None:
    del lines, seeded


DAMAGES: dict[str, Callable[[list[str], random.Random], None]] = {
    "sound": _nothing,
    "odd cells": _odd_cells,
    "ragged rows": _ragged,
    "headers again": _headers,
    "blank lines": _blanks,
    "rows twice": _doubled,
    "ids": _no_ids,
    "a column less": _fewer,
}
ENDS = ("whole", "whole", "cut", "bytes", "packing cut")


def damaged_files(folder: Path, count: int, seed: int) -> Iterator[MadeFile]:
    """Yield damaged tables, each made from its own seed."""
    for number in range(count):
        seeded = random.Random(f"{seed}:{number}")
        kind = seeded.choice([*LOADERS])
        lines = _table(LOADERS[kind][0], seeded.randrange(2, 200), seeded)
        how = [*seeded.sample([*DAMAGES], seeded.randrange(1, 3))]
        for name in how:
            DAMAGES[name](lines, seeded)
        end = seeded.choice(ENDS)
        data = ("\r\n" if seeded.random() < 0.1 else "\n").join([*lines, ""]).encode()
        if end == "cut":
            data = data[: seeded.randrange(len(data))]
        elif end == "bytes":
            spoilt = bytearray(data)
            for _ in range(seeded.randrange(1, 8)):
                spoilt[seeded.randrange(len(spoilt))] = seeded.choice(b'\x00\xff",\n\r;9.x')
            data = bytes(spoilt)
        suffix = seeded.choice([*PACKED])
        packed = bytes(PACKED[suffix](data))
        rows: int | None = _rows_in(data)
        if end == "packing cut":
            packed, rows = packed[: seeded.randrange(1, len(packed))], None if suffix else 0
            rows = rows if suffix else _rows_in(packed)
        path = folder / f"{number}.csv{suffix}"
        path.write_bytes(packed)
        yield MadeFile(path, kind, f"{', '.join(how)}, {end}", rows)


def _rows_in(data: bytes) -> int:
    """Return how many lines that are not blank follow the first such line; torn ones count."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return max(0, sum(bool(line.strip()) for line in lines) - 1)


# --- foreign tables ------------------------------------------------------------------


def _foreign_text(seeded: random.Random) -> tuple[str, str, list[str], int]:
    """Return a file name, the loader's name, lines, and how many are rows."""
    count = seeded.randrange(1, 60)
    epochs = [1_764_489_600 + at for at in range(count)]
    forms: dict[str, tuple[str, str, str, Callable[[int], str]]] = {
        "tardis": (
            "trades.csv", "trades",
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
            lambda at: f"kraken,BTC/USD,{at}000000,{at}000900,,buy,{at % 97 + 1}.5,0.5",
        ),
        "cryptofeed": (
            "feed.csv", "trades", "exchange,symbol,side,amount,price,id,type,timestamp",
            lambda at: f"KRAKEN,BTC-USD,sell,0.25,{at % 97 + 1}.5,{at},limit,{at}.125",
        ),
        "kraken trades": ("XBTUSD.csv", "trades", "", lambda at: f"{at},{at % 97 + 1}.5,0.5"),
        "kraken candles": (
            "XBTUSD_1.csv", "ohlc", "", lambda at: f"{at},1.0,2.0,0.5,1.5,{at % 7}.5,4",
        ),
        "tardis book": (
            "book.csv", "book",
            "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
            lambda at: f"kraken,BTC/USD,{at}000000,{at}000900,false,bid,1.0,2.0",
        ),
        "tardis quotes": (
            "quotes.csv", "ticker",
            "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
            lambda at: f"kraken,BTC/USD,{at}000000,{at}000900,1,2,1,1",
        ),
        "one name shared": ("x.csv", "trades", "price,colour", lambda at: f"{at}.0,red"),
        "semicolons": ("x.csv", "trades", TRADES.header.replace(",", ";"), lambda at: f"{at};1"),
        "json": ("x.csv", "trades", '{"channel":"trade"}', lambda at: f'{{"a":{at}}}'),
        "original": (
            "trades.csv", "trades", "ts_event,symbol,price,qty,side,ord_type,trade_id",
            lambda at: f"2024-11-12T06:00:{at % 60:02}.5Z,BTC/USD,1.0,0.5,buy,limit,{at}",
        ),
    }  # fmt: skip
    name, kind, header, row = forms[seeded.choice([*forms])]
    return name, kind, [*([header] if header else []), *map(row, epochs)], count


def foreign_files(folder: Path, count: int, seed: int) -> Iterator[MadeFile]:
    """Yield tables of other tools, and files that are no tables."""
    for number in range(count):
        seeded, place = random.Random(f"{seed}:foreign:{number}"), folder / f"foreign{number}"
        place.mkdir()
        name, kind, lines, rows = _foreign_text(seeded)
        path, text = place / name, "\n".join([*lines, ""])
        form = seeded.choice(("text", "text", "utf-16", "zip", "database", "view"))
        if form in ("database", "view") and kind == "trades":
            path = place / "kracked_outputs.db"
            _database(path, form, rows)
            yield MadeFile(path, kind, form, rows)
            continue
        data = text.encode("utf-16" if form == "utf-16" else "utf-8")
        path.write_bytes(b"PK\x03\x04" + data if form == "zip" else data)
        yield MadeFile(path, kind, f"{name} {form}", rows)


def _database(path: Path, form: str, rows: int) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        if form == "view":
            endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
            database.execute(f"CREATE VIEW trades AS {endless} SELECT x AS price, x AS qty FROM n")
            return
        columns = "ts_event text, symbol text, price numeric, qty numeric, side text, ord_type text"
        database.execute(f"CREATE TABLE trades ({columns}, trade_id numeric)")
        made = [
            (f"2024-11-12T06:00:{at % 60:02}Z", "BTC/USD", 1.5, 0.25, "buy", "limit", at)
            for at in range(rows)
        ]
        database.executemany("INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?, ?)", made)


# --- judging -------------------------------------------------------------------------


@contextmanager
def _listening() -> Iterator[_Told]:
    told, root = _Told(), logging.getLogger("kracked")
    root.addHandler(told)
    before, root.propagate = root.propagate, False
    try:
        yield told
    finally:
        root.removeHandler(told)
        root.propagate = before


def outcome(made: MadeFile, *, arrow: bool) -> Outcome:
    """Return what one reader makes of a file; raises whatever is no error of ours."""
    before, loaders.HAS_ARROW = loaders.HAS_ARROW, arrow
    try:
        with _listening() as told:
            try:
                frame, refused = LOADERS[made.kind][1](made.path), ""
            except KrackedError as error:
                frame, refused = None, str(error)
    finally:
        loaders.HAS_ARROW = before
    rows = sum(getattr(record, "rows_left_out", 0) for record in told.records)
    return Outcome(frame, refused, rows, tuple(record.getMessage() for record in told.records))


def broken_rule(made: MadeFile) -> str:
    """Return which rule a file breaks; empty for none."""
    found = []
    for arrow in (True, False):
        try:
            found.append(outcome(made, arrow=arrow))
        except Exception as error:
            return f"a raw {type(error).__name__} {'with' if arrow else 'without'} pyarrow: {error}"
    ours, theirs = found
    if (ours.frame is None) != (theirs.frame is None):
        return f"refused by one reader: {ours.refused or theirs.refused}"
    if ours.frame is None or theirs.frame is None:
        return ""
    try:
        pd.testing.assert_frame_equal(
            _plain(ours.frame), _plain(theirs.frame), check_dtype=False, check_exact=True
        )
    except AssertionError as error:
        return f"the readers differ: {str(error)[:300]}"
    if ours.told != theirs.told:
        return f"the readers tell other things: {ours.told} and {theirs.told}"
    if made.rows is not None and len(ours.frame) + ours.told_rows != made.rows:
        return f"{made.rows} rows, {len(ours.frame)} loaded, {ours.told_rows} told: {ours.told}"
    if made.rows is None and not ours.told:
        return "a cut that is not told"
    return ""


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with labels as plain values."""
    kinds: dict[Any, Any] = {
        name: "object" for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }
    return frame.astype(kinds)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--foreign", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    counts, broken = Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, files in (
            ("damaged", damaged_files(folder, given.files, given.seed)),
            ("foreign", foreign_files(folder, given.foreign, given.seed)),
        ):
            for made in files:
                counts[what] += 1
                if rule := broken_rule(made):
                    broken.append(f"{made.path.name} ({made.kind}: {made.how}): {rule}")
                one = outcome(made, arrow=True) if not rule else None
                if one is not None:
                    counts["refused" if one.frame is None else "loaded"] += 1
                    counts["rows loaded"] += 0 if one.frame is None else len(one.frame)
                    counts["rows told"] += one.told_rows
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    for line in broken[:20]:
        print(line)
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    print(f"rules broken {len(broken)}; peak memory {memory} MB (below {_MEMORY_MB})")
    return 1 if broken or memory >= _MEMORY_MB else 0


if __name__ == "__main__":
    raise SystemExit(main())
