"""What stood besides the books: one snapshot a line, where a recording joins or goes on.

Instruments, tickers, the last trades and candles, the account. Spelled as the exchange
spells a snapshot but of type `keyframe`, as a book's picture is, so that other readers of
the log pass over it. Whoever plays the recording hears of each what one who subscribed
there would have been told first.
"""

from __future__ import annotations

from collections.abc import Iterator

from kracked.format import keyframe
from kracked.format.lazy_text import LazyText, listed
from kracked.protocol import encode, events
from kracked.protocol.events import Event

_PAIR_SIZE = 320
"""About the characters of a pair, the longest of entries."""


def later(event: Event, before: str = "", after: str = "") -> LazyText:
    """The message that tells the event, between two texts.

    Of instruments there are thousands: their text is made when it is written.
    """
    if isinstance(event, events.Instruments):
        return _instruments(event, before, after)
    text = f"{before}{keyframe.of_snapshot(encode.message(event))}{after}"
    return LazyText(lambda: iter((text,)), 1, len(text))


def _instruments(event: events.Instruments, before: str, after: str) -> LazyText:
    head, between, tail = keyframe.of_snapshot(
        encode.instrument_lists(encode.SNAPSHOT, ("\0",), ("\0",))
    ).split("\0")

    def pieces() -> Iterator[str]:
        yield before + head
        yield from listed(map(encode.asset, event.assets), ",")
        yield between
        yield from listed(map(encode.pair, event.pairs), ",")
        yield tail + after

    entries = len(event.assets) + len(event.pairs)
    return LazyText(pieces, entries, entries * _PAIR_SIZE)
