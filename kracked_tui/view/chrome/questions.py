"""The questions before an act that cannot be undone, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked.protocol.events import Side
from kracked.protocol.maintenance.trading_effect import TradingEffect
from kracked.protocol.maintenance.words import clock_text
from kracked_tui.view.account.orders import OrderRow
from kracked_tui.view.words import verb

_WHOLE_ACCOUNT = (
    "The dead-man's switch covers the whole account: if this program, the terminal "
    "or the network dies, the exchange cancels every open order."
)


_ON_PAPER = (
    "On PAPER, an account inside this program. If it dies, what is open becomes unknown, and "
    "can only be cancelled at the next start."
)
_ENDS_WITH_IT = {
    "DEMO": "The simulated exchange ends here: this market, its orders and their result are gone.",
    "PAPER": "The paper account pauses: at its next start these orders are unknown, and can only "
    "be cancelled.",
}
"""What happens to orders that are left, by the mode; the live exchange keeps them."""


class QuestionText(NamedTuple):
    """One question; without `answers` it asks for typed text."""

    title: str
    sentences: tuple[str, ...]
    answers: tuple[tuple[str, str], ...] = ()
    """Keys and what they mean."""
    expected: str = ""
    """The text that counts as yes; empty takes any."""
    typed: str = ""
    """What stands in the field at first."""


_FIELDS = {
    "price": "The exact price, then enter.",
    "distance": "The distance from the best price: a number, or a percentage such as 1.5%.",
    "quantity": "The exact quantity, then enter.",
    "display": "The quantity the book shows of it, at least a fifteenth.",
    "expiry": "How long it is good: 10m, 1h30m, 2d. Or until when (UTC): 14:30.",
}


def field(name: str) -> QuestionText:
    """Ask for the text of a field of the ticket."""
    return QuestionText(name.capitalize(), (_FIELDS[name],))


def cancel(row: OrderRow) -> QuestionText:
    """Ask whether to cancel an order."""
    word = verb(row.side) if row.side else "order"
    text = f"Cancel {word} {row.qty} {row.symbol} at {row.price}?"
    return QuestionText("Cancel", (text,), (("y", "cancel it"),))


def not_armed(reason: str) -> QuestionText:
    """Say why nothing can be armed; the field takes what is typed, and does nothing with it."""
    return QuestionText(
        "Not armed", (f"{reason}", "What is typed here does nothing; enter closes this.")
    )


SIDES = {"b": Side.BID, "a": Side.ASK, "y": None}
"""The sides that the answers to `cancel_pair` cancel; None for both."""


def cancel_pair(symbol: str, rows: Sequence[OrderRow]) -> QuestionText:
    """Ask which side of a pair to cancel; `rows` may hold other pairs and ended orders."""
    rows = [row for row in rows if row.symbol == symbol and not row.ended]
    bids = sum(row.side is Side.BID for row in rows)
    elsewhere = sum(not row.ours for row in rows)
    sentences = [f"Cancel orders of {symbol}?"]
    if elsewhere:
        sentences.append(f"{elsewhere} of them placed elsewhere: they go too.")
    answers = (("b", f"bids ({bids})"), ("a", f"asks ({len(rows) - bids})"), ("y", "all"))
    return QuestionText("Cancel the pair", tuple(sentences), answers)


def leave_position(act: str, symbol: str, words: str, rows: Sequence[OrderRow]) -> QuestionText:
    """Ask before a position is left or turned round.

    Args:
        act: `flatten` or `reverse`.
        symbol: The pair.
        words: The order in words, as it would be sent now.
        rows: Own orders; those of the pair are cancelled first.
    """
    orders = sum(row.symbol == symbol and not row.ended for row in rows)
    noun = "order" if orders == 1 else "orders"
    first = f"{act.capitalize()} the session's position of {symbol}?"
    if orders:
        first += f" Cancels {orders} {noun}, waits until each is confirmed, then:"
    last = "The position is read again before it is sent."
    return QuestionText(act.capitalize(), (first, words, last), (("y", act),))


def cancel_everything() -> QuestionText:
    """Ask for the word that cancels every order of the account."""
    sentences = (
        "Cancel EVERY order of the account, on all pairs, whoever placed it?",
        "Type all, then enter.",
    )
    return QuestionText("Cancel everything", sentences, expected="all")


def maintenance_offer(effect: TradingEffect, orders: int, *, switch_on: bool) -> QuestionText:
    """Offer to decide about open orders before maintenance; arguments as in `maintenance`.

    The offer comes by itself: keys that were meant for the ladder are no answer to it.
    """
    asked = maintenance(effect, orders, switch_on=switch_on)
    what = " or ".join(choice for choice, _ in _choices(effect, switch_on=switch_on))
    return QuestionText(asked.title, asked.sentences[:-1], (("!", f"answer: {what}"),))


def _choices(effect: TradingEffect, *, switch_on: bool) -> list[tuple[str, str]]:
    """Return the words that can be typed before maintenance, and what they do."""
    cancel = ("cancel", "to cancel every order of the account")
    disarm = ("disarm", "to turn it off and let the orders rest")
    return [*([cancel] if effect.offers_cancel else []), *([disarm] if switch_on else [])]


def maintenance(effect: TradingEffect, orders: int, *, switch_on: bool) -> QuestionText:
    """Ask what to do about open orders before maintenance: a word is typed, so that no key errs.

    Args:
        effect: What is announced.
        orders: Number of open orders of the account.
        switch_on: Whether the dead-man's switch is on.
    """
    begins = "Maintenance is near"
    if effect.starts is not None:
        begins = f"Maintenance begins at {clock_text(effect.starts, effect.at)}"
    sentences = [f"{begins}: {effect.title}."]
    noun = "order is" if orders == 1 else "orders are"
    sentences.append(f"{orders} {noun} open on the account.")
    if effect.offers_cancel and effect.cancel_before is not None:
        until = clock_text(effect.cancel_before, effect.at)
        sentences.append(f"The exchange takes cancels until {until}.")
    if switch_on:
        sentences.append(
            "The dead-man's switch is on: it cancels every order when the exchange returns."
        )
    choices = "; or ".join(map(", ".join, _choices(effect, switch_on=switch_on)))
    sentences.append(f"Type {choices}. Then enter.")
    return QuestionText("Maintenance", tuple(sentences))


def arm(
    symbol: str, minutes: int, *, before: bool, warning: str = "", paper: bool = False
) -> QuestionText:
    """Ask whether keys may send orders; the pair is typed, unless it was armed `before`.

    A `warning` about near maintenance comes first.
    """
    sends = f"Keys will send orders for {minutes} minutes."
    account = _ON_PAPER if paper else _WHOLE_ACCOUNT
    sentences = (*filter(None, (warning,)), sends, account)
    if before:
        return QuestionText("Arm", sentences, (("y", "arm"),))
    return QuestionText("Arm", (*sentences, f"Type {symbol}, then enter."), expected=symbol)


def leave(
    orders: int,
    *,
    armed: bool,
    unknown: int,
    unconfirmed: bool,
    mode: str = "LIVE",
    title: str = "Quit",
) -> QuestionText:
    """Ask whether to leave or cancel own orders.

    Args:
        orders: Number of own orders.
        armed: Whether the dead-man's switch is on.
        unknown: Number of actions of unknown outcome.
        unconfirmed: Whether the exchange did not confirm the last answer.
        mode: LIVE, DEMO or PAPER.
        title: What is about to happen.
    """
    noun = "order" if orders == 1 else "orders"
    if orders:
        sentences = [f"Leave or cancel my {orders} {noun}?"]
        left = f"leave {orders} working" if mode == "LIVE" else f"leave {orders}"
        answers = [("l", left), ("c", f"cancel {orders}, then quit")]
    elif unknown:
        sentences = ["None of my orders is known to be open. Leave or cancel?"]
        answers = [("l", "leave all as it is"), ("c", "cancel what is there, then quit")]
    else:
        sentences = ["Quit now? No order of mine is open."]
        answers = [("l", "disarm, then quit")]
    if (orders or unknown) and mode in _ENDS_WITH_IT:
        sentences.append(_ENDS_WITH_IT[mode])
    if armed:
        sentences.append("The dead-man's switch is turned off first.")
    if unknown:
        sentences.append(f"{unknown} of unknown outcome: looked up at the next start.")
    if unconfirmed:
        sentences.append("The exchange has not confirmed the last answer.")
        answers.append(("y", "quit all the same"))
    return QuestionText(title, tuple(sentences), tuple(answers))
