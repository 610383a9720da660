"""DuckDB and polars, knowing nothing of us, read the files and agree with our loaders."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from kracked.format.tables import ORDERS, ColumnKind
from kracked.frames import load_orders
from kracked.record.convert import convert
from tests.patience import PATIENCE_S

polars = pytest.importorskip("polars", reason="a test tool")
needs_duckdb = pytest.mark.skipif(find_spec("duckdb") is None, reason="a test tool")

_ASK = """
import duckdb, json, sys
with duckdb.connect() as database:
    print(json.dumps(database.execute(sys.argv[1]).fetchall()))
"""


@pytest.fixture(scope="module")
def parts(session: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The recording as Parquet: a pattern of its files."""
    out = tmp_path_factory.mktemp("parquet")
    convert(session, out)
    return f"{out}/channel=l3/*/*/*.parquet"


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The same values in the plainest types, whatever the reader chose."""
    made = {}
    for name, kind in ORDERS.columns:
        values = frame[name]
        if kind is ColumnKind.TIME:
            made[name] = (
                pd.to_datetime(values, format="ISO8601", utc=True).dt.as_unit("ns").astype("int64")
            )
        elif kind in (ColumnKind.DECIMAL, ColumnKind.COUNT):
            made[name] = pd.to_numeric(values).astype("float64")
        else:
            made[name] = values.astype("object").where(values.notna(), "").astype("str")
    return pd.DataFrame(made)


def _duckdb(query: str) -> list[list[object]]:
    """What DuckDB answers, in a process of its own: its binding chatters when Python ends."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, query],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[list[object]] = json.loads(done.stdout)
    return rows


def _by_duckdb(reader: str) -> pd.DataFrame:
    # As text: its Python module has no time of day beyond microseconds.
    names = [column.name for column in ORDERS.columns]
    columns = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in names)
    return pd.DataFrame(_duckdb(f"SELECT {columns} FROM {reader}"), columns=names)


def _by_polars(frame: polars.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame.to_dict(as_series=False))


@needs_duckdb
def test_duckdb_reads_the_csv_as_we_do(session: Path) -> None:
    # Its guess for times stops at microseconds, so they are told to be text.
    theirs = _by_duckdb(f"read_csv('{session}/L3_ticks.csv', all_varchar=true)")
    pd.testing.assert_frame_equal(_plain(theirs), _plain(load_orders(session)))


def test_polars_reads_the_csv_as_we_do(session: Path) -> None:
    theirs = _by_polars(polars.read_csv(session / "L3_ticks.csv"))
    pd.testing.assert_frame_equal(_plain(theirs), _plain(load_orders(session)))


@needs_duckdb
def test_duckdb_reads_the_parquet_as_we_do(session: Path, parts: str) -> None:
    theirs = _by_duckdb(f"read_parquet('{parts}', hive_partitioning=false)")
    pd.testing.assert_frame_equal(_plain(theirs), _plain(load_orders(session)))


def test_polars_reads_the_parquet_as_we_do(session: Path, parts: str) -> None:
    theirs = polars.read_parquet(parts, hive_partitioning=False)
    times = [column.name for column in ORDERS.columns if column.kind is ColumnKind.TIME]
    text = theirs.with_columns(polars.col(times).dt.to_string("%+"))
    pd.testing.assert_frame_equal(_plain(_by_polars(text)), _plain(load_orders(session)))


@needs_duckdb
def test_duckdb_reads_the_raw_log(session: Path, stream: list[tuple[int, bytes]]) -> None:
    [log] = session.glob("raw/*.zst")
    query = f"SELECT seq FROM read_ndjson('{log}', columns={{seq: 'BIGINT', conn: 'VARCHAR'}})"
    found = _duckdb(f"{query} WHERE conn = 'level3' ORDER BY seq")
    assert found == [[seq] for seq in range(1, len(stream) + 1)]
