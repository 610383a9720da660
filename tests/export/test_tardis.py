"""Tardis CSV: each file's lines from literal rows, and the book of a recording."""

from __future__ import annotations

import gzip
from pathlib import Path

from kracked.export import Action, NormalRow, Why, export
from kracked.export.tardis import TardisWriter
from kracked.export.writing import Target, Written
from kracked.instruments import Precision
from kracked.protocol.events import Side
from tests.export.rebuilt_book import RebuiltBook

NS = 1_731_391_200_000_000_000
LEAD = "kraken,BTC/USD,1731391200000000,1731391200000001,"


def row(
    action: str, side: str, price: int, qty: int, order: int, flags: int = 128, trade: int = 0
) -> NormalRow:
    why = Why.NEW
    return NormalRow(
        NS + 5, NS + 1999, Action(action), Side(side), price, qty, order, flags, why, trade
    )


def written(tmp_path: Path, *rows: NormalRow) -> Written:
    writer = TardisWriter(Target(tmp_path, "BTC/USD", Precision(1, 2)))
    writer.write(rows)
    return writer.finish()


def lines(made: Written, kind: str) -> list[str]:
    """Return the lines after the header, without what they begin with."""
    [file] = [file for file in made.files if f"kraken_{kind}_2024-11-12_BTC-USD" in file.name]
    found = gzip.decompress(file.read_bytes()).decode().split("\n")
    assert found.pop() == ""
    assert all(line.startswith(LEAD) for line in found[1:])
    return [line.removeprefix(LEAD) for line in found[1:]]


def test_a_level_s_total_is_told_once_a_message_and_zero_removes_it(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        row("A", "bid", 1000, 100, 1, 0),
        row("A", "bid", 1000, 50, 2),
        row("C", "bid", 1000, 100, 1, 0),
        row("M", "bid", 1000, 20, 2),
        row("C", "bid", 1000, 20, 2),
    )
    assert lines(made, "incremental_book_L2") == [
        "false,bid,100.0,1.50",
        "false,bid,100.0,0.20",
        "false,bid,100.0,0.00",
    ]


def test_the_rows_of_a_snapshot_say_so(tmp_path: Path) -> None:
    made = written(tmp_path, row("R", "bid", 0, 0, 0, 32), row("A", "ask", 1000, 100, 1, 32 | 128))
    assert lines(made, "incremental_book_L2") == ["true,ask,100.0,1.00"]


def test_a_trade_has_its_id_and_the_taker_s_side(tmp_path: Path) -> None:
    made = written(tmp_path, row("T", "ask", 1000, 100, 0, trade=77))
    assert lines(made, "trades") == ["77,sell,100.0,1.00"]


def test_quotes_and_books_are_written_when_they_change(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        row("A", "bid", 1000, 100, 1, 0),
        row("A", "ask", 1010, 200, 2),
        row("A", "bid", 990, 300, 3),
    )
    assert lines(made, "quotes") == ["2.00,101.0,100.0,1.00"]
    assert lines(made, "book_snapshot_5") == [
        "101.0,2.00,100.0,1.00" + ",,,," * 4,
        "101.0,2.00,100.0,1.00,,,99.0,3.00" + ",,,," * 3,
    ]


def test_level_2_of_a_recording_ends_as_the_book_of_its_rows(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    [made] = export(session, "tardis", tmp_path / "out")
    text = gzip.decompress(made.written.files[0].read_bytes()).decode()
    levels: dict[tuple[str, str], str] = {}
    for line in text.splitlines()[1:]:
        *_, side, price, amount = line.split(",")
        levels[side, price] = amount
    told = {key: amount for key, amount in levels.items() if float(amount)}
    book = RebuiltBook()
    for one in rows:
        book.apply(one)
    assert told == {
        (str(side), f"{price / 10:.1f}"): f"{sum(qty for _, qty in orders) / 1e8:.8f}"
        for (side, price), orders in book.levels().items()
    }


def test_every_trade_of_a_recording_is_there_once(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    [made] = export(session, "tardis", tmp_path / "out")
    text = gzip.decompress(made.written.files[1].read_bytes()).decode()
    told = [int(line.split(",")[4]) for line in text.splitlines()[1:]]
    assert told == [one.trade for one in rows if one.action is Action.TRADE]
