"""The order ticket: a docked panel in which an order is written. It can send nothing."""

from __future__ import annotations

from dataclasses import replace

from textual.message import Message

from kracked.protocol.events import Side
from kracked_tui import keys
from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.ticket import ticket
from kracked_tui.view.ticket.post_only import rested
from kracked_tui.view.ticket.reading import Reading
from kracked_tui.view.ticket.ticket import Ticket
from kracked_tui.view.ticket.ticket_lines import (
    TicketView,
    body_lines,
    foot_spans,
    title,
)
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.painted_rows import LiveRows

_KEYS = tuple(key for key in keys.KEYS if key.group == keys.TICKET)


class TicketPanel(LiveRows, can_focus=True):
    """Owner of the ticket: its keys change it, and only while it has the focus.

    `show` gives it the review of the ticket, with every frame and after each `Changed`.
    """

    BINDINGS = list(bindings(_KEYS, "screen."))  # noqa: RUF012  the toolkit's own way

    class Changed(Message):
        """The ticket is another one and needs a review."""

        def can_replace(self, message: Message) -> bool:
            """Whether this replaces a message that waits: one review is enough."""
            return isinstance(message, TicketPanel.Changed)

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self.ticket: Ticket | None = None
        """None while nothing is being written."""
        self._view: TicketView | None = None
        self._box = Box()
        self._reading = Reading()
        self._to_read = True
        """Whether what is shown next has not been read."""

    def show(self, view: TicketView, *, armed: bool) -> None:
        """Draw the ticket and its review; one larger than the panel is scrolled."""
        self._view = view
        width, height = size = self.size
        room = height - 2
        reading = self._reading
        if room < 1:
            reading.show(1, 0, readable=False)
            return
        lines, readable = body_lines(view, width - 2, room)
        if self.all_painted:
            reading.take_read()
        reading.show(len(lines), room, readable=readable)
        body = lines[reading.skip : reading.skip + room]
        name = Title("=", title(view), right=reading.text, urgent=True)
        foot = foot_spans(view, whole=reading.whole)
        if sum(len(span.text) for span in foot) + 5 > width:
            foot = foot[:2]
        rows = self._box.around(name, body, size, focused=True, armed=armed, foot=foot)
        if self._to_read and view.ticket is self.ticket:
            self._to_read = False
            self.set_lines_to_read(rows)
        else:
            self.set_lines(rows)

    def unread(self, pressed_s: float) -> str:
        """Return why nobody can have read the whole preview; empty once it was on the screen.

        A preview that the panel scrolls counts once each of its rows has been painted.

        Args:
            pressed_s: When the key that sends was pressed, by the monotonic clock.
        """
        unseen = self.problems is None or self._to_read or not self.was_whole_at(pressed_s)
        if self._reading.readable and unseen:
            return "the preview was not on the screen yet; press y again"
        self._reading.take_read()
        return self._reading.unread

    @property
    def is_focused(self) -> bool:
        """Whether keys come here: at once, where the toolkit's flag waits for a message."""
        return self.is_attached and self.screen.focused is self

    @property
    def problems(self) -> tuple[str, ...] | None:
        """Reasons why the ticket cannot be sent; None while its review has not been shown."""
        view = self._view
        return view.problems if view is not None and view.ticket is self.ticket else None

    def write(self, written: Ticket | None) -> None:
        """Set the ticket; None clears it."""
        if written is None or self.ticket is None or written.previewed != self.ticket.previewed:
            self._reading = Reading()
        self.ticket, self._to_read = written, True
        self.post_message(self.Changed())

    def enter(self, field: str, text: str) -> bool:
        """Set a field from typed text. Returns whether it was set.

        Raises:
            ProtocolError: The text is no value of this field.
        """
        if self.ticket is None or self._view is None or not ticket.takes(self.ticket, field):
            return False
        precision, now = self._view.market.instrument.precision, self._view.now
        self.write(ticket.entered(self.ticket, field, text, precision, now))
        return True

    def resize(self, qty: int) -> None:
        """Set the quantity."""
        if self.ticket:
            self.write(ticket.sized(self.ticket, qty))

    # --- keys -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether its keys act: only while it has the focus and a ticket."""
        return self.is_focused and self.ticket is not None

    def action_read(self, pages: int) -> None:
        if self.all_painted:
            self._reading.take_read()
        self._reading.turn(pages)
        self._to_read = True
        self.post_message(self.Changed())

    def action_preview(self) -> None:
        if self.ticket:
            self.write(replace(self.ticket, previewed=True))

    def action_step(self, ticks: int) -> None:
        if self.ticket and self._view:
            tick = self._view.market.instrument.price_increment
            self.write(ticket.stepped(self.ticket, ticks, tick))

    def action_grow(self, sizes: int) -> None:
        if self.ticket and self._view:
            self.write(ticket.sized(self.ticket, self.ticket.qty + sizes * self._view.size))

    def action_side(self, side: str) -> None:
        if self.ticket and self._view:
            self.write(rested(ticket.sided(self.ticket, Side(side)), self._view.market))

    def action_order_type(self, by: int) -> None:
        if self.ticket and self._view:
            tick = self._view.market.instrument.price_increment
            self.write(ticket.typed(self.ticket, by, tick))

    def action_post_only(self) -> None:
        if self.ticket and self._view:
            self.write(rested(ticket.posted(self.ticket), self._view.market))

    def action_in_force(self) -> None:
        if self.ticket:
            self.write(ticket.forced_next(self.ticket))

    def action_second_price(self) -> None:
        if self.ticket:
            self.write(ticket.other_price(self.ticket))

    def action_waive(self) -> None:
        if self.ticket and self.ticket.previewed:
            self.write(replace(self.ticket, waived=True))
