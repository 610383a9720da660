"""The heat strip: what rested at each price over time, two prices to a cell. Pure.

A shade tells a quantity by its logarithm, between a quantity that is background and one that is
full. Both are taken from what is in sight, and move in coarse steps: a strip whose colours tremble
cannot be read. What is not known is hatched, and never empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import NamedTuple

from kracked.flow.measures.depth_history import DepthColumn, rows_of
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.view import format as fmt
from kracked_tui.view.chart.price_axis import AxisMark, axis_labels, nice_above
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.queue.own_place import exact

SHADES = 16
UNKNOWN = 99
"""The shade of what is not known."""
HATCH, LAST = "·", "─"
ROLE = "heat:"
"""A role of this module: `heat:3:-16` are the shades of a cell's upper and lower half; the third
figure, where there is one, is that of a mark's ground."""
_GLYPHS = " ░▒▓█"
_BACKGROUND, _FULL = 50, 99.5
"""Percentiles of the quantities in sight."""
_COARSE = 1.3
_FAR = 4
"""An axis this many times too narrow or too wide for the book is made anew."""
_MIDDLE = 3
"""The market stays in the middle one of so many parts of the axis."""


class HeatAxis(NamedTuple):
    """The prices of the rows; a cell has two of them, one above the other."""

    low: int = 0
    step: int = 1
    halves: int = 0

    @property
    def high(self) -> int:
        """The lowest price above the highest row."""
        return self.low + self.step * self.halves

    def half(self, price: int) -> int:
        """Return the half row of a price, the lowest is 0; outside it is none of them."""
        return (price - self.low) // self.step


class Cut(NamedTuple):
    """Quantities: up to the first is background, from the second on full."""

    background: int = 1
    full: int = 2

    @property
    def scale(self) -> float:
        """Shades for each doubling of the quantity."""
        return SHADES / log2(max(self.full, 2 * self.background) / self.background)


class HeatMark(NamedTuple):
    """A large taker, at its time and price."""

    time: int
    price: int


def axis_for(before: HeatAxis, column: DepthColumn, quote: tuple[int, int], rows: int) -> HeatAxis:
    """Return the axis: the one before while it serves, so that nothing moves by itself.

    Args:
        before: The axis of the frame before.
        column: The present column: its prices are to be in sight.
        quote: Best bid and ask.
        rows: Rows of the picture.
    """
    halves, middle = 2 * rows, sum(quote) // 2
    low, high = (column.low, column.high) if column.high else quote
    reach = 2 * max(middle - low, high - middle, 1)
    covered = before.step * before.halves
    third = covered // _MIDDLE
    fits = before.halves == halves and reach <= _FAR * covered and covered <= _FAR * reach
    if fits and before.low + third <= middle < before.high - third:
        return before
    step = before.step if fits else nice_above(-(-reach // max(1, halves)))
    return HeatAxis(max(0, middle // step * step - step * rows), step, halves)


class HeatPainter:
    """Owner of the shades of columns: those that are over are made once, for one axis and cut."""

    def __init__(self) -> None:
        self._made_for: tuple[HeatAxis, int] = (HeatAxis(), 0)
        self._rows: dict[int, list[int]] = {}
        """Quantities by row of finished columns, by their begin."""
        self._shades: dict[int, list[int]] = {}
        self.cut = Cut()

    def shades(
        self, columns: Sequence[DepthColumn], axis: HeatAxis, length_s: int
    ) -> list[list[int]]:
        """Return the shades of each column's half rows, the lowest first."""
        if (axis, length_s) != self._made_for:
            self._made_for, self._rows, self._shades = (axis, length_s), {}, {}
        kept = {each.begin for each in columns}
        for begin in [each for each in self._rows if each not in kept]:
            del self._rows[begin]
            self._shades.pop(begin, None)
        quantities = [
            self._rows.get(each.begin) or self._made(each, at == len(columns) - 1)
            for at, each in enumerate(columns)
        ]
        half_ns, last = length_s * NS_PER_S // 2, len(columns) - 1
        least = [half_ns if at < last else 1 for at in range(len(columns))]
        known = [each.known_ns >= ns for each, ns in zip(columns, least, strict=True)]
        self._choose([rows for rows, told in zip(quantities, known, strict=True) if told])
        found = []
        for at, (column, rows) in enumerate(zip(columns, quantities, strict=True)):
            shades = self._shades.get(column.begin)
            if shades is None:
                shades = shades_of(column, rows, axis, self.cut, least[at])
                if at < len(columns) - 1:
                    self._shades[column.begin] = shades
            found.append(shades)
        return found

    def _made(self, column: DepthColumn, present: bool) -> list[int]:
        axis = self._made_for[0]
        rows = rows_of(column, axis.low, axis.step, axis.halves)
        if not present:
            self._rows[column.begin] = rows
        return rows

    def _choose(self, quantities: Sequence[Sequence[int]]) -> None:
        """Take other cuts when those in force are far from what is in sight; none for nothing."""
        sizes = sorted(abs(qty) for rows in quantities for qty in rows if qty)
        if not sizes:
            self.cut, self._shades = Cut(), {}
            return
        found = [
            max(1, sizes[min(len(sizes) - 1, int(len(sizes) * percent / 100))])
            for percent in (_BACKGROUND, _FULL)
        ]
        near = (
            1 / _COARSE <= new / old <= _COARSE for new, old in zip(found, self.cut, strict=True)
        )
        if not all(near):
            self.cut, self._shades = Cut(*found), {}


def shades_of(
    column: DepthColumn, rows: Sequence[int], axis: HeatAxis, cut: Cut, least_ns: int
) -> list[int]:
    """Return the shades of a column's rows: below zero for asks, 0 for the background.

    Args:
        column: The column.
        rows: Its quantities by half row.
        axis: The prices of the half rows.
        cut: What is background and what is full.
        least_ns: A column that was known for less time than this is not known.
    """
    if column.known_ns < least_ns:
        return [UNKNOWN] * len(rows)
    below, above = axis.half(column.low), axis.half(column.high)
    least, scale = cut.background, cut.scale
    found = []
    for half, qty in enumerate(rows):
        if not below <= half <= above:
            found.append(UNKNOWN)
        elif -least <= qty <= least:
            found.append(0)
        else:
            shade = min(SHADES, int(scale * log2(abs(qty) / least) + 0.5) or 1)
            found.append(shade if qty > 0 else -shade)
    return found


def heat_lines(
    shades: Sequence[Sequence[int]],
    columns: Sequence[DepthColumn],
    axis: HeatAxis,
    marks: Mapping[tuple[int, int], str],
    *,
    blocks: bool,
) -> list[tuple[Span, ...]]:
    """Return the rows of the picture, top to bottom, neighbours of one look joined.

    Args:
        shades: The shades of each column, lowest half row first.
        columns: The columns.
        axis: The prices.
        marks: Signs by column and half row.
        blocks: Draw two half blocks a cell in colours; else one sign of five a cell.
    """
    lines = []
    peaks = {(at, axis.half(price)) for at, each in enumerate(columns) for price in each.peaks}
    for row in range(axis.halves // 2):
        lower = axis.halves - 2 - 2 * row
        spans: list[Span] = []
        text, role = "", ""
        for at, column in enumerate(shades):
            up, down = column[lower + 1], column[lower]
            sign = marks.get((at, lower + 1)) or marks.get((at, lower))
            if sign is None and ((at, lower) in peaks or (at, lower + 1) in peaks):
                sign = "'"
            glyph, look = _cell(up, down, sign, blocks=blocks)
            if look == role:
                text += glyph
            else:
                if text:
                    spans.append(Span(text, role))
                text, role = glyph, look
        if text:
            spans.append(Span(text, role))
        lines.append(tuple(spans))
    return lines


def _cell(up: int, down: int, sign: str | None, *, blocks: bool) -> tuple[str, str]:
    """Return the glyph and the role of a cell."""
    if up == down == UNKNOWN:
        return sign or HATCH, "last" if sign else "faint"
    up, down = (0 if shade == UNKNOWN else shade for shade in (up, down))
    if not blocks:
        most = up if abs(up) >= abs(down) else down
        glyph = _GLYPHS[-(-abs(most) * (len(_GLYPHS) - 1) // SHADES)]
        if sign and (sign != LAST or abs(most) <= SHADES // 2):  # a line must not hide a wall
            return sign, "last"
        return glyph, "bid" if most > 0 else "ask"
    if sign:
        return sign, f"{ROLE}m:{up if abs(up) >= abs(down) else down}"
    if up == down:
        return " ", f"{ROLE}{up}:{down}"
    return "▀", f"{ROLE}{up}:{down}"


def signs(
    columns: Sequence[DepthColumn], axis: HeatAxis, takers: Iterable[HeatMark], length_s: int
) -> dict[tuple[int, int], str]:
    """Return the line of last prices and the large takers, by column and half row."""
    found: dict[tuple[int, int], str] = {}
    for at, column in enumerate(columns):
        if column.last is not None and axis.low <= column.last < axis.high:
            found[at, axis.half(column.last)] = LAST
    if columns:
        first, length_ns = columns[0].begin, length_s * NS_PER_S
        for mark in takers:
            at = (mark.time - first) // length_ns
            if 0 <= at < len(columns) and axis.low <= mark.price < axis.high:
                found[at, axis.half(mark.price)] = "•"
    return found


def axis_spans(
    axis: HeatAxis, last: int | None, own: Mapping[int, Side], precision: Precision
) -> list[tuple[Span, ...]]:
    """Return the price axis, top to bottom: round prices, the last one, and own orders."""
    marks = [] if last is None else [AxisMark(last, "◂", "last", "last")]
    marks += [AxisMark(price, "▸", "mine", side.value) for price, side in own.items()]
    inside = [mark for mark in marks if axis.low <= mark.price < axis.high]
    rows = axis.halves // 2

    def row_of(price: int) -> int:
        """Return the row of a price, from the top."""
        return min(rows - 1, max(0, rows - 1 - axis.half(price) // 2))

    return axis_labels(inside, axis.low, axis.high - 1, rows, row_of, precision)


def note_text(axis: HeatAxis, length_s: int, precision: Precision) -> str:
    """Say what a column and a row are."""
    return f"{length_s} s a column · {precision.price_text(axis.step)} a half row"


def cut_text(cut: Cut, precision: Precision) -> str:
    """Say which quantities have a colour."""
    low, high = (fmt.compact(qty, precision.qty, 5) for qty in cut)
    return f"colours from {low} to {high}"


def wall_lines(
    columns: Sequence[DepthColumn], length_s: int, precision: Precision, width: int
) -> list[Line]:
    """Say in words where most rests, and for how long it has: for a screen without colours."""
    if not columns or not columns[-1].prices:
        return [Line(fit([Span(" the book is not known now", "dim")], width))]
    lines = []
    for side, sign in ((Side.ASK, -1), (Side.BID, 1)):
        present = columns[-1]
        qty, price = max(
            ((sign * mean, price) for price, mean in zip(present.prices, present.means, strict=True)
             if sign * mean > 0),
            default=(0, 0),
        )  # fmt: skip
        if not qty:
            continue
        stood = 0
        for column in reversed(columns):
            levels = dict(zip(column.prices, column.means, strict=True))
            if sign * levels.get(price, 0) * 2 < qty:
                break
            stood += 1
        at, seconds = precision.price_text(price), stood * length_s * NS_PER_S
        all_of_it = " at least" if stood == len(columns) else ""
        said = f" largest {side.value} {exact(qty, precision)} at {at}, for{all_of_it} "
        lines.append(Line(fit([Span(said + fmt.age(seconds), side.value)], width)))
    return lines
