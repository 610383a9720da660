"""A screen on which an order can be written; nothing is sent before its preview was seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from kracked.errors import ProtocolError
from kracked.protocol.events import Side
from kracked_tui.keys import Key
from kracked_tui.screens.asking import AskingScreen
from kracked_tui.screens.trade import hints
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.chrome import layout as places
from kracked_tui.view.chrome import questions
from kracked_tui.view.ticket.post_only import BestPrices, rested
from kracked_tui.view.ticket.ticket import Ticket, takes
from kracked_tui.view.ticket.ticket_lines import TicketView
from kracked_tui.widgets.ticket_panel import TicketPanel

if TYPE_CHECKING:
    from kracked_tui.trader import MarketMoment, Trader


class TicketScreen(AskingScreen):
    """Opens the ticket, shows what its order would be, and sends what the preview shows."""

    def __init__(self, desk: ViewModel, table: tuple[Key, ...], *, ascii_only: bool) -> None:
        super().__init__(desk, table, ascii_only=ascii_only)
        self.ticket_panel = TicketPanel(id=places.TICKET, ascii_only=ascii_only)
        self._hints, self._calm_hints = hints(table, money=True), hints(table)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.ticket_panel

    @property
    def trader(self) -> Trader | None:
        return self.desk.trader

    @property
    def ticket(self) -> Ticket | None:
        """The order being written."""
        return self.ticket_panel.ticket

    def _ready(self) -> Trader | None:
        """The trader, if there is a desk to trade at; else the reason goes to the log."""
        trader = self.trader
        if trader is not None and trader.open:
            return trader
        own = self.desk.scene(self.ladder).own
        self.desk.tell(own.standing.reason or "not connected yet", "warn")
        self.draw()
        return None

    def _do(self, work: Callable[[], Awaitable[object]]) -> None:
        """What moves money: let it run."""
        self._let(work, "orders", "look at your orders before you go on", drawn=True)

    # --- drawing ----------------------------------------------------------------------------

    def frame(self) -> Iterator[None]:
        self.hints.hints = self._hints if self.trader else self._calm_hints
        yield from super().frame()
        self._show_ticket()

    def on_ticket_panel_changed(self, _: TicketPanel.Changed) -> None:
        self._show_ticket()

    def _show_ticket(self) -> None:
        shown = self._ticket_view()
        if shown is not None and self._panel == places.TICKET:
            armed = self.trader is not None and self.trader.armed
            self.ticket_panel.show(shown, armed=armed)

    def _ticket_view(self) -> TicketView | None:
        ticket, trader = self.ticket, self.trader
        moment = self.desk.moment(ticket.symbol) if ticket else None
        if ticket is None or trader is None or moment is None:
            return None
        return trader.look(ticket, moment, self.desk.source.l3.get(ticket.symbol))

    # --- the ticket -------------------------------------------------------------------------

    def action_ticket(self, side: str) -> None:
        """A new order at the cursor's price; nothing is sent by this key."""
        trader, moment = self._ready(), self.desk.moment(self.desk.symbol)
        selection = self.desk.scene(self.ladder).selection
        if trader is None or moment is None or selection is None:
            return
        price = selection.low if selection.side is Side.BID else selection.high
        ticket = self._limit(trader, moment, Side(side), price)
        self._write(trader, rested(ticket, BestPrices(moment.bid, moment.ask)))

    def _limit(self, trader: Trader, moment: MarketMoment, side: Side, price: int) -> Ticket:
        """A post-only limit order of the size in use."""
        return Ticket(
            symbol=self.desk.symbol,
            side=side,
            qty=trader.size(moment),
            price=price,
            limit=price,
            post_only=True,
        )

    def _write(self, trader: Trader, ticket: Ticket) -> None:
        """Open the ticket."""
        self.ticket_panel.write(ticket)
        self._do(partial(trader.learn_fees, ticket.symbol))
        self._open(places.TICKET)

    def _open(self, panel: str) -> None:
        super()._open(panel)
        if panel == places.TICKET:
            self.set_focus(self.ticket_panel)
        self._show_ticket()

    def action_send(self) -> None:
        """Only from the preview, and only what it shows."""
        ticket, trader, shown = self.ticket, self.trader, self._ticket_view()
        if ticket is None or trader is None or shown is None:
            return
        moment = self.desk.moment(ticket.symbol)
        if not ticket.previewed or shown.problems or moment is None:
            reason = shown.problems[0] if shown.problems else "enter previews first, then y sends"
            self.desk.tell(f"not sent: {reason}", "warn")
            self.draw()
            return
        self.ticket_panel.write(None)
        self._close_panel()
        book = self.desk.source.l3.get(ticket.symbol)
        self._do(partial(trader.send, ticket, moment, book))

    def action_back(self) -> None:
        if self._panel == places.TICKET and self.ticket and self.ticket.previewed:
            self.ticket_panel.write(replace(self.ticket, previewed=False, waived=False))
        elif self._panel == places.TICKET:
            self.ticket_panel.write(None)
            self._close_panel()
        else:
            super().action_back()

    def _leave_prompt(self) -> None:
        self._open(places.TICKET) if self.ticket else self._close_panel()

    def show_symbol(self, symbol: str) -> None:
        self.ticket_panel.write(None)
        super().show_symbol(symbol)

    def action_enter(self, field: str) -> None:
        """Type one of the ticket's fields."""
        if self.ticket and takes(self.ticket, field):
            trails = field == "price" and self.ticket.order_type.trails
            asked = "distance" if trails and not self.ticket.on_second else field
            self.ask(questions.field(asked), partial(self._entered, field))

    def _entered(self, field: str, text: str) -> None:
        """What was typed; nothing at all leaves the field as it was."""
        try:
            if text:
                self.ticket_panel.enter(field, text)
        except ProtocolError as error:
            self.desk.tell(str(error), "warn")

    def action_size(self, number: int) -> None:
        """For the ticket while one is open, else for the next order."""
        symbol = self.ticket.symbol if self.ticket else self.desk.symbol
        moment, trader = self.desk.moment(symbol), self.trader
        if trader is None or moment is None:
            return
        trader.choose_size(number)
        if self.ticket:
            self.ticket_panel.resize(trader.size(moment))
            return
        instrument = moment.instrument
        text = instrument.precision.qty_text(trader.size(moment)).rstrip("0").rstrip(".")
        self.desk.tell(f"size {number}: {text} {instrument.base}")
        self.draw()
