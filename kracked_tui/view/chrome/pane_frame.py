"""The box around a pane, drawn as lines like everything inside it.

Focus is a heavier box and not only a colour; while orders can be sent every box is a
double one, and focus is a sign before the pane's number. Drawing it here costs one changed row
when a title changes, where a border of the toolkit would repaint the pane.
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
    """What stands in a pane's top edge: its key and name, then what it shows."""

    key: str
    """What goes there."""
    name: str
    note: str = ""
    right: str = ""
    """Left out where it does not fit beside the note."""
    urgent: bool = False
    """Then it is the note that makes room."""


def framed(
    title: Title,
    body: Sequence[Line],
    size: tuple[int, int],
    *,
    focused: bool,
    armed: bool = False,
    foot: Iterable[Span] = (),
) -> list[Line]:
    """The pane at `size` (width, height): box, title, body cut or filled to fit."""
    return Box().around(title, body, size, focused=focused, armed=armed, foot=foot)


class Box:
    """Draws the box of one pane again and again.

    Most rows of a body are the very objects of the frame before: they come back as the
    same framed rows, which are then known not to have changed without a look inside.
    """

    def __init__(self) -> None:
        self._edges: _Edges | None = None
        self._edged: dict[int, tuple[Line, Line]] = {}
        """By the identity of a bare row: that row, which keeps it alive, and the framed one."""

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
        """As `framed`."""
        width, height = size
        inside = max(0, height - 2)
        edges = _edges(focused=focused, armed=armed)
        if edges is not self._edges:
            self._edges, self._edged = edges, {}
        rows = self._rows(body[:inside], Span(edges.box[3], edges.role))
        rows += [_empty(width, edges)] * (inside - len(rows))
        return [
            _top(title, width, edges, focused=focused),
            *rows,
            _bottom(tuple(foot), width, edges),
        ]

    def _rows(self, body: Sequence[Line], edge: Span) -> list[Line]:
        known, self._edged = self._edged, {}
        rows = []
        for each in body:
            pair = known.get(id(each))
            if pair is None:
                pair = (each, Line((edge, *each.spans, edge), each.role))
            self._edged[id(each)] = pair
            rows.append(pair[1])
        return rows


class _Edges(NamedTuple):
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
    """The words of the foot are there whole or not at all."""
    box, role = edges.box, edges.role
    used = sum(len(span.text) for span in words) + 2 if words else 0
    if used + 3 > width:
        words, used = (), 0
    rule = Span(box[1] * (width - used - 3), role)
    spaced = [Span(" "), *words, Span(" ")] if words else []
    edge = fit([Span(box[4], role), Span(box[1], role), *spaced, rule], width - 1)
    return Line((*edge, Span(box[5], role)))
