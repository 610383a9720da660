"""Databento MBO: what is refused without its package, and with it the records read back."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zstandard

from kracked.export import Action, NormalRow, Why, export
from kracked.export.databento import NO_PRICE, RECORD, DatabentoMissing, DatabentoWriter
from kracked.export.writing import DoesNotFit, Target, Written
from kracked.instruments import Precision
from kracked.protocol.events import Side

HEADER = b"header"


@pytest.fixture
def dbn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the package: a header of six bytes before the records."""
    enum = SimpleNamespace(RAW_SYMBOL=0, INSTRUMENT_ID=0, MBO=0)
    package = SimpleNamespace(Metadata=lambda **_: HEADER, SType=enum, Schema=enum)
    monkeypatch.setitem(sys.modules, "databento_dbn", package)


def row(action: str, qty: int, order: int = 1, why: str = "new", flags: int = 128) -> NormalRow:
    price = 0 if action == "R" else 1000
    return NormalRow(10, 20, Action(action), Side.BID, price, qty, order, flags, Why(why), 0)


def written(tmp_path: Path, *rows: NormalRow, size_decimals: int | None = None) -> Written:
    writer = DatabentoWriter(Target(tmp_path, "BTC/USD", Precision(1, 8), size_decimals))
    try:
        writer.write(rows)
        return writer.finish()
    finally:
        writer.close()


def records(made: Written) -> np.ndarray:
    with zstandard.open(made.files[0]) as file:
        content = file.read()
    assert content.startswith(HEADER)
    return np.frombuffer(content[len(HEADER) :], RECORD)


def test_without_its_package_the_export_is_refused_with_what_to_install(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(DatabentoMissing, match="pip install databento-dbn"):
        export(session, "databento-mbo", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("dbn")
def test_a_record_has_the_units_of_the_format(tmp_path: Path) -> None:
    [clear, add] = records(written(tmp_path, row("R", 0, 0, flags=32), row("A", 150)))
    assert (clear["price"], clear["side"], clear["flags"]) == (NO_PRICE, b"N", 32)
    assert (add["price"], add["size"], add["side"]) == (100 * 10**9, 150, b"B")
    assert (add["ts_event"], add["ts_recv"], add["length"]) == (10, 20, 14)


@pytest.mark.usefixtures("dbn")
def test_a_size_of_more_than_32_bits_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit, match=r"the size 42.94967296 of BTC/USD.*--size-decimals"):
        written(tmp_path, row("A", 2**32))


@pytest.mark.usefixtures("dbn")
def test_fewer_decimals_round_and_are_counted_and_no_order_disappears(tmp_path: Path) -> None:
    made = written(
        tmp_path, row("A", 2 * 10**8), row("A", 1), row("A", 15 * 10**5), size_decimals=2
    )
    assert records(made)["size"].tolist() == [200, 1, 2]
    assert sum(made.lost.values()) == 2


@pytest.mark.usefixtures("dbn")
def test_a_fill_without_an_order_is_left_out_and_the_message_ends_before_it(tmp_path: Path) -> None:
    made = written(tmp_path, row("T", 5, 0, "fill", 0), row("F", 5, 0, "hidden"))
    assert records(made)["flags"].tolist() == [128]


@pytest.mark.usefixtures("dbn")
def test_what_would_be_rounded_is_not_written_without_consent(
    session: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    [refused] = export(session, "databento-mbo", out, size_decimals=3)
    assert refused.lost
    assert list(tmp_path.iterdir()) == []
    [made] = export(session, "databento-mbo", out, size_decimals=3, lossy=True)
    assert made.lost == refused.lost
    assert all(file.is_file() for file in made.written.files)


@pytest.mark.skipif(find_spec("databento_dbn") is None, reason="databento-dbn is not installed")
def test_databento_s_own_decoder_reads_every_row(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    import databento_dbn

    [made] = export(session, "databento-mbo", tmp_path / "out")
    decoder = databento_dbn.DBNDecoder()
    with zstandard.open(made.written.files[0]) as file:
        decoder.write(file.read())
    _, *found = decoder.decode()
    assert [
        (one.ts_event, one.order_id, one.size, str(one.action), int(one.flags)) for one in found
    ] == [
        (one.ts_engine, one.order, one.qty, one.action.value, one.flags)
        for one in rows
        if one.order or one.action is not Action.FILL
    ]
