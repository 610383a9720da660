"""LOBSTER files: each line from a literal row, and a book rebuilt from the messages alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from kracked.export import Action, NormalRow, Why, export
from kracked.export.lobster import LobsterWriter
from kracked.export.writing import Target, Written
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import parse_ns

NOON = parse_ns("2024-11-12T12:00:00.000000005Z")


def row(action: str, side: str, price: int, qty: int, order: int, why: str = "new") -> NormalRow:
    return NormalRow(NOON, NOON, Action(action), Side(side), price, qty, order, 0, Why(why), 0)


def written(tmp_path: Path, *rows: NormalRow, price_decimals: int = 1) -> Written:
    writer = LobsterWriter(Target(tmp_path, "BTC/USD", Precision(price_decimals, 8)))
    writer.write(rows)
    return writer.finish()


def messages(made: Written) -> list[str]:
    return [line.split(",", 1)[1] for line in made.files[0].read_text().splitlines()]


def test_a_line_has_seconds_type_id_size_price_and_the_order_s_direction(tmp_path: Path) -> None:
    made = written(tmp_path, row("A", "ask", 1000, 7, 3))
    assert made.files[0].read_text() == "43200.000000005,1,3,7,1000000,-1\n"
    assert made.files[0].name == "BTC-USD_2024-11-12_43200000_43200000_message_10.csv"


def test_a_fill_is_one_line_and_its_cancel_none(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        row("A", "bid", 1000, 7, 1),
        row("T", "ask", 1000, 7, 0, "fill"),
        row("F", "bid", 1000, 7, 1, "fill"),
        row("C", "bid", 1000, 7, 1, "fill"),
    )
    assert messages(made) == ["1,1,7,1000000,1", "4,1,7,1000000,1"]


def test_the_book_is_the_state_after_the_same_line(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        row("A", "bid", 1000, 7, 1),
        row("A", "ask", 1010, 5, 2),
        row("F", "bid", 1000, 3, 1, "fill"),
        row("M", "bid", 1000, 4, 1, "fill"),
    )
    first, second, third = (line.split(",")[:4] for line in made.files[1].read_text().splitlines())
    assert first == ["9999999999", "0", "1000000", "7"]
    assert second == ["1010000", "5", "1000000", "7"]
    assert third == ["1010000", "5", "1000000", "4"]


def test_a_smaller_order_is_type_two_with_what_left(tmp_path: Path) -> None:
    made = written(tmp_path, row("A", "bid", 1000, 7, 1), row("M", "bid", 1000, 5, 1, "amend"))
    assert messages(made)[1] == "2,1,2,1000000,1"


def test_a_raised_order_is_deleted_and_new_and_told(tmp_path: Path) -> None:
    made = written(tmp_path, row("A", "bid", 1000, 7, 1), row("M", "bid", 1000, 9, 1, "amend"))
    assert messages(made)[1:] == ["3,1,7,1000000,1", "1,1,9,1000000,1"]
    assert sum(made.told.values()) == 1


def test_a_fill_without_an_order_is_type_five(tmp_path: Path) -> None:
    made = written(tmp_path, row("F", "ask", 1000, 7, 0, "hidden"))
    assert messages(made) == ["5,0,7,1000000,-1"]


def test_prices_of_more_than_four_decimals_have_another_factor_that_is_told(tmp_path: Path) -> None:
    made = written(tmp_path, row("A", "bid", 1234567, 7, 1), price_decimals=7)
    assert messages(made) == ["1,1,7,1234567,1"]
    assert "times 10,000,000 (LOBSTER's own files have 10,000)" in made.readme


def test_a_clear_deletes_every_order(tmp_path: Path) -> None:
    made = written(tmp_path, row("A", "bid", 1000, 7, 1), row("R", "bid", 0, 0, 0, "hole"))
    assert messages(made) == ["1,1,7,1000000,1", "3,1,7,1000000,1"]
    assert made.files[1].read_text().splitlines()[1].startswith("9999999999,0,-9999999999,0,")


def test_the_messages_of_a_recording_make_its_book_file(session: Path, tmp_path: Path) -> None:
    [made] = export(session, "lobster", tmp_path / "out")
    message, book, why = (file.read_text().splitlines() for file in made.written.files)
    totals: dict[tuple[str, int], int] = defaultdict(int)
    assert len(message) == len(book) == len(why) > 1000
    for line, state in zip(message, book, strict=True):
        _, kind, _, size, price, direction = line.split(",")
        if kind != "5":
            totals[direction, int(price)] += int(size) if kind == "1" else -int(size)
        told = state.split(",")
        for direction, at, nothing in (("-1", 0, "9999999999"), ("1", 2, "-9999999999")):
            prices = [price for (side, price), qty in totals.items() if side == direction and qty]
            best = sorted(prices, reverse=direction == "1")[:2]
            wanted = [(str(price), str(totals[direction, price])) for price in best]
            wanted += [(nothing, "0")] * (2 - len(wanted))
            assert [(told[at + 4 * k], told[at + 4 * k + 1]) for k in (0, 1)] == wanted
