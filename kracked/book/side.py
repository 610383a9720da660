"""One side of a level 2 book, sorted, with its checksum digits kept ready.

Two parallel sorted lists hold the levels, the best *last*: nearly every change is near the
touch, so little moves. A level is held as the digits that the checksum hashes, price then
quantity; the quantity is read back from them on demand. The joined digits of the best ten
are made again only when one of the ten changes. Measured against sorted dicts, decimals, a
third list of quantities and joining afresh, this is the cheapest; see tests/benchmarks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice

from kracked.book.checksum import LEVELS_HASHED, level_digits
from kracked.protocol.events import Level, Side

NEGATIVE = "a quantity was below zero"
NOT_HELD = "a level was removed that was not held"
BEYOND_DEPTH = "a level was added beyond the depth"


class BookSide:
    """The price levels of one side of a level 2 book. Iterates best first.

    Attributes:
        side: Bids or asks.
        digits: This side's part of the text that the checksum hashes; always current.
        limit: Levels that the exchange shows of this side; 0 while that is not known.
        contradiction: A statement of an update that cannot be true of these levels, with its
            price; None without one.
    """

    __slots__ = ("_keys", "_sign", "_texts", "contradiction", "digits", "limit", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        # Keys ascend towards the best level: a bid's price, an ask's price negated.
        self._sign = 1 if side is Side.BID else -1
        self._keys: list[int] = []
        self._texts: list[str] = []
        self.digits = b""
        self.limit = 0
        self.contradiction: tuple[str, int] | None = None

    def copy(self) -> BookSide:
        """Return a copy to be read later; it costs a hundredth of reading the levels."""
        copied = BookSide(self.side)
        copied._keys, copied._texts = self.sorted_lists()
        copied.digits = self.digits
        return copied

    def sorted_lists(self) -> tuple[list[int], list[str]]:
        """Return copies of the keys, ascending towards the best, and of each level's digits."""
        return self._keys.copy(), self._texts.copy()

    def replace(self, levels: Iterable[tuple[int, int]], depth: int) -> None:
        """Hold exactly the best `depth` of these levels.

        Args:
            levels: Price and quantity of each level, scaled, in any order; the last quantity
                of a price counts.
            depth: Most levels to hold.
        """
        if isinstance(levels, BookSide):  # already sorted, already text
            self._keys, self._texts = levels.sorted_lists()
            self.contradiction = None
            self._cut(depth)
            self._join()
            return
        sign = self._sign
        last = dict(levels)
        ordered = sorted((sign * price, qty) for price, qty in last.items() if qty > 0)
        del ordered[: max(0, len(ordered) - depth)]
        self._keys = [key for key, _ in ordered]
        self._texts = [level_digits(sign * key, qty) for key, qty in ordered]
        negative = [price for price, qty in last.items() if qty < 0]
        self.contradiction = (NEGATIVE, negative[0]) if negative else None
        self._join()

    def apply(self, changes: Iterable[tuple[int, int]], depth: int) -> bool:
        """Set the total quantity of each level in turn, zero removing it; then cut to `depth`.

        The cut comes after the last change: a level may leave and come back within one message.

        Args:
            changes: Price and new quantity of each level, scaled, in the order of the message.
            depth: Most levels to hold.

        Returns:
            True when one of the hashed levels changed, or on a contradiction below them: a new
            level too far away to be shown, or a removed one that never came. Within the best
            ten the checksum alone decides.
        """
        keys, texts, sign = self._keys, self._texts, self._sign
        count = len(keys)
        touched = False
        far: tuple[int, ...] = ()
        for price, qty in changes:
            key = sign * price
            at = bisect_left(keys, key)
            if at >= count - LEVELS_HASHED:
                touched = True
            if at < count and keys[at] == key:
                if qty > 0:
                    texts[at] = f"{price}{qty}"
                else:
                    del keys[at], texts[at]
                    count -= 1
                    if qty:
                        self.contradiction = (NEGATIVE, price)
                        touched = True
            elif qty > 0:
                if count - at >= self.limit > LEVELS_HASHED:
                    far = (*far, key)  # unless a better one is still removed
                keys.insert(at, key)
                texts.insert(at, f"{price}{qty}")
                count += 1
            elif qty or self._missed(at):
                self.contradiction = (NEGATIVE if qty else NOT_HELD, price)
                touched = True
        touched = (count > depth and self._cut(depth, far)) or touched
        if touched:
            self.digits = "".join(texts[: -LEVELS_HASHED - 1 : -1]).encode()
        return touched

    def _missed(self, at: int) -> bool:
        """Whether a removed level should be held here, where the checksum does not cover it.

        Beyond the last level held it may have been cut here.
        """
        count, limit = len(self._keys), self.limit
        return count - at >= LEVELS_HASHED < limit and (at > 0 or count < limit)

    def cut(self, depth: int) -> None:
        """Drop the levels below the best `depth`: the exchange no longer reports them."""
        if self._cut(depth):
            self._join()

    def _cut(self, depth: int, far: tuple[int, ...] = ()) -> bool:
        """Drop the levels that are too far away; one of those in `far` is a contradiction.

        Returns:
            Whether the hashed levels may have changed, or something contradicts.
        """
        surplus = max(0, len(self._keys) - depth)
        beyond = [key for key in far if key in self._keys[:surplus]]
        if beyond:
            self.contradiction = (BEYOND_DEPTH, self._sign * beyond[0])
        del self._keys[:surplus], self._texts[:surplus]
        return bool(beyond) or depth < LEVELS_HASHED

    def _join(self) -> None:
        self.digits = "".join(self._texts[: -LEVELS_HASHED - 1 : -1]).encode()

    def __len__(self) -> int:
        """Return the number of price levels."""
        return len(self._keys)

    def __iter__(self) -> Iterator[Level]:
        """Iterate over the levels, best first."""
        return map(self._level, range(len(self._keys) - 1, -1, -1))

    def __getitem__(self, rank: int) -> Level:
        """Return the level of this rank; 0 is the best.

        Raises:
            IndexError: There are not that many levels.
        """
        at = len(self._keys) - 1 - rank
        if rank < 0 or at < 0:
            raise IndexError(rank)
        return self._level(at)

    def _level(self, at: int) -> Level:
        price = self._sign * self._keys[at]
        return Level(price, int(self._texts[at][len(str(price)) :]))

    @property
    def best(self) -> Level | None:
        """The best level; None for an empty side."""
        return self._level(-1) if self._keys else None

    def qty_at(self, price: int) -> int:
        """Return the total quantity at a price, both scaled; 0 where there is no level."""
        key = self._sign * price
        at = bisect_left(self._keys, key)
        found = at < len(self._keys) and self._keys[at] == key
        return self._level(at).qty if found else 0

    def top(self, count: int) -> list[Level]:
        """Return the best `count` levels, best first."""
        return list(islice(self, count))
