"""Every pane alone at four sizes, as text; and in three depths of colour, by its colours.

Write them anew with KRACKED_GOLDEN=write and look at the difference; KRACKED_GALLERY=FOLDER also
saves a PNG of each, to be looked at.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kracked_tui.app import Monitor
from kracked_tui.export.snapshot import picture
from kracked_tui.palettes import Colours
from kracked_tui.view.chrome import layout
from tests.tui.frozen_account import account
from tests.tui.sighted_market import plant
from tests.tui.test_goldens import compare
from tests.tui.test_heat_pane import pass_time

SIZES = ((80, 24), (120, 40), (160, 48), (200, 60))
CARDS = {layout.SEEN: "evidence", layout.FILLS: "fill"}


def keep(monitor: Monitor, name: str) -> None:
    """Save a picture to look at, where a folder is named."""
    if folder := os.environ.get("KRACKED_GALLERY"):
        (Path(folder) / f"{name}.png").write_bytes(picture(monitor, ".png"))


def colours_text(monitor: Monitor) -> str:
    """Return how many cells have each pair of colours, the most first."""
    counts: Counter[str] = Counter()
    for strip in monitor.screen._compositor.render_strips():
        for text, style, _ in strip:
            pair = (style.color, style.bgcolor) if style else (None, None)
            named = (each.triplet.hex if each and each.triplet else "default" for each in pair)
            counts[" on ".join(named)] += len(text)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"{count:>6} {pair}\n" for pair, count in rows)


async def alone(monitor: Monitor, pilot: Pilot[None], pane: str) -> None:
    """Show a pane alone, with what the detectors saw and a minute of heat."""
    plant(monitor)
    pass_time(monitor, 60)
    monitor.trade.view_keys.go_to(pane)
    monitor.trade.panels.zoom(pane)
    for _ in range(3):
        await pilot.pause(0.01)
        monitor.trade.draw()
    while pane == layout.CHART and not monitor.trade.chart.up_to_date:
        await pilot.pause(0.01)
        monitor.trade.draw()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pane", layout.PANES)
async def test_a_pane_alone_is_the_golden_one(
    tmp_path: Path, pane: str, size: tuple[int, int]
) -> None:
    async with account(tmp_path, size) as (monitor, pilot):
        await alone(monitor, pilot, pane)
        name = f"gallery-{pane}-{size[0]}x{size[1]}"
        keep(monitor, name)
        compare(name, picture(monitor, ".txt").decode())
        if pane in CARDS:
            await pilot.press("enter")
            await pilot.pause()
            monitor.trade.draw()
            await pilot.pause()
            card = f"gallery-{CARDS[pane]}-card-{size[0]}x{size[1]}"
            keep(monitor, card)
            compare(card, picture(monitor, ".txt").decode())


@pytest.mark.parametrize("colours", list(Colours))
@pytest.mark.parametrize("pane", layout.PANES)
async def test_a_pane_has_the_colours_of_its_terminal(
    tmp_path: Path, pane: str, colours: Colours
) -> None:
    async with account(tmp_path, (120, 40)) as (monitor, pilot):
        monitor.use_colours(colours)
        monitor.theme = "day"
        monitor.theme = "night"
        await alone(monitor, pilot, pane)
        keep(monitor, f"gallery-{pane}-{colours.value}")
        compare(f"gallery-{pane}-{colours.value}", colours_text(monitor))
