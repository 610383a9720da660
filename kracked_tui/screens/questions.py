"""Questions in a docked panel. While one is open no other key acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from kracked_tui.screens.part import ScreenPart
from kracked_tui.view.chrome import layout
from kracked_tui.view.chrome.questions import QuestionText
from kracked_tui.widgets.panels.prompt import Prompt, Question

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen


class Questions(ScreenPart):
    """Asks one question at a time; escape closes it without an answer."""

    def __init__(self, screen: TradeScreen, *, ascii_only: bool) -> None:
        self._screen = screen
        self.prompt = Prompt(id=layout.PROMPT, ascii_only=ascii_only)
        self.prompt.pressed_at = lambda: screen.presses.at_s
        self._left: Callable[[], object] = lambda: None
        screen.panels.takes_focus[layout.PROMPT] = self.prompt

    def widgets(self) -> Iterable[Widget]:
        """Return the panel."""
        yield self.prompt

    def ask(
        self,
        text: QuestionText,
        then: Callable[[str], object],
        *,
        left: Callable[[], object] = lambda: None,
    ) -> None:
        """Open the panel.

        Args:
            text: The question.
            then: Called with the key of the answer, or the typed text, once the panel is closed.
            left: Called when escape leaves it without an answer.
        """

        def answered(answer: str) -> None:
            """Close the panel, then hand the answer on."""
            self._close()
            then(answer)
            self._screen.draw()

        self._left = left
        self.prompt.ask(
            Question(text.title, text.sentences, answered, text.answers, text.expected, text.typed)
        )
        self._screen.panels.open(layout.PROMPT)
        self.prompt.take_text()

    def draw(self) -> None:
        """Draw the question."""
        if self._screen.panels.top == layout.PROMPT:
            self.prompt.show()
            self.prompt.take_text()

    def back(self) -> bool:
        """Close the question without an answer."""
        if self._screen.panels.top != layout.PROMPT:
            return False
        self._close()
        self._left()
        return True

    def _close(self) -> None:
        self.prompt.question = None
        self._screen.panels.close()
