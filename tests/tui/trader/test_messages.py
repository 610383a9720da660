"""What became of a request, in a line for the log: whole sentences, and the role of each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from kracked.instruments import Instrument, Precision
from kracked.orders import (
    ActionKind,
    CancelOutcome,
    Check,
    FailedCheck,
    OrderDeclined,
    OrderState,
    OutboxEntry,
)
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.times import NS_PER_S
from kracked_tui.trader import messages
from kracked_tui.trader.ticket_to_order import sent_of
from kracked_tui.view.ticket.ticket import Ticket

BTC = Instrument(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    precision=Precision(1, 8),
    price_increment=1,
    qty_increment=1,
    qty_min=5_000,
)
TICKET = Ticket(symbol="BTC/USD", side=Side.BID, qty=15_000_000, price=642_090, limit=642_090)
ADD = OutboxEntry(
    id="mine",
    kind=ActionKind.ADD,
    symbol="BTC/USD",
    prepared=1,
    deadline=6,
    request={"type": "buy", "volume": "0.15", "price": "64209.0"},
    since=2,
)
AMEND = OutboxEntry(
    id="change",
    kind=ActionKind.AMEND,
    symbol="BTC/USD",
    prepared=1,
    deadline=6,
    request={"order_qty": "0.2", "limit_price": "64100.0"},
    target="O1",
    since=3,
)


def entry(state: OrderState, reason: str = "", of: OutboxEntry = ADD) -> OutboxEntry:
    """Return an entry in a state."""
    return msgspec.structs.replace(of, state=state, reason=reason)


@pytest.mark.parametrize(
    ("ticket", "words"),
    [
        (TICKET, "BUY 0.15 @ 64209.0"),
        (replace(TICKET, side=Side.ASK), "SELL 0.15 @ 64209.0"),
        (replace(TICKET, order_type=OrderType.MARKET), "BUY 0.15"),
        (
            replace(TICKET, order_type=OrderType.TRAILING_STOP, trail=150, in_percent=True),
            "BUY 0.15 +1.50%",
        ),
        (replace(TICKET, order_type=OrderType.TRAILING_STOP, trail=150), "BUY 0.15 +15.0"),
        (replace(TICKET, amends="O1"), "amend to BUY 0.15 @ 64209.0"),
        (replace(TICKET, qty=10_000_000_000), "BUY 100 @ 64209.0"),
    ],
)
def test_an_order_is_named_by_side_quantity_and_price(ticket: Ticket, words: str) -> None:
    assert messages.order(ticket, BTC) == words


def test_a_quantity_in_whole_coins_keeps_its_zeros() -> None:
    whole = msgspec.structs.replace(BTC, precision=Precision(1, 0))
    assert messages.order(replace(TICKET, qty=1_500), whole) == "BUY 1500 @ 64209.0"


@pytest.mark.parametrize(
    ("result", "words", "role"),
    [
        (entry(OrderState.ACKNOWLEDGED, "seen"), "BUY acknowledged", "good"),
        (entry(OrderState.LIVE), "BUY live", "good"),
        (entry(OrderState.REFUSED, "no funds"), "BUY refused: no funds", "warn"),
        (entry(OrderState.REFUSED), "BUY refused", "warn"),
        (entry(OrderState.UNKNOWN, "no answer"), "BUY UNKNOWN: no answer", "warn"),
    ],
)
def test_the_outcome_of_an_order_is_its_state_and_the_reason_of_a_bad_one(
    result: OutboxEntry, words: str, role: str
) -> None:
    assert messages.outcome("BUY", result) == (words, role)


def test_an_order_that_was_declined_says_that_nothing_was_sent_and_why() -> None:
    declined = OrderDeclined((FailedCheck(Check.FORM, "The price must be above zero."),))
    text, role = messages.outcome("BUY", declined)
    assert (text, role) == ("BUY not sent: The price must be above zero.", "warn")


@pytest.mark.parametrize(
    ("resolved", "words", "role"),
    [
        (entry(OrderState.LIVE, "x"), "resolved: BUY 0.15 @ 64209.0 live", "good"),
        (
            entry(OrderState.REFUSED, "never placed"),
            "resolved: BUY 0.15 @ 64209.0 refused: never placed",
            "warn",
        ),
        (entry(OrderState.REFUSED), "resolved: BUY 0.15 @ 64209.0 refused", "warn"),
        (entry(OrderState.ACKNOWLEDGED, of=AMEND), "resolved: amend of O1 acknowledged", "good"),
    ],
)
def test_what_was_unknown_is_resolved_by_name(resolved: OutboxEntry, words: str, role: str) -> None:
    assert messages.resolved(resolved) == (words, role)


def test_an_order_at_market_is_resolved_without_a_price() -> None:
    at_market = msgspec.structs.replace(ADD, request={"type": "sell", "volume": "1"})
    assert messages.resolved(at_market)[0] == "resolved: SELL 1 prepared"


@pytest.mark.parametrize(
    ("result", "words", "role"),
    [
        (CancelOutcome(count=2), "cancel: 2 cancelled", "good"),
        (CancelOutcome(count=1, pending=True), "cancel: 1 cancelled, on the way", "good"),
        (CancelOutcome(gone=True, error="EOrder:Unknown order"), "cancel: gone already", "good"),
        (CancelOutcome(failed=True, error="no answer"), "cancel: no answer", "warn"),
        (
            CancelOutcome(failed=True, gone=True, error="EOrder:Unknown order"),
            "cancel: an order of unknown outcome may still arrive",
            "warn",
        ),
    ],
)
def test_a_cancel_is_told_with_its_number_or_with_what_went_wrong(
    result: CancelOutcome, words: str, role: str
) -> None:
    assert messages.cancelled("cancel", result) == (words, role)


@pytest.mark.parametrize(
    ("ahead_ns", "words", "role"),
    [
        (0, "this computer's clock is right again", "good"),
        (NS_PER_S // 2 - 1, "this computer's clock is right again", "good"),
        (3 * NS_PER_S, "this computer's clock is 3 s slow: ", "warn"),
        (-3 * NS_PER_S, "this computer's clock is 3 s fast: ", "warn"),
    ],
)
def test_a_wrong_clock_is_told_with_its_direction(ahead_ns: int, words: str, role: str) -> None:
    text, told = messages.clock(ahead_ns)
    assert (text.startswith(words), told) == (True, role)


def test_a_panic_of_a_pair_names_the_key_for_all_pairs_and_one_of_all_does_not() -> None:
    assert messages.panicking("BTC/USD").endswith(
        "BTC/USD is being cancelled; ctrl+k cancels ALL PAIRS"
    )
    assert messages.panicking(None).endswith("every order of ALL PAIRS is being cancelled")


def test_a_panic_without_an_answer_counts_the_seconds_as_a_warning() -> None:
    assert messages.unanswered("BTC/USD", 3) == (
        "PANIC sent for BTC/USD, no answer for 3 s",
        "warn",
    )


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            CancelOutcome(count=2),
            "PANIC is over: no order of BTC/USD is open any more, 2 cancelled",
        ),
        (CancelOutcome(), "PANIC is over: no order of BTC/USD is open any more"),
        (CancelOutcome(count=2, gone=True), "PANIC is over: no order of BTC/USD is open any more"),
    ],
)
def test_a_panic_that_is_over_says_how_many_were_cancelled(
    result: CancelOutcome, words: str
) -> None:
    assert messages.panicked("BTC/USD", result) == (words, "good")


@pytest.mark.parametrize(
    ("switch_s", "words"),
    [
        (9, "PANIC: the dead-man's switch cancels everything in 9 s (no answer)"),
        (
            0,
            "PANIC: LOOK AT YOUR ORDERS AT THE EXCHANGE; "
            "the dead-man's switch has run out (no answer)",
        ),
        (
            None,
            "PANIC: LOOK AT YOUR ORDERS AT THE EXCHANGE; the dead-man's switch is off (no answer)",
        ),
    ],
)
def test_a_panic_that_is_not_confirmed_says_what_cancels_the_rest(
    switch_s: int | None, words: str
) -> None:
    assert messages.panic("no answer", switch_s) == (words, "warn")


@pytest.mark.parametrize(
    ("orders", "switch_s", "words"),
    [
        (2, 9, "the exchange cancels every open order in 9 s"),
        (2, 0, "the dead-man's switch has run out: look at your orders at the exchange"),
        (1, None, "the dead-man's switch is off: 1 order stays working"),
        (2, None, "the dead-man's switch is off: 2 orders stay working"),
    ],
)
def test_orders_that_are_left_alone_are_told_with_what_becomes_of_them(
    orders: int, switch_s: int | None, words: str
) -> None:
    text, role = messages.abandoned(orders, switch_s)
    assert (text.endswith(words), role) == (True, "warn")


@pytest.mark.parametrize(("word", "shown"), [("m", " maker"), ("t", " taker"), (None, "")])
def test_a_fill_is_told_with_side_quantity_price_and_its_part(word: str | None, shown: str) -> None:
    report = {
        "side": "buy",
        "last_qty": Decimal("0.1"),
        "last_price": Decimal("64209.0"),
        "liquidity_ind": word,
    }
    assert messages.fill(report) == (f"fill BUY 0.1 @ 64209.0{shown}", "good")


def test_an_order_is_shown_with_the_terms_of_the_amends_that_took_effect() -> None:
    later = msgspec.structs.replace(AMEND, request={"limit_price": "64000.0"})
    shown = sent_of(ADD, [AMEND, later])
    assert (shown.qty, shown.price, shown.side) == ("0.2", "64000.0", Side.BID)
    plain = sent_of(ADD)
    assert (plain.qty, plain.price, plain.what, plain.since) == ("0.15", "64209.0", "add", 2)


def test_an_order_is_shown_with_its_own_id_once_it_has_one() -> None:
    assert sent_of(msgspec.structs.replace(ADD, txid="O9")).txid == "O9"
    assert sent_of(ADD).txid is None


def test_an_amend_is_shown_with_its_order_and_its_new_terms() -> None:
    shown = sent_of(AMEND)
    assert (shown.txid, shown.what, shown.side) == ("O1", "amend", None)
    assert (shown.qty, shown.price, shown.ended) == ("0.2", "64100.0", False)
    assert sent_of(entry(OrderState.ACKNOWLEDGED, of=AMEND)).ended
