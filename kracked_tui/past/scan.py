"""Looks through a recording for the moments one jumps to, while it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kracked_tui.state.moments import Moments
from kracked_tui.state.store import Store

if TYPE_CHECKING:
    from kracked_tui.sources.recording import PlayableRecording

_TURN = 50
"""Messages until the loop of the live session has its turn."""
_REST_S = 0.001


def scan(recording: PlayableRecording, moments: Moments, goes_on: Callable[[], bool]) -> None:
    """Note the moments of a whole recording, from its beginning; call it in a thread.

    Args:
        recording: What to look through, by a player of its own.
        moments: Takes the moments, and how far they are known.
        goes_on: Whether anybody still wants them.
    """
    player, store = recording.player(), Store("REPLAY")
    store.moments = moments
    moments.through, count = recording.start, 0
    while goes_on() and (played := player.step()) is not None:
        for event in recording.events_of(played):
            store.apply(event)
        moments.through = played.received
        count += 1
        if count % _TURN == 0:
            time.sleep(_REST_S)
    moments.through = None
