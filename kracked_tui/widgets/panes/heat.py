"""The heat strip: the depth of the book over time, in two half blocks a cell."""

from __future__ import annotations

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.style import Style
from textual.app import App

from kracked.flow.measures.depth_history import LENGTHS_S, DepthColumn, DepthHistory
from kracked_tui.palettes import Colours
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chart import heat
from kracked_tui.view.chart.heat import Cut, HeatAxis, HeatMark, HeatPainter
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.widgets.panes.pane import Content, Pane, sentence_lines

_LEAST_COLUMNS, _LEAST_ROWS = 10, 2
_WORDS_HEIGHT = 6
"""Rows from which there is room for words beside a picture without colours."""
_STEPS_256 = 5
"""Shades that a terminal of 256 colours can tell apart."""


def colours_of(app: App[object]) -> Colours | None:
    """Return how many colours the terminal has; None where it has none to tell sides by."""
    if app.no_color:
        return None
    return getattr(app, "colours", Colours.TRUE)


class HeatPane(Pane):
    """Resting quantity by price over time, the newest right; it never moves by itself."""

    name_shown = "Heat"
    every = 10

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self.length_s = LENGTHS_S[1]
        """Seconds of a column."""
        self._axis = HeatAxis()
        self._painter = HeatPainter()
        self._symbol = ""
        self._depths: DepthHistory | None = None
        """What the painter paints."""

    def content(self, frame: FrameState) -> Content:
        """Draw the strip with its price axis; in words too where there are no colours."""
        width, height = self.inside
        if frame.symbol != self._symbol:
            self._symbol, self._axis = frame.symbol, HeatAxis()
        if frame.depths is not self._depths:  # another pair, or another instant of a recording
            self._depths, self._painter = frame.depths, HeatPainter()
        colours = None if self.ascii_only else colours_of(self.app)
        blocks = colours in (Colours.TRUE, Colours.MANY)
        columns = frame.depths.columns(self.length_s)
        axis_width = frame.price_width + 2
        room = width - axis_width
        words: list[Line] = []
        if not blocks and height >= _WORDS_HEIGHT:
            words = heat.wall_lines(columns, self.length_s, frame.precision, width)
        rows = height - len(words)
        if frame.quote is None or not columns:
            return Content(sentence_lines("No verified book was seen yet.", width))
        if room < _LEAST_COLUMNS or rows < _LEAST_ROWS:
            return Content(sentence_lines("No room: z shows it alone.", width))
        shown = columns[-room:]
        self._axis = axis = heat.axis_for(self._axis, shown[-1], frame.quote, rows)
        shades = self._painter.shades(shown, axis, self.length_s)
        marks = heat.signs(shown, axis, self._takers(frame, shown), self.length_s)
        drawn = heat.heat_lines(shades, shown, axis, marks, blocks=blocks)
        own = {price: level.side for price, level in frame.account.own_levels.items()}
        labels = heat.axis_spans(axis, frame.market.last, own, frame.precision)
        gap = Span(heat.HATCH * (room - len(shown)), "faint")
        body = [
            Line(fit([gap, *spans, Span(" "), *label], width))
            for spans, label in zip(drawn, labels, strict=True)
        ]
        note = heat.note_text(axis, self.length_s, frame.precision)
        fresh = frame.data_status.usable
        cut = self._painter.cut
        foot = (Span(heat.cut_text(cut, frame.precision), "dim"),) if cut != Cut() else ()
        stale = "" if fresh else "STALE"
        return Content([*body, *words], note, stale, foot, urgent=not fresh)

    @staticmethod
    def _takers(frame: FrameState, shown: list[DepthColumn]) -> list[HeatMark]:
        """Return the large takers within the columns in sight."""
        thresholds = frame.measures.detectors.context.takers.thresholds()
        if thresholds is None or thresholds.learning:
            return []
        found = []
        for each in reversed(frame.market.prints):
            if each.time < shown[0].begin:
                break
            if each.qty >= thresholds.large:
                found.append(HeatMark(each.time, each.last_price))
        return found

    def timeframe(self, longer: int) -> None:
        """Take columns of the next longer length (1) or the next shorter one (-1)."""
        at = LENGTHS_S.index(self.length_s) + longer
        self.length_s = LENGTHS_S[max(0, min(len(LENGTHS_S) - 1, at))]
        self.redraw()

    def recentre(self) -> None:
        """Bring the market to the middle of the axis."""
        self._axis = HeatAxis()
        self.redraw()

    def _style(self, line_role: str, role: str) -> Style:
        """Return the style of a role; those of shades have their colours blended here."""
        if not role.startswith(heat.ROLE):
            return super()._style(line_role, role)
        up, down = role.removeprefix(heat.ROLE).split(":")
        ground = self._shade(int(down))
        if up == "m":
            style = super()._style(line_role, "last") + Style(bgcolor=ground)
        else:
            style = Style(color=self._shade(int(up)), bgcolor=ground)
        self._styles[line_role, role] = style
        return style

    def _shade(self, shade: int) -> Color:
        """Return the colour of a shade: from the ground over that of the bars to that of a side."""
        ground = self.rich_style.bgcolor or Color.default()
        side = "bid" if shade > 0 else "ask"
        bar, full = (
            self.get_component_rich_style(f"rows--{role}", partial=True).color or ground
            for role in (f"{side}-bar", side)
        )
        part = abs(shade) / heat.SHADES
        if colours_of(self.app) is Colours.MANY:
            part = -(-part * _STEPS_256 // 1) / _STEPS_256
        if not shade:
            return ground
        near, far, along = (ground, bar, 2 * part) if part <= 0.5 else (bar, full, 2 * part - 1)
        ends = zip(near.get_truecolor(), far.get_truecolor(), strict=True)
        red, green, blue = (round(one + (other - one) * along) for one, other in ends)
        return Color.from_triplet(ColorTriplet(red, green, blue))
