"""The order ticket: a docked panel in which an order is written. It can send nothing."""

from __future__ import annotations

from dataclasses import replace

from textual.message import Message

from kracked.protocol.events import Side
from kracked_tui import keys
from kracked_tui.view.chrome.pane_frame import Title, framed
from kracked_tui.view.ticket import ticket as writing
from kracked_tui.view.ticket.post_only import rested
from kracked_tui.view.ticket.ticket import Ticket
from kracked_tui.view.ticket.ticket_lines import TicketView, foot_spans, ticket_lines, title
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.painted_rows import LiveRows

_KEYS = tuple(key for key in keys.KEYS if key.group == keys.TICKET)


class TicketPanel(LiveRows, can_focus=True):
    """Owner of the ticket: its keys change it, and only while it has the focus.

    What the ticket would be as an order it is told by `show`, with every frame and after
    each `Changed`.
    """

    BINDINGS = list(bindings(_KEYS, "screen."))  # noqa: RUF012  the toolkit's own way

    class Changed(Message):
        """Another order is on it: it wants to be reviewed anew."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TicketPanel.Changed)

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self.ticket: Ticket | None = None
        """None while nothing is being written."""
        self._view: TicketView | None = None

    def show(self, shown: TicketView, *, armed: bool) -> None:
        """Draw the ticket and what is known about it."""
        self._view = shown
        width, height = self.size
        if not height:
            return
        body, foot = ticket_lines(shown, width - 2), foot_spans(shown)
        name = Title("=", title(shown))
        self.set_lines(framed(name, body, (width, height), focused=True, foot=foot, armed=armed))

    @property
    def problems(self) -> tuple[str, ...] | None:
        """Why the ticket as it is shown cannot be sent; None while it has not been shown."""
        view = self._view
        return view.problems if view is not None and view.ticket is self.ticket else None

    def write(self, ticket: Ticket | None) -> None:
        """Put another ticket on it; None clears it."""
        self.ticket = ticket
        self.post_message(self.Changed())

    def enter(self, field: str, text: str) -> None:
        """Take what was typed for a field. Raises `ProtocolError` when it makes no sense."""
        if self.ticket and self._view:
            precision, now = self._view.market.instrument.precision, self._view.now
            self.write(writing.entered(self.ticket, field, text, precision, now))

    def resize(self, qty: int) -> None:
        """Another quantity."""
        if self.ticket:
            self.write(writing.sized(self.ticket, qty))

    # --- keys -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        return self.has_focus and self.ticket is not None

    def action_preview(self) -> None:
        if self.ticket:
            self.write(replace(self.ticket, previewed=True))

    def action_step(self, ticks: int) -> None:
        if self.ticket and self._view:
            tick = self._view.market.instrument.price_increment
            self.write(writing.stepped(self.ticket, ticks, tick))

    def action_grow(self, sizes: int) -> None:
        if self.ticket and self._view:
            self.write(writing.sized(self.ticket, self.ticket.qty + sizes * self._view.size))

    def action_side(self, side: str) -> None:
        if self.ticket and self._view:
            self.write(rested(writing.sided(self.ticket, Side(side)), self._view.market))

    def action_order_type(self, by: int) -> None:
        if self.ticket and self._view:
            tick = self._view.market.instrument.price_increment
            self.write(writing.typed(self.ticket, by, tick))

    def action_post_only(self) -> None:
        if self.ticket and self._view:
            self.write(rested(writing.posted(self.ticket), self._view.market))

    def action_in_force(self) -> None:
        if self.ticket:
            self.write(writing.forced_next(self.ticket))

    def action_second_price(self) -> None:
        if self.ticket:
            self.write(writing.other_price(self.ticket))

    def action_waive(self) -> None:
        if self.ticket and self.ticket.previewed:
            self.write(replace(self.ticket, waived=True))
