"""The box around a pane, drawn as lines like everything inside it.

Focus is a heavier box and not only a colour; while orders can be sent every box is double, and
focus is a sign before the pane's number. A changed title costs one row, where a border of
the toolkit would repaint the pane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from kracked_tui.view.line import Line, Span, fit, line

_LIGHT = "╭─╮│╰╯"
_HEAVY = "┏━┓┃┗┛"
_DOUBLE = "╔═╗║╚╝"


class Title(NamedTuple):
    """The text of a pane's top edge: its key and name, then what it shows."""

    key: str
    """The key that focuses the pane."""
    name: str
    note: str = ""
    right: str = ""
    """Left out where it does not fit beside the note."""
    urgent: bool = False
    """Whether the note is left out instead."""


class Box:
    """Draws the box of one pane again and again.

    Most rows of a body are the very objects of the frame before. They come back as the same
    framed rows, so that a comparison by identity finds them unchanged.
    """

    def __init__(self) -> None:
        self._edges: _Edges | None = None
        self._framed: dict[int, tuple[Line, Line]] = {}
        """The bare row, which is kept alive, and the framed one, by the bare row's identity."""

    def around(
        self,
        title: Title,
        body: Sequence[Line],
        size: tuple[int, int],
        *,
        focused: bool,
        armed: bool = False,
        foot: Iterable[Span] = (),
    ) -> list[Line]:
        """Draw the pane: box, title, and the body cut or filled to fit.

        Args:
            title: The text of the top edge.
            body: The rows inside.
            size: Width and height of the whole pane.
            focused: Whether the pane has the focus.
            armed: Whether keys send orders.
            foot: The text of the bottom edge, left out where it does not fit.
        """
        width, height = size
        inside = max(0, height - 2)
        edges = _edges(focused=focused, armed=armed)
        if edges is not self._edges:
            self._edges, self._framed = edges, {}
        edge = Span(edges.box[3], edges.role)
        known, self._framed = self._framed, {}
        rows = []
        for each in body[:inside]:
            pair = known.get(id(each)) or (each, Line((edge, *each.spans, edge), each.role))
            self._framed[id(each)] = pair
            rows.append(pair[1])
        rows += [_empty(width, edges)] * (inside - len(rows))
        return [
            _top(title, width, edges, focused=focused),
            *rows,
            _bottom(tuple(foot), width, edges),
        ]


class _Edges(NamedTuple):
    """The characters of a box, their role, and the sign of focus."""

    box: str
    role: str
    mark: str


@cache
def _edges(*, focused: bool, armed: bool) -> _Edges:
    if armed:
        return _Edges(_DOUBLE, "frame-armed", "▸" if focused else " ")
    return _Edges(_HEAVY, "frame-focus", " ") if focused else _Edges(_LIGHT, "frame", " ")


@lru_cache(64)
def _empty(width: int, edges: _Edges) -> Line:
    edge = Span(edges.box[3], edges.role)
    return Line((edge, Span(" " * max(0, width - 2)), edge))


@lru_cache(256)
def _top(title: Title, width: int, edges: _Edges, *, focused: bool) -> Line:
    box, role = edges.box, edges.role
    left = [Span(box[0] + box[1], role), Span(f"{edges.mark}{title.key} ", "key")]
    left.append(Span(f"{title.name} ", "title-focus" if focused else "title"))
    if title.note:
        left.append(Span(f"{title.note} ", "dim"))
    right = f" {title.right} " if title.right else ""
    used = sum(len(span.text) for span in left)
    if used + len(right) + 2 > width and title.urgent and title.note:
        used -= len(left.pop().text)
    if used + len(right) + 2 > width:
        right = ""
    rule = Span(box[1] * max(0, width - used - len(right) - 2), role)
    spans = fit([*left, rule], max(0, width - len(right) - 2))
    return line(*spans, Span(right, "dim"), Span(box[1] + box[2], role))


@lru_cache(256)
def _bottom(words: tuple[Span, ...], width: int, edges: _Edges) -> Line:
    """Draw the bottom edge, with the whole foot or none of it."""
    box, role = edges.box, edges.role
    used = sum(len(span.text) for span in words) + 2 if words else 0
    if used + 3 > width:
        words, used = (), 0
    rule = Span(box[1] * (width - used - 3), role)
    spaced = [Span(" "), *words, Span(" ")] if words else []
    edge = fit([Span(box[4], role), Span(box[1], role), *spaced, rule], width - 1)
    return Line((*edge, Span(box[5], role)))
