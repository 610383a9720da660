"""Finding the open orders a request names: by id, by client id, or by userref.

An id that was never given out is *invalid*, one whose order has ended is *unknown*. A
client id may have been used and freed again, so one that no open order carries is
unknown as well. Measured at the exchange; github.com/dc-deal/FiniexTestingIDE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.refusals import Refusal

_USERREF = re.compile(r"-?[0-9]{1,10}")


def open_order(
    account: ClientAccount, *, order_id: str | None, cl_ord_id: str | None
) -> OrderRecord:
    """Return the open order with this id or this client id; exactly one must be given.

    Raises:
        Refusal: There is none.
    """
    if (order_id is None) == (cl_ord_id is None):
        raise Refusal(refusals.ARGUMENTS)
    if order_id is None:
        found = account.orders.open_by(cl_ord_id=cl_ord_id)
        if not found:
            raise Refusal(order_words.UNKNOWN_ORDER)
        return found[0]
    order = account.orders.get(order_id)
    if order is None:
        raise Refusal(order_words.INVALID_ORDER)
    if not order.status.open:
        raise Refusal(order_words.UNKNOWN_ORDER)
    return order


def by_id_or_userref(account: ClientAccount, name: str) -> list[OrderRecord]:
    """Return the open order with an id, or the open orders with a userref in digits.

    Raises:
        Refusal: There is none.
    """
    if not _USERREF.fullmatch(name):
        return [open_order(account, order_id=name, cl_ord_id=None)]
    found = account.orders.open_by(userref=int(name))
    if not found:
        raise Refusal(order_words.UNKNOWN_ORDER)
    return found


def by_client_id(account: ClientAccount, cl_ord_id: str) -> list[OrderRecord]:
    """Return the open order with a client id.

    Raises:
        Refusal: There is none.
    """
    return [open_order(account, order_id=None, cl_ord_id=cl_ord_id)]


def batch(
    account: ClientAccount, names: Iterable[str], cl_ord_ids: Iterable[str]
) -> list[OrderRecord]:
    """Return the open orders of a batch, each once; those that are gone are left out."""
    finds = [partial(by_id_or_userref, account, name) for name in names]
    finds += [partial(by_client_id, account, cl_ord_id) for cl_ord_id in cl_ord_ids]
    found: dict[str, OrderRecord] = {}
    for find in finds:
        with suppress(Refusal):
            found |= {order.order_id: order for order in find()}
    return list(found.values())
