"""A question asked in a docked panel: one key to answer it, or a word to type."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input

from kracked.untrusted import printable
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.painted_rows import LiveRows

_ANSWERS = "yablc!"
NOT_PAINTED = "no answer: the question was not on the screen yet; press the key again"
TOO_SMALL = "Make the window larger: this question does not fit."


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
    typed: str = ""
    """What stands in the field at first."""


class Prompt(Vertical, can_focus=True):
    """Asks one question at a time. Only an answer or escape closes it.

    It takes no key before all of its words are on the screen: whoever answers has read them.
    """

    BINDINGS = [Binding(key, f"answer('{key}')", show=False) for key in _ANSWERS]  # noqa: RUF012

    class KeyRefused(Message):
        """A key was no answer, for this reason."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.question: Question | None = None
        self._rows = LiveRows(id="prompt-rows", ascii_only=ascii_only)
        self._whole = False
        """Whether the window has room for every word."""
        self.pressed_at: Callable[[], float] = time.monotonic
        """Returns when the key that is handled was pressed, by the monotonic clock."""

    def compose(self) -> ComposeResult:
        yield Input(id="prompt-input", compact=True)
        yield self._rows

    def ask(self, question: Question) -> None:
        """Take a question, to be shown once the panel has its place."""
        self.question = question
        self.border_title = escape(printable(question.title))
        field = self.query_one(Input)
        field.display = not question.answers
        field.value = question.typed
        field.cursor_position = len(question.typed)
        self._rows.invalidate()
        self._rows.set_lines_to_read(())

    @property
    def _painted(self) -> bool:
        # A panel that has been opened meanwhile hides the question; its words are still in memory.
        return self.display and self._whole and self._rows.all_painted

    @property
    def _read(self) -> bool:
        """Whether the question was on the screen when the key was pressed, and is."""
        return self._painted and self._rows.was_whole_at(self.pressed_at())

    def take_text(self) -> None:
        """Let the field take what is typed, once the question is on the screen."""
        typed = self.question is not None and not self.question.answers
        if typed and self._painted and self.screen.focused is self:
            # At once, not after the events that wait: the next key may be among them.
            self.screen.set_focus(self.query_one(Input))

    def action_answer(self, key: str) -> None:
        question = self.question
        if question is None or all(key != offered for offered, _ in question.answers):
            return
        if not self._read:
            self.post_message(self.KeyRefused(NOT_PAINTED if self._whole else TOO_SMALL))
            return
        self.question = None
        question.on_answer(key)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        question, text = self.question, event.value.strip()
        if question is None:
            return
        if question.expected and text.upper() != question.expected.upper():
            return
        # A value is seen again where it goes; a word that confirms is the last thing asked.
        if not (self._read if question.expected else self._painted):
            self.post_message(self.KeyRefused(NOT_PAINTED if self._whole else TOO_SMALL))
            return
        self.question = None
        question.on_answer(text)

    def show(self) -> None:
        """Draw the question; in a window without room for it, that alone."""
        width, height = self._rows.size
        if self.question is None or not height:
            self._whole = False
            return
        lines, self._whole = question_lines(self.question, width, height)
        self._rows.set_lines(lines)


def question_lines(question: Question, width: int, height: int) -> tuple[list[Line], bool]:
    """Draw a question. Returns its lines, and whether there is room for every word."""
    blank = Line(fit([], width))
    lines: list[Line] = []
    whole = True
    for sentence in question.sentences:
        rows = wrapped(sentence, width - 2)
        whole = whole and all(len(row) <= width - 2 for row in rows)
        lines += [*(Line(fit([Span(f" {row}")], width)) for row in rows), blank]
    for key, meaning in (*question.answers, ("esc", "back, nothing happens")):
        spans = [Span(f" {key:>4} ", "key"), Span(meaning, "dim")]
        whole = whole and sum(len(span.text) for span in spans) <= width
        lines.append(Line(fit(spans, width)))
    if len(lines) > height:
        lines = [each for each in lines if each is not blank]
    if whole and len(lines) <= height:
        return lines, True
    rows = wrapped(TOO_SMALL, width)
    return [Line(fit([Span(row, "warn")], width)) for row in rows[:height]], False
