"""What of a ticket is sent: a new order whole, an amend by the terms that differ."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from kracked.instruments import Instrument, Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.protocol.own_orders import OwnOrder
from kracked_tui.trader.ticket_to_order import amended_terms, changes, draft_of
from kracked_tui.view.ticket.expiry import Expiry
from kracked_tui.view.ticket.ticket import Ticket, amending

BTC = Instrument(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    precision=Precision(1, 8),
    price_increment=1,
    qty_increment=1,
    qty_min=5_000,
)
TICKET = Ticket(symbol="BTC/USD", side=Side.BID, qty=15_000_000, price=642_090, limit=641_000)
GTD, GTC, FOK = TimeInForce.GTD, TimeInForce.GTC, TimeInForce.FOK


def order(**members: object) -> OwnOrder:
    """Return an open order as the stream shows it."""
    terms: dict[str, object] = {
        "order_id": "O1",
        "symbol": "BTC/USD",
        "side": Side.BID,
        "order_type": "limit",
        "order_qty": Decimal("0.15"),
        "limit_price": Decimal("64209.0"),
        "order_status": "new",
    }
    return OwnOrder(**{**terms, **members})  # type: ignore[arg-type]


def test_a_draft_has_the_terms_of_its_ticket() -> None:
    draft = draft_of(replace(TICKET, post_only=True, time_in_force=GTC))
    assert (draft.symbol, draft.side, draft.qty) == ("BTC/USD", Side.BID, 15_000_000)
    assert (draft.price, draft.price2, draft.post_only) == (642_090, None, True)
    assert (draft.expires, draft.expires_in_s, draft.display_qty) == (None, None, None)


@pytest.mark.parametrize(
    ("force", "until", "expected"),
    [
        (GTD, Expiry(in_s=600), (GTD, None, 600)),
        (GTD, Expiry(at=5), (GTD, 5, None)),
        (GTC, Expiry(in_s=600), (GTC, None, None)),
        (FOK, Expiry(at=5), (FOK, None, None)),
    ],
)
def test_only_an_order_until_a_time_has_an_expiry(
    force: TimeInForce, until: Expiry, expected: tuple[object, ...]
) -> None:
    draft = draft_of(replace(TICKET, time_in_force=force, until=until))
    assert (draft.time_in_force, draft.expires, draft.expires_in_s) == expected


def test_an_order_that_does_not_wait_takes_no_time_in_force() -> None:
    at_market = replace(TICKET, order_type=OrderType.MARKET, time_in_force=FOK)
    assert draft_of(at_market).time_in_force is GTC


@pytest.mark.parametrize(
    ("kind", "in_percent"), [(OrderType.TRAILING_STOP, True), (OrderType.LIMIT, False)]
)
def test_only_the_distance_of_a_trailing_order_is_in_percent(
    kind: OrderType, in_percent: bool
) -> None:
    draft = draft_of(replace(TICKET, order_type=kind, trail=150, in_percent=True))
    assert draft.in_percent is in_percent


@pytest.mark.parametrize(
    ("kind", "price"),
    [
        (OrderType.LIMIT, Decimal("64209.0")),
        (OrderType.STOP_LOSS_LIMIT, Decimal("64100.0")),
        (OrderType.MARKET, None),
    ],
)
def test_the_price_of_an_amend_is_the_limit_it_rests_at(
    kind: OrderType, price: Decimal | None
) -> None:
    terms = amended_terms(replace(TICKET, order_type=kind), BTC)
    assert terms == {"qty": Decimal("0.15"), "price": price}


def test_an_amend_names_the_terms_that_differ_alone() -> None:
    before = amending(order(), BTC.precision)
    nothing = {"qty": None, "price": None, "trigger_price": None, "display_qty": None}
    assert changes(before, order(), BTC) == nothing
    more = replace(before, qty=20_000_000)
    assert changes(more, order(), BTC) == nothing | {"qty": 20_000_000}
    lower = replace(before, price=642_000)
    assert changes(lower, order(), BTC) == nothing | {"price": 642_000}
