"""A question asked in a docked panel: one key to answer it, or a word to type."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.markup import escape
from textual.widgets import Input

from kracked.untrusted import printable
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.painted_rows import LiveRows

_ANSWERS = "yablc"


class Question(NamedTuple):
    """One question and what to do with its answer."""

    title: str
    sentences: tuple[str, ...]
    on_answer: Callable[[str], None]
    """Called with the key pressed, or the text typed."""
    answers: tuple[tuple[str, str], ...] = ()
    """Keys and what they mean; empty asks for text."""
    expected: str = ""
    """The text that counts as yes; empty takes any."""


class Prompt(Vertical, can_focus=True):
    """Asks one question at a time. Only an answer or escape closes it."""

    BINDINGS = [Binding(key, f"answer('{key}')", show=False) for key in _ANSWERS]  # noqa: RUF012

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.question: Question | None = None
        self._rows = LiveRows(id="prompt-rows", ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        yield Input(id="prompt-input", compact=True)
        yield self._rows

    def ask(self, question: Question) -> None:
        """Ask a question, and take the focus for its answer."""
        self.question = question
        self.border_title = escape(printable(question.title))
        field = self.query_one(Input)
        field.display = not question.answers
        field.value = ""
        # At once, not after the events that wait: the next key may be among them.
        self.screen.set_focus(self if question.answers else field)
        self.call_after_refresh(self.show)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def action_answer(self, key: str) -> None:
        question = self.question
        if question and any(key == offered for offered, _ in question.answers):
            self.question = None
            question.on_answer(key)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        question, text = self.question, event.value.strip()
        if question is None:
            return
        if question.expected and text.upper() != question.expected.upper():
            return
        self.question = None
        question.on_answer(text)

    def show(self) -> None:
        """Draw the question, with every frame: a panel that opens is laid out later."""
        width, height = self._rows.size
        if self.question is None or not height:
            return
        lines: list[Line] = []
        for sentence in self.question.sentences:
            lines += [Line(fit([Span(f" {row}")], width)) for row in wrapped(sentence, width - 2)]
            lines.append(Line(fit([], width)))
        for key, meaning in (*self.question.answers, ("esc", "back, nothing happens")):
            lines.append(Line(fit([Span(f" {key:>4} ", "key"), Span(meaning, "dim")], width)))
        self._rows.set_lines(lines[:height])
