"""A trade screen that can ask a question, in a panel docked at its right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual.app import ComposeResult

from kracked_tui.keys import Key
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.chrome import layout as places
from kracked_tui.view.chrome.questions import QuestionText
from kracked_tui.widgets.pane import Pane
from kracked_tui.widgets.prompt import Prompt, Question


class AskingScreen(TradeScreen):
    """While a question is open no other key acts; escape leads back and nothing happens."""

    def __init__(self, desk: ViewModel, table: tuple[Key, ...], *, ascii_only: bool) -> None:
        super().__init__(desk, table, ascii_only=ascii_only)
        self.prompt = Prompt(id=places.PROMPT, ascii_only=ascii_only)
        self._came_from: Pane | None = None

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.prompt

    def frame(self) -> Iterator[None]:
        yield from super().frame()
        if self._panel == places.PROMPT:
            self.prompt.show()

    def ask(self, asked: QuestionText, then: Callable[[str], object]) -> None:
        """`then` gets the answer's key, or the text, once the panel is closed."""
        self._open(places.PROMPT)
        self.prompt.ask(
            Question(
                asked.title,
                asked.sentences,
                lambda answer: self._answered(then, answer),
                asked.answers,
                asked.expected,
            )
        )

    def _answered(self, then: Callable[[str], object], answer: str) -> None:
        """The panel closes first, and what was below it comes back."""
        self.action_back()
        then(answer)
        self.draw()

    def on_prompt_wrong(self, message: Prompt.Wrong) -> None:
        self.desk.tell(f"that is not {message.expected}: nothing happened", "warn")
        self.draw()

    def action_back(self) -> None:
        if self._panel == places.PROMPT:
            self.prompt.question = None
            self._leave_prompt()
        else:
            super().action_back()

    def _leave_prompt(self) -> None:
        self._close_panel()

    def _open(self, panel: str) -> None:
        if isinstance(self.focused, Pane):
            self._came_from = self.focused
        self._panel = panel
        self._place()

    def _close_panel(self) -> None:
        """Back to the pane the panel was opened from."""
        super()._close_panel()
        if self._came_from is not None and self._came_from.display:
            self.set_focus(self._came_from)
