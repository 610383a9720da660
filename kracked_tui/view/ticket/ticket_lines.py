"""The look of a ticket: its fields while it is written, then the whole order in words."""

from __future__ import annotations

from typing import NamedTuple

from kracked import units
from kracked.orders.rules.market_context import walk_levels
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, line, spread
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.queue.queue_effect import Effect
from kracked_tui.view.ticket import expiry
from kracked_tui.view.ticket.ticket import AT_ONCE, Ticket, TicketMarket
from kracked_tui.view.words import verb, wrapped

_ARROWS = "↑ ↓  p"


class TicketView(NamedTuple):
    """A ticket and what is known about it at this moment."""

    ticket: Ticket
    market: TicketMarket
    now: int = 0
    sizes: tuple[int, ...] = ()
    """Preset sizes of the keys 1 to 5."""
    size: int = 0
    """The preset size in use."""
    words: str = ""
    """The whole order as it would be sent."""
    problems: tuple[str, ...] = ()
    """Why it cannot be sent, the most important first."""
    remarks: tuple[str, ...] = ()
    """What could not be checked; it does not keep it from being sent."""
    waivable: bool = False
    """Whether the user may overrule all of the problems."""
    note: str = ""
    """What else the user should know before it is sent."""
    effect: Effect = Effect()
    """The predicted place in the queue of a new order, or the effect of an amend on it."""
    odds: str = ""
    """The odds that it is filled if it joins the queue now, or why none are known."""
    paper: bool = False
    """Whether it goes to an account on paper."""


def title(view: TicketView) -> str:
    """Return the title of the ticket's panel."""
    paper = "PAPER " if view.paper else ""
    if view.ticket.amends:
        return f"{paper}Amend …{view.ticket.amends[-6:]}"
    return f"{paper}{verb(view.ticket.side)} ticket"


def ticket_lines(view: TicketView, width: int) -> list[Line]:
    """Draw the fields, then the problems, then the order in words.

    In the preview the words come first and there are no fields: nothing can be changed.
    """
    ticket = view.ticket
    role = "buy-word" if ticket.side is Side.BID else "sell-word"
    word = Span(f" {verb(ticket.side)} ", role)
    mark = [Span(" PREVIEW ", "armed"), Span(" ")] if ticket.previewed else []
    head = Line(spread([Span(" "), word, Span(f" {ticket.symbol}", "bright")], mark, width))
    blank = Line(fit([], width))
    words = _sentence(view.words, "word" if ticket.previewed else "dim", width)
    remarks = [row for remark in view.remarks for row in _sentence(remark, "warn", width)]
    if ticket.previewed:
        odds = _sentence(view.odds, "dim", width)
        return [head, blank, *words, *_warnings(view, width), *remarks, *odds]
    return [head, blank, *_fields(view, width), blank, *_warnings(view, width), *words, *remarks]


TOO_SMALL = "make the window larger: the order does not fit"


def body_lines(view: TicketView, width: int, height: int) -> tuple[list[Line], bool]:
    """Draw the ticket for a space, without its blank rows where they do not fit.

    Returns:
        The lines, which may be more than the space has, and whether every word is among them: a
        preview with a word too long for the space is not shown at all.
    """
    lines = ticket_lines(view, width)
    if len(lines) > height:
        lines = [line for line in lines if line.text.strip()]
    if len(lines) > height and view.odds:  # an estimate keeps no order from being read to its end
        return body_lines(view._replace(odds=""), width, height)
    texts = (view.words, view.effect.words, view.odds, view.note, *view.problems)
    longest = max((len(word) for text in texts for word in text.split()), default=0)
    if view.ticket.previewed and longest + 2 > width - 2:
        return _sentence(TOO_SMALL, "warn", width)[:height], False
    return lines, True


# --- fields ---------------------------------------------------------------------------------


def _fields(view: TicketView, width: int) -> list[Line]:
    ticket, precision = view.ticket, view.market.instrument.precision
    new = not ticket.amends
    rows = [
        _field("type", ticket.order_type.replace("-", " "), "t" if new else "", width),
        *_prices(view, width),
        _field("quantity", precision.qty_text(ticket.qty), "← →  q", width),
    ]
    if ticket.shows is not None:
        rows.append(_field("showing", precision.qty_text(ticket.shows), "d", width))
    if new:
        rows += _sizes(view, width)
    if new and ticket.waits:
        if ticket.order_type is OrderType.LIMIT and ticket.time_in_force not in AT_ONCE:
            rows.append(_field("post-only", "yes" if ticket.post_only else "no", "o", width))
        rows.append(_field("in force", ticket.time_in_force.value, "f", width))
        if ticket.time_in_force is TimeInForce.GTD:
            name = "good for" if ticket.until.at is None else "good till"
            rows.append(_field(name, expiry.shown(ticket.until), "u", width))
    return rows


def _prices(view: TicketView, width: int) -> list[Line]:
    ticket, precision = view.ticket, view.market.instrument.precision
    order_type = ticket.order_type
    if order_type is OrderType.MARKET:
        return _at_market(view, width)
    two = order_type.two_prices
    first_key, second_key = ("tab", _ARROWS) if ticket.on_second else (_ARROWS, "tab")
    first, second = ticket.prices
    if order_type.trails:
        name, value = "distance", precision.price_text(ticket.trail)
        if ticket.in_percent:
            value = f"{units.to_text(ticket.trail, 2)} %"
        limit = f"trigger {fmt.signed(precision.price_text(second or 0))}"
    else:
        name = "price" if order_type in (OrderType.LIMIT, OrderType.ICEBERG) else "trigger"
        value, limit = precision.price_text(first or 0), precision.price_text(second or 0)
    rows = [_field(name, value, first_key if two else _ARROWS, width)]
    return [*rows, _field("limit", limit, second_key, width)] if two else rows


def _at_market(view: TicketView, width: int) -> list[Line]:
    """Draw the price of a market order: what the verified book makes it, and how far that is."""
    market, ticket = view.market, view.ticket
    levels = market.asks if ticket.side is Side.BID else market.bids
    taken = walk_levels(levels or (), ticket.qty) if market.verified else None
    if taken is None:
        return [_field("price", "at market; not known", "", width)]
    precision = market.instrument.precision
    average = precision.price_text(round(taken.average))
    rows = [_field("price", f"about {average}", "", width)]
    if taken.levels > 1:
        rows.append(_field("", f"worst {precision.price_text(taken.worst)}", "", width))
    if taken.qty < ticket.qty:
        rows.append(_field("", f"the book holds {exact(taken.qty, precision)}", "", width))
    return rows


def _field(name: str, value: str, key: str, width: int) -> Line:
    left = [Span(f" {name:<10}", "dim"), Span(value, "bright")]
    if sum(len(span.text) for span in left) + len(key) + 2 > width:
        key = (
            key.rsplit(maxsplit=1)[-1] if key else ""
        )  # the arrows are left out before the value is cut
    return Line(spread(left, [Span(f"{key} ", "key")], width))


def _sizes(view: TicketView, width: int) -> list[Line]:
    """Draw the preset sizes by their keys, the one on the ticket highlighted."""
    rows: list[list[Span]] = [[Span(" sizes", "dim")]]
    for number, qty in enumerate(view.sizes, 1):
        text = exact(qty, view.market.instrument.precision)
        part = [
            Span(f" {number} ", "key"),
            Span(text, "bright" if qty == view.ticket.qty else "dim"),
        ]
        if sum(len(span.text) for span in (*rows[-1], *part)) > width:
            rows.append([Span("      ")])
        rows[-1] += part
    return [Line(fit(row, width)) for row in rows]


# --- words ----------------------------------------------------------------------------------


def _warnings(view: TicketView, width: int) -> list[Line]:
    lines: list[Line] = []
    if view.effect.words:
        lines += _sentence(view.effect.words, "warn" if view.effect.loses else "good", width)
    if view.note:
        lines += _sentence(view.note, "warn", width)
    for problem in view.problems:
        lines += _sentence(f"× {problem}", "warn", width)
    if view.ticket.previewed and view.waivable:
        lines += _sentence("w: I mean it", "key", width)
    return lines


def _sentence(text: str, role: str, width: int) -> list[Line]:
    return [
        Line(fit(line(Span(" "), Span(row, role)).spans, width))
        for row in wrapped(text, width - 2)
        if row
    ]


def foot_spans(view: TicketView, *, whole: bool = True) -> tuple[Span, ...]:
    """Name the next keys and what they do; `whole` is whether the preview was read to its end."""
    if not view.ticket.previewed:
        return (*_key("enter", " previews"), Span(" · ", "dim"), *_key("esc", " closes"))
    if view.problems:
        return (Span("not sent · ", "warn"), *_key("n", " goes back"))
    if not whole:
        return (*_key("j", " reads on"), Span(" · ", "dim"), *_key("n", " back"))
    return (Span("y", "key"), Span(" SENDS IT", "warn"), Span(" · ", "dim"), *_key("n", " back"))


def _key(key: str, words: str) -> tuple[Span, Span]:
    return Span(key, "key"), Span(words, "dim")
