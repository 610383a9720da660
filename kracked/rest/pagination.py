"""Iterates over whole histories that come in pages: each row once, newest first.

New rows push the others towards later pages meanwhile: a row may then come twice, and is
passed on once; none is missed. Every page is an expensive call: stop when you have enough.

Source: docs.kraken.com/api/docs/rest-api/ get-closed-orders, get-trade-history, get-ledgers
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

from kracked.rest.account import LedgerEntry, TradeInfo
from kracked.rest.client import RestClient
from kracked.rest.order_info import OrderInfo

T = TypeVar("T")

PAGE = 50
"""Rows of a page; a shorter page is the last one."""


async def every_closed_order(
    client: RestClient,
    *,
    cl_ord_id: str | None = None,
    userref: int | None = None,
    start: int | str | None = None,
) -> AsyncIterator[tuple[str, OrderInfo]]:
    """Iterate over closed orders with their ids, newest first.

    Args:
        client: A client with credentials.
        cl_ord_id: Only the order of this client id.
        userref: Only orders that carry this reference.
        start: Only after this instant (ns since the Unix epoch) or order id.

    Raises:
        Refused: The exchange refused a page.
        ConnectionLost: The exchange could not be reached.
    """

    async def page(offset: int) -> Mapping[str, OrderInfo]:
        """Return the rows from an offset on."""
        found = await client.closed_orders(
            cl_ord_id=cl_ord_id, userref=userref, start=start, offset=offset, count=False
        )
        return found.closed

    async for row in _each(page):
        yield row


async def every_trade(
    client: RestClient, *, start: int | str | None = None, end: int | str | None = None
) -> AsyncIterator[tuple[str, TradeInfo]]:
    """Iterate over own fills with their ids, newest first.

    Args:
        client: A client with credentials.
        start: Only after this instant (ns since the Unix epoch) or trade id.
        end: Only until this instant or trade id.

    Raises:
        Refused: The exchange refused a page.
        ConnectionLost: The exchange could not be reached.
    """

    async def page(offset: int) -> Mapping[str, TradeInfo]:
        """Return the rows from an offset on."""
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
    """Iterate over ledger entries with their ids, newest first.

    Args:
        client: A client with credentials.
        kind: Only this type, such as ``trade``.
        start: Only after this instant (ns since the Unix epoch) or entry id.
        end: Only until this instant or entry id.

    Raises:
        Refused: The exchange refused a page.
        ConnectionLost: The exchange could not be reached.
    """

    async def page(offset: int) -> Mapping[str, LedgerEntry]:
        """Return the rows from an offset on."""
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
