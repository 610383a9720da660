"""The alerts as a list: what is waited for, and what was told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped

_PAIR = 11
_BEFORE = _PAIR + 5
"""Cells before the text of an alert."""
_LEAST_STATE = 24
"""Cells below which the state stands in rows of its own."""
HOW_TO = "No alert is set. : and alert 64250 sets one for this pair, ! one at the ladder's cursor."


class AlertRow(NamedTuple):
    """One alert that is set."""

    number: int
    pair: str
    text: str
    state: str
    """Whether it waits, was told, or cannot be evaluated, and why."""
    role: str = ""
    cursor: bool = False


class ToldRow(NamedTuple):
    """One alert that fired."""

    time: int
    text: str


def alert_lines(
    rows: Sequence[AlertRow], told: Sequence[ToldRow], width: int
) -> tuple[list[Line], list[int | None]]:
    """Draw what is set, with its state, and below it what was told, newest first.

    Returns:
        The lines, and for each the place of its alert among the rows; None for what was told.
    """
    column = max((len(row.text) for row in rows), default=0) + 2
    column = column if width - _BEFORE - column - 1 >= _LEAST_STATE else 0
    drawn = [(each, at) for at, row in enumerate(rows) for each in _row(row, column, width)]
    lines: list[Line] = [each for each, _ in drawn]
    places: list[int | None] = [at for _, at in drawn]
    if not rows:
        lines = [Line(fit([Span(f" {each}", "dim")], width)) for each in wrapped(HOW_TO, width - 2)]
    if told:
        lines.append(Line(fit([Span(" told, the newest first", "header")], width)))
    for one in told:
        parts = wrapped(one.text, max(10, width - 11))
        for clock, part in zip((fmt.moment(one.time), *[""] * len(parts)), parts, strict=False):
            lines.append(Line(fit([Span(f" {clock:<9}", "faint"), Span(part)], width)))
    return lines, places + [None] * (len(lines) - len(places))


def _row(row: AlertRow, column: int, width: int) -> list[Line]:
    """Draw an alert, with its state beside it, or below it where `column` is 0."""
    role, state_role = "cursor" if row.cursor else "", row.role or "dim"
    begin = (
        Span("▸" if row.cursor else " ", "accent"),
        Span(f"{row.number:>2} ", "dim"),
        Span(f"{row.pair:<{_PAIR}} ", "word"),
    )
    blank = (Span(" " * _BEFORE),)
    if column:
        states = wrapped(row.state, width - _BEFORE - column - 1)
        texts = [row.text, *[""] * (len(states) - 1)]
        rows: list[tuple[Span, ...]] = [
            (Span(f"{text:<{column}}"), Span(state, state_role))
            for text, state in zip(texts, states, strict=True)
        ]
    else:
        rows = [(Span(part),) for part in wrapped(row.text, max(10, width - _BEFORE - 1))]
        room = max(10, width - _BEFORE - 1)
        rows += [(Span(part, state_role),) for part in wrapped(row.state, room)]
    return [
        Line(fit([*(blank if at else begin), *spans], width), role) for at, spans in enumerate(rows)
    ]
