"""The screen of the past beside a live session, and of a recording opened beside one.

Orders, dead-man's switch, recorder and alerts go on with live data. No key here sends an order:
what the screen shows is not the market. Keys that only reduce risk act on the live session.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from kracked_tui import keys
from kracked_tui.screens.order import OrderScreen
from kracked_tui.screens.replay import ReplayScreen, TimeKeys
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome import questions
from kracked_tui.widgets.bindings import bindings

if TYPE_CHECKING:
    from kracked_tui.keys import Key
    from kracked_tui.past.model import PastModel
    from kracked_tui.screens.trade import TradeScreen

_REFUSED = frozenset(("ticket", "join", "exit", "amend", "cancel", "cancel_pair"))
_PANIC = frozenset(("panic", "panic_all", "cancel_all", "arm"))


class BackToLive(Message):
    """Close the past."""


class PastKeys(TimeKeys):
    """The keys of time, the way back, and what becomes of keys that move money."""

    def __init__(
        self, screen: TradeScreen, model: PastModel, live: TradeScreen, *, ascii_only: bool
    ) -> None:
        super().__init__(screen, ascii_only=ascii_only)
        self._past, self._live = model, live

    def allows(self, action: str) -> bool | None:
        """Let keys that move money, or say why they do not, act while nothing is open."""
        if action in _REFUSED or action in _PANIC:
            return self._screen.panels.top is None
        return super().allows(action)

    def has_effect(self, action: str, frame: FrameState) -> bool | None:
        """Show the keys that act, and not those that are refused."""
        trader = self._past.live.trader
        if action in ("panic", "panic_all"):
            return trader is not None and trader.open
        if action == "arm":
            return trader is not None and trader.armed
        return False if action in _REFUSED else super().has_effect(action, frame)

    # --- the way back -----------------------------------------------------------------------

    def back(self) -> bool:
        """Go back to the session, where nothing is open here."""
        panels = self._screen.panels
        if panels.top or panels.zoomed:
            return False
        self._screen.post_message(BackToLive())
        return True

    def action_live(self) -> None:
        """Go back to the session, whatever is open here."""
        self._screen.post_message(BackToLive())

    # --- money ------------------------------------------------------------------------------

    def action_panic(self) -> None:
        """Cancel the pair of the live session and disarm, without a question."""
        self._panic(self._past.past().panic)

    def action_panic_all(self) -> None:
        """Cancel every order of the account and disarm, without a question."""
        self._panic(None)

    def _panic(self, symbol: str | None) -> None:
        if isinstance(self._live, OrderScreen):
            self._tell_live(f"{symbol or 'ALL pairs'}: cancelling now")
            self._live.order_keys.panic(symbol)
            self._screen.draw()

    def action_cancel_all(self) -> None:
        """Ask for a typed word, then cancel every order of the account."""
        live = self._live
        trader = live.ticket_keys.ready_trader() if isinstance(live, OrderScreen) else None
        if not isinstance(live, OrderScreen) or trader is None:
            return
        asked = questions.cancel_everything()
        acts_on = f"This acts on {self._past.past().live}, not on the past that is shown."
        self._screen.questions.ask(
            asked._replace(sentences=(acts_on, *asked.sentences)),
            lambda _: live.ticket_keys.run_order(trader.cancel_everything),
        )

    def action_arm(self) -> None:
        """Disarm the live session; arming is refused: one would not see what one trades."""
        trader = self._past.live.trader
        if isinstance(self._live, OrderScreen) and trader is not None and trader.armed:
            self._tell_live("disarming")
            self._live.ticket_keys.run_order(trader.disarm)
            self._screen.draw()
        else:
            self._refuse("arming")

    def _tell_live(self, text: str) -> None:
        self._past.tell(f"acts on {self._past.past().live}: {text}", "warn")

    def _refuse(self, what: str) -> None:
        past = self._past.past()
        why = f"the screen shows the past, {past.behind}"
        back = f"{past.back_key} goes back to {past.live}"
        self._past.tell(f"{what} refused: {why}, and not the market; {back}", "warn")
        self._screen.draw()

    def action_ticket(self, side: str) -> None:
        """Refuse: the price under the cursor is one of the past."""
        self._refuse("a ticket to buy" if side == "bid" else "a ticket to sell")

    def action_join(self, side: str) -> None:
        """Refuse: the best price shown is one of the past."""
        self._refuse(f"joining the best {side}")

    def action_exit(self, times: int) -> None:
        """Refuse: neither position nor market shown are those of now."""
        self._refuse("leaving the position" if times == 1 else "turning the position round")

    def action_amend(self) -> None:
        """Refuse: the order shown is as it was."""
        self._refuse("an amend")

    def action_cancel(self) -> None:
        """Refuse: the order shown may be gone."""
        self._refuse("cancelling one order")

    def action_cancel_pair(self) -> None:
        """Refuse: the orders shown are those of the past."""
        self._refuse("cancelling the orders shown")


class PastScreen(ReplayScreen):
    """Everything of the replay's screen, beside a session that goes on."""

    BINDINGS = list(bindings(key for key in keys.of_past() if key.id in keys.ONLY_IN_PAST))  # noqa: RUF012

    def __init__(
        self, model: PastModel, table: tuple[Key, ...], live: TradeScreen, *, ascii_only: bool
    ) -> None:
        """
        Args:
            model: What is shown.
            table: The keys.
            live: The screen of the session that goes on.
            ascii_only: Draw with ASCII characters alone.
        """
        make = partial(PastKeys, model=model, live=live)
        super().__init__(
            model, table, recording=live.recording, ascii_only=ascii_only, time_keys=make
        )
