"""The screen with the keys that move money: ticket, arming, cancels. `--read-only` has none.

Every such key is checked in one place, `check_action`: it acts only while a pane has the
focus and nothing is open that a key could be meant for. What is sent, and whether it may
be, is the trader's business.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult

from kracked.errors import ProtocolError
from kracked.feed.account import OwnOrder
from kracked.protocol.events import Side
from kracked.rest.orders import OrderType
from kracked_tui import keys
from kracked_tui.desk import Desk
from kracked_tui.keys import Key
from kracked_tui.screens.trade import TradeScreen, hints
from kracked_tui.view import arrange as places
from kracked_tui.view import ticket as writing
from kracked_tui.view.effect import effect_of
from kracked_tui.view.orders import OrderRow
from kracked_tui.view.ticket import Ticket, TicketView
from kracked_tui.widgets.account import Orders
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.ladder import Ladder
from kracked_tui.widgets.pane import Pane
from kracked_tui.widgets.prompt import Prompt, Question
from kracked_tui.widgets.ticket import TicketPanel

if TYPE_CHECKING:
    from kracked_tui.trader import Moment, Trader

_ORDERS = frozenset(("join", "amend", "cancel", "cancel_pair", "cancel_all"))
_ON_TICKET = frozenset(
    key.action.partition("(")[0] for key in keys.KEYS if key.group == keys.TICKET
) - {"back", "size"}
_ELSEWHERE = frozenset(("go", "pane", "watch", "zoom", "copy"))
"""They would lead away from an open ticket, by a key that was meant for it."""
_WHOLE_ACCOUNT = "The dead-man's switch covers the whole account: if this program, the terminal "
_WHOLE_ACCOUNT += "or the network dies, the exchange cancels every open order."


class OrderScreen(TradeScreen):
    """Everything of the trade screen, and orders."""

    BINDINGS = list(bindings(key for key in keys.KEYS if key.group == keys.TRADING))  # noqa: RUF012

    def __init__(self, desk: Desk, table: tuple[Key, ...], *, ascii_only: bool) -> None:
        super().__init__(desk, table, ascii_only=ascii_only)
        self.ticket: Ticket | None = None
        self.ticket_panel = TicketPanel(id=places.TICKET, ascii_only=ascii_only)
        self.prompt = Prompt(id=places.PROMPT, ascii_only=ascii_only)
        self._came_from: Pane | None = None
        self._unconfirmed = False
        self._hints, self._calm_hints = hints(table, money=True), hints(table)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.ticket_panel
        yield self.prompt

    @property
    def trader(self) -> Trader | None:
        return self.desk.trader

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

    def _ready(self) -> Trader | None:
        """The trader, if there is a desk to trade at; else the reason goes to the log."""
        trader = self.trader
        if trader is not None and trader.open:
            return trader
        own = self.desk.scene(self.ladder).own
        self.desk.tell(own.standing.reason or "not connected yet", "warn")
        self.draw()
        return None

    def _do(self, work: Coroutine[Any, Any, object]) -> None:
        """Let it run; the screen shows at once what it led to."""
        self.run_worker(self._done(work), group="orders")

    async def _done(self, work: Coroutine[Any, Any, object]) -> None:
        await work
        self.draw()

    # --- drawing ----------------------------------------------------------------------------

    def frame(self) -> Iterator[None]:
        self.hints.hints = self._hints if self.trader else self._calm_hints
        yield from super().frame()
        self._show_ticket()
        if self._panel == places.PROMPT:
            self.prompt.show()

    def _show_ticket(self) -> None:
        shown = self._ticket_view()
        if shown is not None and self._panel == places.TICKET:
            armed = self.trader is not None and self.trader.armed
            self.ticket_panel.show(shown, armed=armed)

    def _ticket_view(self) -> TicketView | None:
        ticket, trader = self.ticket, self.trader
        moment = self._moment(ticket.symbol) if ticket else None
        if ticket is None or trader is None or moment is None:
            return None
        reviewed = trader.review(ticket, moment)
        effect, loses = "", False
        if ticket.amends:
            keeps = trader.keeps_place(ticket, moment.instrument)
            book = self.desk.source.orders.get(ticket.symbol)
            effect, loses = effect_of(ticket, keeps, book, moment.instrument.precision)
        return TicketView(
            ticket,
            moment.instrument,
            trader.sizes(moment),
            reviewed.words,
            reviewed.problems,
            reviewed.waivable,
            effect,
            loses,
        )

    def _moment(self, symbol: str) -> Moment | None:
        return self.desk.moment(symbol)

    # --- the ticket -------------------------------------------------------------------------

    def action_ticket(self, side: str) -> None:
        """A new order at the cursor's price; nothing is sent by this key."""
        trader, moment = self._ready(), self._moment(self.desk.symbol)
        selection = self.desk.scene(self.ladder).selection
        if trader is None or moment is None or selection is None:
            return
        price = selection.low if selection.side is Side.BID else selection.high
        qty = trader.size(moment)
        self.ticket = Ticket(
            symbol=self.desk.symbol,
            side=Side(side),
            qty=qty,
            price=price,
            limit=price,
            post_only=True,
        )
        self._do(trader.learn_fees(self.desk.symbol))
        self._open(places.TICKET)

    def _open(self, panel: str) -> None:
        if isinstance(self.focused, Pane):
            self._came_from = self.focused
        self._panel = panel
        self._place()
        if panel == places.TICKET:
            self.set_focus(self.ticket_panel)
        self._show_ticket()

    def _close_panel(self) -> None:
        """Back to the pane the panel was opened from."""
        super()._close_panel()
        if self._came_from is not None and self._came_from.display:
            self.set_focus(self._came_from)

    def _write(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self._show_ticket()

    def action_preview(self) -> None:
        if self.ticket:
            self._write(replace(self.ticket, previewed=True))

    def action_send(self) -> None:
        """Only from the preview, and only what it shows."""
        ticket, trader, shown = self.ticket, self.trader, self._ticket_view()
        if ticket is None or trader is None or shown is None:
            return
        moment = self._moment(ticket.symbol)
        if not ticket.previewed or shown.problems or moment is None:
            reason = shown.problems[0] if shown.problems else "enter previews first, then y sends"
            self.desk.tell(f"not sent: {reason}", "warn")
            self.draw()
            return
        self.ticket = None
        self._close_panel()
        self._do(trader.send(ticket, moment))

    def action_back(self) -> None:
        if self._panel == places.PROMPT:
            self.prompt.question = None
            self._open(places.TICKET) if self.ticket else self._close_panel()
        elif self._panel == places.TICKET and self.ticket and self.ticket.previewed:
            self._write(replace(self.ticket, previewed=False, waived=False))
        elif self._panel == places.TICKET:
            self.ticket = None
            self._close_panel()
        else:
            super().action_back()

    def show_symbol(self, symbol: str) -> None:
        self.ticket = None
        super().show_symbol(symbol)

    def action_step(self, ticks: int) -> None:
        moment = self._moment(self.ticket.symbol) if self.ticket else None
        if self.ticket and moment:
            self._write(writing.stepped(self.ticket, ticks * moment.instrument.price_increment))

    def action_grow(self, sizes: int) -> None:
        moment = self._moment(self.ticket.symbol) if self.ticket else None
        if self.ticket and moment and self.trader:
            size = self.trader.size(moment)
            self._write(writing.sized(self.ticket, self.ticket.qty + sizes * size))

    def action_size(self, number: int) -> None:
        symbol = self.ticket.symbol if self.ticket else self.desk.symbol
        moment, trader = self._moment(symbol), self.trader
        if trader is None or moment is None:
            return
        trader.choose_size(number)
        qty = trader.size(moment)
        if self.ticket:
            self._write(writing.sized(self.ticket, qty))
        else:
            instrument = moment.instrument
            text = instrument.precision.qty_text(qty).rstrip("0").rstrip(".")
            self.desk.tell(f"size {number}: {text} {instrument.base}")
            self.draw()

    def action_side(self, side: str) -> None:
        if self.ticket:
            self._write(writing.sided(self.ticket, Side(side)))

    def action_order_type(self) -> None:
        if self.ticket:
            self._write(writing.typed_next(self.ticket))

    def action_post_only(self) -> None:
        if self.ticket:
            self._write(writing.posted(self.ticket))

    def action_in_force(self) -> None:
        if self.ticket:
            self._write(writing.forced_next(self.ticket))

    def action_second_price(self) -> None:
        if self.ticket:
            self._write(writing.other_price(self.ticket))

    def action_waive(self) -> None:
        if self.ticket and self.ticket.previewed:
            self._write(replace(self.ticket, waived=True))

    def action_enter_number(self, field: str) -> None:
        if self.ticket and not self.ticket.previewed:
            take = partial(self._entered, field)
            self._ask(Question(field.capitalize(), (f"The exact {field}, then enter.",), take))

    def _entered(self, field: str, text: str) -> None:
        moment = self._moment(self.ticket.symbol) if self.ticket else None
        if self.ticket and moment:
            try:
                precision = moment.instrument.precision
                self.ticket = writing.entered(self.ticket, field, text, precision)
            except ProtocolError as error:
                self.desk.tell(str(error), "warn")
        self.action_back()

    # --- at once, while armed ---------------------------------------------------------------

    def action_join(self, side: str) -> None:
        """The best price of a side with the current size, post-only."""
        trader, moment = self._ready(), self._moment(self.desk.symbol)
        if trader is None or moment is None:
            return
        price = moment.bid if side == Side.BID else moment.ask
        if price is None:
            self.desk.tell(f"not sent: there is no best {side} to join", "warn")
            return
        ticket = Ticket(
            symbol=self.desk.symbol,
            side=Side(side),
            qty=trader.size(moment),
            price=price,
            limit=price,
            post_only=True,
        )
        self._do(trader.send(ticket, moment))

    def action_go(self, number: int) -> None:
        """While armed, the first digits choose the size in the ladder."""
        armed = self.trader is not None and self.trader.armed
        if armed and isinstance(self.focused, Ladder) and number <= 5 and self._panel is None:
            self.action_size(number)
        else:
            super().action_go(number)

    # --- working orders ---------------------------------------------------------------------

    def selected(self) -> OrderRow | None:
        """The row of the orders pane when it has the focus, else our order at the cursor."""
        scene = self.desk.scene(self.ladder)
        if isinstance(self.focused, Orders):
            return self.focused.row
        selection, digits = scene.selection, scene.precision.price
        if selection is None:
            return None
        for row in scene.own.rows:
            if row.symbol == scene.symbol and row.limit is not None:
                price = int(row.limit.scaleb(digits))
                if selection.low <= price <= selection.high:
                    return row
        return None

    def _selected_or_tell(self) -> OrderRow | None:
        row = self.selected()
        if row is None:
            self.desk.tell("no order of yours here: move the cursor to one, or press 9", "warn")
            self.draw()
        return row

    def action_amend(self) -> None:
        """The selected order on a ticket; its effect on the place is shown before it is sent."""
        trader, row = self._ready(), self._selected_or_tell()
        if trader is None or row is None:
            return
        access, moment = self.desk.source.access, self._moment(row.symbol)
        order = access.account.orders.get(row.order_id) if access else None
        if order is None or moment is None:
            self.desk.tell("this order cannot be amended: show its pair first", "warn")
            return
        self.ticket = _amending(order, moment)
        self._do(trader.learn_fees(row.symbol))
        self._open(places.TICKET)

    def action_cancel(self) -> None:
        trader, row = self._ready(), self._selected_or_tell()
        if trader is None or row is None:
            return
        cancel = partial(trader.cancel, order_id=row.order_id, cl_ord_id=row.cl_ord_id)
        if trader.armed:
            self._do(cancel())
            return
        word = writing.verb(row.side) if row.side else "order"
        text = f"Cancel {word} {row.qty} {row.symbol} at {row.price}?"
        self._confirm("Cancel", (text,), (("y", "cancel it"),), lambda _: self._do(cancel()))

    def action_cancel_pair(self) -> None:
        trader, symbol = self._ready(), self.desk.symbol
        if trader is None:
            return
        rows = [row for row in self.desk.scene(self.ladder).own.rows if row.symbol == symbol]
        bids = sum(row.side is Side.BID for row in rows)
        elsewhere = sum(not row.ours for row in rows)
        sentences = [f"Cancel orders of {symbol}?"]
        if elsewhere:
            sentences.append(f"{elsewhere} of them placed elsewhere: they go too.")
        sides = {"b": Side.BID, "a": Side.ASK, "y": None}
        answers = (("b", f"bids ({bids})"), ("a", f"asks ({len(rows) - bids})"), ("y", "all"))
        self._confirm(
            "Cancel the pair",
            tuple(sentences),
            answers,
            lambda key: self._do(trader.cancel_pair(symbol, sides[key])),
        )

    def action_cancel_all(self) -> None:
        trader = self._ready()
        if trader is None:
            return
        sentences = (
            "Cancel EVERY order of the account, on all pairs, whoever placed it?",
            "Type all, then enter.",
        )
        self._ask(
            Question(
                "Cancel everything",
                sentences,
                lambda _: self._answered(lambda: self._do(trader.cancel_everything())),
                expected="all",
            )
        )

    def action_panic(self) -> None:
        """No question: it only reduces risk."""
        trader = self._ready()
        if trader is not None:
            self.ticket = None
            self._close_panel()
            self._do(trader.panic(self.desk.symbol))

    # --- arming -----------------------------------------------------------------------------

    def action_arm(self) -> None:
        trader = self._ready()
        if trader is None:
            return
        if trader.armed:
            self._do(trader.disarm())
            return
        symbol = self.desk.symbol
        minutes = self.desk.armed_min
        sentences = (f"Keys will send orders for {minutes} minutes.", _WHOLE_ACCOUNT)
        if trader.armed_before:
            self._confirm("Arm", sentences, (("y", "arm"),), lambda _: trader.arm())
            return
        typed = (*sentences, f"Type {symbol}, then enter.")
        self._ask(Question("Arm", typed, lambda _: self._answered(trader.arm), expected=symbol))

    # --- questions --------------------------------------------------------------------------

    def _confirm(
        self,
        title: str,
        sentences: tuple[str, ...],
        answers: tuple[tuple[str, str], ...],
        then: Any,
    ) -> None:
        answered = lambda key: self._answered(partial(then, key))  # noqa: E731
        self._ask(Question(title, sentences, answered, answers))

    def _ask(self, question: Question) -> None:
        self._open(places.PROMPT)
        self.prompt.ask(question)

    def _answered(self, then: Any) -> None:
        """The panel closes first, and the ticket below it comes back."""
        self.action_back()
        then()
        self.draw()

    def on_prompt_wrong(self, message: Prompt.Wrong) -> None:
        self.desk.tell(f"that is not {message.expected}: nothing happened", "warn")
        self.draw()

    # --- leaving ----------------------------------------------------------------------------

    async def may_leave(self) -> bool:
        """Whether nothing is left to be asked before the program ends."""
        trader = self.trader
        if trader is None or not (trader.own() or trader.armed):
            return True
        count, unknown = len(trader.own()), trader.unknown
        noun = "order" if count == 1 else "orders"
        sentences = [f"Leave or cancel my {count} {noun}?"]
        if trader.armed:
            sentences.append("The dead-man's switch is turned off first.")
        if unknown:
            sentences.append(f"{unknown} of unknown outcome: looked up at the next start.")
        answers = [("l", f"leave {count} working"), ("c", f"cancel {count}, then quit")]
        if self._unconfirmed:
            sentences.append("The exchange has not confirmed the last answer.")
            answers.append(("y", "quit all the same"))
        self._confirm("Quit", tuple(sentences), tuple(answers), self._leave)
        return False

    def _leave(self, key: str) -> None:
        if key == "y":
            self._do(self._finish())
        elif self.trader is not None:
            self._do(self._settle_and_finish(self.trader, cancel=key == "c"))

    async def _settle_and_finish(self, trader: Trader, *, cancel: bool) -> None:
        self._unconfirmed = not await trader.leave(cancel=cancel)
        if not self._unconfirmed:
            await self._finish()

    async def _finish(self) -> None:
        await self.app.run_action("app.finish")


def _amending(order: OwnOrder, moment: Moment) -> Ticket:
    """The order as it stands, ready to be changed."""
    digits = moment.instrument.precision
    prices = [order.triggers.price, order.limit_price]
    first, last = (None if one is None else int(one.scaleb(digits.price)) for one in prices)
    kind = OrderType(order.order_type)
    price = first if first is not None else last
    return Ticket(
        symbol=order.symbol,
        side=order.side or Side.BID,
        qty=int(order.order_qty.scaleb(digits.qty)),
        price=price or 0,
        limit=last or price or 0,
        order_type=kind,
        post_only=order.post_only,
        on_limit=kind in writing.TWO_PRICES,
        amends=order.order_id,
    )
