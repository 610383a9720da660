"""A screen row as data: pieces of text that each play a role."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ROLES = (
    *("accent", "bright", "dim", "faint", "good", "key", "mark", "warn", "word"),
    *("ask", "ask-bar", "bid", "bid-bar", "buy", "sell", "large", "last", "price"),
    *("chart-axis", "chart-down", "chart-up"),
    *("armed", "armed-alone", "buy-word", "sell-word", "frame-armed", "mine"),
    *("cursor", "frame", "frame-focus", "header", "notice", "stale", "title", "title-focus"),
)
"""Every role a span or a line may play; the style sheet has one rule for each."""

TIP = "-tip"
"""After a role: the same with foreground and background exchanged."""

_ASCII = str.maketrans(
    {
        **dict.fromkeys("█▉▊▋▌▐", "#"),
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
        **dict.fromkeys("○◇", "o"),
        **dict.fromkeys("▲↑", "^"),
        **dict.fromkeys("▼↓", "v"),
        **dict.fromkeys("▸▶►›→", ">"),
        **dict.fromkeys("◂◀‹←", "<"),
        "⟳": "@",
        "‖": "|",
        "»": ">",
        "■": "#",
        "…": "~",
        "✓": "+",
        "✗": "x",
        "≥": ">",
        "≤": "<",
        "×": "x",
        "Σ": "S",
        "␣": "_",
        "’": "'",
    }
)
_ASCII_TIP = str.maketrans({**dict.fromkeys("▉▊▋", "."), **dict.fromkeys("▌▍▎▏", "#")})
"""A tip shows the part that is missing; what is left is drawn as of the other side's bars."""


class Span(NamedTuple):
    text: str
    role: str = ""


class Line(NamedTuple):
    """One row. `role` lies under every span: the cursor's background, a header's weight."""

    spans: tuple[Span, ...]
    role: str = ""

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)

    def within(self, role: str) -> Line:
        """The same text, all of it in one role."""
        tip = role + TIP
        spans = (Span(text, tip if was.endswith(TIP) else role) for text, was in self.spans)
        return Line(tuple(spans), self.role)

    def plain(self) -> Line:
        """The same width in ASCII alone: every glyph has a twin of one cell."""
        return Line(tuple(_plain(span) for span in self.spans), self.role)


def _plain(span: Span) -> Span:
    if span.role.endswith(TIP):
        return Span(span.text.translate(_ASCII_TIP), span.role.removesuffix(TIP))
    return Span(span.text.translate(_ASCII), span.role)


def line(*parts: Span | str, role: str = "") -> Line:
    """A line of its parts; bare text plays no role, and empty parts are left out."""
    spans = (part if isinstance(part, Span) else Span(part) for part in parts)
    return Line(tuple(span for span in spans if span.text), role)


def fit(spans: Iterable[Span], width: int) -> tuple[Span, ...]:
    """Exactly `width` cells: cut with an ellipsis or filled with blanks. No part is empty."""
    kept: list[Span] = []
    room = width
    for span in spans:
        taken = len(span[0])
        if taken > room:
            if room:
                kept.append(Span(span.text[: room - 1] + "…", span.role))
            room = 0
            break
        if taken:
            kept.append(span)
            room -= taken
    if room:
        kept.append(Span(" " * room))
    return tuple(kept)


def spread(left: Iterable[Span], right: Iterable[Span], width: int) -> tuple[Span, ...]:
    """`left` at the left edge and `right` at the right one; `left` gives way."""
    right = tuple(right)
    taken = sum(len(span.text) for span in right)
    if taken >= width:
        return fit(right, width)
    return (*fit(left, width - taken), *right)
