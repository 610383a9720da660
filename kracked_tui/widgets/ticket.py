"""The order ticket: a docked panel that shows what is being written."""

from __future__ import annotations

from kracked_tui import keys
from kracked_tui.view import ticket as view
from kracked_tui.view.frame import Title, framed
from kracked_tui.view.ticket import TicketView
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.rows import LiveRows

_KEYS = tuple(key for key in keys.KEYS if key.group == keys.TICKET)


class TicketPanel(LiveRows, can_focus=True):
    """Draws the ticket it is given. Its keys act on the screen, and only while it has focus."""

    BINDINGS = list(bindings(_KEYS, "screen."))  # noqa: RUF012  the toolkit's own way

    def show(self, shown: TicketView, *, armed: bool) -> None:
        width, height = self.size
        if not height:
            return
        body = view.ticket_lines(shown, width - 2)
        title = Title("=", view.title(shown))
        foot = view.foot_spans(shown)
        self.set_lines(framed(title, body, (width, height), focused=True, foot=foot, armed=armed))
