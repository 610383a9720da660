"""The user's own ladder columns: one that fails, hangs, is slow or too wide costs itself alone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kracked.flow import MarketFlow
from kracked.flow.facts import Fact, What
from kracked.protocol.events import Side
from kracked_tui.column_files import find_columns
from kracked_tui.state.user_columns import (
    BUDGET_S,
    MOST_FACTS,
    STRIKES,
    ColumnMarket,
    ColumnRow,
    UserColumns,
)
from tests.tui.frozen_market import BEST_BID, NOW, PRECISION, SYMBOL, orders

ROWS = [ColumnRow(BEST_BID - 10 * n, 10, 5, 0) for n in range(5)]
EXAMPLE = Path(__file__).parents[3] / "examples" / "ladder_column.py"


class Good:
    head, width = "good", 6

    def cell(self, row: ColumnRow, market: ColumnMarket) -> str:
        return str(len(market.orders(row)))


class Column:
    """A column made of one function."""

    def __init__(self, cell: Callable[..., Any], width: int = 6, head: str = "mine") -> None:
        self.cell, self.width, self.head = cell, width, head


class Clock:
    """A clock that goes on by `costs` at every second look: when a column has answered."""

    def __init__(self, *costs: float) -> None:
        self._costs, self._looks, self._now = list(costs), 0, 0.0

    def __call__(self) -> float:
        self._looks += 1
        if self._looks % 2 == 0 and self._costs:
            self._now += self._costs.pop(0)
        return self._now


def market() -> ColumnMarket:
    return ColumnMarket(MarketFlow(SYMBOL), PRECISION, NOW, (BEST_BID, BEST_BID + 5), orders())


def fact(number: int, what: What = What.CANCELLED) -> Fact:
    return Fact(SYMBOL, what, NOW, Side.BID, BEST_BID, 10**8, f"O{number}", number)


def told(
    *columns: object, clock: Callable[[], float] | None = None
) -> tuple[UserColumns, list[str]]:
    said: list[str] = []
    named = [(f"c{at}", column) for at, column in enumerate(columns)]
    clock = clock or time.perf_counter
    return UserColumns(named, tell=lambda text, _: said.append(text), clock=clock), said


def test_a_column_has_a_cell_of_its_width_for_each_row() -> None:
    columns, said = told(Good())
    cells = columns.cells(ROWS, market())
    assert columns.heads == (("  good", 6),)
    assert [len(row[0]) for row in cells] == [6] * 5
    assert cells[0][0].strip() == str(len(market().orders(ROWS[0]))) != "0"
    assert said == []


def test_one_that_raises_is_left_off_alone_and_says_so() -> None:
    columns, said = told(Column(lambda _row, _market: 1 // 0), Good())
    cells = columns.cells(ROWS, market())
    assert [head for head, _ in columns.heads] == ["failed", "  good"]
    assert {row[0] for row in cells} == {" " * 6}
    assert all(row[1].strip() for row in cells)
    assert len(said) == 1
    assert "column c0 is left off (failed)" in said[0]
    assert "ZeroDivisionError" in said[0]


def test_one_that_failed_is_never_asked_again() -> None:
    asked: list[ColumnRow] = []

    def cell(row: ColumnRow, _: ColumnMarket) -> str:
        asked.append(row)
        raise SystemExit

    columns, said = told(Column(cell))
    for _ in range(3):
        columns.cells(ROWS, market())
    assert len(asked) == len(said) == 1


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
def test_one_that_raises_a_cancellation_stops_no_frame(error: type[BaseException]) -> None:
    def cell(_row: ColumnRow, _market: ColumnMarket) -> str:
        raise error

    columns, said = told(Column(cell), Good())
    assert columns.cells(ROWS, market())[0][1].strip()
    assert len(said) == 1


def test_one_whose_head_raises_is_told_at_the_start() -> None:
    class Headless:
        width = 5

        @property
        def head(self) -> str:
            raise ValueError("no head")

    columns, said = told(Headless(), Good())
    assert columns.heads[0][0].strip() == "failed"
    assert "no head" in said[0]
    assert columns.cells(ROWS, market())[0][1].strip()


def test_one_that_is_slow_again_and_again_is_left_off() -> None:
    columns, said = told(Good(), clock=Clock(*[2 * BUDGET_S] * STRIKES))
    for _ in range(STRIKES - 1):
        columns.cells(ROWS, market())
    assert said == []
    columns.cells(ROWS, market())
    assert columns.heads[0][0].strip() == "slow"
    assert "4.0 ms a frame, 2 are allowed" in said[0]


def test_one_slow_frame_among_quick_ones_is_forgiven() -> None:
    costs = [2 * BUDGET_S, 0.0] * STRIKES
    columns, said = told(Good(), clock=Clock(*costs))
    for _ in costs:
        columns.cells(ROWS, market())
    assert said == []


@pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="no interval timer")
def test_one_that_does_not_come_back_is_interrupted() -> None:
    def cell(_row: ColumnRow, _market: ColumnMarket) -> str:
        while True:
            with suppress(Exception):  # a column may catch everything
                sum(range(1000))

    assert threading.current_thread() is threading.main_thread()
    columns, said = told(Column(cell), Good())
    cells = columns.cells(ROWS, market())
    assert columns.heads[0][0].strip() == "hung"
    assert "did not come back within 100 ms" in said[0]
    assert cells[0][1].strip()


@pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="no interval timer")
def test_one_that_swallows_the_interruption_is_asked_for_no_other_cell() -> None:
    asked: list[ColumnRow] = []

    def cell(row: ColumnRow, _: ColumnMarket) -> str:
        asked.append(row)
        with suppress(BaseException):
            while True:
                sum(range(1000))
        return ""

    columns, said = told(Column(cell))
    columns.cells(ROWS, market())
    assert columns.heads[0][0].strip() == "hung"
    assert len(asked) == len(said) == 1


@pytest.mark.parametrize("width", [0, 17, -1, "6", None])
def test_a_width_that_cannot_be_is_told_at_the_start(width: object) -> None:
    column = Good()
    column.width = width  # type: ignore[assignment]
    columns, said = told(column)
    assert columns.heads[0][0].strip() == "wrong"
    assert "its width is no number from 1 to 16" in said[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("far too long", "far t…"),
        ("日本", "    ??"),
        ("\x1b[31mred", "?[31m…"),
        ("", "      "),
    ],
)
def test_cells_are_cut_and_filled_to_the_width(text: str, shown: str) -> None:
    columns, _ = told(Column(lambda _row, _market: text))
    cell = columns.cells(ROWS[:1], market())[0][0]
    assert len(cell) == 6
    assert cell == shown or not cell.isascii()


def test_what_is_no_text_is_a_failure() -> None:
    columns, said = told(Column(lambda _row, _market: 5))
    columns.cells(ROWS, market())
    assert "cell returned int, not text" in said[0]


def test_facts_come_once_and_only_of_the_pair_shown() -> None:
    taken: list[Fact] = []
    column = Good()
    column.facts = taken.extend  # type: ignore[attr-defined]
    columns, _ = told(column)
    other = Fact("ETH/USD", What.NEW, NOW, Side.BID, 1, 1, "E", 1)
    columns.follow([fact(1), other, fact(2)])
    columns.cells(ROWS, market())
    columns.cells(ROWS, market())
    assert [one.order_id for one in taken] == ["O1", "O2"]


def test_facts_that_nobody_takes_are_bounded() -> None:
    columns, _ = told(Good())
    columns.follow(fact(n) for n in range(MOST_FACTS + 10))
    assert len(columns._facts) == MOST_FACTS


def test_more_than_four_columns_are_told_and_not_shown() -> None:
    columns, said = told(*(Good() for _ in range(6)))
    assert len(columns.heads) == 4
    assert len(said) == 2


# --- finding --------------------------------------------------------------------------------


def folder(tmp_path: Path, **files: str) -> dict[str, str]:
    place = tmp_path / "kracked" / "columns"
    place.mkdir(parents=True, mode=0o755)
    for name, text in files.items():
        path = place / f"{name}.py"
        path.write_text(text)
        path.chmod(0o644)
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_files_of_the_configuration_folder_are_loaded(tmp_path: Path) -> None:
    found = find_columns(folder(tmp_path, mine=EXAMPLE.read_text()))
    assert [name for name, _ in found.columns] == ["mine"]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("x = 1", "has no COLUMN"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_file_that_cannot_be_loaded_costs_itself_alone(
    tmp_path: Path, text: str, told_of: str
) -> None:
    found = find_columns(folder(tmp_path, bad=text, good=EXAMPLE.read_text()))
    assert [name for name, _ in found.columns] == ["good"]
    assert "column bad is not loaded" in found.problems[0]
    assert told_of in found.problems[0]


def test_a_file_that_others_may_write_to_is_not_run(tmp_path: Path) -> None:
    environment = folder(tmp_path, mine="raise AssertionError('it was run')")
    (tmp_path / "kracked" / "columns" / "mine.py").chmod(0o666)
    found = find_columns(environment)
    assert found.columns == ()
    assert "others may write to" in found.problems[0]


def test_without_a_folder_there_are_no_columns(tmp_path: Path) -> None:
    assert find_columns({"XDG_CONFIG_HOME": str(tmp_path)}).columns == ()


def test_the_example_is_short_and_counts_cancels(tmp_path: Path) -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 40
    [(name, column)] = find_columns(folder(tmp_path, mine=EXAMPLE.read_text())).columns
    columns = UserColumns([(name, column)])
    columns.follow([fact(1), fact(2), fact(3, What.FILLED)])
    cells = columns.cells(ROWS, market())
    assert cells[0][0].split()[0] == "2"
    assert columns.heads[0][0].strip() == "cancels"
