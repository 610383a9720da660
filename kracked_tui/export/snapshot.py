"""A picture of the screen without a terminal: SVG, PNG or text, by the file's ending."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from kracked.errors import ConfigError, says
from kracked_tui.export.svg import Cell, svg

if TYPE_CHECKING:
    from kracked_tui.app import Monitor

_RIGHT_HAND = str.maketrans(
    {**dict.fromkeys("▏▎", "█"), **dict.fromkeys("▍▌▋", "▐"), **dict.fromkeys("▊▉", "▕")}
)
"""Left parts of a block, drawn reversed, to the nearest right part that text has."""
ENDINGS = (".svg", ".png", ".txt")


@says(f"{{path}}: a picture ends in {', '.join(ENDINGS)}")
class UnknownPicture(ConfigError):
    """No picture has this file ending."""

    path: Path


@says("{path}: {path.parent} is no folder that can be written to")
class NoFolder(ConfigError):
    """The folder of the picture cannot be written to."""

    path: Path


@says("a .png needs the package resvg_py (pip install resvg_py); .svg and .txt need nothing")
class NoRasterizer(ConfigError):
    """The package that makes a PNG is not installed."""


async def save_picture(monitor: Monitor, path: Path, size: tuple[int, int], after_s: float) -> None:
    """Run the monitor headless, save the screen after a while, and quit.

    Args:
        monitor: The monitor, not running yet.
        path: The file to write.
        size: Columns and rows.
        after_s: Seconds until the picture.

    Raises:
        ConfigError: The picture could not be written; raised before the monitor starts.
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
    """Check that a picture of this name can be written.

    Raises:
        UnknownPicture: Its ending is none of `ENDINGS`.
        NoFolder: Its folder cannot be written to.
        NoRasterizer: A PNG cannot be made.
    """
    if path.suffix not in ENDINGS:
        raise UnknownPicture(path)
    if not os.access(path.parent, os.W_OK) or path.is_dir():
        raise NoFolder(path)


def picture(monitor: Monitor, ending: str) -> bytes:
    """Return the picture of the screen, in the format of a file ending."""
    strips = monitor.screen._compositor.render_strips()  # noqa: SLF001  as its own screenshots do
    if ending == ".txt":
        return ("\n".join(_text(strip).rstrip() for strip in strips) + "\n").encode()
    ground = monitor.current_theme.background or "#000000"
    drawn = svg([_cells(strip, ground) for strip in strips], monitor.size, ground)
    return png(drawn) if ending == ".png" else drawn.encode()


def png(drawn: str) -> bytes:
    """Rasterize an SVG picture, at twice its size."""
    import resvg_py  # noqa: PLC0415

    return bytes(
        resvg_py.svg_to_bytes(svg_string=drawn, zoom=2, monospace_family="DejaVu Sans Mono")
    )


def _text(strip: Strip) -> str:
    """Return the characters; a reversed part of a block becomes the nearest right-hand one."""
    return "".join(
        text.translate(_RIGHT_HAND) if style and style.reverse else text for text, style, _ in strip
    )


def _cells(strip: Strip, ground: str) -> list[Cell]:
    """Return a painted row as runs with their effective colours."""
    cells, column = [], 0
    for text, given, _ in strip:
        style = given or Style()
        colour, behind = _colour(style.color, "#ffffff"), _colour(style.bgcolor, ground)
        if style.reverse:
            colour, behind = behind, colour
        cells.append(Cell(column, text, colour, behind, bool(style.bold)))
        column += len(text)
    return cells


def _colour(colour: Color | None, default: str) -> str:
    return colour.get_truecolor().hex if colour and not colour.is_default else default
