"""Lines drawn as SVG, which every notebook shows: no plotting library is needed.

python examples/line_picture.py > lines.svg
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 760, 240, 40
COLOURS = ("#2a6fdb", "#d9480f", "#2b8a3e", "#862e9c")


class LinePicture:
    """A picture of lines over a common axis; a missing value breaks its line."""

    def __init__(
        self, title: str, lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    ) -> None:
        """Draw each line's places and values."""
        self._title, self._lines = title, lines

    def _repr_svg_(self) -> str:
        places = [place for xs, _ in self._lines.values() for place in xs]
        values = [value for _, ys in self._lines.values() for value in ys if not math.isnan(value)]
        if not values:
            return (
                f'<svg xmlns="http://www.w3.org/2000/svg"><text>{escape(self._title)}</text></svg>'
            )
        across, up = _scale(places, MARGIN, WIDTH - 10), _scale(values, HEIGHT - 20, 30)
        parts = [f'<text x="{MARGIN}" y="18" font-size="14">{escape(self._title)}</text>']
        for number, (name, (xs, ys)) in enumerate(self._lines.items()):
            colour = COLOURS[number % len(COLOURS)]
            path, pen = "", "M"
            for x, y in zip(xs, ys, strict=True):
                if math.isnan(y):
                    pen = "M"
                    continue
                path += f"{pen}{across(x):.1f},{up(y):.1f}"
                pen = "L"
            parts.append(f'<path d="{path}" fill="none" stroke="{colour}"/>')
            x = WIDTH - 110 * (len(self._lines) - number)
            parts.append(
                f'<text x="{x}" y="18" font-size="12" fill="{colour}">{escape(name)}</text>'
            )
        ends = (min(values), max(values))
        parts += [f'<text x="2" y="{up(one):.0f}" font-size="10">{one:g}</text>' for one in ends]
        size = f'width="{WIDTH}" height="{HEIGHT}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _scale(values: Sequence[float], low: float, high: float):
    """Return a function from values to places between `low` and `high`."""
    least, most = min(values), max(values)
    step = (high - low) / ((most - least) or 1)
    return lambda value: low + (value - least) * step


if __name__ == "__main__":
    places = [number / 10 for number in range(100)]
    print(LinePicture("sine", {"sin": (places, [*map(math.sin, places)])})._repr_svg_())
