"""The way of new orders to a broker: read, checked, charged, then placed one by one.

A refusal before the placing leaves everything as it was, and the pair's counter is charged all
the same. After it each order is placed or refused by itself.

Sources: docs.kraken.com/api/docs/rest-api/ add-order, add-order-batch, edit-order
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.private_api import order_checks
from kracked.gateway.private_api.ports import Broker, Placed
from kracked.gateway.refusals import Refusal, argument
from kracked.protocol import limits

FIXED_COST = Decimal(1)
"""The counter's fixed part, charged even when the request is malformed."""
_ADD_COST = limits.cost_of_add()
_BATCH_ADDS = range(2, 16)


def place(
    broker: Broker,
    account: ClientAccount,
    symbol: str,
    read: Callable[[], OrderRequest],
    now: int,
    *,
    validate: bool = False,
) -> Placed:
    """Place one order. The arguments are those of `place_all`, but `read` returns one order.

    Raises:
        Refusal: It was not placed.
    """
    (placed,) = place_all(broker, account, symbol, lambda: [read()], now, validate=validate)
    if isinstance(placed, Refusal):
        raise placed
    return placed


def place_all(
    broker: Broker,
    account: ClientAccount,
    symbol: str,
    read: Callable[[], list[OrderRequest]],
    now: int,
    *,
    validate: bool = False,
    cost: Decimal = _ADD_COST,
) -> list[Placed | Refusal]:
    """Place several orders: all are checked before any is placed.

    Each is then placed by itself: one that lacks funds is refused alone.

    Args:
        broker: Checks and takes them.
        account: Whose orders they are.
        symbol: Their pair.
        read: Returns the orders, or raises `Refusal`.
        now: Time, ns since the Unix epoch.
        validate: Check the orders and do not place them.
        cost: What the engine's counter is charged.

    Raises:
        Refusal: One of them is wrong, and none was placed.
    """
    try:
        requests = read()
        for request in requests:
            broker.check(account, request, now)
    except Refusal:
        account.counts.spend(symbol, cost, now)
        raise
    account.counts.charge(symbol, cost, now)
    if validate:
        return [Placed(request) for request in requests]
    placed: list[Placed | Refusal] = []
    for request in requests:
        try:
            order_checks.client_id(request.cl_ord_id, request.userref, account.orders)
            placed.append(Placed(request, broker.add(account, request, now)))
        except Refusal as refusal:
            placed.append(refusal)
    return placed


def batch_of(params: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return the orders of a batch as they came in.

    Raises:
        Refusal: They are no list of 2 to 15 objects.
    """
    orders = params.get("orders")
    if (
        not isinstance(orders, list)
        or len(orders) not in _BATCH_ADDS
        or not all(isinstance(order, dict) for order in orders)
    ):
        raise Refusal(argument("orders"))
    return orders


def read_successor(
    broker: Broker,
    account: ClientAccount,
    order: OrderRecord,
    read: Callable[[], OrderRequest],
    now: int,
) -> OrderRequest:
    """Return what is to replace an open order, checked and charged for.

    Args:
        broker: Checks it.
        account: Whose order it is.
        order: The order that it replaces.
        read: Returns the successor, or raises `Refusal`.
        now: Time, ns since the Unix epoch.

    Raises:
        Refusal: It may not be placed, or the order cannot be replaced.
    """
    try:
        request = read()
        order_checks.edit(order, request)
        broker.check(account, request, now)
    except Refusal:
        account.counts.spend(order.symbol, FIXED_COST, now)
        raise
    account.counts.charge(order.symbol, limits.cost_of_edit(now - order.touched), now)
    return request


def cost_of_amend(order: OrderRecord, amend: AmendRequest, now: int) -> Decimal:
    """Return what an amend costs; one that cancels what is left costs that as well."""
    age_ns = now - order.touched
    empties = amend.qty is not None and amend.qty <= order.filled
    return limits.cost_of_amend(age_ns) + (limits.cost_of_cancel(age_ns) if empties else 0)
