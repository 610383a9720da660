"""The drawing core: only changed rows are drawn, and the toolkit's inner points still hold."""

from __future__ import annotations

import gc

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.strip import Strip

from kracked_tui import themes
from kracked_tui.view.line import Line, Span
from kracked_tui.widgets.rows import LiveRows, RowStrip


class Rows(App[None]):
    CSS = "LiveRows { width: 20; height: 5; }"

    def compose(self) -> ComposeResult:
        yield LiveRows(id="rows")

    @property
    def rows(self) -> LiveRows:
        return self.query_one(LiveRows)


def numbered(*texts: str) -> list[Line]:
    return [Line((Span(text, "bid"),)) for text in texts]


async def test_only_rows_that_differ_are_drawn_again() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("a", "b", "c"))
        await pilot.pause()
        painted = app.rows.painted
        assert app.rows.set_lines(numbered("a", "x", "c")) == 1
        await pilot.pause()
        assert app.rows.painted == painted + 1


async def test_equal_lines_draw_nothing() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("a", "b"))
        await pilot.pause()
        assert app.rows.set_lines(numbered("a", "b")) == 0


async def test_another_theme_draws_everything_again() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("a"))
        await pilot.pause()
        painted = app.rows.painted
        app.theme = "textual-light"
        await pilot.pause()
        app.rows.set_lines(numbered("a"))
        await pilot.pause()
        assert app.rows.painted > painted


async def test_the_right_characters_reach_the_screen() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("hello", "world"))
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        assert [strip.text.strip() for strip in strips] == ["hello", "world", "", "", ""]


@pytest.mark.parametrize("cuts", [[3], [5], [2, 5], [5, 5], [1, 3, 5], []])
def test_a_row_strip_divides_as_the_toolkits_own(cuts: list[int]) -> None:
    mine, theirs = RowStrip([Segment("abcde")]), Strip([Segment("abcde")])
    assert [part.text for part in mine.divide(cuts)] == [part.text for part in theirs.divide(cuts)]


def test_a_divided_row_strip_is_no_reference_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            RowStrip([Segment("abcde")]).divide([5])
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_every_theme_has_every_colour_the_style_sheet_asks_for() -> None:
    for theme in themes.THEMES:
        assert set(theme.variables) == set(themes.FALLBACKS)
