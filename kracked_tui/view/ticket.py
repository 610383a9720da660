"""The order being written: how keys change it, and how it looks. Pure.

A ticket is not an order yet. What it would be as one, rounded and checked, comes from
outside as words; nothing here can send anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from kracked import units
from kracked.feed.account import OwnOrder
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import Side
from kracked.rest.orders import OrderType, TimeInForce
from kracked_tui.view.line import Line, Span, fit, line, spread
from kracked_tui.view.words import wrapped

TYPES = (
    OrderType.LIMIT,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
FORCES = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
TWO_PRICES = (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_TRIGGERED = (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, *TWO_PRICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Prices and quantity scaled by the instrument."""

    symbol: str
    side: Side
    qty: int
    price: int
    """The limit, or the trigger of the types that have one."""
    limit: int
    """After the trigger: the limit of the types that end in ``-limit``."""
    order_type: OrderType = OrderType.LIMIT
    post_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    on_limit: bool = False
    """The arrows move the second price."""
    previewed: bool = False
    """It stands as it would be sent, and only `y` sends it."""
    waived: bool = False
    """The user has said that a second equal order, or a price far away, is meant."""
    amends: str = ""
    """The id of the order it changes; empty for a new one."""

    @property
    def prices(self) -> tuple[int | None, int | None]:
        """What the order type takes."""
        if self.order_type is OrderType.MARKET:
            return None, None
        return self.price, self.limit if self.order_type in TWO_PRICES else None

    @property
    def posts(self) -> bool:
        """Post-only is for limit orders alone."""
        return self.post_only and self.order_type is OrderType.LIMIT


def amending(order: OwnOrder, precision: Precision) -> Ticket:
    """The order as it stands, ready to be changed."""
    prices = [order.triggers.price, order.limit_price]
    first, last = (None if one is None else int(one.scaleb(precision.price)) for one in prices)
    kind = OrderType(order.order_type)
    price = first if first is not None else last
    return Ticket(
        symbol=order.symbol,
        side=order.side or Side.BID,
        qty=int(order.order_qty.scaleb(precision.qty)),
        price=price or 0,
        limit=last or price or 0,
        order_type=kind,
        post_only=order.post_only,
        on_limit=kind in TWO_PRICES,
        amends=order.order_id,
    )


def stepped(ticket: Ticket, by: int) -> Ticket:
    """The price under the arrows moved by `by`, never below zero."""
    if ticket.previewed or ticket.order_type is OrderType.MARKET:
        return ticket
    if ticket.on_limit and ticket.order_type in TWO_PRICES:
        return replace(ticket, limit=max(0, ticket.limit + by))
    return replace(ticket, price=max(0, ticket.price + by))


def sized(ticket: Ticket, qty: int) -> Ticket:
    return ticket if ticket.previewed else replace(ticket, qty=max(0, qty))


def sided(ticket: Ticket, side: Side) -> Ticket:
    return ticket if ticket.previewed or ticket.amends else replace(ticket, side=side)


def typed_next(ticket: Ticket) -> Ticket:
    """The next order type; an amended order keeps its own."""
    if ticket.previewed or ticket.amends:
        return ticket
    following = TYPES[(TYPES.index(ticket.order_type) + 1) % len(TYPES)]
    return replace(ticket, order_type=following, on_limit=False)


def forced_next(ticket: Ticket) -> Ticket:
    """The next time in force."""
    if ticket.previewed or ticket.amends or ticket.order_type is OrderType.MARKET:
        return ticket
    following = FORCES[(FORCES.index(ticket.time_in_force) + 1) % len(FORCES)]
    return replace(ticket, time_in_force=following)


def posted(ticket: Ticket) -> Ticket:
    """Post-only on or off."""
    if ticket.previewed or ticket.amends or ticket.order_type is not OrderType.LIMIT:
        return ticket
    return replace(ticket, post_only=not ticket.post_only)


def other_price(ticket: Ticket) -> Ticket:
    two = ticket.order_type in TWO_PRICES and not ticket.previewed
    return replace(ticket, on_limit=not ticket.on_limit) if two else ticket


def entered(ticket: Ticket, field: str, text: str, precision: Precision) -> Ticket:
    """The exact number typed for `price` or `quantity`.

    Raises `NotANumber`, or `TooPrecise` for more decimals than the instrument has.
    """
    digits = text.strip().replace(",", ".").encode()
    if field == "quantity":
        return sized(ticket, units.scale(digits, precision.qty))
    price = units.scale(digits, precision.price)
    at = ticket.limit if ticket.on_limit else ticket.price
    return stepped(ticket, price - at)


class TicketView(NamedTuple):
    """A ticket and what is known about it at this moment."""

    ticket: Ticket
    instrument: Instrument
    sizes: tuple[int, ...] = ()
    """Of the keys 1 to 5."""
    size: int = 0
    """The one in use."""
    words: str = ""
    """The whole order as it would be sent."""
    problems: tuple[str, ...] = ()
    """Why it cannot be sent, the weightiest first."""
    waivable: bool = False
    """All of the problems are ones the user may overrule."""
    effect: str = ""
    """Of an amend: what becomes of the place in the queue."""
    loses: bool = False
    """The effect is a lost place."""
    distance: str = ""


def title(view: TicketView) -> str:
    if view.ticket.amends:
        return f"Amend …{view.ticket.amends[-6:]}"
    return f"{verb(view.ticket.side)} ticket"


def verb(side: Side) -> str:
    return "BUY" if side is Side.BID else "SELL"


def ticket_lines(view: TicketView, width: int) -> list[Line]:
    """The fields, then the order in words, then what stands against it."""
    return [
        _headline(view, width),
        Line(fit([], width)),
        *_fields(view, width),
        Line(fit([], width)),
        *_outcome(view, width),
    ]


def _headline(view: TicketView, width: int) -> Line:
    ticket = view.ticket
    role = "buy-word" if ticket.side is Side.BID else "sell-word"
    word = Span(f" {verb(ticket.side)} ", role)
    mark = [Span(" PREVIEW ", "armed"), Span(" ")] if ticket.previewed else []
    return Line(spread([Span(" "), word, Span(f" {ticket.symbol}", "bright")], mark, width))


def _fields(view: TicketView, width: int) -> list[Line]:
    ticket, precision = view.ticket, view.instrument.precision
    triggered = ticket.order_type in _TRIGGERED
    two = ticket.order_type in TWO_PRICES
    new = not ticket.amends
    market = ticket.order_type is OrderType.MARKET
    price = "at market" if market else precision.price_text(ticket.price)
    rows = [
        _field("type", ticket.order_type.replace("-", " "), "t" if new else "", width),
        _field(
            "trigger" if triggered else "price",
            price,
            "" if market or (two and ticket.on_limit) else "↑ ↓  p",
            width,
        ),
    ]
    if two:
        shown = precision.price_text(ticket.limit)
        rows.append(_field("limit", shown, "↑ ↓  p" if ticket.on_limit else "tab", width))
    rows.append(_field("quantity", precision.qty_text(ticket.qty), "← →  q", width))
    if new:
        rows += _sizes(view, width)
        post = "–" if ticket.order_type is not OrderType.LIMIT else _yes(ticket.post_only)
        rows.append(_field("post-only", post, "o", width))
        force = "–" if market else ticket.time_in_force.value
        rows.append(_field("in force", force, "f", width))
    if view.distance:
        rows.append(_field("from mid", view.distance, "", width))
    return rows


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _field(name: str, value: str, key: str, width: int) -> Line:
    left = [Span(f" {name:<10}", "dim"), Span(value, "bright")]
    return Line(spread(left, [Span(f"{key} ", "key")], width))


def _sizes(view: TicketView, width: int) -> list[Line]:
    """The presets by their keys, the one in use marked."""
    rows: list[list[Span]] = [[Span(" sizes", "dim")]]
    for number, qty in enumerate(view.sizes, 1):
        text = units.to_text(qty, view.instrument.precision.qty).rstrip("0").rstrip(".")
        chosen = qty == view.ticket.qty
        part = [Span(f" {number} ", "key"), Span(text, "bright" if chosen else "dim")]
        if sum(len(span.text) for span in (*rows[-1], *part)) > width:
            rows.append([Span("      ")])
        rows[-1] += part
    return [Line(fit(row, width)) for row in rows]


def _outcome(view: TicketView, width: int) -> list[Line]:
    lines: list[Line] = []
    if view.effect:
        role = "warn" if view.loses else "good"
        lines += _sentence(view.effect, role, width)
    lines += _sentence(view.words, "word" if view.ticket.previewed else "dim", width)
    for problem in view.problems:
        lines += _sentence(f"✗ {problem}", "warn", width)
    if view.ticket.previewed and view.waivable:
        lines += _sentence("w: I mean it", "key", width)
    return lines


def _sentence(text: str, role: str, width: int) -> list[Line]:
    return [
        Line(fit(line(Span(" "), Span(row, role)).spans, width))
        for row in wrapped(text, width - 2)
        if row
    ]


def foot_spans(view: TicketView) -> tuple[Span, ...]:
    """What the next key does."""
    if not view.ticket.previewed:
        return (Span("enter", "key"), Span(" previews · ", "dim"), *_key("esc", " closes"))
    if view.problems:
        return (Span("not sent · ", "warn"), *_key("n", " goes back"))
    return (Span("y", "key"), Span(" SENDS IT", "warn"), Span(" · ", "dim"), *_key("n", " back"))


def _key(key: str, words: str) -> tuple[Span, Span]:
    return Span(key, "key"), Span(words, "dim")
