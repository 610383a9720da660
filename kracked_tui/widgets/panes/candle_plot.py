"""Candles drawn by plotext, in one thread of its own.

plotext keeps one global figure and takes tens of milliseconds a chart: only this module
touches it, and only from the thread `Plotter` owns. It is imported when the first chart
is wanted.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from kracked_tui.view.chart.candles import ChartView


class Plotter:
    """Owns the drawing thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "plotext")

    async def candles(self, view: ChartView) -> str:
        """The plot area alone as ANSI text; falling candles in colour 1, the others in 2."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _candles, view)

    def close(self) -> None:
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
    import plotext  # noqa: PLC0415  80 ms that the first paint need not wait for

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(view.width, view.height)
    plotext.theme("clear")
    plotext.xaxes(False, False)
    plotext.yaxes(False, False)
    plotext.xticks([])
    plotext.yticks([])
    plotext.xlim(0, view.width - 1)
    plotext.ylim(view.low, view.high)
    columns = [view.column(at) for at in range(len(view.bars))]
    # plotext takes an unchanged price for a fall; the tie goes up, as the volume row has it.
    tie = (view.high - view.low) / 1e9
    prices = {
        "Open": [bar.open for bar in view.bars],
        "High": [bar.high for bar in view.bars],
        "Low": [bar.low for bar in view.bars],
        "Close": [bar.close + (tie if bar.close == bar.open else 0) for bar in view.bars],
    }
    plotext.candlestick(columns, prices, colors=["green", "red"])
    return str(plotext.build())
