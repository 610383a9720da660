"""The screen as an SVG picture, exact to the eighth of a cell and without web fonts.

The toolkit's own export leaves block and box characters to the viewer's font: bars fall
apart and borders break. Here those are drawn as shapes on the cell grid, and only letters
are text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

CELL_W, CELL_H = 9.0, 20.0
_FONT_SIZE = 15.0
_BASELINE = 14.8
_MARGIN = 10.0
FONTS = "'JetBrains Mono','Fira Code','DejaVu Sans Mono',Menlo,Consolas,monospace"

Box = tuple[float, float, float, float]
"""x, y, width, height as parts of a cell."""

_LEFT = dict(zip("▏▎▍▌▋▊▉█", range(1, 9), strict=True))
_RISING = dict(zip("▁▂▃▄▅▆▇█", range(1, 9), strict=True))
_QUARTERS = {
    "▘": "a", "▝": "b", "▖": "c", "▗": "d", "▀": "ab", "▐": "bd", "▚": "ad", "▞": "bc",
    "▛": "abc", "▜": "abd", "▙": "acd", "▟": "bcd",
}  # fmt: skip
"""Filled quarters of each character: a and b in the upper half, c and d in the lower one."""
_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_THIN, _HEAVY = 0.09, 0.2
_ARMS = {
    "─": "lr", "│": "ud", "╭": "rd", "╮": "ld", "╰": "ru", "╯": "lu", "┤": "udl", "├": "udr",
    "┊": "ud", "━": "LR", "┃": "UD", "┏": "RD", "┓": "LD", "┗": "RU", "┛": "LU",
}  # fmt: skip
"""Arms of each box character: left, right, up, down; capitals are heavy."""


class Cell(NamedTuple):
    """One run of characters in one style, at a column of its row."""

    column: int
    text: str
    colour: str
    ground: str
    bold: bool = False


def svg(rows: Sequence[Sequence[Cell]], size: tuple[int, int], ground: str) -> str:
    """Return the whole picture.

    Args:
        rows: The cells of each row.
        size: Columns and rows.
        ground: The background, as a CSS colour.
    """
    width, height = size[0] * CELL_W + 2 * _MARGIN, size[1] * CELL_H + 2 * _MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" font-family="{FONTS}" '
            f'font-size="{_FONT_SIZE:g}">'
        ),
        f'<rect width="100%" height="100%" rx="8" fill="{ground}"/>',
        f'<g transform="translate({_MARGIN:g} {_MARGIN:g})" xml:space="preserve">',
    ]
    for y, row in enumerate(rows):
        parts += _grounds(row, y, ground)
        for cell in row:
            parts += _drawn(cell, y)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _grounds(row: Sequence[Cell], y: int, ground: str) -> Iterator[str]:
    """Draw the backgrounds, neighbours of one colour as one piece."""
    start = end = 0
    colour = ground
    for cell in (*row, Cell(-1, "", "", ground)):
        if cell.ground == colour and cell.column == end:
            end += len(cell.text)
            continue
        if colour != ground:
            yield _rect((start * CELL_W, y * CELL_H, (end - start) * CELL_W, CELL_H), colour)
        start, end, colour = cell.column, cell.column + len(cell.text), cell.ground


def _drawn(cell: Cell, y: int) -> Iterator[str]:
    """Draw block and box characters as shapes, and the rest as text, a word at a time."""
    word, begin = "", 0
    for at, character in enumerate(cell.text):
        boxes = list(_boxes(character))
        if character == " " or boxes:
            yield from _word(word, cell, begin, y)
            word = ""
            for box, opacity in boxes:
                left, top, width, height = box
                x, from_top = (cell.column + at + left) * CELL_W, (y + top) * CELL_H
                yield _rect((x, from_top, width * CELL_W, height * CELL_H), cell.colour, opacity)
        else:
            begin = begin if word else at
            word += character
    yield from _word(word, cell, begin, y)


def _word(word: str, cell: Cell, begin: int, y: int) -> Iterator[str]:
    if not word:
        return
    x = (cell.column + begin) * CELL_W
    weight = ' font-weight="bold"' if cell.bold else ""
    yield (
        f'<text x="{x:g}" y="{y * CELL_H + _BASELINE:g}" fill="{cell.colour}"{weight} '
        f'textLength="{len(word) * CELL_W:g}" lengthAdjust="spacingAndGlyphs">{escape(word)}</text>'
    )


def _boxes(character: str) -> Iterable[tuple[Box, float]]:
    """Return the shapes of a block or box character with their opacity; none for a letter."""
    if character in _LEFT:
        return [((0, 0, _LEFT[character] / 8, 1), 1)]
    if character in _RISING:
        part = _RISING[character] / 8
        return [((0, 1 - part, 1, part), 1)]
    if character in _QUARTERS:
        places = ("abcd".index(quarter) for quarter in _QUARTERS[character])
        return [((place % 2 / 2, place // 2 / 2, 0.5, 0.5), 1) for place in places]
    if character in _SHADES:
        return [((0, 0, 1, 1), _SHADES[character])]
    return [(_arm(arm), 1) for arm in _ARMS.get(character, "")]


def _arm(arm: str) -> Box:
    """Return a stroke from the middle of the cell to one edge; its width is part of the cell's."""
    wide = _HEAVY if arm.isupper() else _THIN
    flat = wide * CELL_W / CELL_H
    left, top = (1 - wide) / 2, (1 - flat) / 2
    match arm.lower():
        case "l":
            return (0, top, (1 + wide) / 2, flat)
        case "r":
            return (left, top, 1 - left, flat)
        case "u":
            return (left, 0, wide, (1 + flat) / 2)
    return (left, top, wide, 1 - top)


def _rect(box: Box, colour: str, opacity: float = 1) -> str:
    x, y, width, height = box
    faint = f' fill-opacity="{opacity:g}"' if opacity != 1 else ""
    # Crisp edges: neighbouring shapes meet without a seam.
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'fill="{colour}"{faint} shape-rendering="crispEdges"/>'
    )
