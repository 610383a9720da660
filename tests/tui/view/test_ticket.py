"""The order being written: what keys and typed words make of it, and how it looks."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from kracked.book.l3 import L3Book
from kracked.errors import NotANumber, TooPrecise
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked_tui.trader.ticket_to_order import draft_of
from kracked_tui.view.line import Line
from kracked_tui.view.queue.queue_effect import Effect, joining
from kracked_tui.view.ticket import ticket as ticket_module
from kracked_tui.view.ticket.expiry import Expiry, NotAnExpiry, parsed, shown
from kracked_tui.view.ticket.post_only import note, rested
from kracked_tui.view.ticket.reading import NOT_TO_THE_END, Reading
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket, TwoWaysToRead
from kracked_tui.view.ticket.ticket_lines import TicketView, foot_spans, ticket_lines
from tests.tui import frozen_market
from tests.tui.frozen_market import BEST_ASK, BEST_BID, INSTRUMENT, NOW, PRECISION, SYMBOL
from tests.tui.test_goldens import compare

TICKET = Ticket(
    symbol=SYMBOL, side=Side.BID, qty=15_000_000, price=642_090, limit=642_090, post_only=True
)
MARKET = TicketMarket(INSTRUMENT, BEST_BID, BEST_ASK)
SIZES = (100_000, 1_000_000, 5_000_000, 15_000_000, 100_000_000)
WORDS = (
    "Buy 0.15000000 BTC at limit 64209.0 USD, post-only, good till cancelled. "
    "Cost 9631.35 USD, fee 24.08 (0.25 % maker), total 9655.43 USD. 0.4 bp below the middle."
)
DISARMED = ("DISARMED: press A to arm first.",)


def looking(ticket: Ticket, **known: object) -> TicketView:
    view = TicketView(ticket, MARKET, NOW, SIZES, SIZES[3], WORDS)
    return view._replace(**known)


def text(lines: list[Line]) -> str:
    return "\n".join(line.text.rstrip() for line in lines) + "\n"


def of_type(kind: OrderType) -> Ticket:
    """Return a ticket of this type, reached by the keys a person would press."""
    ticket = TICKET
    while ticket.order_type is not kind:
        ticket = ticket_module.typed(ticket, 1, 1)
    return ticket


# --- how it looks -------------------------------------------------------------------------


@pytest.mark.parametrize("width", [34, 78])
def test_a_ticket_is_the_golden_one(width: int) -> None:
    compare(f"ticket-{width}", text(ticket_lines(looking(TICKET, problems=DISARMED), width)))


def test_preset_sizes_in_whole_coins_keep_their_zeros() -> None:
    instrument = msgspec.structs.replace(INSTRUMENT, precision=Precision(1, 0))
    market = MARKET._replace(instrument=instrument)
    shown = text(ticket_lines(looking(TICKET)._replace(market=market, sizes=(100, 2_500)), 78))
    assert "1 100 2 2500" in " ".join(shown.split())


def test_the_ticket_of_every_type_is_the_golden_one() -> None:
    pages = [
        text(ticket_lines(looking(of_type(kind), words=""), 34)) for kind in ticket_module.TYPES
    ]
    compare("ticket-types", "".join(pages))


def test_a_preview_and_an_amend_are_the_golden_ones() -> None:
    amended = replace(TICKET, amends="OABCDE-FGHIJ-K00004")
    written = looking(amended, effect=Effect("keeps place 4/6"))
    previewed = looking(replace(amended, previewed=True), effect=Effect("keeps place 4/6"))
    pages = [text(ticket_lines(each, 34)) for each in (written, previewed)]
    compare("ticket-amend-34", "".join(pages))


def test_the_foot_offers_to_send_only_what_nothing_speaks_against() -> None:
    previewed = replace(TICKET, previewed=True)
    sends, blocked = looking(previewed), looking(previewed, problems=DISARMED)
    assert "SENDS IT" in "".join(span.text for span in foot_spans(sends))
    assert "SENDS IT" not in "".join(span.text for span in foot_spans(blocked))


# --- keys ---------------------------------------------------------------------------------


def test_a_previewed_ticket_does_not_change_any_more() -> None:
    shown = replace(TICKET, previewed=True)
    for changed in (
        ticket_module.stepped(shown, 10, 1),
        ticket_module.sized(shown, 1),
        ticket_module.sided(shown, Side.ASK),
        ticket_module.typed(shown, 1, 1),
        ticket_module.forced_next(shown),
        ticket_module.posted(shown),
        ticket_module.other_price(shown),
        ticket_module.entered(shown, "price", "1", PRECISION, NOW),
    ):
        assert changed == shown


def test_only_limit_orders_are_post_only_and_market_orders_have_no_price() -> None:
    market_order = of_type(OrderType.MARKET)
    assert market_order.prices == (None, None)
    assert not market_order.posts
    assert TICKET.posts


def test_the_types_go_round_in_both_directions() -> None:
    assert ticket_module.typed(TICKET, -1, 1).order_type is OrderType.ICEBERG
    assert (
        ticket_module.typed(ticket_module.typed(TICKET, 1, 1), -1, 1).order_type
        is TICKET.order_type
    )


def test_the_arrows_move_the_second_price_once_it_is_chosen() -> None:
    stop = of_type(OrderType.STOP_LOSS_LIMIT)
    moved = ticket_module.stepped(ticket_module.other_price(stop), 5, 1)
    assert moved.prices == (642_090, 642_095)


def test_a_trailing_order_begins_half_a_percent_away_on_a_tick() -> None:
    trailing = ticket_module.typed(replace(TICKET, order_type=OrderType.TAKE_PROFIT_LIMIT), 1, 50)
    assert trailing.prices == (3_200, None)
    assert ticket_module.stepped(trailing, -1, 50).prices == (3_150, None)


def test_the_limit_of_a_trailing_order_may_lie_on_either_side_of_its_trigger() -> None:
    trailing = ticket_module.other_price(of_type(OrderType.TRAILING_STOP_LIMIT))
    assert ticket_module.stepped(trailing, -5, 1).prices == (3_210, -5)
    assert ticket_module.entered(trailing, "price", "+2.5", PRECISION, NOW).prices == (3_210, 25)


def test_an_amended_order_keeps_its_side_and_type() -> None:
    amended = replace(TICKET, amends="O")
    assert ticket_module.sided(amended, Side.ASK) == ticket_module.typed(amended, 1, 1) == amended


def test_orders_that_trade_at_once_are_not_post_only_and_the_choice_comes_back() -> None:
    at_once = ticket_module.forced_next(TICKET)
    assert at_once.time_in_force is TimeInForce.IOC
    assert not at_once.posts
    assert replace(at_once, time_in_force=TimeInForce.GTC).posts


# --- what is typed ------------------------------------------------------------------------


def test_a_typed_number_is_exact_or_refused() -> None:
    def entered(field: str, text: str) -> Ticket:
        return ticket_module.entered(TICKET, field, text, PRECISION, NOW)

    assert entered("price", "64210,5").price == 642_105
    assert entered("quantity", "0.1").qty == entered("quantity", ".1").qty == 10_000_000
    with pytest.raises(TooPrecise):
        entered("price", "64210.55")
    for text in ("64k", "64e3", ""):
        with pytest.raises(NotANumber):
            entered("price", text)


@pytest.mark.parametrize("text", ["64,210", "0,125", "1,250,000.5"])
def test_a_comma_that_may_separate_thousands_is_refused(text: str) -> None:
    with pytest.raises(TwoWaysToRead, match="write a point"):
        ticket_module.entered(TICKET, "price", text, PRECISION, NOW)


def test_a_distance_may_be_typed_in_percent() -> None:
    trailing = of_type(OrderType.TRAILING_STOP)
    percent = ticket_module.entered(trailing, "price", "1.5%", PRECISION, NOW)
    assert (percent.trail, percent.in_percent) == (150, True)
    assert ticket_module.stepped(percent, 10, 1).trail == 160
    assert not ticket_module.entered(percent, "price", "50", PRECISION, NOW).in_percent


def test_an_iceberg_shows_a_fifth_until_another_quantity_is_typed() -> None:
    iceberg = of_type(OrderType.ICEBERG)
    assert iceberg.shows == 3_000_000
    assert ticket_module.sized(iceberg, 20_000_000).shows == 4_000_000
    typed = ticket_module.entered(iceberg, "display", "0.02", PRECISION, NOW)
    assert ticket_module.sized(typed, 20_000_000).shows == 2_000_000


def test_only_the_fields_of_its_type_are_typed_into() -> None:
    assert not ticket_module.takes(TICKET, "display")
    assert not ticket_module.takes(of_type(OrderType.MARKET), "price")
    assert not ticket_module.takes(of_type(OrderType.MARKET), "expiry")
    assert not ticket_module.takes(replace(TICKET, previewed=True), "quantity")


# --- expiry -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant", "seen"),
    [
        ("10m", Expiry(in_s=600), "10m"),
        ("1h 30m", Expiry(in_s=5_400), "1h30m"),
        ("90s", Expiry(in_s=90), "1m30s"),
        ("14:30", Expiry(at=NOW + 1_599 * 10**9), "2026-11-22 14:30:00"),
        ("9:00", Expiry(at=NOW + 68_199 * 10**9), "2026-11-23 09:00:00"),
        ("2026-11-24T00:00:00Z", Expiry(at=NOW + 122_199 * 10**9), "2026-11-24 00:00:00"),
    ],
)
def test_an_expiry_is_a_span_the_next_time_of_day_or_an_instant(
    text: str, meant: Expiry, seen: str
) -> None:
    assert parsed(text, NOW) == meant
    assert shown(meant) == seen


@pytest.mark.parametrize("text", ["", "soon", "10", "25:00", "-5m", "1h-2m"])
def test_text_that_names_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(NotAnExpiry, match="write 10m"):
        parsed(text, NOW)


def test_typing_an_expiry_makes_the_order_good_till_then() -> None:
    ticket = ticket_module.entered(TICKET, "expiry", "1h", PRECISION, NOW)
    draft = draft_of(ticket)
    assert (draft.time_in_force, draft.expires_in_s, draft.expires) == (TimeInForce.GTD, 3600, None)


def test_a_market_order_takes_no_time_in_force_along() -> None:
    dated = ticket_module.entered(TICKET, "expiry", "1h", PRECISION, NOW)
    draft = draft_of(replace(dated, order_type=OrderType.MARKET))
    assert (draft.time_in_force, draft.expires_in_s) == (TimeInForce.GTC, None)


# --- crossing -----------------------------------------------------------------------------

SALE = replace(TICKET, side=Side.ASK, price=BEST_BID - 50)


def test_a_post_only_sale_opened_on_a_bid_joins_the_best_ask_and_says_so() -> None:
    ticket = rested(SALE, MARKET)
    assert (ticket.price, ticket.crossing_price) == (BEST_ASK, BEST_BID - 50)
    assert note(ticket, MARKET) == (
        "64205.0 would trade at once: joins the best ask instead. o: take liquidity."
    )


def test_post_only_off_brings_back_the_price_asked_for_and_warns() -> None:
    ticket = ticket_module.posted(rested(SALE, MARKET))
    assert (ticket.price, ticket.post_only) == (BEST_BID - 50, False)
    assert note(ticket, MARKET) == "TAKES LIQUIDITY: the best bid is 64210.0."
    assert rested(ticket_module.posted(ticket), MARKET).price == BEST_ASK


def test_a_price_moved_on_purpose_stays_and_is_the_checks_business() -> None:
    ticket = ticket_module.stepped(rested(SALE, MARKET), -20, 1)
    assert (ticket.price, ticket.crossing_price) == (BEST_ASK - 20, None)
    assert note(ticket, MARKET) == ""


def test_changing_the_side_starts_from_the_price_asked_for() -> None:
    ticket = ticket_module.sided(rested(SALE, MARKET), Side.BID)
    assert (ticket.price, ticket.crossing_price) == (BEST_BID - 50, None)
    assert rested(ticket, MARKET) == ticket


def test_without_a_best_price_to_join_nothing_is_moved() -> None:
    assert rested(SALE, TicketMarket(INSTRUMENT, BEST_BID, None)) == SALE
    assert rested(SALE, TicketMarket(INSTRUMENT, None, BEST_ASK)) == SALE


def test_what_could_not_be_checked_stands_below_the_order_and_does_not_stop_it() -> None:
    view = looking(replace(TICKET, previewed=True), remarks=("Funds were not checked.",))
    lines = " ".join(text(ticket_lines(view, 78)).split())
    assert lines.endswith("Funds were not checked.")
    assert "SENDS IT" in "".join(span.text for span in foot_spans(view))


# --- the place it will get, and what is read of it ------------------------------------------


def joins(ticket: Ticket, *, level3: bool = True) -> str:
    levels = tuple(tuple(level) for level in frozen_market.book().bids)
    market = MARKET._replace(verified=True, bids=levels, asks=())
    return joining(ticket, market, frozen_market.orders() if level3 else None).words


def test_a_new_order_is_told_the_place_it_will_get() -> None:
    resting = replace(TICKET, price=BEST_BID)
    assert joins(resting) == "joins as 5th of 5 at 64210.0, 0.15 ahead"
    assert joins(resting, level3=False) == "joins at 64210.0, 0.15 ahead; place not known"
    assert (
        joins(replace(TICKET, price=BEST_BID + 1)) == "joins as 1st of 1 at 64210.1, at the front"
    )


def test_a_place_is_told_of_no_order_that_does_not_rest() -> None:
    for ticket in (
        replace(TICKET, price=BEST_ASK, post_only=False),
        replace(TICKET, time_in_force=TimeInForce.IOC),
        replace(TICKET, order_type=OrderType.MARKET),
        replace(TICKET, order_type=OrderType.STOP_LOSS),
        replace(TICKET, amends="O"),
    ):
        assert joins(ticket) == ""


def test_what_is_below_the_levels_in_view_is_not_called_the_front() -> None:
    full = L3Book(SYMBOL, PRECISION, 10)
    source = frozen_market.orders()
    full.bids.replace(source.bids.orders(), 10)
    full.verified = True
    effect = joining(replace(TICKET, price=BEST_BID - 1_000), MARKET, full)
    assert effect.words == "rests at 64110.0, below the 10 levels in view: place not known"
    assert not effect.position


@pytest.mark.parametrize(("qty", "price"), [(15_000_000, "64210.0"), (40_000_000, "64209.7")])
def test_a_market_order_shows_the_average_price_of_the_verified_book(qty: int, price: str) -> None:
    levels = tuple(tuple(level) for level in frozen_market.book().bids)
    market = MARKET._replace(verified=True, bids=levels, asks=levels)
    sells = replace(of_type(OrderType.MARKET), side=Side.ASK, qty=qty)
    shown = text(ticket_lines(looking(sells)._replace(market=market), 34))
    assert f"about {price}" in shown
    unverified = market._replace(verified=False)
    assert "not known" in text(ticket_lines(looking(sells)._replace(market=unverified), 34))


def test_a_preview_counts_as_read_once_each_of_its_rows_was_painted() -> None:
    reading = Reading()
    reading.show(20, 8, readable=True)
    reading.take_read()
    assert (reading.unread, reading.whole) == (NOT_TO_THE_END, False)
    for _ in range(2):
        reading.turn(1)
        reading.show(20, 8, readable=True)
        reading.take_read()
    assert (reading.unread, reading.whole, reading.text) == ("", True, "▲12 k")


def test_rows_that_were_scrolled_past_unpainted_are_not_read() -> None:
    reading = Reading()
    reading.show(20, 8, readable=True)
    reading.turn(2)
    reading.show(20, 8, readable=True)
    reading.take_read()
    assert reading.unread == NOT_TO_THE_END
    assert not reading.whole


def test_a_preview_that_grew_is_read_again_to_its_end() -> None:
    reading = Reading()
    reading.show(8, 8, readable=True)
    reading.take_read()
    reading.show(9, 8, readable=True)
    assert not reading.whole
