"""The flow: what takers bought and sold over the last minutes. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kracked.flow.measures.delta import DeltaRing
from kracked.instruments import Precision
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, line

WINDOWS = (("10s", 10), ("1m", 60), ("5m", 300), ("15m", 900))
"""Name and seconds of each row."""
_COLUMNS = 60
_WITH_WORDS = 37
"""Columns from which a window has words beside its shares."""
_LEAST_BAR = 3


class Window(NamedTuple):
    """Takers' purchases and sales over the last seconds or minutes."""

    name: str
    bought: int = 0
    sold: int = 0
    prints: int = 0
    full: bool = True
    """Whether the whole window has been watched."""


class FlowView(NamedTuple):
    """The sums of all windows."""

    windows: tuple[Window, ...] = ()
    delta: tuple[int, ...] = ()
    """Bought minus sold per bucket of ten seconds, oldest first."""
    session: tuple[int, int] = (0, 0)
    """Bought and sold since the start."""


def flow_view(ring: DeltaRing, now: int, *, session: tuple[int, int] = (0, 0)) -> FlowView:
    """Sum up the windows that end now.

    Args:
        ring: What takers bought and sold, by second.
        now: The present on the exchange's clock, ns.
        session: Quantities bought and sold since the start.
    """
    windows = []
    for name, seconds in WINDOWS:
        bought, sold, takers, *_ = ring.window(seconds, now)
        windows.append(Window(name, bought, sold, takers, ring.covers(seconds, now)))
    return FlowView(tuple(windows), ring.deltas(10, _COLUMNS, now), session)


def flow_lines(view: FlowView, width: int, precision: Precision) -> list[Line]:
    """Draw a line for each window, the deltas over time, and the sums since the start."""
    bought, sold = view.session
    session = (
        Span("session   ", "dim"),
        Span(_delta(bought - sold, precision), "word"),
        Span("  bought ", "dim"),
        Span(fmt.compact(bought, precision.qty), "buy"),
        Span("  sold ", "dim"),
        Span(fmt.compact(sold, precision.qty), "sell"),
    )
    lines = [_window_line(window, width, precision) for window in view.windows]
    return [*lines, _delta_line(view.delta, width), Line(fit(session, width))]


def share_spans(view: FlowView, width: int, precision: Precision) -> tuple[Span, ...]:
    """Draw the last minute small, with its pace and the running delta, for the foot of the tape."""
    window = next((each for each in view.windows if each.name == "1m"), Window(""))
    both = window.bought + window.sold
    bought, sold = view.session
    told = [f"{window.prints} takers"] if window.full else []
    told += [f"CVD {_delta(bought - sold, precision)}"] if bought or sold else []
    words = f"  {'  '.join(told)}" if told and width >= 20 + 6 + 22 else ""
    if not both or width < 26:
        return (Span(words.strip(), "dim"),) if words else ()
    buy = fmt.percent(window.bought, both)
    return (
        Span(f"{window.name} ", "dim"),
        Span(f"{buy}% ", "buy"),
        *block_bars.share(window.bought, both, max(6, min(24, width - 20 - len(words)))),
        Span(f" {100 - buy}%", "sell"),
        Span(words, "dim"),
    )


def _window_line(window: Window, width: int, precision: Precision) -> Line:
    """Draw `1m  62% buy ███░░ sell 38%  +3.9`; an ellipsis marks a window not watched whole."""
    both = window.bought + window.sold
    buy = fmt.percent(window.bought, both)
    name = window.name + ("" if window.full else "…")
    delta = _delta(window.bought - window.sold, precision) if both else ""
    left, right = (f"{buy:>3}%", f"{100 - buy:>3}%") if both else ("  – ", "  – ")
    bought, sold = (" buy ", " sell ") if width >= _WITH_WORDS else (" ", " ")
    room = width - 4 - 2 * 4 - 8 - len(bought) - len(sold)
    bar = block_bars.share(window.bought, both, room) if room >= _LEAST_BAR else ()
    return Line(
        fit(
            line(
                Span(f"{name:<4}", "dim"),
                Span(f"{left}{bought}", "buy"),
                *bar,
                Span(f"{sold}{right}", "sell"),
                Span(f"{delta:>8}", "dim"),
            ).spans,
            width,
        )
    )


def _delta(value: int, precision: Precision) -> str:
    return fmt.signed(fmt.compact(value, precision.qty))


def _delta_line(delta: tuple[int, ...], width: int) -> Line:
    """Draw buckets of ten seconds: the height shows the quantity, the colour its direction."""
    shown = delta[-max(0, width - 10) :]
    largest = max((abs(value) for value in shown), default=0)
    spans = [Span("per 10s   ", "dim")]
    for value in shown:
        glyph = block_bars.columns([abs(value)], largest) if value else "·"
        spans.append(Span(glyph, "faint" if not value else "bid-bar" if value > 0 else "ask-bar"))
    return Line(fit(spans, width))
