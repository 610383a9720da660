"""The exchange's own checks, made before sending: the cases of the shared vectors."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kracked import units
from kracked.errors import KrackedError
from kracked.orders.draft import Draft
from kracked.orders.rules.market_context import Check, Limits
from kracked.orders.rules.order_checks import refusals
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from tests.orders.exchange_model import BTC, NOW
from tests.shared import VECTORS

SHARED = VECTORS / "order_checks.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {}
LIMITS = Limits(max_distance_percent=None)
FUNDED = msgspec.structs.replace(NOW, available={"USD": Decimal(100_000)})

OURS: dict[str, Check | None] = {
    "good": None,
    "at the minimum": None,
    "below ordermin": Check.MINIMUM,
    "zero volume": Check.MINIMUM,
    "below costmin": Check.COST,
    "post on market order": Check.FORM,
    "GTD without expiry": Check.FORM,
    "no money": Check.FUNDS,
}
"""Which of our checks stands for which case; identifiers and deadlines are never the user's."""


def draft(params: dict[str, str]) -> Draft:
    price = params.get("price")
    return Draft(
        symbol="BTC/USD",
        side=Side.BID if params["type"] == "buy" else Side.ASK,
        qty=units.scale(params["volume"].encode(), BTC.precision.qty),
        order_type=OrderType(params["ordertype"]),
        price=None if price is None else units.scale(price.encode(), BTC.precision.price),
        post_only="post" in params.get("oflags", ""),
        time_in_force=TimeInForce(params.get("timeinforce", "GTC")),
    )


@pytest.mark.skipif(not VECTORS, reason="the shared vectors are not here")
@pytest.mark.parametrize(
    "case",
    [case for case in VECTORS.get("cases", ()) if case["name"] in OURS],
    ids=lambda case: case["name"],
)
def test_a_case_of_the_vectors_is_stopped_here_exactly_when_the_exchange_would(
    case: dict[str, Any],
) -> None:
    found = [refusal.check for refusal in refusals(draft(case["params"]), FUNDED, LIMITS)]
    wanted = OURS[case["name"]]
    assert found[:1] == ([] if wanted is None else [wanted])
    assert bool(found) == (case["rest_error"] is not None)


@pytest.mark.parametrize(
    "numbers", [{"price": "25000.01", "volume": "1"}, {"volume": "0.0010000001"}]
)
def test_a_number_with_too_many_decimals_never_becomes_a_draft(numbers: dict[str, str]) -> None:
    with pytest.raises(KrackedError):
        draft({"ordertype": "limit", "type": "buy", **numbers})
