"""The pane of own fills: each with what its order waited and what followed, and a card in full."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click, MouseScrollDown, MouseScrollUp

from kracked.feed.account import Fill
from kracked_tui.state.account_state import AccountState
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.account import fill_card, fills
from kracked_tui.view.account.fills import FillRow
from kracked_tui.view.card import Card
from kracked_tui.view.line import Span
from kracked_tui.widgets.panels.card_panel import CardOpened
from kracked_tui.widgets.panes.account import AccountList
from kracked_tui.widgets.panes.pane import Content


class FillsPane(AccountList[Fill]):
    """Own fills, newest first; their sums in the foot. The cursor stays with its fill."""

    name_shown = "Fills"
    nothing = "No fill yet."

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._chosen = ""
        """The `exec_id` of the fill at the cursor; empty for the newest one."""

    def listed(self, account: AccountState) -> Sequence[Fill]:
        """Return the fills, newest first."""
        return account.fills[::-1]

    def current(self, account: AccountState) -> bool:
        """Whether the fills are complete."""
        return account.known

    def drawn(self, shown: Sequence[Fill], frame: FrameState) -> Content:
        """Draw the fills in sight; in the foot what they were worth together."""
        width, account = self.inside[0], frame.account
        chosen = self._chosen or (account.fills[-1].exec_id if account.fills else "")
        reviews, now = account.reviews(shown), frame.measures.now(frame.now)
        rows = [
            FillRow(
                fill,
                reviews.get(fill.exec_id),
                now,
                self.has_focus and fill.exec_id == chosen,
            )
            for fill in shown
        ]
        body = [fills.head_line(width), *(fills.fill_line(row, width) for row in rows)]
        foot = fills.summary_spans(fills.summary_of(account.fills))
        summary = account.fill_summary
        if summary is not None:
            text = fill_card.summary_text(summary)
            if len(text) + sum(len(span.text) for span in foot) + 8 <= self.cells.width:
                foot = (*foot, Span(f" · {text}", "dim"))
        return Content(body, foot=foot)

    def _rows(self) -> Sequence[Fill]:
        return self.listed(self.frame.account) if self.frame else ()

    def _at(self) -> int:
        """Return the row of the fill at the cursor; the newest one where it is gone."""
        found = (at for at, fill in enumerate(self._rows()) if fill.exec_id == self._chosen)
        return next(found, 0)

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some fills; the list scrolls with it."""
        rows = self._rows()
        if rows:
            at = max(0, min(len(rows) - 1, self._at() - rows_up))
            self._chosen = rows[at].exec_id if at else ""
            room = max(1, self.inside[1] - 1)
            skip = self._scroll.skip
            by = skip - at if at < skip else min(0, skip + room - 1 - at)
            self._scroll.move(by, length=len(rows), rows=room)
        self.redraw()

    def edge(self, up: int) -> None:
        """Go to the newest fill (1) or the oldest (-1)."""
        self.move(up * len(self._rows()))

    def open(self) -> None:
        """Show everything that is known of the fill at the cursor."""
        rows = self._rows()
        if not rows:
            return
        fill = rows[self._at()]

        def card(frame: FrameState) -> Card:
            """Return the card as it is now: pending marks become known."""
            prints = reversed(frame.store.market(fill.symbol).prints)
            return fill_card.fill_card(frame.account.story(fill), prints)

        self.post_message(CardOpened(card))

    def on_click(self, event: Click) -> None:
        """Put the cursor on a fill; a click on the one at the cursor opens it."""
        rows, row = self._rows(), event.y - 2 + self._scroll.skip
        if event.y < 2 or not 0 <= row < len(rows):
            return
        before = self._at()
        self.move(before - row)
        if row == before:
            self.open()

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.move(1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.move(-1)
