"""DuckDB and polars, knowing nothing of us, read the files and agree with our loaders."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kracked.frames import load_orders
from kracked.record.convert import convert
from kracked.tables import ORDERS, Kind

duckdb = pytest.importorskip("duckdb", reason="a test tool")
polars = pytest.importorskip("polars", reason="a test tool")


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
        if kind is Kind.TIME:
            made[name] = (
                pd.to_datetime(values, format="ISO8601", utc=True).dt.as_unit("ns").astype("int64")
            )
        elif kind in (Kind.DECIMAL, Kind.COUNT):
            made[name] = pd.to_numeric(values).astype("float64")
        else:
            made[name] = values.astype("object").where(values.notna(), "").astype("str")
    return pd.DataFrame(made)


def _by_duckdb(reader: str) -> pd.DataFrame:
    # As text: its Python module has no time of day beyond microseconds.
    columns = ", ".join(
        f"CAST({column.name} AS VARCHAR) AS {column.name}" for column in ORDERS.columns
    )
    with duckdb.connect() as database:
        rows = database.execute(f"SELECT {columns} FROM {reader}").fetchall()
    return pd.DataFrame(rows, columns=[column.name for column in ORDERS.columns])


def _by_polars(frame: polars.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame.to_dict(as_series=False))


def test_duckdb_reads_the_csv_as_we_do(session: Path) -> None:
    # Its guess for times stops at microseconds, so they are told to be text.
    theirs = _by_duckdb(f"read_csv('{session}/L3_ticks.csv', all_varchar=true)")
    pd.testing.assert_frame_equal(_plain(theirs), _plain(load_orders(session)))


def test_polars_reads_the_csv_as_we_do(session: Path) -> None:
    theirs = _by_polars(polars.read_csv(session / "L3_ticks.csv"))
    pd.testing.assert_frame_equal(_plain(theirs), _plain(load_orders(session)))


def test_duckdb_reads_the_parquet_as_we_do(session: Path, parts: str) -> None:
    theirs = _by_duckdb(f"read_parquet('{parts}', hive_partitioning=false)")
    pd.testing.assert_frame_equal(_plain(theirs), _plain(load_orders(session)))


def test_polars_reads_the_parquet_as_we_do(session: Path, parts: str) -> None:
    theirs = polars.read_parquet(parts, hive_partitioning=False)
    times = [column.name for column in ORDERS.columns if column.kind is Kind.TIME]
    text = theirs.with_columns(polars.col(times).dt.to_string("%+"))
    pd.testing.assert_frame_equal(_plain(_by_polars(text)), _plain(load_orders(session)))


def test_duckdb_reads_the_raw_log(session: Path, stream: list[tuple[int, bytes]]) -> None:
    [log] = session.glob("raw/*.zst")
    with duckdb.connect() as database:
        query = f"SELECT seq FROM read_ndjson('{log}', columns={{seq: 'BIGINT', conn: 'VARCHAR'}})"
        found = database.execute(f"{query} WHERE conn = 'level3' ORDER BY seq").fetchall()
    assert [seq for (seq,) in found] == list(range(1, len(stream) + 1))
