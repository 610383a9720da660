"""Orders as the private API reads them, to those that the paper engine knows.

What is not modelled is refused by name: an order that is accepted does what it says.
"""

from __future__ import annotations

from msgspec import structs

from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.refusals import Refusal
from kracked.paper.terms import NOT_MODELLED, PaperAmend, PaperRequest
from kracked.protocol.order_terms import OrderTerms

UNMODELLED = ("index triggers",)
"""What is refused, in the words of the refusal."""
_SHARED = OrderTerms.__struct_fields__


def paper_request(request: OrderRequest) -> PaperRequest:
    """Return an order as the paper engine takes it.

    Raises:
        Refusal: It asks for something that is not modelled.
    """
    if request.by_index:
        raise not_modelled(UNMODELLED[0])
    terms = {name: getattr(request, name) for name in _SHARED}
    return PaperRequest(time_in_force=request.tif, **terms)


def as_requested(request: PaperRequest) -> OrderRequest:
    """Return a paper order's terms as the private API shows them."""
    terms = {name: getattr(request, name) for name in _SHARED}
    return OrderRequest(tif=request.time_in_force, **terms)


def paper_amend(order_id: str, amend: AmendRequest) -> PaperAmend:
    """Return new terms of an order as the paper engine takes them."""
    return PaperAmend(order_id=order_id, **structs.asdict(amend))


def not_modelled(what: str) -> Refusal:
    """Return the refusal of something that is not modelled on paper."""
    return Refusal(f"{NOT_MODELLED}: {what}")
