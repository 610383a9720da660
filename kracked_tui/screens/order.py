"""The keys that move money: orders at once, arming, amends, cancels. `--read-only` has none.

Every such key passes one gate, `OrderKeys.allows`: it acts only while a pane has the focus
and nothing is open that a key could be meant for. The trader decides whether an order may be
sent, and sends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kracked.orders.amends import not_amendable
from kracked.protocol.events import Side
from kracked.protocol.maintenance.trading_effect import NewOrders
from kracked_tui import keys
from kracked_tui.keys import Key
from kracked_tui.screens.maintenance import MaintenanceOffer
from kracked_tui.screens.part import ScreenPart
from kracked_tui.screens.ticket import TicketKeys
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.sources.record_switch import RecordSwitch
from kracked_tui.state.frame_state import FrameState
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.account.orders import OrderRow, row_at
from kracked_tui.view.chrome import layout, questions
from kracked_tui.view.ladder.click_mode import CellOffer, offer_text
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.ticket.exit_order import Exit
from kracked_tui.view.ticket.post_only import rested
from kracked_tui.view.ticket.ticket import amending
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.panels.ticket_panel import TicketPanel
from kracked_tui.widgets.panes.account import OrdersPane
from kracked_tui.widgets.panes.ladder import LadderPane

if TYPE_CHECKING:
    from kracked_tui.trader import Trader

_ON_A_PANE = frozenset(
    (
        *("join", "size_by", "amend", "cancel", "cancel_pair", "cancel_all", "exit"),
        *("clicks", "click_cell"),
    )
)
_ON_A_PANE_OR_TICKET = frozenset(("panic", "panic_all", "arm", "size"))
_ON_THE_TICKET = frozenset(("send", "enter"))
_LEADING_AWAY = frozenset(("go", "pane", "watch", "zoom", "copy"))
"""Keys that would lead away from an open ticket, though they were meant for it."""
_HELD = "not sent: one press, one order; let the key rest for half a second"
_NOT_LIVE = ("prepared", "sent", "acknowledged")
_WAITING = "not sent: the last order of this side is not live yet"
_UNSEEN_SIZE = "not sent: the size is not on the screen; make the window larger"
_NEW_SIZE = "not sent: the size was not on the screen yet; press the key again"


class OrderKeys(ScreenPart):
    """Acts on orders through the trader; an order that is written first goes through the ticket."""

    def __init__(self, screen: TradeScreen, ticket: TicketKeys) -> None:
        self._screen, self._model, self._panels = screen, screen.model, screen.panels
        self._ticket = ticket
        self._unconfirmed = False
        """Whether the exchange has not confirmed the last answer to the question before the end."""

    def allows(self, action: str) -> bool | None:
        """Say whether a key that moves money, or could, may act: the one gate of all of them."""
        panel = self._panels.top
        on_pane, on_ticket = self._panels.focused is not None, self._ticket.panel.is_focused
        nothing_open = panel is None and on_pane
        if action in _ON_A_PANE:
            return nothing_open
        if action in _ON_A_PANE_OR_TICKET:
            return nothing_open or on_ticket
        if action in _ON_THE_TICKET:
            return on_ticket and self._ticket.ticket is not None
        if action == "ticket":
            return on_pane and panel in (None, layout.TICKET)
        if action in _LEADING_AWAY and panel in (layout.TICKET, layout.PROMPT):
            return on_pane
        return None

    def has_effect(self, action: str, frame: FrameState) -> bool | None:
        """Say whether a key of this part would do anything now."""
        trader = self._model.trader
        if action in ("ticket", "arm", "join", "panic", "panic_all"):
            return trader is not None and trader.open
        if action in ("amend", "cancel", "cancel_pair"):
            return trader is not None and bool(frame.account.order_ids)
        return None

    # --- at once, while armed ---------------------------------------------------------------

    def action_join(self, side: str) -> None:
        """Send a post-only order at the best price of a side, with the size in the header.

        One press is one order: the repeats of a held key send nothing.
        """
        trader = self._ticket.ready_trader()
        market = self._model.ticket_market(self._model.symbol)
        if trader is None or market is None:
            return
        if reason := self._why_not_at_once(trader, Side(side)):
            self._model.tell(reason, "warn")
            self._screen.draw()
            return
        price = market.bid if side == Side.BID else market.ask
        if price is None:
            self._model.tell(f"not sent: there is no best {side} to join", "warn")
            return
        ticket = self._ticket.limit_order(trader, market, Side(side), price)
        if trader.armed and self._model.effect().new_orders is NewOrders.ASK:
            # Asked again, on the preview: w confirms, then y sends.
            self._ticket.open(trader, replace(ticket, previewed=True))
            return
        self._ticket.run_order(partial(trader.send, ticket, market))

    def _why_not_at_once(self, trader: Trader, side: Side) -> str:
        """Say why this key is no new order; empty where it is one."""
        if self._screen.presses.repeat:
            return _HELD
        if trader.armed_for(self._model.symbol):
            header, pressed = self._screen.header, self._screen.presses.at_s
            if not header.shows_size:
                return _UNSEEN_SIZE
            if not header.showed_size_at(pressed):
                return _NEW_SIZE
        symbol = self._model.symbol
        waiting = any(
            (sent.what, sent.symbol, sent.side) == ("add", symbol, side)
            and not sent.ended
            and sent.state in _NOT_LIVE
            for sent in trader.sent()
        )
        return _WAITING if waiting else ""

    def action_clicks(self) -> None:
        """Let clicks on bids and asks of the ladder prepare orders, or only move the cursor."""
        ladder = self._screen.ladder
        on = ladder.offers is None
        ladder.offer_clicks(self._offer if on else None)
        said = "clicks prepare an order while ARMED; only y on its preview sends it"
        self._model.tell(said if on else "clicks move the cursor", "warn" if on else "dim")
        self._screen.draw()

    def _offer(self, side: Side, price: int) -> CellOffer | None:
        """Return what a click at a price would prepare; None before the market is known."""
        trader, symbol = self._model.trader, self._model.symbol
        market = self._model.ticket_market(symbol)
        if market is None:
            return None
        if trader is None or not trader.armed_for(symbol):
            return CellOffer(side, price, "DISARMED", "a click does nothing; A arms")
        precision = market.instrument.precision
        qty = exact(trader.presets.size(market), precision)
        text = offer_text(side, qty, precision.price_text(price), symbol)
        return CellOffer(side, price, text)

    def click_cell(self, offer: CellOffer) -> None:
        """Open the order that was offered at its preview: nothing is sent by a click."""
        trader, market = self._ticket.ready_trader(), self._model.ticket_market(self._model.symbol)
        if trader is None or market is None:
            return
        if not self.allows("click_cell") or offer != self._offer(offer.side, offer.price):
            self._model.tell("nothing prepared: click again once nothing else is open", "warn")
        elif offer.refusal:
            self._model.tell(f"nothing prepared: {offer.text}: {offer.refusal}", "warn")
        else:
            ticket = self._ticket.limit_order(trader, market, offer.side, offer.price)
            self._ticket.open(trader, replace(rested(ticket, market), previewed=True))
        self._screen.draw()

    def leave_symbol(self) -> None:
        """Let clicks move the cursor again: another pair is another decision."""
        self._screen.ladder.offer_clicks(None)

    def action_size_by(self, step: int) -> None:
        """Use the next larger (1) or smaller (-1) preset size for the next order."""
        market, trader = self._model.ticket_market(self._model.symbol), self._model.trader
        if trader is not None and market is not None:
            at = trader.presets.chosen + step
            self._ticket.action_size(max(1, min(len(trader.presets.sizes(market)), at)))

    def action_exit(self, times: int) -> None:
        """Ask, then leave the position (1) or turn it round (2); only while armed."""
        trader, symbol = self._ticket.ready_trader(), self._model.symbol
        if trader is None:
            return
        position, market = self._model.session_position, self._model.ticket_market
        wanted = Exit(symbol, times, partial(position, symbol), partial(market, symbol))
        draft = wanted.draft()
        words, against = trader.review_exit(wanted, draft)
        if self._screen.presses.repeat:
            against = "one press, one act; let the key rest for half a second"
        if against or not words or isinstance(draft, str):
            self._model.tell(f"{wanted.name} not begun: {against}", "warn")
            self._screen.draw()
            return
        rows = self._screen.frame_state().account.order_rows
        question = questions.leave_position(wanted.name, symbol, words, rows)
        self._ask(question, lambda _: trader.exit(wanted, draft))

    def action_panic(self) -> None:
        """Cancel the pair and disarm, without a question: it only reduces risk."""
        self.panic(self._model.symbol)

    def action_panic_all(self) -> None:
        """Cancel every order of the account and disarm, without a question."""
        self.panic(None)

    def panic(self, symbol: str | None) -> None:
        """Cancel a pair, or with None all of them, and disarm; drop the ticket."""
        trader = self._ticket.ready_trader()
        if trader is not None:
            self._ticket.close()
            self._ticket.run_order(partial(trader.panic.cancel, symbol))

    # --- working orders ---------------------------------------------------------------------

    def selected(self) -> OrderRow | None:
        """Return the row of the focused orders pane, else our order at the ladder's cursor."""
        if isinstance(self._panels.focused, OrdersPane):
            return self._panels.focused.row
        frame = self._screen.frame_state()
        return row_at(frame.account.order_rows, frame.symbol, frame.selection, frame.precision)

    def _selected_or_tell(self) -> OrderRow | None:
        row = self.selected()
        if row is None or row.ended:
            self._model.tell("no order of yours here: move the cursor to one, or press 9", "warn")
            self._screen.draw()
            return None
        return row

    def action_amend(self) -> None:
        """Open the selected order on a ticket, which shows the effect on its place first."""
        trader, row = self._ticket.ready_trader(), self._selected_or_tell()
        if trader is None or row is None:
            return
        access, market = self._model.source.access, self._model.ticket_market(row.symbol)
        order = access.account.orders.get(row.order_id) if access else None
        if order is None or market is None:
            self._model.tell("this order cannot be amended: show its pair first", "warn")
            return
        if problem := not_amendable(order, row.symbol):
            self._model.tell(problem, "warn")
            self._screen.draw()
            return
        self._ticket.open(trader, amending(order, market.instrument.precision))

    def action_cancel(self) -> None:
        """Cancel the selected order; disarmed, after a question."""
        trader, row = self._ticket.ready_trader(), self._selected_or_tell()
        if trader is None or row is None:
            return
        cancel = partial(trader.cancel, order_id=row.order_id, cl_ord_id=row.cl_ord_id)
        if trader.armed:
            self._ticket.run_order(cancel)
        else:
            self._ask(questions.cancel(row), lambda _: cancel())

    def action_cancel_pair(self) -> None:
        """Ask which orders of the pair to cancel."""
        trader, symbol = self._ticket.ready_trader(), self._model.symbol
        if trader is None:
            return
        rows = self._screen.frame_state().account.order_rows
        self._ask(
            questions.cancel_pair(symbol, rows),
            lambda key: trader.cancel_pair(symbol, questions.SIDES[key]),
        )

    def action_cancel_all(self) -> None:
        """Ask for a typed word, then cancel every order of the account."""
        trader = self._ticket.ready_trader()
        if trader is not None:
            self._ask(questions.cancel_everything(), lambda _: trader.cancel_everything())

    def _ask(
        self, question: questions.QuestionText, work: Callable[[str], Awaitable[object]]
    ) -> None:
        """Ask, then run the work that moves money with the answer."""
        self._screen.questions.ask(
            question, lambda answer: self._ticket.run_order(partial(work, answer))
        )

    # --- arming and leaving -----------------------------------------------------------------

    def action_arm(self) -> None:
        """Disarm; or ask, then arm."""
        trader, symbol = self._ticket.ready_trader(), self._model.symbol
        if trader is None:
            # The pair that is typed next was meant for the question: it must not act as keys.
            self._screen.questions.ask(questions.not_armed(self._why_not_open()), lambda _: None)
            return
        if trader.armed_for(symbol):
            self._ticket.run_order(trader.disarm)
            return
        question = questions.arm(
            symbol,
            trader.armed_min,
            before=trader.armed_before(symbol),
            warning=trader.switch_warning,
            paper=self._model.source.mode == "PAPER",
        )
        self._screen.questions.ask(question, lambda _: trader.arm(symbol))

    def _why_not_open(self) -> str:
        trader = self._model.trader
        if trader is None:
            return self._model.status_without_trader.reason or "not connected yet"
        return trader.why_not(self._model.symbol)

    async def may_leave(self) -> bool:
        """Whether no own order can be open and nothing is armed; else ask what to do about it."""
        trader = self._model.trader
        if trader is None or not (trader.own() or trader.unknown or trader.armed):
            return True
        question = questions.leave(
            len(trader.own()),
            armed=trader.armed,
            unknown=trader.unknown,
            unconfirmed=self._unconfirmed,
            mode=self._model.source.mode,
            title=self._screen.leaving_as,
        )

        async def leave(key: str) -> None:
            """Carry out the answer, and end the program unless it failed."""
            if key != "y":
                self._unconfirmed = not await trader.leave(cancel=key == "c")
            if key == "y" or not self._unconfirmed:
                await self._screen.app.run_action("app.finish")

        self._ask(question, leave)
        return False


class OrderScreen(TradeScreen):
    """Everything of the trade screen, and orders."""

    BINDINGS = list(bindings(key for key in keys.KEYS if key.group == keys.TRADING))  # noqa: RUF012

    def __init__(
        self,
        model: ViewModel,
        table: tuple[Key, ...],
        *,
        recording: RecordSwitch,
        ascii_only: bool,
    ) -> None:
        super().__init__(model, table, recording=recording, ascii_only=ascii_only)
        self.ticket_keys = TicketKeys(self, ascii_only=ascii_only)
        self.order_keys = OrderKeys(self, self.ticket_keys)
        self.add_part(self.ticket_keys)
        self.add_part(self.order_keys)
        self.add_part(MaintenanceOffer(self, self.ticket_keys))

    def on_ladder_pane_cell_pressed(self, message: LadderPane.CellPressed) -> None:
        self.order_keys.click_cell(message.offer)

    def on_ticket_panel_changed(self, _: TicketPanel.Changed) -> None:
        self.ticket_keys.draw()
