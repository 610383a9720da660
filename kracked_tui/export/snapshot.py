"""A picture of the screen without a terminal: SVG, PNG or text, by the file's ending."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from kracked.errors import ConfigError
from kracked_tui.export.svg import Cell, svg

if TYPE_CHECKING:
    from kracked_tui.app import Monitor

_RIGHT_HAND = str.maketrans(
    {**dict.fromkeys("▏▎", "█"), **dict.fromkeys("▍▌▋", "▐"), **dict.fromkeys("▊▉", "▕")}
)
ENDINGS = (".svg", ".png", ".txt")


class UnknownPicture(ConfigError):
    """A file ending we cannot write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: a picture ends in {', '.join(ENDINGS)}"


class NoFolder(ConfigError):
    """A picture is to go where nothing can be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.path.parent} is no folder that can be written to"


async def saved(monitor: Monitor, path: Path, size: tuple[int, int], after_s: float) -> None:
    """Run the monitor headless, save the screen after a while, and quit.

    Raises `ConfigError` before it starts when the file's ending cannot be written.
    """
    check(path)
    async with monitor.run_test(size=size) as pilot:
        await asyncio.sleep(after_s)
        if monitor.return_code:
            return
        monitor.trade.draw()
        await pilot.pause()
        path.write_bytes(picture(monitor, path.suffix))  # noqa: ASYNC240  once, at the end


def check(path: Path) -> None:
    """Raises `ConfigError` when a picture of this name could not be written."""
    if path.suffix not in ENDINGS:
        raise UnknownPicture(path)
    if not os.access(path.parent, os.W_OK) or path.is_dir():
        raise NoFolder(path)


def picture(monitor: Monitor, ending: str) -> bytes:
    """The screen as it is now."""
    strips = monitor.screen._compositor.render_strips()  # noqa: SLF001  as its own screenshots do
    if ending == ".txt":
        return ("\n".join(_text(strip).rstrip() for strip in strips) + "\n").encode()
    ground = monitor.current_theme.background or "#000000"
    drawn = svg([_cells(strip, ground) for strip in strips], monitor.size, ground)
    return _png(drawn) if ending == ".png" else drawn.encode()


def _text(strip: Strip) -> str:
    """The characters; a reversed part of a block becomes the nearest right-hand one."""
    return "".join(
        text.translate(_RIGHT_HAND) if style and style.reverse else text for text, style, _ in strip
    )


def _cells(strip: Strip, ground: str) -> list[Cell]:
    """A painted row as runs with the colours they really have."""
    cells, column = [], 0
    for text, stated, _ in strip:
        style = stated or Style()
        colour, behind = _colour(style.color, "#ffffff"), _colour(style.bgcolor, ground)
        if style.reverse:
            colour, behind = behind, colour
        cells.append(Cell(column, text, colour, behind, bool(style.bold)))
        column += len(text)
    return cells


def _colour(colour: Color | None, default: str) -> str:
    return colour.get_truecolor().hex if colour and not colour.is_default else default


def _png(drawn: str) -> bytes:
    import resvg_py  # noqa: PLC0415  only this format needs it

    return bytes(
        resvg_py.svg_to_bytes(svg_string=drawn, zoom=2, monospace_family="DejaVu Sans Mono")
    )
