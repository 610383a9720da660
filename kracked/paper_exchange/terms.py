"""Orders as the private API reads them, to those that the paper engine knows.

What is not modelled is refused by name: an order that is accepted does what it says.
"""

from __future__ import annotations

from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.refusals import Refusal
from kracked.paper.terms import NOT_MODELLED, PaperAmend, PaperRequest
from kracked.protocol.order_terms import SelfTrade, TimeInForce

UNMODELLED = (
    "trailing stops",
    "scheduled orders",
    "orders with an expiry",
    "conditional closes",
    "index triggers",
    "fees in the base currency",
    "self-trade rules but cancel-newest",
    "amends of the shown quantity",
)
"""What is refused, in the words of the refusal."""


def paper_request(request: OrderRequest) -> PaperRequest:
    """Return an order as the paper engine takes it.

    Raises:
        Refusal: It asks for something that is not modelled.
    """
    asked = (
        request.trail is not None,
        request.start_at is not None,
        request.tif is TimeInForce.GTD,
        request.close is not None,
        request.by_index,
        request.fee_in_base,
        request.stp is not SelfTrade.CANCEL_NEWEST,
    )
    for wanted, what in zip(asked, UNMODELLED, strict=False):
        if wanted:
            raise not_modelled(what)
    return PaperRequest(
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        qty=request.qty,
        price=request.price,
        trigger_price=request.trigger_price,
        display_qty=request.display_qty,
        time_in_force=request.tif,
        post_only=request.post_only,
        cl_ord_id=request.cl_ord_id,
        userref=request.userref,
    )


def paper_amend(order_id: str, amend: AmendRequest) -> PaperAmend:
    """Return new terms of an order as the paper engine takes them.

    Raises:
        Refusal: They ask for something that is not modelled.
    """
    if amend.display_qty is not None:
        raise not_modelled(UNMODELLED[-1])
    return PaperAmend(
        order_id=order_id,
        qty=amend.qty,
        price=amend.price,
        trigger_price=amend.trigger_price,
        post_only=amend.post_only,
    )


def not_modelled(what: str) -> Refusal:
    """Return the refusal of something that is not modelled on paper."""
    return Refusal(f"{NOT_MODELLED}: {what}")
