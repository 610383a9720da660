"""The same order, written in REST's fields and in WebSocket's, is read as the same request."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.private_api.order_reader import OrderContext, read_amend, read_order
from kracked.gateway.private_api.rest_params import RestOrderForm
from kracked.gateway.private_api.ws_params import WsOrderForm
from kracked.gateway.refusals import Refusal
from kracked.protocol.order_terms import SPOT_ORDER_TYPES, OrderType
from kracked.sim import listings
from kracked.times import NS_PER_S, to_rfc3339
from tests.sim.empty_exchange import EmptyExchange

NOW = 1_790_000_000 * NS_PER_S
(BTC,) = listings.listings(["BTC/USD"])
CONTEXT = OrderContext(BTC, BTC.opening_price, NOW, lambda cash: cash // 7)

Form = dict[str, Any]
prices = st.integers(1, 10**7).map(lambda tenths: f"{tenths // 10}.{tenths % 10}")
quantities = st.integers(1, 10**11).map(lambda qty: f"{qty // 10**8}.{qty % 10**8:08d}")
seconds = st.integers(1, 10**7)


def number(text: str) -> Decimal:
    return Decimal(text)


@st.composite
def distances(draw: st.DrawFn, signs: str) -> tuple[str, Form]:
    """A distance as REST writes it, and as WebSocket does: a number and its type."""
    sign, text = draw(st.sampled_from(signs)), draw(prices)
    percent = draw(st.booleans())
    by = number(text) * (-1 if sign == "-" else 1)
    return f"{sign}{text}{'%' if percent else ''}", {
        "by": by,
        "type": "pct" if percent else "quote",
    }


@st.composite
def priced(draw: st.DrawFn, order_type: OrderType) -> tuple[Form, Form]:
    """The prices of an order of this type, in both forms."""
    rest: Form = {"ordertype": order_type.value}
    ws: Form = {"order_type": order_type.value}
    if order_type.trails:
        rest["price"], trail = draw(distances("+"))
        ws["triggers"] = {"price": trail["by"], "price_type": trail["type"]}
        if order_type.limited:
            rest["price2"], limit = draw(distances("+-"))
            ws |= {"limit_price": limit["by"], "limit_price_type": limit["type"]}
        return rest, ws
    if order_type.waits:
        rest["price"], trigger = draw(
            st.one_of(distances("+-"), prices.map(lambda text: (text, {"by": number(text)})))
        )
        ws["triggers"] = {"price": trigger["by"], "price_type": trigger.get("type", "static")}
    if order_type.limited:
        limit_text = draw(prices)
        rest["price2" if order_type.waits else "price"] = limit_text
        ws["limit_price"] = number(limit_text)
    return rest, ws


@st.composite
def orders(draw: st.DrawFn) -> tuple[Form, Form]:
    """One order in both forms."""
    order_type = draw(st.sampled_from(sorted(SPOT_ORDER_TYPES)))
    side = draw(st.sampled_from(["buy", "sell"]))
    rest, ws = draw(priced(order_type))
    rest["type"] = ws["side"] = side
    flags = [draw(st.sampled_from(["fcib", "fciq"]))]
    ws["fee_preference"] = "base" if flags == ["fcib"] else "quote"
    rest["volume"] = qty = draw(quantities)
    if order_type is OrderType.MARKET and side == "buy" and draw(st.booleans()):
        flags.append("viqc")
        ws["cash_order_qty"] = number(qty)
    else:
        ws["order_qty"] = number(qty)
    if order_type is OrderType.ICEBERG:
        rest["displayvol"] = shown = draw(quantities)
        ws["display_qty"] = number(shown)
    if order_type is OrderType.LIMIT and draw(st.booleans()):
        flags.append("post")
        ws["post_only"] = True
    lives = ["GTC", "IOC", "FOK"] if order_type.limited else ["GTC", "IOC"]
    tif = draw(st.sampled_from(lives))
    if tif == "GTC" and order_type is not OrderType.MARKET and draw(st.booleans()):
        tif, ends = "GTD", draw(seconds)
        rest["expiretm"] = f"+{ends}"
        ws["expire_time"] = to_rfc3339(NOW + ends * NS_PER_S)
    rest["timeinforce"], ws["time_in_force"] = tif, tif.lower()
    if draw(st.booleans()):
        starts = draw(seconds)
        rest["starttm"] = f"+{starts}"
        ws["effective_time"] = to_rfc3339(NOW + starts * NS_PER_S)
    rest["stptype"] = draw(st.sampled_from(["cancel-newest", "cancel-oldest", "cancel-both"]))
    ws["stp_type"] = rest["stptype"].replace("-", "_")
    if order_type.waits:
        rest["trigger"] = ws["triggers"]["reference"] = draw(st.sampled_from(["last", "index"]))
    if draw(st.booleans()):
        rest["cl_ord_id"] = ws["cl_ord_id"] = draw(st.text("abc-", min_size=1))
    else:
        rest["userref"] = ws["order_userref"] = draw(st.integers(-(2**31), 2**31 - 1))
    rest["oflags"] = ",".join(flags)
    return rest, ws


def from_rest(form: Form) -> OrderRequest:
    return read_order(RestOrderForm(form, CONTEXT))


def from_socket(form: Form) -> OrderRequest:
    return read_order(WsOrderForm(form, CONTEXT))


@given(orders())
def test_an_order_is_the_same_in_both_forms(order: tuple[Form, Form]) -> None:
    rest, ws = order
    assert from_rest(rest) == from_socket(ws)


@given(st.data())
def test_a_conditional_close_is_the_same_in_both_forms(data: st.DataObject) -> None:
    closable = sorted(SPOT_ORDER_TYPES - {OrderType.MARKET, OrderType.ICEBERG})
    rest, ws = data.draw(priced(OrderType(data.draw(st.sampled_from(closable)))))
    parent = {"volume": "1", "type": "buy", "ordertype": "limit", "price": "20000"}
    trigger = ws.pop("triggers", {})
    ws |= {f"trigger_{name}": value for name, value in trigger.items()}
    nested = from_rest({**parent, "close": rest})
    flat = from_rest({**parent, **{f"close[{name}]": value for name, value in rest.items()}})
    socket = from_socket(
        {
            "order_qty": 1,
            "side": "buy",
            "order_type": "limit",
            "limit_price": 20_000,
            "conditional": ws,
        }
    )
    assert nested == flat == socket
    assert nested.close is not None


@given(orders())
def test_an_order_without_a_part_is_refused_in_both_forms(order: tuple[Form, Form]) -> None:
    rest, ws = order
    del rest["type"], ws["side"]
    for read, form in ((from_rest, rest), (from_socket, ws)):
        with pytest.raises(Refusal):
            read(form)


@pytest.mark.parametrize(
    ("stated", "terms"),
    [
        ({"order_qty": "0.5"}, {"qty": 50_000_000}),
        ({"limit_price": "20000.5"}, {"price": 200_005}),
        ({"order_qty": "2", "limit_price": "20001"}, {"qty": 200_000_000, "price": 200_010}),
    ],
)
def test_an_amend_is_the_same_in_both_forms(stated: Form, terms: Form) -> None:
    exchange = EmptyExchange()
    order = exchange.order(exchange.add("buy", "1", "20000"))
    rest = read_amend(RestOrderForm({**stated, "post_only": "true"}, CONTEXT), order)
    numbers = {name: number(text) for name, text in stated.items()}
    socket = read_amend(WsOrderForm({**numbers, "post_only": True}, CONTEXT), order)
    assert rest == socket == AmendRequest(**terms, post_only=True)
