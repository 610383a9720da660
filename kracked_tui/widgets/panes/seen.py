"""The pane of sightings: what the detectors saw, and a card with the evidence of each."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click, MouseScrollDown, MouseScrollUp

from kracked.flow.detectors.sighting import Kind, Sighting
from kracked.times import NS_PER_S
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.card import Card
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.seen import seen
from kracked_tui.view.seen.evidence import evidence_card
from kracked_tui.view.seen.seen import SeenRow
from kracked_tui.widgets.panels.card_panel import CardOpened
from kracked_tui.widgets.panes.pane import Content, Pane, sentence_lines


class SeenPane(Pane):
    """Sightings, newest first. The cursor stays with its sighting while others come."""

    name_shown = "Seen"
    every = 4

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self.kind: Kind | None = None
        """The only kind that is listed; None for all."""
        self._chosen = 0
        """The number of the sighting at the cursor; 0 for the newest one."""
        self._symbol = ""
        self._first = 0
        """The list's first row in sight."""
        self._listed: Sequence[Sighting] = ()

    def content(self, frame: FrameState) -> Content:
        """Draw the sightings in sight, or why there is none."""
        width, height = self.inside
        if frame.symbol != self._symbol:
            self._symbol, self._chosen, self._first = frame.symbol, 0, 0
        everything = frame.seen.newest_first
        listed = self._listed = seen.narrowed(everything, self.kind)
        note = f"{self.kind.value} only" if self.kind else ""
        trusted = frame.data_status.fresh
        if not listed:
            text = self._nothing(frame) if not everything else "None of this kind; F shows all."
            body = [Line(fit([], width)), *sentence_lines(text, width)]
            return Content(body, note, "" if trusted else "STALE", urgent=not trusted)
        at, room = self._at(), max(1, height - 1)
        self._first = max(0, min(max(at - room + 1, min(self._first, at)), len(listed) - room))
        body = [seen.head_line(width, frame.price_width)]
        for number, one in enumerate(listed[self._first :][:room], self._first):
            row = SeenRow(one, self.has_focus and number == at)
            body.append(seen.seen_line(row, width, frame.price_width, frame.precision))
        if not trusted:
            body = [each.within("stale") for each in body]
        raised = ", ".join(kind.value for kind in frame.measures.detectors.sightings.raised)
        right = f"limits raised: {raised}" if raised else f"{len(listed)}"
        foot = (Span(self._foot(frame), "dim"),)
        return Content(body, note, right if trusted else "STALE", foot, urgent=not trusted)

    def _foot(self, frame: FrameState) -> str:
        walls = frame.measures.detectors.walls
        parts = [seen.hour_text(frame.seen.newest_first, frame.measures.now(frame.now))]
        if walls.traded or walls.pulled:
            parts.append(f"walls reached: {walls.traded} traded, {walls.pulled} pulled")
        text = " · ".join(part for part in parts if part)
        return text if len(text) + 6 <= self.cells.width else parts[-1]

    @staticmethod
    def _nothing(frame: FrameState) -> str:
        context, flow = frame.measures.detectors.context, frame.measures
        ready_in = None
        if context.ready_at is not None:
            ready_in = max(0, -(-(context.ready_at - flow.now(frame.now)) // NS_PER_S))
        reason = frame.no_level3_reason if frame.l3_book is None else ""
        if frame.l3_book is None and not reason:
            reason = "it has not come yet."
        session = flow.session
        return seen.nothing_text(
            no_level3=reason,
            lost=frame.store.flows.is_lost(frame.symbol),
            ready_in_s=ready_in,
            since=session.watched_from if session is not None else 0,
        )

    def _at(self) -> int:
        """Return the row of the sighting at the cursor; the newest one where it is gone."""
        found = (at for at, one in enumerate(self._listed) if one.number == self._chosen)
        return next(found, 0)

    def filter(self, further: int) -> None:
        """List the next kind alone; 0 lists all kinds."""
        kinds = seen.FILTERS
        self.kind = kinds[(kinds.index(self.kind) + further) % len(kinds)] if further else None
        self.redraw()

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some sightings."""
        if self._listed:
            at = max(0, min(len(self._listed) - 1, self._at() - rows_up))
            self._chosen = self._listed[at].number if at else 0
        self.redraw()

    def edge(self, up: int) -> None:
        """Go to the newest sighting (1) or the oldest (-1)."""
        self.move(up * len(self._listed))

    def open(self) -> None:
        """Show the evidence of the sighting at the cursor."""
        if not self._listed:
            return
        number = self._listed[self._at()].number

        def card(frame: FrameState) -> Card | None:
            """Return the evidence as it is now; the sighting may grow."""
            one = frame.measures.detectors.sightings.by_number.get(number)
            same = one is not None and frame.symbol == self._symbol
            return evidence_card(one, frame.precision) if one is not None and same else None

        self.post_message(CardOpened(card))

    def on_click(self, event: Click) -> None:
        """Put the cursor on a sighting; a click on the one at the cursor opens it."""
        row = event.y - 2 + self._first
        if event.y < 2 or not self._first <= row < len(self._listed):
            return
        before = self._at()
        self._chosen = self._listed[row].number
        self.redraw()
        if row == before:
            self.open()

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.move(1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.move(-1)
