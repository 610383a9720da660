"""Lines, bars and frames: exact widths, and a twin in ASCII for every glyph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.instruments import Precision
from kracked_tui.view import block_bars
from kracked_tui.view.chrome.data_status import DataStatus
from kracked_tui.view.chrome.header import HeaderView, header_line
from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.line import Line, Span, fit, line, spread
from kracked_tui.view.words import plain_values

TEXTS = st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"])), max_size=5)
WIDTHS = st.integers(0, 60)


@given(TEXTS, WIDTHS)
def test_fitted_spans_have_exactly_the_width(texts: list[str], width: int) -> None:
    assert sum(len(span.text) for span in fit([Span(text) for text in texts], width)) == width


@given(TEXTS, TEXTS, WIDTHS)
def test_spread_spans_have_exactly_the_width(left: list[str], right: list[str], width: int) -> None:
    spans = spread([Span(text) for text in left], [Span(text) for text in right], width)
    assert sum(len(span.text) for span in spans) == width


@given(st.integers(-5, 10**9), st.integers(0, 10**9), st.integers(0, 40))
def test_bars_to_both_sides_have_exactly_the_width(value: int, largest: int, width: int) -> None:
    for bar in (block_bars.rightwards, block_bars.leftwards):
        assert sum(len(span.text) for span in bar(value, largest, width, "bid")) == width


@given(st.integers(1, 10**9), st.integers(1, 40))
def test_anything_above_zero_shows(value: int, width: int) -> None:
    assert any(span.text.strip() for span in block_bars.rightwards(value, 10**9, width, "bid"))


def test_half_of_the_largest_is_half_of_the_bar() -> None:
    assert [span.text for span in block_bars.rightwards(50, 100, 9, "ask")] == ["████▌", "    "]


def test_a_bar_to_the_left_ends_in_a_reversed_tip() -> None:
    blank, tip, full = block_bars.leftwards(50, 100, 9, "bid")
    assert (len(blank.text), tip, full) == (4, Span("▌", "bid-bar-tip"), Span("████", "bid-bar"))


@pytest.mark.parametrize(("value", "shown"), [(1, "."), (3, "."), (5, "#"), (8, "#")])
def test_in_ascii_a_bar_is_drawn_alike_to_both_sides(value: int, shown: str) -> None:
    for bar in (block_bars.rightwards, block_bars.leftwards):
        assert Line(bar(value, 8, 1, "bid")).plain().text == shown


def test_every_glyph_of_a_pane_has_an_ascii_twin_of_one_cell() -> None:
    body = [
        line(
            *block_bars.rightwards(5, 9, 7, "ask"),
            Span("▸◂•◆▲▼●○–…≥░·┊┤▒×Σ"),
            block_bars.spark((1, 3, 2)),
        )
    ]
    for focused in (True, False):
        for each in Box().around(Title(1, "Pane", "note"), body, (44, 4), focused=focused):
            assert each.plain().text.isascii()
            assert len(each.plain().text) == len(each.text)


def test_a_focused_frame_is_heavier_and_not_only_of_another_colour() -> None:
    frames = {
        Box().around(Title(1, "Tape"), [], (20, 3), focused=focused)[0].text
        for focused in (True, False)
    }
    assert len(frames) == 2


@given(st.integers(2, 60), st.integers(2, 20), st.text(max_size=30))
def test_a_frame_has_exactly_its_size(width: int, height: int, name: str) -> None:
    body = [Line(fit([Span("x" * 80)], width - 2))] * 30
    rows = Box().around(Title(1, name, "note", "right"), body, (width, height), focused=True)
    assert [len(row.text) for row in rows] == [width] * height


def test_an_urgent_mark_is_shown_where_there_is_no_room_for_the_note_too() -> None:
    title = Title("2", "Queue", "bid 64210.9…", "STALE")
    assert "STALE" not in Box().around(title, [], (30, 3), focused=False)[0].text
    urgent = title._replace(urgent=True)
    assert (
        Box().around(urgent, [], (30, 3), focused=False)[0].text == "╭─ 2 Queue ────────── STALE ─╮"
    )
    assert "64210.9… ─ STALE" in Box().around(urgent, [], (34, 3), focused=False)[0].text


@pytest.mark.parametrize(
    ("width", "shown"), [(64, "12ms verified"), (48, "verified"), (40, "● LIVE")]
)
def test_in_a_small_place_the_header_keeps_the_price_and_the_light(width: int, shown: str) -> None:
    data = DataStatus("LIVE", "good", usable=True)
    view = HeaderView(
        "BTC/USD", Precision(1, 8), data, last=629_924, rising=False, verified=True,
        latency_ns=12_000_000, trading=TradingStatus("DISARMED"),
    )  # fmt: skip
    text = header_line(view, width).text
    quicker = header_line(view._replace(latency_ns=900_000), width).text
    assert quicker.index("●") == text.index("●")
    assert "62992.4 ▼" in text
    assert "● LIVE" in text
    assert shown in text
    assert "DISARMED" in text
    assert len(text) == width


def test_rows_that_are_the_same_objects_come_back_as_the_same_framed_rows() -> None:
    box, size = Box(), (20, 5)
    body = [Line(fit([Span("a")], 18)), Line(fit([Span("b")], 18))]
    first = box.around(Title("1", "Pane"), body, size, focused=False)
    second = box.around(Title("1", "Pane"), [body[0], Line(body[1].spans)], size, focused=False)
    assert second == first
    assert second[1] is first[1]
    assert second[2] is not first[2]


def test_another_focus_frames_every_row_anew() -> None:
    box, body, size = Box(), [Line(fit([Span("a")], 18))], (20, 4)
    box.around(Title("1", "Pane"), body, size, focused=False)
    assert box.around(Title("1", "Pane"), body, size, focused=True) == Box().around(
        Title("1", "Pane"), body, size, focused=True
    )


@pytest.mark.parametrize(
    ("row", "copied"),
    [
        (
            (Span("1.5360"), Span("P", "accent"), Span("64213.0"), Span("◂", "last")),
            "1.5360 64213.0",
        ),
        ((Span("0.5"), Span("•", "mark"), Span("3", "accent"), Span("  – ")), "0.5 3"),
        ((Span("│ 12"), Span("███", "bid-bar"), Span("-1.5 BTC")), "12 -1.5 BTC"),
    ],
)
def test_a_copied_row_holds_values_without_marks_and_placeholders(
    row: tuple[Span, ...], copied: str
) -> None:
    assert plain_values(Line(row)) == copied
