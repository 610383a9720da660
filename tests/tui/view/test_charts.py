"""Candles on exact columns, plotext's text as roles, and the depth curve."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked.instruments import Precision
from kracked.protocol.events import Level
from kracked.times import NS_PER_S
from kracked_tui.view.chart import candles, depth
from kracked_tui.view.chart.candles import Bar
from kracked_tui.view.line import Line, Span
from kracked_tui.widgets.panes.candle_plot import Plotter, parsed

PRECISION = Precision(1, 8)
MINUTE = 60 * NS_PER_S
RISING = [Bar(n * MINUTE, 1000 + n, 1010 + n, 995 + n, 1005 + n, n) for n in range(40)]


def test_finer_bars_merge_into_coarser_ones() -> None:
    merged = candles.merged(
        [Bar(n * 5 * NS_PER_S, n, n + 2, n - 2, n + 1, 10) for n in range(12)], 60
    )
    assert merged == [Bar(0, 0, 13, -2, 12, 120)]


def test_the_newest_candles_are_the_ones_shown() -> None:
    view = candles.chart_view(RISING, 60, 14, PRECISION, 60)
    assert view.bars[-1] == RISING[-1]
    assert all(0 <= view.column(at) < view.width for at in range(len(view.bars)))


async def test_plotext_draws_every_candle_on_the_column_the_volume_stands_on() -> None:
    view = candles.chart_view(RISING, 60, 14, PRECISION, 60)
    with Plotter() as plotter:
        rows = parsed(await plotter.candles(view))
    drawn = {at for row in rows for at, cell in enumerate(row.text) if cell != " "}
    assert drawn == {view.column(at) for at in range(len(view.bars))}
    assert len(rows) == view.height


async def test_a_chart_fits_its_pane() -> None:
    view = candles.chart_view(RISING, 60, 14, PRECISION, 60)
    with Plotter() as plotter:
        plot = parsed(await plotter.candles(view))
    lines = candles.chart_lines(view, plot, 1044, 60)
    assert [len(line.text) for line in lines] == [60] * 14
    assert "◂104.4" in "".join(line.text for line in lines)


def test_colour_numbers_become_roles() -> None:
    text = "  \x1b[0m\x1b[38;5;2m█│\x1b[0m \x1b[0m\x1b[38;5;1m█\x1b[0m"
    assert parsed(text) == [
        Line((Span("  "), Span("█│", "chart-up"), Span(" "), Span("█", "chart-down")))
    ]


def test_falling_candles_are_told_apart_without_colour() -> None:
    (line,) = parsed("\x1b[38;5;2m█\x1b[38;5;1m█", shapes=True)
    assert line.text == "█▒"


@given(st.integers(2, 120), st.integers(2, 30), st.integers(1, 60))
def test_the_depth_curve_fits_any_pane(width: int, height: int, count: int) -> None:
    bids = [Level(1000 - n, 1 + n % 7) for n in range(count)]
    asks = [Level(1001 + n, 1 + n % 5) for n in range(count)]
    view = depth.depth_view(bids, asks, (width - 1) // 2)
    lines = depth.depth_lines(view, width, height, PRECISION)
    assert {len(line.text) for line in lines} <= {width}
    assert len(lines) in (0, height)


def test_the_depth_curve_only_rises_away_from_the_touch() -> None:
    bids = [Level(1000 - n, 1 + n) for n in range(50)]
    asks = [Level(1001 + n, 1) for n in range(50)]
    view = depth.depth_view(bids, asks, 20)
    assert list(view.bids) == sorted(view.bids)
    assert view.bids[-1] == sum(level.qty for level in bids)
