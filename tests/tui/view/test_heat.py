"""The heat strip as plain data."""

from __future__ import annotations

from array import array

import pytest

from kracked.flow.measures.depth_history import DepthColumn
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.view.chart import heat
from kracked_tui.view.chart.heat import Cut, HeatAxis, HeatMark, HeatPainter

PRECISION = Precision(1, 2)
AXIS = HeatAxis(low=990, step=5, halves=8)


def column(n: int, *, wall: int = 0, known: bool = True, last: int = 1_005) -> DepthColumn:
    levels = {990 + 5 * at: (200 + at if at < 4 else -200 - at) for at in range(8)}
    levels[990] += wall
    return DepthColumn(
        n * NS_PER_S,
        NS_PER_S if known else 0,
        array("q", levels if known else ()),
        array("q", levels.values() if known else ()),
        frozenset(),
        990,
        1_025,
        last,
    )


def drawn(columns: list[DepthColumn], *, blocks: bool = True) -> list[str]:
    shades = HeatPainter().shades(columns, AXIS, 1)
    lines = heat.heat_lines(shades, columns, AXIS, {}, blocks=blocks)
    return ["".join(span.text for span in spans) for spans in lines]


def test_shades_grow_with_the_logarithm_of_the_quantity() -> None:
    quantities = [0, 100, 200, 400, 800, 1600, 99_999, -400]
    shades = heat.shades_of(column(0), quantities, AXIS, Cut(100, 1600), NS_PER_S)
    assert shades == [0, 0, 4, 8, 12, 16, 16, -8]


def test_a_wall_is_full_in_each_column_in_which_it_stood() -> None:
    columns = [column(n, wall=90_000 if 2 <= n < 7 else 0) for n in range(9)]
    shades = HeatPainter().shades(columns, AXIS, 1)
    assert [each[0] == heat.SHADES for each in shades] == [2 <= n < 7 for n in range(9)]


def test_what_is_not_known_is_hatched() -> None:
    columns = [column(0), column(1, known=False), column(2)]
    assert [row[1] for row in drawn(columns)] == [heat.HATCH] * 4


def test_out_of_view_is_hatched_too() -> None:
    seen = column(0)._replace(low=1_000)
    rows = drawn([seen])
    assert rows[-1] == heat.HATCH
    assert rows[0] != heat.HATCH


def test_without_colours_a_cell_has_one_of_five_signs() -> None:
    rows = drawn([column(0, wall=90_000)], blocks=False)
    assert set("".join(rows)) <= set(" ░▒▓█")
    assert rows[-1] == "█"


def test_cuts_do_not_move_for_a_little() -> None:
    painter = HeatPainter()
    painter.shades([column(0)], AXIS, 1)
    before = painter.cut
    painter.shades([column(0), column(1, wall=20)], AXIS, 1)
    assert painter.cut == before


def test_cuts_come_from_what_is_drawn_alone() -> None:
    hardly = column(0)._replace(known_ns=NS_PER_S // 10)
    painter = HeatPainter()
    painter.shades([hardly, column(1, known=False)], AXIS, 1)
    assert painter.cut == Cut()
    painter.shades([column(0), column(1, known=False)], AXIS, 1)
    assert painter.cut != Cut()
    painter.shades([column(2, known=False)], AXIS, 1)
    assert painter.cut == Cut()


def test_columns_that_are_over_are_not_made_again() -> None:
    painter, columns = HeatPainter(), [column(n) for n in range(5)]
    first = painter.shades(columns, AXIS, 1)
    again = painter.shades([*columns[1:], column(5)], AXIS, 1)
    assert all(one is other for one, other in zip(first[1:4], again[:3], strict=True))


def test_the_axis_stays_while_the_market_is_in_its_middle() -> None:
    axis = heat.axis_for(HeatAxis(), column(0), (1_000, 1_005), 4)
    assert heat.axis_for(axis, column(1), (1_001, 1_006), 4) == axis
    moved = heat.axis_for(axis, column(2), (2_000, 2_005), 4)
    assert moved.low < 2_000 < moved.high


@pytest.mark.parametrize("quote", [(1, 2), (5, 900_000), (640_000, 640_001)])
def test_every_axis_holds_the_middle_and_no_price_below_zero(quote: tuple[int, int]) -> None:
    axis = heat.axis_for(HeatAxis(), DepthColumn(0, 0), quote, 5)
    assert axis.low >= 0
    assert axis.low <= sum(quote) // 2 <= axis.high


def test_the_last_price_and_large_takers_are_marked() -> None:
    columns = [column(n) for n in range(4)]
    found = heat.signs(columns, AXIS, [HeatMark(2 * NS_PER_S + 5, 1_015)], 1)
    assert found[0, 3] == "─"
    assert found[2, 5] == "•"


def test_words_say_where_most_rests_and_for_how_long() -> None:
    columns = [column(n, wall=90_000 if n >= 3 else 0) for n in range(9)]
    lines = [line.text.strip() for line in heat.wall_lines(columns, 1, PRECISION, 60)]
    assert lines[1] == "largest bid 902 at 99.0, for 6s"
    assert lines[0].startswith("largest ask")
    assert "at least" in lines[0]


def test_the_axis_names_the_last_price_and_own_orders() -> None:
    spans = heat.axis_spans(AXIS, 1_005, {995: Side.BID}, PRECISION)
    text = ["".join(span.text for span in row) for row in spans]
    assert "◂100.5" in text
    assert "▸99.5" in text
