"""Candles on exact columns, plotext's text as roles, and the depth curve."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked.instruments import Precision
from kracked.protocol.events import Level, Side
from kracked.times import NS_PER_S
from kracked_tui.view.account.own_marks import OwnMarks
from kracked_tui.view.chart import candles, depth
from kracked_tui.view.chart.candles import Bar, ChartView
from kracked_tui.view.chart.price_axis import axis_labels, round_step
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
    columns = {view.column(at) for at in range(len(view.bars))}
    assert drawn == columns | {column + 1 for column in columns}
    assert len(rows) == view.height


async def plotted(*bars: Bar, width: int = 30, height: int = 12) -> tuple[ChartView, list[Line]]:
    view = candles.chart_view(list(bars), width, height, PRECISION, 60)
    with Plotter() as plotter:
        return view, parsed(await plotter.candles(view))


async def test_a_body_ends_at_half_a_row_and_its_wick_is_in_the_middle() -> None:
    view, rows = await plotted(Bar(0, 1000, 1100, 1000, 1050))
    column = view.column(0)
    body, wick = rows[view.row(1025)].text, rows[view.row(1080)].text
    assert body[column : column + 2] == "█▌"
    assert wick[column : column + 2] == "▐ "


async def test_two_candles_half_a_row_apart_are_not_the_same() -> None:
    _, (one, other) = await plotted(Bar(0, 0, 1000, 0, 500)), await plotted(Bar(0, 0, 1000, 0, 455))
    assert one != other


def test_prices_have_two_steps_a_row() -> None:
    view = candles.chart_view(RISING, 60, 14, PRECISION, 60)
    assert view.half_row(view.high) == 0
    assert view.half_row(view.low) == 2 * view.height - 1


# --- the price axis ---------------------------------------------------------------------------


def axis(view: ChartView, last: int | None = None, own: dict[int, Side] | None = None) -> list[str]:
    lines = candles.chart_lines(view, [], last, 60, own)
    return [line.text[view.width :].strip() for line in lines[: view.height]]


def test_the_axis_names_round_prices_alone() -> None:
    bars = [Bar(0, 631_908, 638_055, 631_900, 634_000)]
    view = candles.chart_view(bars, 60, 16, PRECISION, 60)
    named = [text.removeprefix("┤") for text in axis(view) if text.startswith("┤")]
    assert named == ["63800.0", "63600.0", "63400.0", "63200.0"]


@given(st.integers(0, 10**9), st.integers(1, 10**7), st.integers(3, 40))
def test_round_prices_never_share_a_row(low: int, reach: int, rows: int) -> None:
    high = low + reach
    labels = axis_labels(
        [], low, high, rows, lambda price: (high - price) * (rows - 1) // reach, PRECISION
    )
    step = round_step(low, high, rows)
    inside = high // step - -(-low // step) + 1
    assert len(labels) == rows
    if reach >= rows:
        assert sum(len(label) == 2 for label in labels) == inside


def test_the_last_price_and_an_own_order_in_its_row_both_keep_their_label() -> None:
    view = candles.chart_view(RISING, 60, 14, PRECISION, 60)
    named = axis(view, 1040, {1040: Side.BID, 1039: Side.ASK})
    assert {"◂104.0", "▸104.0", "▸103.9"} <= set(named)


def test_labels_in_one_row_stand_in_the_order_of_their_prices() -> None:
    view = candles.chart_view([Bar(0, 1000, 9000, 1000, 5000)], 60, 14, PRECISION, 60)
    named = axis(view, 5000, {4998: Side.BID, 4999: Side.BID, 5001: Side.ASK})
    marked = [text for text in named if text[:1] in "◂▸"]
    assert marked == ["▸500.1", "◂500.0", "▸499.9", "▸499.8"]


@given(st.dictionaries(st.integers(4950, 5050), st.sampled_from(Side), max_size=8))
def test_no_label_stands_above_one_of_a_higher_price(own: dict[int, Side]) -> None:
    view = candles.chart_view([Bar(0, 1000, 9000, 1000, 5000)], 60, 14, PRECISION, 60)
    prices = [float(text[1:]) for text in axis(view, 5000, own) if text[:1] in "◂▸"]
    assert prices == sorted(prices, reverse=True)
    assert 500.0 in prices


# --- the average ------------------------------------------------------------------------------


def test_the_average_weighs_prices_by_quantity_since_the_day_began() -> None:
    day = 86_400 * NS_PER_S
    bars = [
        Bar(day - MINUTE, 900, 900, 900, 900, 5, 4500),
        Bar(day, 100, 100, 100, 100, 1, 100),
        Bar(day + MINUTE, 200, 200, 200, 200, 3, 600),
        Bar(day + 2 * MINUTE, 999, 999, 999, 999, 50),  # a bar whose notional is not known
    ]
    view = candles.chart_view(bars, 60, 14, PRECISION, 60)
    assert view.averages == (900, 100, 175, 175)


def test_the_average_of_the_bars_in_sight_counts_those_before_them() -> None:
    bars = [Bar(n * MINUTE, 100, 100, 100, 100, 1, 100 if n else 10_000) for n in range(80)]
    view = candles.chart_view(bars, 40, 14, PRECISION, 60)
    assert len(view.bars) < 80
    assert view.averages[-1] == (10_000 + 79 * 100 + 40) // 80


def test_the_average_says_since_when_it_is_known() -> None:
    day = 86_400 * NS_PER_S
    known = [Bar(day + n * MINUTE, 1, 1, 1, 1, 1, 1) for n in range(80, 90)]
    assert candles.average_spans(candles.chart_view(known, 60, 14, PRECISION, 60)) == (
        Span("· VWAP since 01:20", "average"),
    )
    since_before = [Bar(day - MINUTE, 1, 1, 1, 1, 1, 1), *known]
    assert candles.average_spans(candles.chart_view(since_before, 60, 14, PRECISION, 60)) == (
        Span("· VWAP since 00:00", "average"),
    )


async def test_the_average_is_dotted_and_covers_no_candle() -> None:
    bars = [bar._replace(volume=1, notional=bar.close) for bar in RISING]
    view, plot = await plotted(*bars, width=60, height=14)
    drawn = candles.marked(view, plot, OwnMarks())
    assert any("·" in line.text for line in drawn)
    for before, after in zip(plot, drawn, strict=True):
        wide = before.text.ljust(view.width)
        assert all(old in (" ", new) for old, new in zip(wide, after.text, strict=False))


# --- the past ---------------------------------------------------------------------------------


def test_the_past_ends_with_the_bar_it_was_asked_for() -> None:
    many = [bar._replace(begin=n * MINUTE) for n, bar in enumerate(RISING * 3)]
    view = candles.chart_view(many, 60, 14, PRECISION, 60, end=80 * MINUTE)
    assert view.bars[-1].begin == 80 * MINUTE
    assert view.newer == 39


def test_before_the_first_bars_there_is_nothing_to_show() -> None:
    many = [bar._replace(begin=n * MINUTE) for n, bar in enumerate(RISING * 3)]
    view = candles.chart_view(many, 60, 14, PRECISION, 60, end=0)
    assert view.bars[0].begin == 0
    assert len(view.bars) == len(candles.chart_view(many, 60, 14, PRECISION, 60).bars)


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
    (line,) = parsed("\x1b[38;5;2m█▌▐\x1b[38;5;1m█▌▐", shapes=True)
    assert line.text == "█▌▐▒░▐"


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
