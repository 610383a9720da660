"""The tape pane and the flow pane: trades, and takers' purchases and sales."""

from __future__ import annotations

from functools import lru_cache

from kracked_tui.remembered import scaled
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view import format as fmt
from kracked_tui.view.account.own_marks import OwnMarksCache
from kracked_tui.view.tape import flow, tape
from kracked_tui.widgets.panes.pane import Content, Pane, Scroll

_line = lru_cache(1024)(tape.tape_line)


class TapePane(Pane):
    """Trades, newest on top; the note names the size of a filter."""

    name_shown = "Tape"

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._scroll = Scroll()
        self._own_marks = OwnMarksCache()
        self.at_least = 0
        """Scaled quantity below which a print is left out."""
        self._filter_of: tuple[str, int] = ("", 0)
        """The pair and the decimals of its quantities for which the filter is."""

    def content(self, frame: FrameState) -> Content:
        """Draw the prints in sight; takers' shares of the last minute in the foot."""
        width, height = self.inside
        decimals = frame.precision.qty
        if self._filter_of != (frame.symbol, decimals):
            self._filter_of = (frame.symbol, decimals)
            self.at_least = scaled(frame.choices.least_print, decimals)
        rows = max(0, height - 1)
        thresholds = frame.measures.detectors.context.takers.thresholds()
        shown = tape.tape_view(
            reversed(frame.market.prints),
            at_least=self.at_least,
            skip=self._scroll.skip,
            rows=rows,
            large=None if thresholds is None or thresholds.learning else thresholds.large,
            notes=frame.seen.notes,
            own=self._own_marks.marks(
                frame.symbol, frame.precision, frame.account.fills, frame.account.own_levels
            ).trade_ids,
        )
        money = frame.in_money
        lines = [
            _line(row, width, frame.price_width, frame.precision, frame.decimals, money=money)
            for row in shown
        ]
        size = fmt.qty(self.at_least, frame.precision.qty, frame.decimals)
        note = f"≥ {size}" if self.at_least else ""
        right = f"{self._scroll.skip} newer" if self._scroll.skip else ""
        foot = flow.share_spans(frame.flow, width, frame.precision)
        unit = frame.account.quote if money else "qty"
        head = tape.head_line(width, frame.price_width, unit)
        return Content([head, *lines], note, right, foot)

    def filter(self, further: int) -> None:
        """Hide prints below the next larger size, none after the largest; 0 shows them all."""
        if self.frame is None:
            return
        offered = tape.filters(self.frame.market.prints)
        larger = [size for size in offered if size > self.at_least]
        self.at_least = larger[0] if further and larger else 0
        self.redraw()

    def move(self, rows_up: int) -> None:
        """Scroll up by some rows."""
        length = len(self.frame.market.prints) if self.frame else 0
        self._scroll.move(rows_up, length=length, rows=self.inside[1] - 1)
        self.redraw()

    def edge(self, up: int) -> None:
        """Scroll to the newest print (1) or the oldest (-1)."""
        self.move(up * (len(self.frame.market.prints) if self.frame else 0))


class FlowPane(Pane):
    """Takers' purchases and sales over several windows of time."""

    name_shown = "Flow"
    every = 10

    def content(self, frame: FrameState) -> Content:
        """Draw a line for each window."""
        return Content(flow.flow_lines(frame.flow, self.inside[0], frame.precision), "takers")
