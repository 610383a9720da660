"""The watchlist: a row for each subscribed symbol. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, left_cell, right_cell

_WITH_SPREAD, _WITH_LEANS, _WITH_VOLUME = 44, 51, 66
"""Columns from which a row has them."""
_SYMBOL, _SYMBOL_AND_PRICE, _CHANGE, _SPREAD = 9, 20, 9, 11
"""Cells of the columns. That of the spread has room for the longest word for the data."""


class WatchRow(NamedTuple):
    """One symbol; prices and quantities are text."""

    symbol: str
    price: str = ""
    change: Decimal | None = None
    spark: tuple[int, ...] = ()
    """Prices, oldest first."""
    spread: str = ""
    volume: str = ""
    imbalance: int | None = None
    """The bid's share of the quantity at the best prices minus the ask's, per cent."""
    spread_bp: Decimal | None = None
    turnover: Decimal | None = None
    """Volume times price: what volumes of several pairs are compared by."""
    word: str = ""
    """The word for its data where it is not simply live."""
    shown: bool = False
    """Whether the ladder shows it."""
    cursor: bool = False


ORDERS = ("listed", "symbol", "change", "spread", "leans", "volume")
"""What the rows can be sorted by; the first is the order in which they were watched."""


def ordered(rows: Sequence[WatchRow], order: str) -> tuple[WatchRow, ...]:
    """Sort rows by a column, the largest first; symbols by name. Unknown values come last."""
    if order == "symbol":
        return tuple(sorted(rows, key=lambda row: row.symbol))
    values: Mapping[str, Callable[[WatchRow], Decimal | int | None]] = {
        "change": lambda row: row.change,
        "spread": lambda row: row.spread_bp,
        "leans": lambda row: row.imbalance,
        "volume": lambda row: row.turnover,
    }
    value = values.get(order)
    if value is None:
        return tuple(rows)
    known = [(found, row) for row in rows if (found := value(row)) is not None]
    known.sort(key=lambda one: one[0], reverse=True)
    return (*(row for _, row in known), *(row for row in rows if value(row) is None))


def head_line(width: int, order: str = "") -> Line:
    """Draw the heads of the columns, that of the order with a mark."""
    trend = left_cell("trend", _trend_width(width))
    heads = {
        "symbol": f"  {left_cell('symbol', _SYMBOL)}",
        "last": right_cell("last", _SYMBOL_AND_PRICE - _SYMBOL),
        "change": _change("24 h", width) + trend,
        "spread": right_cell("spread", _SPREAD) if width >= _WITH_SPREAD else "",
        "leans": _leans("leans", width),
        "volume": _volume("volume", width),
    }
    spans = [
        Span(text, "key" if name == order else "header") for name, text in heads.items() if text
    ]
    return Line(fit(spans, width))


def _trend_width(width: int) -> int:
    return max(0, min(24, width - 45 - len(_leans("", width)) - len(_volume("", width))))


def _change(text: str, width: int) -> str:
    """Write the change, or without a column of spreads the word for the data in its place."""
    if width < _WITH_SPREAD:
        return right_cell(text, _CHANGE + 2)
    return f"{right_cell(text, _CHANGE)}  "


def _leans(text: str, width: int) -> str:
    return right_cell(text, 7) if width >= _WITH_LEANS else ""


def _volume(text: str, width: int) -> str:
    return right_cell(text, 9) if width >= _WITH_VOLUME else ""


def watch_line(row: WatchRow, width: int) -> Line:
    """Draw one symbol."""
    room = _trend_width(width)
    falling = row.change is not None and row.change < 0
    change = "" if row.change is None else f"{fmt.signed(f'{row.change:.2f}')}%"
    if width < _WITH_SPREAD:
        change = row.word or change
    leans = "" if row.imbalance is None else f"{row.imbalance:+d}%"
    symbol = left_cell(row.symbol, max(_SYMBOL, _SYMBOL_AND_PRICE - len(row.price) - 1))
    price = right_cell(row.price, _SYMBOL_AND_PRICE - len(symbol))
    stated = right_cell(row.word or row.spread, _SPREAD) if width >= _WITH_SPREAD else ""
    spans = (
        Span("▸ " if row.shown else "  ", "accent"),
        Span(symbol, "bright" if row.shown else ""),
        Span(price),
        Span(_change(change, width), "sell" if falling else "buy"),
        Span(block_bars.spark(row.spark[-room:]).ljust(room) if room else "", "accent"),
        Span(stated, "warn" if row.word else "dim"),
        Span(_leans(leans, width), "sell" if (row.imbalance or 0) < 0 else "buy"),
        Span(_volume(row.volume, width), "dim"),
    )
    return Line(fit(spans, width), "cursor" if row.cursor else "")
