"""A stretch of an export: the book at its start, whole messages, and nothing of what is outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.export import Action, NormalRow, Why, export
from kracked.export.window import EmptyWindow, ExportWindow, NothingInWindow
from kracked.protocol.events import Side
from tests.export.rebuilt_book import RebuiltBook


def row(
    at: int, action: str, order: int = 1, qty: int = 5, price: int = 100, why: str = "new"
) -> NormalRow:
    """A row that is a message of its own, but for trades and fills."""
    flags = 0 if action in ("T", "F") else 128
    return NormalRow(at, at + 1, Action(action), Side.BID, price, qty, order, flags, Why(why), 0)


def short(rows: list[NormalRow]) -> list[str]:
    return [f"{one.ts_engine} {one.action} {one.order} {one.qty} {one.why}" for one in rows]


SNAPSHOT = [row(1, "R", 0, 0, 0, "snapshot"), row(1, "A", 1), row(1, "A", 2)]


def test_what_stands_at_the_start_is_told_as_a_snapshot_in_queue_order() -> None:
    window = ExportWindow(start=10)
    window.take([*SNAPSHOT, row(2, "A", 3, price=101), row(3, "M", 1, 4)])
    found = window.take([row(12, "C", 2)])
    assert short(found) == [
        "10 R 0 0 snapshot",
        "10 A 3 5 snapshot",
        "10 A 1 4 snapshot",
        "10 A 2 5 snapshot",
        "12 C 2 5 new",
    ]
    assert [one.flags for one in found] == [32, 32, 32, 32 | 128, 128]


def test_a_trade_of_before_the_start_stays_with_its_message() -> None:
    window = ExportWindow(start=10)
    window.take(SNAPSHOT)
    found = window.take([row(9, "T", 0), row(10, "F", 1), row(10, "C", 1)])
    assert short(found)[-3:] == ["9 T 0 5 new", "10 F 1 5 new", "10 C 1 5 new"]


def test_the_end_is_the_first_instant_after_it() -> None:
    window = ExportWindow(end=10)
    found = window.take([*SNAPSHOT, row(9, "A", 3), row(10, "A", 4), row(11, "A", 5)])
    assert short(found)[-1] == "9 A 3 5 new"
    assert window.over


def test_the_orders_of_a_window_are_those_that_it_names() -> None:
    window = ExportWindow(start=10, end=20)
    window.take([*SNAPSHOT, row(5, "C", 1), row(12, "A", 3), row(25, "A", 4)])
    assert window.orders == {2, 3}


def test_a_start_within_a_hole_begins_with_a_hole() -> None:
    window = ExportWindow(start=10)
    window.take([*SNAPSHOT, row(5, "R", 0, 0, 0, "hole")])
    assert short(window.take([row(12, "A", 3)])) == ["10 R 0 0 hole", "12 A 3 5 new"]


def test_a_snapshot_at_the_start_needs_no_other_one() -> None:
    window = ExportWindow(start=1)
    assert window.take(SNAPSHOT) == SNAPSHOT


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(EmptyWindow, match="later --end"):
        ExportWindow(start=5, end=5)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_two_windows_side_by_side_end_at_the_book_of_the_whole(
    rows: list[NormalRow], share: float
) -> None:
    cut = rows[int(len(rows) * share)].ts_engine
    first, second = ExportWindow(end=cut), ExportWindow(start=cut)
    parts = first.take(rows), second.take(rows)
    books = [RebuiltBook() for _ in range(3)]
    for book, some in zip(books, (*parts, rows), strict=True):
        for one in some:
            book.apply(one)
    assert books[1].levels() == books[2].levels()
    assert books[1].fills_at_the_front == books[1].fills
    inside = [one for one in parts[1] if one.why != "snapshot"]
    before = sum(one.why != "snapshot" for one in parts[0])
    assert inside == [one for one in rows if one.why != "snapshot"][before:]


def test_an_export_of_a_stretch_says_so_and_names_only_its_orders(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    start, end = rows[len(rows) // 3].ts_engine, rows[len(rows) * 2 // 3].ts_engine
    [made] = export(session, "lobster", tmp_path / "out", start=start, end=end)
    ids = (tmp_path / "out" / "BTC-USD" / "order_ids.csv").read_text().splitlines()
    assert made.orders == len(ids) - 1 < max(one.order for one in rows)
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "- Only from 20" in readme
    [message] = [file for file in made.written.files if "message" in file.name]
    numbers = {line.split(",")[2] for line in message.read_text().splitlines()}
    assert numbers == {line.split(",")[0] for line in ids[1:]}


def test_a_time_without_data_is_refused_and_nothing_is_left(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    with pytest.raises(NothingInWindow, match="no level 3 of BTC/USD was recorded from"):
        export(session, "lobster", tmp_path / "out", start=rows[-1].ts_engine + 10**9)
    assert list(tmp_path.iterdir()) == []
