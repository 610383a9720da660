"""The line below the header for whoever trades: size, limits, position and its result. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from kracked.instruments import Precision
from kracked_tui.view.account.balances import amount_text
from kracked_tui.view.account.position import PositionView, money, price
from kracked_tui.view.line import Line, Span, fit

_LIMITS, _HELD, _FEES, _REALISED, _OPEN, _NET, _ALWAYS = range(7)
"""What gives way first where there is no room."""


class StripLimits(NamedTuple):
    """The user's limits of an order, and of all that are open; None is no limit."""

    qty: Decimal | None = None
    notional: Decimal | None = None
    open_notional: Decimal | None = None


class StripView(NamedTuple):
    """Everything that the strip shows."""

    symbol: str
    precision: Precision
    position: PositionView
    size: str = ""
    """The quantity of the next order; empty where none can be sent."""
    limits: StripLimits = StripLimits()
    paper: bool = False
    """Whether the account is one on paper."""


def strip_line(view: StripView, width: int) -> Line:
    """Draw as much as fits: the position always, then its result, the size and the limits."""
    facts = [*_order_facts(view), *_position_facts(view)]
    while (
        sum(len(span.text) for _, spans in facts for span in spans) > width
        and len(facts) > 1
        and min(rank for rank, _ in facts) < _ALWAYS
    ):
        facts.remove(min(facts, key=lambda fact: fact[0]))
    return Line(fit((span for _, spans in facts for span in spans), width), "title")


Fact = tuple[int, list[Span]]


def _order_facts(view: StripView) -> list[Fact]:
    base, _, quote = view.symbol.partition("/")
    facts: list[Fact] = [(_ALWAYS, [Span(" PAPER", "title")])] if view.paper else []
    facts.append((_ALWAYS, [Span(f" {view.symbol}", "bright")]))
    if view.size:
        facts.append((_REALISED, [Span("  SIZE ", "dim"), Span(view.size, "bright")]))
    qty, notional, open_notional = view.limits
    parts = [
        f"{amount_text(qty)} {base}" if qty is not None else "",
        f"{amount_text(notional)} {quote}" if notional is not None else "",
        f"{amount_text(open_notional)} open" if open_notional is not None else "",
    ]
    if limits := ", ".join(filter(None, parts)):
        facts.append((_LIMITS, [Span("  at most ", "dim"), Span(limits)]))
    return facts


def _position_facts(view: StripView) -> list[Fact]:
    position, digits = view.position, view.position.decimals
    bar = Span("  │ ", "faint")
    if position.reason:
        reason = Span(f"position unknown: {position.reason}", "warn")
        return [(_ALWAYS, [bar, reason])]
    held = Span(f"  {position.held_before} from before, entry unknown", "dim")
    besides = [(_HELD, [held])] if position.held_before else []
    if not position.fills:
        return [(_ALWAYS, [bar, Span("no fill this session", "dim")]), *besides]
    facts: list[Fact] = [(_ALWAYS, [bar, *_position(view)])]
    if position.qty:
        by = f" at {position.marked_by}" if position.marked_by else ""
        facts.append((_OPEN, _amount("open", money(position.open_result, digits), by)))
    facts += [
        (_REALISED, _amount("realised", money(position.realised, digits))),
        (_FEES, _amount("fees", money(position.fees, digits, signed=False))),
        (_NET, _amount("net", money(position.net, digits))),
    ]
    return [*facts, *besides]


def _position(view: StripView) -> list[Span]:
    position = view.position
    if not position.qty:
        return [Span("session FLAT", "dim")]
    word, role = ("LONG", "bid") if position.qty > 0 else ("SHORT", "ask")
    at = price(position.average, view.precision.price)
    return [
        Span("session ", "dim"),
        Span(f"{word} {amount_text(abs(position.qty))}", role),
        Span(f" @ {at}"),
    ]


def _amount(name: str, text: str, after: str = "") -> list[Span]:
    role = "buy" if text.startswith("+") else "sell" if text.startswith("-") else ""
    return [Span(f"  {name} ", "dim"), Span(text, role), Span(after, "dim")]
