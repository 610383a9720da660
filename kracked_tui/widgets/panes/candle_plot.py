"""Candles drawn by plotext, in one thread of its own.

plotext keeps one global figure and takes tens of milliseconds a chart: only this module
touches it, and only from the thread `Plotter` owns. It is imported for the first chart.

plotext draws in two palette colours and nothing else. Their numbers stand for roles, and the
theme decides how those look. A general ANSI parser costs ten times as much as `parsed`.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from kracked_tui.view.chart.candles import ChartView
from kracked_tui.view.line import Line, Span

_PIECE = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)")
_HATCHED = str.maketrans({**dict.fromkeys("█▀▄▟▜", "▒"), **dict.fromkeys("▌▘▖", "░")})
"""The glyphs of bodies; those of wicks alone stay."""
_ROLES = {"38;5;2": "chart-up", "38;5;1": "chart-down"}
"""Roles by the escape codes of the two colours."""


class Plotter:
    """Owns the drawing thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "plotext")

    async def candles(self, view: ChartView) -> str:
        """Draw the plot area alone; returns ANSI text for `parsed`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _candles, view)

    def close(self) -> None:
        """End the thread; charts that wait for it are not drawn."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Plotter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _candles(view: ChartView) -> str:
    """Draw falling candles in colour 1 and the others in colour 2, four quarters to a cell."""
    import plotext  # noqa: PLC0415  80 ms that the first paint need not wait for

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(view.width, view.height)
    plotext.theme("clear")
    plotext.xaxes(False, False)
    plotext.yaxes(False, False)
    plotext.xticks([])
    plotext.yticks([])
    last = 2 * view.height - 1
    plotext.xlim(0, 2 * view.width - 1)
    plotext.ylim(0, last)
    for colour, rising in (("green", True), ("red", False)):
        quarters = view.quarters(rising=rising)
        columns, heights = [x for x, _ in quarters], [last - y for _, y in quarters]
        plotext.scatter(columns, heights, marker="hd", color=colour)
    return str(plotext.build())


def parsed(text: str, *, shapes: bool = False) -> list[Line]:
    """Read plotext's text, one line a row.

    Args:
        text: The result of `Plotter.candles`.
        shapes: Hatch falling bodies, so that they are told apart without colour.
    """
    lines = []
    for row in text.rstrip("\n").split("\n"):
        first, escape, rest = row.partition("\x1b")
        spans = [Span(first)] if first else []
        for code, piece in _PIECE.findall(escape + rest):
            if piece:
                role = _ROLES.get(code, "")
                hatched = shapes and role == "chart-down"
                spans.append(Span(piece.translate(_HATCHED) if hatched else piece, role))
        lines.append(Line(tuple(spans)))
    return lines
