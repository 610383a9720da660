"""The panes of the account: open orders, fills and balances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from textual.events import Click, Focus
from textual.message import Message

from kracked_tui.state.account_state import AccountState
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.account import balances, fills, orders, rates
from kracked_tui.view.account.balances import Balance
from kracked_tui.view.account.orders import OrderRow
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.widgets.panes.pane import Content, Pane, Scroll, sentence_lines

Row = TypeVar("Row")


class OrdersPane(Pane):
    """Own orders with their places; keys amend and cancel the order selected here."""

    name_shown = "Orders"

    class Opened(Message):
        """Show the level of this order."""

        def __init__(self, row: OrderRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._cursor = 0
        self._first = 0
        """The list's first row in sight."""
        self._chosen = ""
        """The key of the row at the cursor, once the pane has had the focus."""

    @property
    def row(self) -> OrderRow | None:
        """The selected order; None once it is gone, though another has taken its line."""
        rows = self._rows
        if not self._chosen:
            return rows[0] if rows else None
        return next((row for row in rows if row.key == self._chosen), None)

    def chosen_order(self) -> str:
        """Return the exchange's id of the selected order; empty for none."""
        row = self.row
        return row.order_id if row else ""

    @property
    def _rows(self) -> Sequence[OrderRow]:
        return self.frame.account.order_rows if self.frame else ()

    def show(self, frame: FrameState) -> None:
        """Draw a frame; the cursor stays with its order while rows come and go above it."""
        for number, row in enumerate(frame.account.order_rows):
            if row.key == self._chosen:
                self._cursor = number
        super().show(frame)
        if self.has_focus and not self._chosen:
            self._choose(self._cursor)

    def on_focus(self, _: Focus) -> None:
        if not self._chosen or self.row is None:
            self._choose(self._cursor)

    def _choose(self, number: int) -> None:
        rows = self._rows
        self._cursor = max(0, min(len(rows) - 1, number))
        self._chosen = rows[self._cursor].key if rows else ""
        self.redraw()

    def content(self, frame: FrameState) -> Content:
        """Draw the orders, and the sums of balances and fills below them where there is room."""
        width, height = self.inside
        account = frame.account
        note = f"{len(account.order_ids)} working" if account.order_ids else ""
        foot = (
            (*rates.meter(account.rates), Span(" "), *rates.price_spans(account.rates))
            if account.rates
            else ()
        )
        blank = Line(fit([], width))
        if not account.order_rows:
            body = [blank, *sentence_lines(account.empty_reason, width)]
            return Content(body, note, foot=foot)
        columns = orders.columns_for(width, account.order_rows)
        at = min(self._cursor, len(account.order_rows) - 1)
        rows = [
            orders.order_line(
                row._replace(cursor=self.has_focus and row.key == self._chosen), columns
            )
            for row in account.order_rows
        ]
        room = height - 1 - 2
        self._first = max(0, min(at - room + 1, len(rows) - room))
        shown = rows[self._first : self._first + max(1, room)]
        body = [orders.head_line(columns), *shown]
        if len(body) + 2 <= height:
            assets = reversed(frame.symbol.split("/"))
            filled = fills.summary_of(account.fills)
            body += [blank] * (height - len(body) - 2)
            body.append(Line(fit(balances.summary_spans(account.balances, assets, width), width)))
            body.append(Line(fit(fills.summary_spans(filled), width)))
        if not account.known:
            body = [each.within("stale") for each in body]
        right = "" if account.known else "STALE"
        return Content(body, note, right, foot, urgent=not account.known)

    def move(self, rows_up: int) -> None:
        """Select an order some rows higher."""
        self._choose(self._cursor - rows_up)

    def edge(self, up: int) -> None:
        """Select the first order (1) or the last (-1)."""
        self.move(up * 1000)

    def open(self) -> None:
        """Show the level of the selected order."""
        if self.row is not None:
            self.post_message(self.Opened(self.row))

    def on_click(self, event: Click) -> None:
        row = event.y - 2 + self._first
        if event.y >= 2 and self._first <= row < len(self._rows):
            self._choose(row)


class AccountList(Generic[Row], Pane):
    """A list of the account under one head line, which scrolls."""

    every = 4
    nothing = ""
    """The sentence for a list that is known to be empty."""

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._scroll = Scroll()

    @abstractmethod
    def listed(self, account: AccountState) -> Sequence[Row]:
        """Return the whole list, the first row on top."""

    @abstractmethod
    def current(self, account: AccountState) -> bool:
        """Whether the stream behind the list has told all of it, and goes on."""

    @abstractmethod
    def drawn(self, shown: Sequence[Row], frame: FrameState) -> Content:
        """Draw the head and the rows in sight."""

    def content(self, frame: FrameState) -> Content:
        """Draw the rows in sight, or why there are none."""
        width, height = self.inside
        account, rows = frame.account, self.listed(frame.account)
        if not rows:
            text = self.nothing if self.current(account) else account.empty_reason
            return Content([Line(fit([], width)), *sentence_lines(text, width)])
        room = max(0, height - 1)
        self._scroll.move(0, length=len(rows), rows=room)
        drawn = self.drawn(rows[self._scroll.skip : self._scroll.skip + room], frame)
        if self.current(account):
            return drawn
        body = [each.within("stale") for each in drawn.body]
        return drawn._replace(body=body, right="STALE", urgent=True)

    def move(self, rows_up: int) -> None:
        """Scroll up by some rows."""
        length = len(self.listed(self.frame.account)) if self.frame else 0
        self._scroll.move(rows_up, length=length, rows=self.inside[1] - 1)
        self.redraw()


class BalancesPane(AccountList[Balance]):
    """The total of each asset, what open orders hold, what is free, and what it is worth."""

    name_shown = "Balances"
    nothing = "Nothing on the account."

    def listed(self, account: AccountState) -> Sequence[Balance]:
        """Return the assets."""
        return account.balances

    def current(self, account: AccountState) -> bool:
        """Whether the balances are current."""
        return account.balances_known

    def drawn(self, shown: Sequence[Balance], frame: FrameState) -> Content:
        """Draw the assets in sight; in the foot what all are worth, and what is below."""
        width, account = self.inside[0], frame.account
        below = len(account.balances) - self._scroll.skip - len(shown)
        worth = balances.worth_text(account.balances, account.quote)
        foot = [worth, f"{below} more below" if below else ""]
        lines = [balances.balance_line(one, width) for one in shown]
        head = balances.head_line(width, account.quote)
        text = " · ".join(part for part in foot if part)
        return Content([head, *lines], foot=(Span(text, "dim"),) if text else ())
