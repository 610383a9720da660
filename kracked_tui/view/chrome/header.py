"""The first line of the screen: what is watched, what it costs, whether it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from kracked.instruments import Precision
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome import data_status as health
from kracked_tui.view.chrome.data_status import DataStatus
from kracked_tui.view.chrome.trading_status import TradingStatus, standing_spans
from kracked_tui.view.line import Line, Span, spread

_CLOCK_CELLS = 8
"""Of a live clock: it gives way on a small screen, a recorded time does not."""
_CLOCK_FROM = 100
_LATENCY = len("9.9ms")
"""Cells it always takes, so that nothing beside it trembles."""


class HeaderView(NamedTuple):
    symbol: str
    precision: Precision
    state: DataStatus
    last: int | None = None
    rising: bool | None = None
    """The last trade against the one before it; None while unknown."""
    change: Decimal | None = None
    """In 24 hours, per cent."""
    high: int | None = None
    low: int | None = None
    volume: int | None = None
    spread: int | None = None
    mid2: int = 0
    """Best bid plus best ask: twice the middle, exact."""
    verified: int = 0
    latency_ns: int | None = None
    clock: str = ""
    standing: TradingStatus = TradingStatus()


def header_line(view: HeaderView, width: int) -> Line:
    """As much as fits: the symbol, its price and the light always; the rest by use."""
    left = _price(view)
    right = _right(view, width, _cells(left))
    for part in _facts(view):
        if _cells((*left, *part, *right)) + 2 > width:
            break
        left += part
    return Line(spread(left, right, width), "title")


def _right(view: HeaderView, width: int, taken: int) -> list[Span]:
    """The light, the clock, whether orders can be sent. In a small place the price goes first."""
    sign, *check = health.light(view.state, view.verified)
    standing = [Span(" "), *standing_spans(view.standing)]
    late = view.latency_ns if view.state.usable else None
    latency = [] if late is None else [Span(f" {fmt.milliseconds(late):>{_LATENCY}}", "dim")]
    clock = [Span("  "), Span(view.clock, "dim")] if view.clock else []
    if width < _CLOCK_FROM and len(view.clock) <= _CLOCK_CELLS:
        clock = []
    for given_way in ([*latency, *check, *clock], [*check, *clock]):
        if taken + _cells([sign, *given_way, *standing]) <= width:
            return [sign, *given_way, *standing]
    return [sign, *clock, *standing]


def _cells(spans: Iterable[Span]) -> int:
    return sum(len(span.text) for span in spans)


def _price(view: HeaderView) -> list[Span]:
    spans = [Span(f" {view.symbol}", "bright"), Span("  ")]
    if view.last is not None:
        role = {True: "buy", False: "sell", None: "bright"}[view.rising]
        sign = {True: "▲", False: "▼", None: " "}[view.rising]
        spans += [Span(view.precision.price_text(view.last), role), Span(f" {sign}", role)]
    return spans


def _facts(view: HeaderView) -> list[list[Span]]:
    facts: list[list[Span]] = []
    if view.change is not None:
        role = "sell" if view.change < 0 else "buy"
        facts.append([Span(f" {fmt.signed(f'{view.change:.2f}')}%", role)])
    if view.spread is not None:
        text = view.precision.price_text(view.spread)
        facts.append(_labelled("spr", text))
        if view.mid2:
            facts.append([Span(f" {_basis_points(view.spread, view.mid2)}bp", "dim")])
    for label, price in (("H", view.high), ("L", view.low)):
        if price is not None:
            facts.append(_labelled(label, view.precision.price_text(price)))
    if view.volume is not None:
        facts.append(_labelled("V", fmt.compact(view.volume, view.precision.qty)))
    return facts


def _labelled(label: str, text: str) -> list[Span]:
    return [Span(f"   {label} ", "dim"), Span(text)]


def _basis_points(spread: int, mid2: int) -> str:
    hundredths = (spread * 2 * 1_000_000 + mid2 // 2) // mid2
    return f"{hundredths // 100}.{hundredths % 100:02d}"
