"""The ticket: an order is written here, and sent only from the preview that shows it whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.widget import Widget

from kracked.errors import ProtocolError
from kracked.protocol.events import Side
from kracked_tui.screens.part import ScreenPart
from kracked_tui.view.chrome import layout, questions
from kracked_tui.view.queue.own_lines import joining_odds
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.ticket.post_only import rested
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket, takes
from kracked_tui.view.ticket.ticket_lines import TicketView
from kracked_tui.widgets.panels.ticket_panel import TicketPanel

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen
    from kracked_tui.trader import Trader


class TicketKeys(ScreenPart):
    """Opens the ticket, shows the order it would be, and sends what the preview shows."""

    def __init__(self, screen: TradeScreen, *, ascii_only: bool) -> None:
        self._screen, self._model, self._panels = screen, screen.model, screen.panels
        self.panel = TicketPanel(id=layout.TICKET, ascii_only=ascii_only)
        self._panels.takes_focus[layout.TICKET] = self.panel

    def widgets(self) -> Iterable[Widget]:
        """Return the panel."""
        yield self.panel

    @property
    def ticket(self) -> Ticket | None:
        """The order being written; None without one."""
        return self.panel.ticket

    def ready_trader(self) -> Trader | None:
        """Return the trader when orders can be placed or cancelled; else log the reason."""
        trader = self._model.trader
        if trader is not None and trader.open:
            return trader
        reason = (
            trader.why_not(self._model.symbol)
            if trader
            else self._model.status_without_trader.reason
        )
        self._model.tell(reason or "not connected yet", "warn")
        self._screen.draw()
        return None

    def run_order(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run work that moves money, in the background."""
        failed = "check your orders before you go on"
        self._screen.run_in_background(work, "orders", failed, drawn=True)

    # --- drawing ----------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the ticket with its review."""
        view = self.view()
        if view is not None and self._panels.top == layout.TICKET:
            trader = self._model.trader
            armed = trader is not None and trader.armed_for(view.ticket.symbol)
            self.panel.show(view, armed=armed)
            self.panel.paint_now()

    def view(self) -> TicketView | None:
        """Return the ticket as it would be sent now; None without one."""
        ticket, trader = self.ticket, self._model.trader
        market = self._model.ticket_market(ticket.symbol) if ticket else None
        if ticket is None or trader is None or market is None:
            return None
        view = trader.review(ticket, market, self._model.source.l3.get(ticket.symbol))
        if view is None or not ticket.previewed or ticket.amends or not view.effect.words:
            return view
        odds = self._screen.frame_state().account.odds_of(ticket)
        return view._replace(odds=joining_odds(odds))

    # --- writing ----------------------------------------------------------------------

    def action_ticket(self, side: str) -> None:
        """Open a ticket at the cursor's price; nothing is sent by this key."""
        trader, market = self.ready_trader(), self._model.ticket_market(self._model.symbol)
        if trader is None or market is None or market.bid is None or market.ask is None:
            return
        selection = self._screen.ladder.selection((market.bid, market.ask))
        if selection is None:
            return
        price = selection.low if selection.side is Side.BID else selection.high
        ticket = self.limit_order(trader, market, Side(side), price)
        self.open(trader, rested(ticket, market))

    def limit_order(self, trader: Trader, market: TicketMarket, side: Side, price: int) -> Ticket:
        """Return a post-only limit order of the size in use."""
        return Ticket(
            symbol=self._model.symbol,
            side=side,
            qty=trader.presets.size(market),
            price=price,
            limit=price,
            post_only=True,
        )

    def open(self, trader: Trader, ticket: Ticket) -> None:
        """Open the panel with this ticket on it; it is reviewed and drawn as it comes up."""
        self.panel.write(ticket)
        self.run_order(partial(trader.terms.learn_fees, ticket.symbol))
        self._panels.open(layout.TICKET)

    def close(self) -> None:
        """Drop the ticket and close its panel."""
        self.panel.write(None)
        if self._panels.top == layout.TICKET:
            self._panels.close()

    def back(self) -> bool:
        """Go back from the preview to the fields, and from the fields close the ticket."""
        if self._panels.top != layout.TICKET:
            return False
        if self.ticket and self.ticket.previewed:
            self.panel.write(replace(self.ticket, previewed=False, waived=False))
        else:
            self.close()
        return True

    def leave_symbol(self) -> None:
        """Drop the ticket: it belongs to the pair shown."""
        self.close()

    def action_enter(self, field: str) -> None:
        """Ask for one of the ticket's fields; an empty answer leaves it as it was.

        Text that is no value is asked for again, until it is one or escape leaves the field.
        """
        ticket = self.ticket
        if ticket is None or not takes(ticket, field):
            return

        def enter(text: str) -> None:
            """Set the field, or say why the text does not fit."""
            try:
                if text and not self.panel.enter(field, text):
                    self._model.tell(f"{field} is as it was: the market is not known", "warn")
            except ProtocolError as error:
                # Back on the ticket the old value would stand as if it had been typed.
                self._model.tell(str(error), "warn")
                asked = (str(error), *question.sentences)
                self._screen.questions.ask(question._replace(sentences=asked, typed=text), enter)

        is_distance = field == "price" and ticket.order_type.trails and not ticket.on_second
        question = questions.field("distance" if is_distance else field)
        self._screen.questions.ask(question, enter)

    def action_size(self, number: int) -> None:
        """Choose a preset size: of the ticket while one is open, else of the next order."""
        symbol = self.ticket.symbol if self.ticket else self._model.symbol
        market, trader = self._model.ticket_market(symbol), self._model.trader
        if trader is None or market is None:
            return
        trader.presets.choose(number)
        if self.ticket:
            self.panel.resize(trader.presets.size(market))
            return
        instrument = market.instrument
        text = exact(trader.presets.size(market), instrument.precision)
        self._model.tell(f"size {number}: {text} {instrument.base}")
        self._screen.draw()

    # --- sending ----------------------------------------------------------------------

    def action_send(self) -> None:
        """Send what the preview shows, and only from the preview.

        The trader checks it again, against the market of this moment.
        """
        ticket, trader, problems = self.ticket, self._model.trader, self.panel.problems
        if ticket is None or trader is None:
            return
        market = self._model.ticket_market(ticket.symbol)
        reason = problems[0] if problems else self.panel.unread(self._screen.presses.at_s)
        if not ticket.previewed:
            reason = "enter previews first, then y sends"
        if reason or market is None:
            self._model.tell(f"not sent: {reason or 'this market is not known yet'}", "warn")
            self._screen.draw()
            return
        # Dropped at once, so that no other press sends it; but to close the panel paints the whole
        # screen, and the order does not wait for that.
        self.panel.write(None)
        book = self._model.source.l3.get(ticket.symbol)
        self.run_order(partial(trader.send, ticket, market, book))
        asyncio.get_running_loop().call_soon(self.close)
