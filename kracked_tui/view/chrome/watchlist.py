"""The watchlist: a row for each subscribed symbol. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit


class WatchRow(NamedTuple):
    """One symbol; prices and quantities are text."""

    symbol: str
    price: str = ""
    change: Decimal | None = None
    spark: tuple[int, ...] = ()
    """Prices, oldest first."""
    spread: str = ""
    volume: str = ""
    word: str = ""
    """The word for its data where it is not simply live."""
    shown: bool = False
    """Whether the ladder shows it."""
    cursor: bool = False


def head_line(width: int) -> Line:
    """Draw the heads of the columns."""
    trend = "trend".ljust(_trend_width(width))[: _trend_width(width)]
    text = f"  {'symbol':<9}{'last':>11}{'24 h':>9}  {trend}{'spread':>10}"
    return Line(fit([Span(text + _volume("volume", width), "header")], width))


def _trend_width(width: int) -> int:
    return max(0, min(24, width - 44 - len(_volume("", width))))


def _volume(text: str, width: int) -> str:
    return f"{text:>9}" if width >= 60 else ""


def watch_line(row: WatchRow, width: int) -> Line:
    """Draw one symbol."""
    room = _trend_width(width)
    falling = row.change is not None and row.change < 0
    change = "" if row.change is None else f"{fmt.signed(f'{row.change:.2f}')}%"
    spans = (
        Span("▸ " if row.shown else "  ", "accent"),
        Span(f"{row.symbol:<9}", "bright" if row.shown else ""),
        Span(f"{row.price:>11}"),
        Span(f"{change:>9}  ", "sell" if falling else "buy"),
        Span(block_bars.spark(row.spark[-room:]).ljust(room) if room else "", "accent"),
        Span(f"{row.word or row.spread:>10}", "warn" if row.word else "dim"),
        Span(_volume(row.volume, width), "dim"),
    )
    return Line(fit(spans, width), "cursor" if row.cursor else "")
