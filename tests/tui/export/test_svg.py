"""Pictures: what they show is what is on the screen, with no font but a monospace one."""

from __future__ import annotations

from xml.etree import ElementTree

from kracked_tui.export.snapshot import picture
from kracked_tui.export.svg import Cell, svg
from tests.tui.conftest import Opened


async def test_the_svg_is_well_formed_and_loads_nothing(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, _):
        drawn = picture(monitor, ".svg").decode()
    texts = [
        each.text for each in ElementTree.fromstring(drawn).iter() if each.tag.endswith("text")
    ]
    assert "Ladder" in texts
    assert "url(" not in drawn
    assert "href" not in drawn


def test_blocks_are_shapes_exact_to_the_eighth() -> None:
    drawn = svg([[Cell(0, "█▌", "#111111", "#000000")]], (2, 1), "#000000")
    widths = [
        each.get("width")
        for each in ElementTree.fromstring(drawn).iter()
        if each.get("fill") == "#111111"
    ]
    assert widths == ["9", "4.5"]


def test_text_is_escaped() -> None:
    assert "&lt;&amp;" in svg([[Cell(0, "<&", "#111111", "#000000")]], (2, 1), "#000000")
