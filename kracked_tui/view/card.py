"""A card: one thing told in full, as facts with their words, over the panes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped


class CardFact(NamedTuple):
    """One fact: a word or two for its kind, and a sentence. Without a kind it continues."""

    name: str
    text: str
    role: str = ""


class CardTable(NamedTuple):
    """Rows under one head; each cell is as wide as the widest of its column."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[int] = frozenset()
    """Columns that are aligned right: numbers."""


class Card(NamedTuple):
    """Everything a card tells, top to bottom."""

    name: str
    note: str
    parts: tuple[CardFact | CardTable, ...]
    foot: str = ""


def card_lines(card: Card, width: int) -> list[Line]:
    """Draw a card of this inner width; sentences go on in the next row, tables are cut."""
    facts = [part for part in card.parts if isinstance(part, CardFact)]
    column = max((len(fact.name) for fact in facts), default=0) + 2
    lines: list[Line] = []
    for part in card.parts:
        if isinstance(part, CardTable):
            lines += [Line(fit([], width)), *_table_lines(part, width), Line(fit([], width))]
            continue
        rows = wrapped(part.text, max(12, width - column - 2))
        names = (part.name, *[""] * (len(rows) - 1))
        lines += [
            Line(fit([Span(f" {name:<{column}}", "dim"), Span(row, part.role)], width))
            for name, row in zip(names, rows, strict=True)
        ]
    return lines


def _table_lines(table: CardTable, width: int) -> list[Line]:
    columns = range(len(table.heads))
    wide = [max(len(row[at]) for row in (table.heads, *table.rows)) for at in columns]

    def row_text(row: Sequence[str]) -> str:
        """Write the cells of a row beside each other."""
        cells = (
            row[at].rjust(wide[at]) if at in table.right else row[at].ljust(wide[at])
            for at in columns
        )
        return f" {'  '.join(cells)}"

    head = Line(fit([Span(row_text(table.heads), "header")], width))
    return [head, *(Line(fit([Span(row_text(row))], width)) for row in table.rows)]
