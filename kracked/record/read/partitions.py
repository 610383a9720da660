"""A recording's books divided among processes: no book depends on another.

Each process parses the whole log, which is a tenth of the work, and skips the messages of
other processes' books. What it finds of its own is what one process with all books finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kracked.protocol import wire
from kracked.record.read import batch_decode


class Partition(NamedTuple):
    """The symbols whose books one process keeps: these, or all others."""

    symbols: frozenset[str] = frozenset()
    others: bool = True

    def includes(self, symbol: str) -> bool:
        """Whether the books of a symbol belong to it."""
        return (symbol in self.symbols) != self.others

    def skips(self, message: wire.ChannelMessage) -> bool:
        """Whether a message is about the book of another partition, and about nothing else."""
        data = _of_books(message)
        return len(data) == 1 and (data[0].symbol in self.symbols) == self.others


ALL = Partition()


def divide(bodies: Iterable[bytes], count: int) -> Sequence[Partition]:
    """Return partitions with about as many messages each, the first one with unnamed symbols.

    Args:
        bodies: A sample of the log's frames.
        count: How many partitions there may be at most.
    """
    messages = Counter(
        data.symbol
        for body in bodies
        for entry in batch_decode.decode_lines(body) or ()
        for data in _of_books(entry.msg)
    )
    loads: list[list[str]] = [[] for _ in range(min(count, len(messages)))]
    for symbol, _ in messages.most_common():
        min(loads, key=lambda load: sum(messages[each] for each in load)).append(symbol)
    first, *rest = [frozenset(load) for load in loads] or [frozenset(messages)]
    everyone_else = Partition(frozenset(messages) - first)
    return (everyone_else, *(Partition(load, others=False) for load in rest))


def _of_books(message: wire.ChannelMessage) -> Sequence[wire.BookData | wire.OrdersData]:
    """Return the books' data in a message; none of a message without books."""
    if type(message) is wire.OrdersMessage or type(message) is wire.BookMessage:
        return message.data
    return ()
