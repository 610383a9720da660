"""The screen with the keys that move money: orders, arming, cancels. `--read-only` has none.

Every such key is checked in one place, `check_action`: it acts only while a pane has the
focus and nothing is open that a key could be meant for. What is sent, and whether it may
be, is the trader's business.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kracked.orders.amends import not_amendable
from kracked.protocol.events import Side
from kracked_tui import keys
from kracked_tui.screens.ticket import TicketScreen
from kracked_tui.view.account.orders import OrderRow, row_at
from kracked_tui.view.chrome import layout as places
from kracked_tui.view.chrome import questions
from kracked_tui.view.ticket.ticket import amending
from kracked_tui.widgets.account import OrdersPane
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.ladder import LadderPane
from kracked_tui.widgets.pane import Pane

if TYPE_CHECKING:
    from kracked_tui.trader import Trader

_ORDERS = frozenset(("join", "amend", "cancel", "cancel_pair", "cancel_all"))
_ON_TICKET = frozenset(("send", "enter"))
_ELSEWHERE = frozenset(("go", "pane", "watch", "zoom", "copy"))
"""They would lead away from an open ticket, by a key that was meant for it."""


class OrderScreen(TicketScreen):
    """Everything of the trade screen, and orders."""

    BINDINGS = list(bindings(key for key in keys.KEYS if key.group == keys.TRADING))  # noqa: RUF012

    _unconfirmed = False
    """The exchange has not confirmed the last answer to the question before the end."""

    # --- which keys act ---------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The one gate of every key that moves money, or could."""
        on_pane, on_ticket = isinstance(self.focused, Pane), self.ticket_panel.has_focus
        nothing_open = self._panel is None and on_pane
        if action in _ORDERS:
            return nothing_open
        if action in ("panic", "arm", "size"):
            return nothing_open or on_ticket
        if action in _ON_TICKET:
            return on_ticket and self.ticket is not None
        if action == "ticket":
            return on_pane and self._panel in (None, places.TICKET)
        led_away = action in _ELSEWHERE and self._panel in (places.TICKET, places.PROMPT)
        return on_pane if led_away else super().check_action(action, parameters)

    # --- at once, while armed ---------------------------------------------------------------

    def action_join(self, side: str) -> None:
        """The best price of a side with the current size, post-only."""
        trader, moment = self._ready(), self.desk.moment(self.desk.symbol)
        if trader is None or moment is None:
            return
        price = moment.bid if side == Side.BID else moment.ask
        if price is None:
            self.desk.tell(f"not sent: there is no best {side} to join", "warn")
            return
        ticket = self._limit(trader, moment, Side(side), price)
        self._do(partial(trader.send, ticket, moment))

    def action_go(self, number: int) -> None:
        """While armed, the first digits choose the size in the ladder."""
        armed = self.trader is not None and self.trader.armed
        if armed and isinstance(self.focused, LadderPane) and number <= 5 and self._panel is None:
            self.action_size(number)
        else:
            super().action_go(number)

    def action_panic(self) -> None:
        """No question: it only reduces risk."""
        trader = self._ready()
        if trader is not None:
            self.ticket_panel.write(None)
            self._close_panel()
            self._do(partial(trader.panic, self.desk.symbol))

    # --- working orders ---------------------------------------------------------------------

    def selected(self) -> OrderRow | None:
        """The row of the orders pane when it has the focus, else our order at the cursor."""
        if isinstance(self.focused, OrdersPane):
            return self.focused.row
        scene = self.desk.scene(self.ladder)
        return row_at(scene.own.rows, scene.symbol, scene.selection, scene.precision)

    def _selected_or_tell(self) -> OrderRow | None:
        row = self.selected()
        if row is None or row.ended:
            self.desk.tell("no order of yours here: move the cursor to one, or press 9", "warn")
            self.draw()
            return None
        return row

    def action_amend(self) -> None:
        """The selected order on a ticket; its effect on the place is shown before it is sent."""
        trader, row = self._ready(), self._selected_or_tell()
        if trader is None or row is None:
            return
        access, moment = self.desk.source.access, self.desk.moment(row.symbol)
        order = access.account.orders.get(row.order_id) if access else None
        if order is None or moment is None:
            self.desk.tell("this order cannot be amended: show its pair first", "warn")
            return
        if problem := not_amendable(order, row.symbol):
            self.desk.tell(problem, "warn")
            self.draw()
            return
        self._write(trader, amending(order, moment.instrument.precision))

    def action_cancel(self) -> None:
        trader, row = self._ready(), self._selected_or_tell()
        if trader is None or row is None:
            return
        cancel = partial(trader.cancel, order_id=row.order_id, cl_ord_id=row.cl_ord_id)
        if trader.armed:
            self._do(cancel)
        else:
            self.ask(questions.cancel(row), lambda _: self._do(cancel))

    def action_cancel_pair(self) -> None:
        trader, symbol = self._ready(), self.desk.symbol
        if trader is None:
            return
        rows = self.desk.scene(self.ladder).own.rows
        self.ask(
            questions.cancel_pair(symbol, rows),
            lambda key: self._do(partial(trader.cancel_pair, symbol, questions.SIDES[key])),
        )

    def action_cancel_all(self) -> None:
        trader = self._ready()
        if trader is not None:
            everything = questions.cancel_everything()
            self.ask(everything, lambda _: self._do(trader.cancel_everything))

    # --- arming and leaving -----------------------------------------------------------------

    def action_arm(self) -> None:
        trader = self._ready()
        if trader is None:
            return
        if trader.armed:
            self._do(trader.disarm)
            return
        minutes, before = self.desk.armed_min, trader.armed_before
        self.ask(questions.arm(self.desk.symbol, minutes, before=before), lambda _: trader.arm())

    async def may_leave(self) -> bool:
        """Whether nothing is left to be asked before the program ends."""
        trader = self.trader
        if trader is None or not (trader.own() or trader.armed):
            return True
        asked = questions.leave(
            len(trader.own()),
            armed=trader.armed,
            unknown=trader.unknown,
            unconfirmed=self._unconfirmed,
        )
        self.ask(asked, partial(self._leave, trader))
        return False

    def _leave(self, trader: Trader, key: str) -> None:
        settle = partial(self._settle, trader, cancel=key == "c")
        self._do(self._finish if key == "y" else settle)

    async def _settle(self, trader: Trader, *, cancel: bool) -> None:
        self._unconfirmed = not await trader.leave(cancel=cancel)
        if not self._unconfirmed:
            await self._finish()

    async def _finish(self) -> None:
        await self.app.run_action("app.finish")
