"""The file of the current level 2 books, which a recording replaces twice a second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kracked.book.side import BookSide
from kracked.format.cells import price_cells
from kracked.format.lazy_text import LazyText, joined
from kracked.instruments import Precision
from kracked.units import to_text

_LEVEL_SIZE = 24


class WideState(NamedTuple):
    """A symbol's levels at an instant."""

    symbol: str
    precision: Precision
    bids: BookSide
    asks: BookSide


def live_books(books: Sequence[WideState]) -> LazyText:
    """Return level 2 books as one JSON object: symbol to sides to price text to quantity."""

    def pieces() -> Iterator[str]:
        """Yield the text of the object."""
        opening = "{"
        for book in books:
            yield f'{opening}"{book.symbol}": {{"bids": {{'
            yield from _live_side(book.bids, book.precision)
            yield '}, "asks": {'
            yield from _live_side(book.asks, book.precision)
            yield "}}"
            opening = ", "
        yield "}\n" if books else "{}\n"

    levels = sum(len(book.bids) + len(book.asks) for book in books)
    return LazyText(pieces, 0, levels * _LEVEL_SIZE)


def _live_side(levels: Iterable[tuple[int, int]], precision: Precision) -> Iterator[str]:
    text, decimals = price_cells(precision.price), precision.qty
    return joined((f'"{text[price]}": {to_text(qty, decimals)}' for price, qty in levels), ", ")
