"""A screen row as data: pieces of text, each with a role. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kracked.untrusted import printable

ROLES = (
    *("accent", "bright", "dim", "faint", "good", "key", "mark", "warn", "word"),
    *("ask", "ask-bar", "bid", "bid-bar", "buy", "sell", "large", "last", "price"),
    *("average", "chart-axis", "chart-down", "chart-up"),
    *("armed", "armed-alone", "buy-word", "sell-word", "frame-armed", "mine"),
    *("cursor", "frame", "frame-focus", "header", "notice", "stale", "title", "title-focus"),
)
"""Every role a span or a line may have; the style sheet has one rule for each."""

TIP = "-tip"
"""Suffix of a role: the same role with foreground and background exchanged."""

_ASCII = str.maketrans(
    {
        **dict.fromkeys("█▉▊▋▌▀▖▘▚▛▜▙▟▞", "#"),
        **dict.fromkeys("▐▝▗", "|"),
        **dict.fromkeys("▍▎▏▕░·┊", "."),
        **dict.fromkeys("▇▆▅", "#"),
        **dict.fromkeys("▄▃", "="),
        **dict.fromkeys("▂▁", "_"),
        **dict.fromkeys("┌┐└┘╭╮╰╯├┤┬┴┼╞╡", "+"),
        **dict.fromkeys("┏┓┗┛╔╗╚╝", "#"),
        **dict.fromkeys("━═", "="),
        **dict.fromkeys("─–", "-"),
        **dict.fromkeys("│┃║╻╹", "|"),
        **dict.fromkeys("●◆", "*"),
        **dict.fromkeys("▒•", ":"),
        "▓": "%",
        **dict.fromkeys("○◇", "o"),
        **dict.fromkeys("▲↑", "^"),
        **dict.fromkeys("▼↓", "v"),
        **dict.fromkeys("▸▶►›→", ">"),
        **dict.fromkeys("◂◀‹←", "<"),
        "‖": "|",
        "»": ">",
        "■": "#",
        "…": "~",
        "≥": ">",
        "≤": "<",
        "×": "x",
        "Σ": "S",
        "Δ": "D",
        "␣": "_",
        "’": "'",
    }
)
_ASCII_TIP = str.maketrans({**dict.fromkeys("▉▊▋", "."), **dict.fromkeys("▌▍▎▏", "#")})
"""A tip draws the missing part of its cell; in ASCII it becomes the part that is there."""


class Span(NamedTuple):
    """A piece of text and its role."""

    text: str
    role: str = ""


class Line(NamedTuple):
    """One row. Its `role` applies below every span: a cursor's background, a header's weight."""

    spans: tuple[Span, ...]
    role: str = ""

    @property
    def text(self) -> str:
        """The characters of the row."""
        return "".join(span.text for span in self.spans)

    def within(self, role: str) -> Line:
        """Return the same text, all of it in one role."""
        tip = role + TIP
        spans = (Span(text, tip if was.endswith(TIP) else role) for text, was in self.spans)
        return Line(tuple(spans), self.role)

    def safe(self) -> Line:
        """Return the row with every character replaced that a terminal would obey."""
        if "".join([text for text, _ in self.spans]).isprintable():
            return self
        spans = (Span(printable(text, len(text) + 1), role) for text, role in self.spans)
        return Line(tuple(spans), self.role)

    def plain(self) -> Line:
        """Return the row in ASCII alone, at the same width: every glyph has a twin of one cell."""
        spans = []
        for text, role in self.spans:
            glyphs = _ASCII_TIP if role.endswith(TIP) else _ASCII
            spans.append(Span(text.translate(glyphs), role.removesuffix(TIP)))
        return Line(tuple(spans), self.role)


def line(*parts: Span | str, role: str = "") -> Line:
    """Make a line of its parts; bare text has no role, and empty parts are left out."""
    spans = (part if isinstance(part, Span) else Span(part) for part in parts)
    return Line(tuple(span for span in spans if span.text), role)


def left_cell(text: str, width: int) -> str:
    """Align a cell of a table left; it ends with a blank, and an ellipsis marks one that is cut.

    A cell of no width is left out. With every cell made here or by `right_cell`, no two columns
    of a table run together, whatever they hold.
    """
    return _cut(text, width - 1).ljust(width)


def right_cell(text: str, width: int) -> str:
    """Align a cell of a table right; it begins with a blank, and an ellipsis marks one cut."""
    return _cut(text, width - 1).rjust(width)


def _cut(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return f"{text[: room - 1]}…" if room > 0 else ""


def fit(spans: Iterable[Span], width: int) -> tuple[Span, ...]:
    """Cut spans with an ellipsis, or fill them with blanks, to exactly `width` cells.

    No part of the result is empty.
    """
    fitted: list[Span] = []
    room = width
    for span in spans:
        taken = len(span[0])
        if taken > room:
            if room:
                fitted.append(Span(span.text[: room - 1] + "…", span.role))
            room = 0
            break
        if taken:
            fitted.append(span)
            room -= taken
    if room:
        fitted.append(Span(" " * room))
    return tuple(fitted)


def spread(left: Iterable[Span], right: Iterable[Span], width: int) -> tuple[Span, ...]:
    """Put `left` at the left edge and `right` at the right edge; `left` is cut where needed."""
    right = tuple(right)
    taken = sum(len(span.text) for span in right)
    if taken >= width:
        return fit(right, width)
    return (*fit(left, width - taken), *right)
