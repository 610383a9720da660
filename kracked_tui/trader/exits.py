"""Leaves a position, or turns it round: cancels first, waits, then sends one bounded order.

The order goes through the rules of every other order. Whatever is not confirmed stops it, in
words; nothing of it is repeated by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kracked.feed.account import Account
from kracked.orders import ActionKind, OrderManager, OrderState, OutboxEntry
from kracked.orders.draft import Draft
from kracked_tui.error_boundary import Tell
from kracked_tui.trader import messages
from kracked_tui.trader.order_review import Reviewer
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.ticket.exit_order import Exit
from kracked_tui.view.words import verb

_LOOKS, _LOOK_EVERY_S = 100, 0.05
"""Five seconds for the account's stream to show what the exchange has confirmed."""
_OPEN_STATES = (OrderState.ACKNOWLEDGED, OrderState.LIVE)


class Exits:
    """Carries out one exit at a time; the trader holds every other order meanwhile."""

    def __init__(self, account: Account, reviewer: Reviewer, tell: Tell) -> None:
        self._account, self._reviewer, self._tell = account, reviewer, tell

    async def run(
        self, manager: OrderManager, wanted: Exit, confirmed: Draft, blocked: Callable[[], str]
    ) -> OutboxEntry | None:
        """Cancel the pair's orders, wait until each is confirmed, then send one order.

        Args:
            manager: The order manager.
            wanted: What to do.
            confirmed: The order that was asked for: never is more sent, nor another side.
            blocked: Returns why no order may be sent at this moment; empty when one may.

        Returns:
            The order that was sent; None where none was.
        """
        stopped = await self._cleared(manager, wanted.symbol) or blocked()
        draft = wanted.still(confirmed)
        if stopped or isinstance(draft, str):
            self._tell(f"{wanted.name} stopped, nothing sent: {stopped or draft}", "warn")
            return None
        market = wanted.market()
        assert market is not None  # a draft was made of it
        result = await manager.place(draft, self._reviewer.context(market), manager.limits)
        precision = market.instrument.precision
        what = (
            f"{wanted.name}: {verb(draft.side)} {exact(draft.qty, precision)} "
            f"@ {precision.price_text(draft.price or 0)} or better"
        )
        self._tell(*messages.outcome(what, result))
        if not isinstance(result, OutboxEntry):
            return None
        await self._tell_remainder(manager, wanted, result)
        return result

    async def _cleared(self, manager: OrderManager, symbol: str) -> str:
        """Cancel all orders of a pair and wait until none can be open. Returns why one may be."""
        if manager.outbox.unknown():
            return "an order of unknown outcome is looked up first"
        outcome = await manager.cancel_pair(symbol)
        if outcome.failed:
            return f"not every cancel is confirmed ({outcome.error or 'no answer'})"
        for _ in range(_LOOKS):
            if self._nothing_open(manager, symbol):
                return ""
            await asyncio.sleep(_LOOK_EVERY_S)
        if manager.outbox.unknown():
            return "the outcome of an order is not known"
        return "the account's stream does not show yet that every order is gone"

    def _nothing_open(self, manager: OrderManager, symbol: str) -> bool:
        """Whether no order of the pair is open, and none can still arrive."""
        symbols = {order.symbol for order in self._account.orders.values()}
        symbols |= {it.symbol for it in manager.outbox.pending() if it.kind is ActionKind.ADD}
        return self._account.orders_known and not symbols & {symbol, ""}

    async def _tell_remainder(
        self, manager: OrderManager, wanted: Exit, entry: OutboxEntry
    ) -> None:
        """Wait until the order has ended, and tell what is left of the position."""
        for _ in range(_LOOKS):
            if manager.outbox[entry.id].state not in _OPEN_STATES:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        if manager.outbox[entry.id].state in (OrderState.UNKNOWN, OrderState.REFUSED):
            return
        left, base = wanted.position(), wanted.symbol.partition("/")[0]
        if isinstance(left, str):
            self._tell(f"the position is not known: {left}", "warn")
        elif wanted.times == 1 and left:
            self._tell(f"flatten left {left.normalize():f} {base}: press Z again", "warn")
        else:
            text = f"the session's position is {left.normalize():f} {base}" if left else "flat"
            self._tell(f"{wanted.name}: {text}", "good")
