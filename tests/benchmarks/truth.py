"""What a feed holds against what the engine has, as the simulator's test bench tells it."""

from __future__ import annotations

from decimal import Decimal

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book, OrderSide
from kracked.book.side import BookSide
from kracked.feed.account import Account


def differences(book: L2Book | L3Book, truth: dict) -> list[tuple]:
    """Side, our row and the exchange's, wherever they differ: every level, every order."""
    found = []
    for name, side in (("bids", book.bids), ("asks", book.asks)):
        ours, theirs = rows(side), truth[name]
        if ours != theirs:
            length = max(len(ours), len(theirs))
            padded = [[*each, *[None] * (length - len(each))] for each in (ours, theirs)]
            found += [(name, *pair) for pair in zip(*padded, strict=True) if pair[0] != pair[1]]
    return found


def rows(side: BookSide | OrderSide) -> list[list]:
    """Levels as (price, quantity); orders as (id, price, quantity, entered), in queue order."""
    if isinstance(side, BookSide):
        return [[level.price, level.qty] for level in side]
    return [
        [order.order_id, order.price, order.qty, order.exchange_time]
        for queue in side
        for order in queue
    ]


def account_differences(account: Account, truth: dict) -> list[tuple]:
    """Name, ours and the exchange's: open orders with their progress, balances, fills.

    Numbers in `truth` are `Decimal`. A half that is not known differs from nothing.
    """
    found: list[tuple] = []
    if account.orders_known:
        found += _unlike("order", _orders(account), _told_orders(truth["orders"]))
        known = {fill.exec_id for fill in account.fills}
        found += [("fill", None, exec_id) for exec_id in truth["fills"] if exec_id not in known]
    if account.balances_known:
        told = {row["asset"]: row["balance"] for row in truth["balances"]}
        found += _unlike("balance", account.balances, told)
    return found


def _orders(account: Account) -> dict[str, tuple]:
    return {
        one.order_id: (one.symbol, one.side, one.limit_price, one.order_qty, one.cum_qty)
        for one in account.orders.values()
    }


def _told_orders(reports: list[dict]) -> dict[str, tuple]:
    sides = {"buy": "bid", "sell": "ask"}
    return {
        one["order_id"]: (
            one["symbol"],
            sides[one["side"]],
            one.get("limit_price"),
            one["order_qty"],
            one.get("cum_qty", Decimal(0)),
        )
        for one in reports
    }


def _unlike(name: str, ours: dict, theirs: dict) -> list[tuple]:
    keys = sorted(ours.keys() | theirs.keys())
    pairs = ((f"{name} {key}", ours.get(key), theirs.get(key)) for key in keys)
    return [pair for pair in pairs if pair[1] != pair[2]]
