"""Orders on the wire, and those that are refused before they are sent."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.errors import ConfigError
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.rest import encoding
from kracked.rest.encoding import RelativePrice, plain
from kracked.rest.orders import (
    AddOrder,
    BadOrder,
    CancelAllTimer,
    ConditionalClose,
    OrderFlag,
    OrderRef,
    add_members,
    batch_members,
)

LIMIT = AddOrder(
    order_type=OrderType.LIMIT, side=Side.BID, volume=Decimal("1.25"), price=Decimal(27500)
)


def sent(order: AddOrder, **more: Any) -> dict[str, object]:
    return add_members(order, "XBTUSD", None, validate=False, **more)


def test_a_limit_order_is_the_documented_body() -> None:
    assert sent(LIMIT) == {
        "ordertype": "limit",
        "type": "buy",
        "volume": "1.25",
        "price": "27500",
        "pair": "XBTUSD",
    }


def test_everything_an_order_can_say_is_spelled_as_documented() -> None:
    order = AddOrder(
        order_type=OrderType.STOP_LOSS_LIMIT,
        side=Side.ASK,
        volume=Decimal("2.1234"),
        price=RelativePrice("+", Decimal(5), percent=True),
        price2=RelativePrice("#", Decimal(1), percent=True),
        trigger=Trigger.INDEX,
        leverage=2,
        reduce_only=True,
        self_trade=SelfTrade.CANCEL_BOTH,
        flags=(OrderFlag.FEE_IN_QUOTE,),
        time_in_force=TimeInForce.GTD,
        expires=1_754_000_060_999_000_000,
        userref=7,
        close=ConditionalClose(
            order_type=OrderType.STOP_LOSS_LIMIT, price=Decimal(22000), price2=Decimal(1)
        ),
    )
    assert add_members(order, "BTC/USD", 1_754_000_005_123_000_000, validate=True) == {
        "ordertype": "stop-loss-limit",
        "type": "sell",
        "volume": "2.1234",
        "price": "+5%",
        "price2": "#1%",
        "trigger": "index",
        "leverage": "2",
        "reduce_only": True,
        "stptype": "cancel-both",
        "oflags": "fciq",
        "timeinforce": "GTD",
        "expiretm": "1754000060",
        "userref": 7,
        "close[ordertype]": "stop-loss-limit",
        "close[price]": "22000",
        "close[price2]": "1",
        "pair": "BTC/USD",
        "deadline": "2025-07-31T22:13:25.123Z",
        "validate": True,
    }


def test_a_client_id_beside_a_conditional_close_is_not_sent() -> None:
    close = ConditionalClose(order_type=OrderType.STOP_LOSS, price=Decimal(1))
    with pytest.raises(BadOrder, match="name it by a userref"):
        AddOrder(
            order_type=OrderType.MARKET,
            side=Side.BID,
            volume=Decimal(1),
            close=close,
            cl_ord_id="mine",
        )


def test_a_flag_that_is_off_is_not_sent() -> None:
    assert not {"validate", "reduce_only", "oflags"} & set(sent(LIMIT))


def test_a_batch_nests_its_conditional_closes() -> None:
    closing = AddOrder(
        order_type=OrderType.LIMIT,
        side=Side.BID,
        volume=Decimal("0.803"),
        price=Decimal(28300),
        close=ConditionalClose(order_type=OrderType.STOP_LOSS, price=Decimal(27000)),
    )
    first = batch_members((closing, LIMIT), "XBTUSD", None, validate=False)["orders"][0]  # type: ignore[index]
    assert first["close"] == {"ordertype": "stop-loss", "price": "27000"}


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
def test_numbers_are_plain_digits_of_the_same_value(value: Decimal) -> None:
    text = plain(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?", text)
    assert Decimal(text) == value


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_finite_number_is_not_sent(value: Decimal) -> None:
    with pytest.raises(ConfigError, match="finite"):
        plain(value)


def test_the_nonce_comes_first_and_the_password_only_if_there_is_one() -> None:
    assert encoding.encode({"txid": "O"}, "17") == b'{"nonce":"17","txid":"O"}'
    assert json.loads(encoding.encode({}, "17", "123456")) == {"nonce": "17", "otp": "123456"}


@pytest.mark.parametrize("kind", OrderType)
def test_every_order_type_takes_exactly_its_prices(kind: OrderType) -> None:
    trailing = kind.startswith("trailing")
    first = RelativePrice("+", Decimal(150)) if trailing else Decimal(25000)
    prices = {
        "limit": [first],
        "iceberg": [first],
        "stop-loss": [first],
        "take-profit": [first],
        "trailing-stop": [first],
        "stop-loss-limit": [first, Decimal(24000)],
        "take-profit-limit": [first, Decimal(24000)],
        "trailing-stop-limit": [first, RelativePrice("+", Decimal(0))],
    }.get(kind, [])
    given_prices = dict(zip(("price", "price2"), prices, strict=False))
    shown = {"display_volume": Decimal("0.1")} if kind is OrderType.ICEBERG else {}
    order = AddOrder(order_type=kind, side=Side.ASK, volume=Decimal(1), **given_prices, **shown)
    assert [name for name in ("price", "price2") if name in sent(order)] == list(given_prices)


BAD: dict[str, dict[str, Any]] = {
    "a limit order needs price": {"order_type": OrderType.LIMIT},
    "takes no price": {"order_type": OrderType.MARKET, "price": Decimal(1)},
    "needs price2": {"order_type": OrderType.STOP_LOSS_LIMIT, "price": Decimal(1)},
    "is a distance": {"order_type": OrderType.TRAILING_STOP, "price": Decimal(1)},
    "can be post-only": {"order_type": OrderType.MARKET, "flags": (OrderFlag.POST,)},
    "market orders only": {
        "order_type": OrderType.LIMIT,
        "price": Decimal(1),
        "flags": (OrderFlag.VOLUME_IN_QUOTE,),
    },
    "iceberg": {"order_type": OrderType.ICEBERG, "price": Decimal(1)},
    "good-till-date": {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.GTD},
    "not both": {"order_type": OrderType.MARKET, "userref": 7, "cl_ord_id": "x"},
}


@pytest.mark.parametrize("reason", BAD)
def test_an_order_that_does_not_fit_together_is_not_made(reason: str) -> None:
    with pytest.raises(BadOrder, match=reason):
        AddOrder(side=Side.BID, volume=Decimal(1), **BAD[reason])


def test_a_batch_of_one_is_refused() -> None:
    with pytest.raises(BadOrder, match="2 to 15"):
        batch_members((LIMIT,), "XBTUSD", None, validate=False)


@pytest.mark.parametrize("both", [{}, {"txid": "O", "cl_ord_id": "c"}])
def test_an_order_is_named_in_exactly_one_way(both: dict[str, str]) -> None:
    with pytest.raises(BadOrder):
        OrderRef(**both)


def test_the_dead_mans_switch_counts_down_by_the_clock_of_the_exchange() -> None:
    armed = CancelAllTimer("2023-03-24T17:41:56Z", "2023-03-24T17:42:56Z")
    assert armed.remaining_ns == 60_000_000_000


def test_a_disarmed_switch_has_nothing_left_to_count() -> None:
    assert CancelAllTimer("2023-03-24T17:41:56Z", "0").remaining_ns is None
