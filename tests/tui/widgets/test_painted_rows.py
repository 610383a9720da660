"""The drawing core: only changed rows are drawn, and the toolkit's inner points still hold."""

from __future__ import annotations

import gc

import pytest
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.strip import Strip

from kracked_tui import themes
from kracked_tui.palettes import Colours
from kracked_tui.view.line import Line, Span
from kracked_tui.widgets.painted_rows import LiveRows, RowStrip, paint


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


async def test_rows_whose_repaint_was_lost_are_painted_with_the_next_frame() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("a"))
        await pilot.pause()
        app.rows.set_lines(numbered("b"))
        app.rows._exchange_repaint_regions()  # taken by the toolkit, and dropped
        app.rows._repaint_required = False
        assert app.rows.lost_rows
        paint(app.screen, (app.rows,))
        assert app.rows.all_painted
        assert not app.rows.lost_rows


async def test_blanks_beside_a_ground_keep_their_own() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows._styles["", "armed"] = Style(bgcolor="red")
        app.rows._styles["", "bid"] = app.rows.rich_style
        app.rows._drawn_for = app.rows.cells
        app.rows._given, app.rows._lines = [None] * 5, [None] * 5
        app.rows._strips = [None] * 5
        app.rows.set_lines([Line((Span("ON", "armed"), Span("  "), Span("x", "bid"), Span("  ")))])
        await pilot.pause()
        texts = [text for text, _ in app.rows._pieces(app.rows.lines[0])[0]]
        assert texts == ["ON", "  ", "x  "]


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


RED, PLAIN = Style(color="red"), Style()


def twins() -> tuple[RowStrip, Strip]:
    """The same five cells, ours and the toolkit's."""
    return (
        RowStrip([("ab", RED), ("cde", PLAIN)], 5),
        Strip([Segment("ab", RED), Segment("cde", PLAIN)], 5),
    )


@pytest.mark.parametrize("cuts", [[3], [5], [2, 5], [5, 5], [1, 3, 5], []])
def test_a_row_strip_divides_as_the_toolkits_own(cuts: list[int]) -> None:
    mine, theirs = twins()
    assert [part.text for part in mine.divide(cuts)] == [part.text for part in theirs.divide(cuts)]


def test_a_row_strip_sends_what_the_toolkits_own_does() -> None:
    mine, theirs = twins()
    console = Console(color_system="truecolor", force_terminal=True)
    assert mine.render(console) == theirs.render(console)


def test_whatever_else_is_done_to_a_row_strip_it_is_the_toolkits_own() -> None:
    mine, theirs = twins()
    assert list(mine) == list(theirs)
    assert (mine.text, mine.cell_length) == (theirs.text, theirs.cell_length)
    assert list(mine.crop(1, 4)) == list(theirs.crop(1, 4))
    assert list(mine.adjust_cell_length(8)) == list(theirs.adjust_cell_length(8))
    assert not hasattr(mine, "no_such_thing")


def test_a_divided_row_strip_is_no_reference_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            twins()[0].divide([5])
        assert gc.collect() == 0
    finally:
        gc.enable()


async def test_all_that_changed_is_one_write_and_leaves_nothing_to_repaint() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("a", "b"))
        await pilot.pause()
        app.rows.set_lines(numbered("x", "y"))
        painted = app.rows.painted
        paint(app.screen, app.screen.children)
        assert app.rows.painted == painted + 2
        assert not app.rows._repaint_required
        assert not app.screen._compositor._dirty_regions


def test_every_theme_has_every_colour_the_style_sheet_asks_for() -> None:
    for theme in (one for each in Colours for one in themes.for_terminal(each)):
        assert set(theme.variables) == set(themes.FALLBACKS)


class Pushed(App[None]):
    """Three rows; the first is not shown yet, and pushes the others down when it is."""

    CSS = "LiveRows { width: 20; height: 1; } #first { display: none; }"

    def __init__(self) -> None:
        super().__init__()
        self.drawn: set[int] = set()
        """Rows of the screen that were sent."""

    def compose(self) -> ComposeResult:
        yield from (LiveRows(id=name) for name in ("first", "second", "third"))

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        self.drawn.update(y for y, *_ in getattr(renderable, "spans", ()))


async def test_what_a_new_row_pushes_down_is_all_drawn_though_a_frame_came_before() -> None:
    app = Pushed()
    async with app.run_test(size=(20, 3)) as pilot:
        await pilot.pause()
        app.drawn.clear()
        first = app.query_one("#first", LiveRows)
        first.display = True
        first.set_lines(numbered("new"))
        app.query_one("#second", LiveRows).set_lines(numbered("changed"))
        paint(app.screen, app.screen.children)
        app.drawn.clear()
        await pilot.pause()
        assert app.drawn == {0, 1, 2}


async def test_no_row_of_any_pane_holds_what_a_terminal_would_obey() -> None:
    app = Rows()
    async with app.run_test(size=(20, 5)) as pilot:
        app.rows.set_lines(numbered("a\x1b[2Jb", "\x9b\u202e\x07", "\u2028\n", "▲ ok"))
        await pilot.pause()
        drawn = [strip.text.rstrip() for strip in app.rows.render_lines(app.rows.cells.region)]
        assert drawn[:4] == ["a?[2Jb", "???", "??", "▲ ok"]
        assert app.rows.lines[0].text == "a?[2Jb"
