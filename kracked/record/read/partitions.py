"""A recording's books divided among processes: books know nothing of one another.

Each process parses the whole log, which is a tenth of the work, and passes over what is of
another's books. What it then finds of its own is what one process that keeps all finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kracked.protocol import wire
from kracked.record.read import batch_decode


class Partition(NamedTuple):
    """Symbols whose books one process keeps: these, or all others."""

    symbols: frozenset[str] = frozenset()
    others: bool = True

    def includes(self, symbol: str) -> bool:
        return (symbol in self.symbols) != self.others

    def skips(self, message: wire.ChannelMessage) -> bool:
        """Whether a message is of another's book, and of nothing else."""
        data = _of_books(message)
        return len(data) == 1 and (data[0].symbol in self.symbols) == self.others


ALL = Partition()


def divide(bodies: Iterable[bytes], count: int) -> Sequence[Partition]:
    """At most so many shares of about as many messages each, by some frames of the log.

    The first has what those do not name, too.
    """
    said = Counter(
        data.symbol
        for body in bodies
        for entry in batch_decode.decode_lines(body) or ()
        for data in _of_books(entry.msg)
    )
    loads: list[list[str]] = [[] for _ in range(min(count, len(said)))]
    for symbol, _ in said.most_common():
        min(loads, key=lambda load: sum(said[each] for each in load)).append(symbol)
    first, *rest = [frozenset(load) for load in loads] or [frozenset(said)]
    return (Partition(frozenset(said) - first), *(Partition(load, others=False) for load in rest))


def _of_books(message: wire.ChannelMessage) -> Sequence[wire.BookData | wire.OrdersData]:
    """What a message says of books."""
    if type(message) is wire.OrdersMessage or type(message) is wire.BookMessage:
        return message.data
    return ()
