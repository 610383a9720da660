"""Live files that a disk or a user has damaged: what cannot be read is told by its own name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kracked.errors import RecordError
from kracked.frames import load_book_wide, load_orders, load_trades
from kracked.frames.books.table_replay import TableReplay
from kracked.record.read.recording import open_recording
from kracked.record.write.session import Format
from tests.record.seeded_market import record_stream

HEADER = "ts_event,ts_recv,symbol,price,qty,side,ord_type,trade_id,seq,flags\n"


@pytest.mark.parametrize("text", [b'{"end": nu', b"[]", b'{"end": 7}', b"\0\0", b'{"end": "\xad"}'])
@pytest.mark.parametrize("load", [load_trades, lambda path: TableReplay(path, "BTC/USD")])
def test_a_damaged_session_json_is_told_by_its_name(
    text: bytes, load: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "trades.csv").write_text(HEADER)
    (tmp_path / "session.json").write_bytes(text.replace(b'"end"', b'"symbols": 1, "end"'))
    with pytest.raises(RecordError, match=r"session\.json cannot be read"):
        load(tmp_path)


def test_a_session_json_nested_without_end_is_unreadable_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(HEADER)
    (tmp_path / "session.json").write_text('{"symbols":' + '{"a":' * 200_000)
    with pytest.raises(RecordError, match=r"session\.json cannot be read"):
        load_trades(tmp_path)
    with pytest.raises(RecordError, match=r"session\.json cannot be read"):
        open_recording(tmp_path)


@pytest.mark.parametrize("load", [load_trades, load_book_wide])
def test_a_database_that_is_damaged_is_told_by_its_name(
    load: Callable[[Path], pd.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "recording.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(RecordError, match=r"recording\.sqlite cannot be read"):
        load(tmp_path)


def test_an_empty_database_is_told_of_and_what_is_beside_it_stays(tmp_path: Path) -> None:
    log = tmp_path / "recording.sqlite-wal"
    (tmp_path / "recording.sqlite").touch()
    log.write_bytes(b"rows not yet in it")
    with pytest.raises(RecordError, match="it is empty"):
        load_trades(tmp_path)
    assert log.read_bytes() == b"rows not yet in it"


def test_loading_from_a_database_leaves_no_file_behind(
    tmp_path: Path, stream: list[tuple[int, bytes]]
) -> None:
    path = tmp_path / "session"
    record_stream(path, stream[:20], form=Format.SQLITE)
    before = sorted(path.rglob("*"))
    assert not load_orders(path).empty
    assert sorted(path.rglob("*")) == before
