"""The first line of the screen: symbol, price, whether data can be trusted and keys trade. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.maintenance.trading_effect import TradingEffect
from kracked.protocol.maintenance.words import clock_text, length_text
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.data_status import DataStatus, light
from kracked_tui.view.chrome.trading_status import TradingStatus, minutes, trading_spans
from kracked_tui.view.line import Line, Span, spread
from kracked_tui.view.replay.past import PastView, past_spans

_CLOCK_CELLS = 8
"""Cells of a live clock: it is left out on a small screen, a recorded time is not."""
_CLOCK_FROM = 100
_HOUR_NS = 3600 * times.NS_PER_S
_LATENCY = len("9.9ms")
"""Cells the latency always takes, so that nothing beside it trembles."""


class HeaderView(NamedTuple):
    """Everything the header may show."""

    symbol: str
    precision: Precision
    data: DataStatus
    last: int | None = None
    rising: bool | None = None
    """Whether the last trade was higher than the one before it; None while unknown."""
    change: Decimal | None = None
    """Change in 24 hours, per cent."""
    high: int | None = None
    low: int | None = None
    volume: int | None = None
    spread: int | None = None
    mid2: int = 0
    """Best bid plus best ask: twice the middle, exactly."""
    verified: bool = False
    latency_ns: int | None = None
    clock: str = ""
    trading: TradingStatus = TradingStatus()
    maintenance: str = ""
    """The countdown to maintenance, or when it ends."""
    past: PastView | None = None
    """The moment shown, where it is not the present."""


def countdown(effect: TradingEffect) -> str:
    """Return the time to the next window in a few characters; empty while none is near.

    While the engine is down it is the time until which it is expected to be.
    """
    left_ns = effect.countdown_ns
    if left_ns is None:
        return "" if effect.until is None else f"until ~{clock_text(effect.until, effect.at)}"
    if left_ns == 0:
        return "maint due"
    if left_ns >= _HOUR_NS:
        return f"maint {length_text(left_ns)}"
    return f"maint {minutes(left_ns)}"


def header_line(view: HeaderView, width: int) -> Line:
    """Draw as much as fits: symbol, price, maintenance and light always, else by their use."""
    left = [Span(f" {view.symbol}", "bright"), Span("  ")]
    if view.last is not None:
        role = {True: "buy", False: "sell", None: "bright"}[view.rising]
        if not view.data.fresh:
            role = "stale"
        sign = {True: "▲", False: "▼", None: " "}[view.rising]
        left += [Span(view.precision.price_text(view.last), role), Span(f" {sign}", role)]
    if view.maintenance:
        left.append(Span(f" {view.maintenance}", "warn"))
    if view.past is not None:
        right = past_spans(view.past, width - _cells(left) - 1)
    else:
        right = _right(view, width, _cells(left))
    for part in _facts(view):
        if _cells((*left, *part, *right)) + 2 > width:
            break
        left += part if view.data.fresh else [Span(text, "stale") for text, _ in part]
    return Line(spread(left, right, width), "title")


def _right(view: HeaderView, width: int, taken: int) -> list[Span]:
    """Draw the light, the clock, and whether keys trade; parts that do not fit are left out.

    `taken` are the cells of the price, which goes before all of them but the light.
    """
    sign, *check = light(view.data, verified=view.verified)
    trading = [Span(" "), *trading_spans(view.trading)]
    late = view.latency_ns if view.data.fresh else None
    latency = [] if late is None else [Span(f" {fmt.milliseconds(late):>{_LATENCY}}", "dim")]
    clock = [Span("  "), Span(view.clock, "dim")] if view.clock else []
    if width < _CLOCK_FROM and len(view.clock) <= _CLOCK_CELLS:
        clock = []
    for optional in ([*latency, *check, *clock], [*check, *clock]):
        if taken + _cells([sign, *optional, *trading]) <= width:
            return [sign, *optional, *trading]
    return [sign, *clock, *trading]


def _cells(spans: Iterable[Span]) -> int:
    return sum(len(span.text) for span in spans)


def _facts(view: HeaderView) -> list[list[Span]]:
    facts: list[list[Span]] = []
    if view.change is not None:
        role = "sell" if view.change < 0 else "buy"
        facts.append([Span(f" {fmt.signed(f'{view.change:.2f}')}%", role)])
    if view.spread is not None:
        text = view.precision.price_text(view.spread)
        facts.append(_labelled("spread", text))
        if view.mid2:
            hundredths = (view.spread * 2 * 1_000_000 + view.mid2 // 2) // view.mid2
            basis_points = f"{hundredths // 100}.{hundredths % 100:02d}"
            facts.append([Span(f" {basis_points} bp", "dim")])
    for label, price in (("high", view.high), ("low", view.low)):
        if price is not None:
            facts.append(_labelled(label, view.precision.price_text(price)))
    if view.volume is not None:
        facts.append(_labelled("volume", fmt.compact(view.volume, view.precision.qty)))
    return facts


def _labelled(label: str, text: str) -> list[Span]:
    return [Span(f"   {label} ", "dim"), Span(text)]
