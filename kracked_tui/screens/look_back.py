"""The keys of a live screen that lead to its past."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from textual.message import Message

from kracked_tui.screens.part import ScreenPart
from kracked_tui.state.frame_state import FrameState

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen

_ACTIONS = frozenset(("past", "moment", "bookmark", "bookmarks"))


class Look(Enum):
    """The goal of a look back."""

    STEP = auto()
    """The last order event."""
    MOMENT = auto()
    """The last own fill, sighting or big cancel."""
    BOOKMARKS = auto()
    """A bookmark, which is chosen there."""


class LookBack(Message):
    """Show the past of the session."""

    def __init__(self, at: Look) -> None:
        super().__init__()
        self.at = at


class LookBackKeys(ScreenPart):
    """Asks the owner of the screen to show the past beside it; marks moments of the present."""

    def __init__(self, screen: TradeScreen) -> None:
        self._screen, self._model = screen, screen.model

    def allows(self, action: str) -> bool | None:
        """Let no key lead to the past while a panel is open: it may be meant for that."""
        return self._screen.panels.top is None if action in _ACTIONS else None

    def has_effect(self, action: str, frame: FrameState) -> bool | None:
        """Show the key to the past where some of it is kept."""
        return frame.kept is not None if action == "past" else None

    def action_past(self) -> None:
        """Show the past, one order event back."""
        self._screen.post_message(LookBack(Look.STEP))

    def action_moment(self, by: int) -> None:
        """Show the last moment worth looking back for; after the present there is none."""
        if by > 0:
            self._model.tell("this is the present: N goes to the last moment worth a look", "warn")
            self._screen.draw()
        else:
            self._screen.post_message(LookBack(Look.MOMENT))

    def action_bookmark(self) -> None:
        """Mark the present, or the moment shown."""
        self._model.tell(self._model.add_bookmark())
        self._screen.draw()

    def action_bookmarks(self) -> None:
        """List the bookmarks where one can go to them."""
        self._screen.post_message(LookBack(Look.BOOKMARKS))
