"""Long text that the event loop only promises: the writer's thread makes it, piece by piece.

A picture of a deep book is ten thousand rows, too many for one step of the loop. What it
will say is fixed when it is promised; its text is made in pieces of a tenth of a
millisecond, with a rest after each, because making text holds the GIL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

PAUSE_S = 0.0005
"""After each piece, in the thread: time for the event loop."""
_AT_ONCE = 100


class LazyText(NamedTuple):
    """Text to be made when it is written."""

    pieces: Callable[[], Iterator[str]]
    """May be called again, and says the same."""
    rows: int
    size: int
    """About its characters."""


Text = str | LazyText


def render(texts: Iterable[Text], *, pause_s: float = 0.0) -> str:
    """The texts in one, resting for so long after each piece of those still to be made."""
    made: list[str] = []
    for text in texts:
        if isinstance(text, str):
            made.append(text)
            continue
        for piece in text.pieces():
            made.append(piece)
            if pause_s:
                time.sleep(pause_s)
    return "".join(made)


def joined(members: Iterable[str], separator: str) -> Iterator[str]:
    """The members with the separator between them, in pieces."""
    rest, between = iter(members), ""
    while portion := list(islice(rest, _AT_ONCE)):
        yield between + separator.join(portion)
        between = separator
