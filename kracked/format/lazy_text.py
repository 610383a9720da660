"""Long text that the event loop only describes: the writer's thread makes it, piece by piece.

The rows of a deep book's snapshot are ten thousand, too many for one step of the loop. Their
content is fixed when the `LazyText` is made. The text is made later in pieces of a tenth of a
millisecond, with a pause after each, because making text holds the GIL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

PAUSE_S = 0.0005
"""Pause of the writer's thread after each piece: time for the event loop."""
_MEMBERS_PER_PIECE = 100


class LazyText(NamedTuple):
    """Text that is made when it is written."""

    pieces: Callable[[], Iterator[str]]
    """Make the text; each call makes the same."""
    rows: int
    """Rows of a table in the text."""
    size: int
    """Approximate length in characters."""


Text = str | LazyText


def render(texts: Iterable[Text], *, pause_s: float = 0.0) -> str:
    """Return the texts as one, pausing for `pause_s` after each piece of a lazy one."""
    pieces: list[str] = []
    for text in texts:
        if isinstance(text, str):
            pieces.append(text)
            continue
        for piece in text.pieces():
            pieces.append(piece)
            if pause_s:
                time.sleep(pause_s)
    return "".join(pieces)


def joined(members: Iterable[str], separator: str) -> Iterator[str]:
    """Yield the members with the separator between them, in pieces."""
    rest, between = iter(members), ""
    while portion := list(islice(rest, _MEMBERS_PER_PIECE)):
        yield between + separator.join(portion)
        between = separator
