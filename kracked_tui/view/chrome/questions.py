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


def cancel_everything() -> QuestionText:
    """Ask for the word that cancels every order of the account."""
    sentences = (
        "Cancel EVERY order of the account, on all pairs, whoever placed it?",
        "Type all, then enter.",
    )
    return QuestionText("Cancel everything", sentences, expected="all")


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
    choices = []
    if effect.offers_cancel:
        if effect.cancel_before is not None:
            until = clock_text(effect.cancel_before, effect.at)
            sentences.append(f"The exchange takes cancels until {until}.")
        choices.append("cancel, to cancel every order of the account")
    if switch_on:
        sentences.append(
            "The dead-man's switch is on: it cancels every order when the exchange returns."
        )
        choices.append("disarm, to turn it off and let the orders rest")
    sentences.append(f"Type {'; or '.join(choices)}. Then enter.")
    return QuestionText("Maintenance", tuple(sentences))


def arm(symbol: str, minutes: int, *, before: bool, warning: str = "") -> QuestionText:
    """Ask whether keys may send orders; the pair is typed, unless it was armed `before`.

    A `warning` about near maintenance comes first.
    """
    sends = f"Keys will send orders for {minutes} minutes."
    sentences = (*filter(None, (warning,)), sends, _WHOLE_ACCOUNT)
    if before:
        return QuestionText("Arm", sentences, (("y", "arm"),))
    return QuestionText("Arm", (*sentences, f"Type {symbol}, then enter."), expected=symbol)


def leave(orders: int, *, armed: bool, unknown: int, unconfirmed: bool) -> QuestionText:
    """Ask whether to leave or cancel own orders.

    Args:
        orders: Number of own orders.
        armed: Whether the dead-man's switch is on.
        unknown: Number of actions of unknown outcome.
        unconfirmed: Whether the exchange did not confirm the last answer.
    """
    noun = "order" if orders == 1 else "orders"
    if orders:
        sentences = [f"Leave or cancel my {orders} {noun}?"]
        answers = [("l", f"leave {orders} working"), ("c", f"cancel {orders}, then quit")]
    elif unknown:
        sentences = ["None of my orders is known to be open. Leave or cancel?"]
        answers = [("l", "leave all as it is"), ("c", "cancel what is there, then quit")]
    else:
        sentences = ["Quit now? No order of mine is open."]
        answers = [("l", "disarm, then quit")]
    if armed:
        sentences.append("The dead-man's switch is turned off first.")
    if unknown:
        sentences.append(f"{unknown} of unknown outcome: looked up at the next start.")
    if unconfirmed:
        sentences.append("The exchange has not confirmed the last answer.")
        answers.append(("y", "quit all the same"))
    return QuestionText("Quit", tuple(sentences), tuple(answers))
