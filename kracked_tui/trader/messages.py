"""The outcome of a request in a line for the log, and the role the line is shown in. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kracked import units
from kracked.instruments import Instrument
from kracked.orders import ActionKind, CancelOutcome, OrderDeclined, OrderState, OutboxEntry
from kracked.orders.draft import PERCENT_DECIMALS
from kracked.times import NS_PER_S
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.ticket.ticket import Ticket
from kracked_tui.view.words import verb

Message = tuple[str, str]
"""The text, and `good` or `warn`."""


def order(ticket: Ticket, instrument: Instrument) -> str:
    """Name an order: ``BUY 0.15 @ 64209.0``, or with its trailing distance ``SELL 0.15 +1.50%``."""
    price = ticket.prices[0]
    at = "" if price is None else f" @ {instrument.precision.price_text(price)}"
    if ticket.order_type.trails:
        at = f" +{instrument.precision.price_text(ticket.trail)}"
        if ticket.in_percent:
            at = f" +{units.to_text(ticket.trail, PERCENT_DECIMALS)}%"
    qty = exact(ticket.qty, instrument.precision)
    return f"{'amend to ' if ticket.amends else ''}{verb(ticket.side)} {qty}{at}"


def outcome(what: str, result: OutboxEntry | OrderDeclined) -> Message:
    """Report an order or an amend; `what` names it."""
    if isinstance(result, OrderDeclined):
        return f"{what} not sent: {result.sentence}", "warn"
    bad = result.state in (OrderState.UNKNOWN, OrderState.REFUSED)
    reason = f": {result.reason}" if bad and result.reason else ""
    return f"{what} {result.state}{reason}", "warn" if bad else "good"


def resolved(entry: OutboxEntry) -> Message:
    """Report an action whose outcome was unknown until now."""
    request = entry.request
    price = f" @ {request['price']}" if "price" in request else ""
    what = (
        f"{request.get('type', '').upper()} {request.get('volume', '')}{price}"
        if entry.kind is ActionKind.ADD
        else f"amend of {entry.target}"
    )
    lost = entry.state is OrderState.REFUSED
    reason = f": {entry.reason}" if lost and entry.reason else ""
    return f"resolved: {what} {entry.state}{reason}", "warn" if lost else "good"


def cancelled(what: str, result: CancelOutcome) -> Message:
    """Report a request to cancel; `what` names it."""
    if result.failed:
        refused = "" if result.gone else result.error
        return f"{what}: {refused or 'an order of unknown outcome may still arrive'}", "warn"
    number = "gone already" if result.gone else f"{result.count} cancelled"
    return f"{what}: {number}{', on the way' if result.pending else ''}", "good"


def clock(ahead_ns: int) -> Message:
    """Report how wrong this computer's clock is by the exchange's."""
    off_s = round(abs(ahead_ns) / NS_PER_S)
    if not off_s:
        return "this computer's clock is right again", "good"
    how = "slow" if ahead_ns > 0 else "fast"
    consequence = "deadlines follow the exchange's clock; set this one"
    return f"this computer's clock is {off_s} s {how}: {consequence}", "warn"


def _of(symbol: str | None) -> str:
    return symbol or "ALL PAIRS"


def panicking(symbol: str | None) -> str:
    """Report that a panic begins; of a pair, with the key that takes in all pairs."""
    more = "" if symbol is None else "; ctrl+k cancels ALL PAIRS"
    return f"PANIC sent: every order of {_of(symbol)} is being cancelled{more}"


def unanswered(symbol: str | None, silent_s: int) -> Message:
    """Report how long the exchange has not answered a panic."""
    return f"PANIC sent for {_of(symbol)}, no answer for {silent_s} s", "warn"


def panicked(symbol: str | None, result: CancelOutcome) -> Message:
    """Report that a panic is over."""
    number = "" if result.gone or not result.count else f", {result.count} cancelled"
    return f"PANIC is over: no order of {_of(symbol)} is open any more{number}", "good"


def panic(why: str, switch_s: int | None) -> Message:
    """Report a panic that could not confirm every cancel, and what will cancel the rest.

    The reason comes last, where a narrow screen cuts the line off.

    Args:
        why: What is not confirmed.
        switch_s: Seconds until the dead-man's switch fires; 0 where it ran out, None where it
            is off.
    """
    if switch_s:
        return f"PANIC: the dead-man's switch cancels everything in {switch_s} s ({why})", "warn"
    switch = _unset_switch(switch_s)
    return f"PANIC: LOOK AT YOUR ORDERS AT THE EXCHANGE; {switch} ({why})", "warn"


def abandoned(orders: int, switch_s: int | None) -> Message:
    """Report what happens to open orders once nothing is sent; `switch_s` as in `panic`."""
    if switch_s:
        left = "left to the dead-man's switch: the exchange cancels every open order"
        return f"{left} in {switch_s} s", "warn"
    if switch_s is not None:
        return f"{_unset_switch(switch_s)}: look at your orders at the exchange", "warn"
    noun = "order stays" if orders == 1 else "orders stay"
    return f"{_unset_switch(switch_s)}: {orders} {noun} working", "warn"


def _unset_switch(switch_s: int | None) -> str:
    """Describe a switch that protects nobody; whether one at 0 has fired is not known."""
    return f"the dead-man's switch {'is off' if switch_s is None else 'has run out'}"


def fill(report: Mapping[str, object]) -> Message:
    """Report a fill, given its report on the account's stream."""
    side = str(report.get("side", "")).upper()
    qty, price = report.get("last_qty"), report.get("last_price")
    kind = {"m": " maker", "t": " taker"}.get(str(report.get("liquidity_ind")), "")
    return f"fill {side} {qty} @ {price}{kind}", "good"
