"""The panes of the screen, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kracked_tui.sources.record_switch import RecordSwitch
from kracked_tui.view.chrome import layout
from kracked_tui.widgets.panes.account import BalancesPane, OrdersPane
from kracked_tui.widgets.panes.charts import ChartPane, DepthPane, LevelPane
from kracked_tui.widgets.panes.fills import FillsPane
from kracked_tui.widgets.panes.heat import HeatPane
from kracked_tui.widgets.panes.ladder import LadderPane
from kracked_tui.widgets.panes.lists import (
    AlertsPane,
    HealthPane,
    LogPane,
    RecorderPane,
    WatchlistPane,
)
from kracked_tui.widgets.panes.queue import QueuePane
from kracked_tui.widgets.panes.seen import SeenPane
from kracked_tui.widgets.panes.tape import FlowPane, TapePane


class PaneSet(NamedTuple):
    """All panes; `layout.PANES` has their names in the same order."""

    ladder: LadderPane
    queue: QueuePane
    tape: TapePane
    chart: ChartPane
    flow: FlowPane
    level: LevelPane
    depth: DepthPane
    watch: WatchlistPane
    orders: OrdersPane
    fills: FillsPane
    balances: BalancesPane
    log: LogPane
    health: HealthPane
    recorder: RecorderPane
    seen: SeenPane
    heat: HeatPane
    alerts: AlertsPane

    def by_letter(self) -> dict[str, tuple[str, str]]:
        """Return the id and the name of each pane, by the letter that jumps to it."""
        return {layout.LETTERS[pane.id or ""]: (pane.id or "", pane.name_shown) for pane in self}


def pane_set(*, recording: RecordSwitch, frames: Callable[[], int], ascii_only: bool) -> PaneSet:
    """Return the panes of one screen.

    Args:
        recording: The switch of the recorder, whose progress is shown.
        frames: Returns the number of frames drawn since the start.
        ascii_only: Draw with ASCII characters alone.
    """
    return PaneSet(
        ladder=LadderPane(1, id=layout.LADDER, ascii_only=ascii_only),
        queue=QueuePane(2, id=layout.QUEUE, ascii_only=ascii_only),
        tape=TapePane(3, id=layout.TAPE, ascii_only=ascii_only),
        chart=ChartPane(4, id=layout.CHART, ascii_only=ascii_only),
        flow=FlowPane(5, id=layout.FLOW, ascii_only=ascii_only),
        level=LevelPane(6, id=layout.LEVEL, ascii_only=ascii_only),
        depth=DepthPane(7, id=layout.DEPTH, ascii_only=ascii_only),
        watch=WatchlistPane(8, id=layout.WATCH, ascii_only=ascii_only),
        orders=OrdersPane(9, id=layout.ORDERS, ascii_only=ascii_only),
        fills=FillsPane(10, id=layout.FILLS, ascii_only=ascii_only),
        balances=BalancesPane(11, id=layout.BALANCES, ascii_only=ascii_only),
        log=LogPane(12, id=layout.LOG_LIST, ascii_only=ascii_only),
        health=HealthPane(13, id=layout.HEALTH, frames=frames, ascii_only=ascii_only),
        recorder=RecorderPane(
            14, id=layout.RECORDER, progress=recording.view, ascii_only=ascii_only
        ),
        seen=SeenPane(15, id=layout.SEEN, ascii_only=ascii_only),
        heat=HeatPane(16, id=layout.HEAT, ascii_only=ascii_only),
        alerts=AlertsPane(17, id=layout.ALERTS, ascii_only=ascii_only),
    )
