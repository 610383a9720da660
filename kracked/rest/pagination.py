"""Histories that come in pages, read whole: each row once, newest first.

What happens meanwhile pushes the rest towards later pages: a row may come twice, and is
given once; none is missed. Every page is a dear call, so take no more than you need.

Source: docs.kraken.com/api/docs/rest-api/ get-closed-orders, get-trade-history, get-ledgers
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

from kracked.rest.account import LedgerEntry, OrderInfo, TradeInfo
from kracked.rest.client import RestClient

T = TypeVar("T")

PAGE = 50
"""Rows to a page; a shorter one is the last."""


async def every_closed_order(
    client: RestClient, *, cl_ord_id: str | None = None, start: int | str | None = None
) -> AsyncIterator[tuple[str, OrderInfo]]:
    """Orders that have ended, with their ids. `start` as in `RestClient.closed_orders`."""

    async def page(offset: int) -> Mapping[str, OrderInfo]:
        found = await client.closed_orders(
            cl_ord_id=cl_ord_id, start=start, offset=offset, count=False
        )
        return found.closed

    async for row in _each(page):
        yield row


async def every_trade(
    client: RestClient, *, start: int | str | None = None, end: int | str | None = None
) -> AsyncIterator[tuple[str, TradeInfo]]:
    """Own fills, with their ids. Bounds as in `RestClient.trades_history`."""

    async def page(offset: int) -> Mapping[str, TradeInfo]:
        found = await client.trades_history(start=start, end=end, offset=offset, count=False)
        return found.trades

    async for row in _each(page):
        yield row


async def every_ledger_entry(
    client: RestClient,
    *,
    kind: str | None = None,
    start: int | str | None = None,
    end: int | str | None = None,
) -> AsyncIterator[tuple[str, LedgerEntry]]:
    """What moved in the account, with its ids. Bounds as in `RestClient.ledgers`."""

    async def page(offset: int) -> Mapping[str, LedgerEntry]:
        found = await client.ledgers(kind=kind, start=start, end=end, offset=offset, count=False)
        return found.ledger

    async for row in _each(page):
        yield row


async def _each(
    page: Callable[[int], Awaitable[Mapping[str, T]]],
) -> AsyncIterator[tuple[str, T]]:
    seen: set[str] = set()
    offset = 0
    while True:
        rows = await page(offset)
        for name, row in rows.items():
            if name not in seen:
                seen.add(name)
                yield name, row
        if len(rows) < PAGE:
            return
        offset += len(rows)
