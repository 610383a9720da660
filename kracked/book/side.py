"""One side of a level 2 book, sorted, with its checksum digits kept ready.

Two parallel sorted lists with the best level *last*: nearly every change is near the
touch, so little moves. A level is kept as the digits the checksum hashes, price then
quantity; the quantity is read back from them when somebody looks. The joined digits of
the best ten are made again only when one of the ten changed. Measured against sorted
dicts, decimals, a third list of quantities and joining afresh, this is the cheapest; see
tests/benchmarks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice

from kracked.book.checksum import LEVELS_HASHED, level_digits
from kracked.protocol.events import Level, Side

NEGATIVE = "a quantity below zero came"
NOT_HELD = "a level went that was not held"


class BookSide:
    """Price levels of one side; reads best first."""

    __slots__ = ("_keys", "_sign", "_texts", "contradiction", "digits", "limit", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        # Keys ascend towards the best level: a bid's price, an ask's price negated.
        self._sign = 1 if side is Side.BID else -1
        self._keys: list[int] = []
        self._texts: list[str] = []
        self.digits = b""
        """This side's part of the text the checksum hashes; always current."""
        self.limit = 0
        """Levels the exchange shows of this side; 0 while nobody knows."""
        self.contradiction: tuple[str, int] | None = None
        """What an update said that cannot be true of these levels, and at which price."""

    def copy(self) -> BookSide:
        """The side as it stands, to be read later: costs a hundredth of reading its levels."""
        copied = BookSide(self.side)
        copied._keys, copied._texts = self._keys.copy(), self._texts.copy()
        copied.digits = self.digits
        return copied

    def replace(self, levels: Iterable[tuple[int, int]], depth: int) -> None:
        """Hold exactly the best `depth` of these levels, in whatever order they come."""
        if isinstance(levels, BookSide):  # sorted already, as text already
            self._keys, self._texts = levels._keys.copy(), levels._texts.copy()  # noqa: SLF001
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
        """Set each level's total quantity in turn, zero removing it; then cut to `depth`.

        The cut comes after the last change: a level may leave and be back within one
        message. True when one of the levels that are hashed changed, or on a
        contradiction below them: a level that is new but too far away to be shown, one
        that goes but never came. Of the best ten the checksum alone is the judge.
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
                    far = (*far, key)  # unless a better one goes yet
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
        """Whether a level that goes should be held here, where the checksum does not see it.

        Beyond the last one held it may have been cut here.
        """
        count, limit = len(self._keys), self.limit
        return count - at >= LEVELS_HASHED < limit and (at > 0 or count < limit)

    def cut(self, depth: int) -> None:
        """Forget the levels below the best `depth`: the exchange no longer reports them."""
        if self._cut(depth):
            self._join()

    def _cut(self, depth: int, far: tuple[int, ...] = ()) -> bool:
        """Forget what is too far away, which none of the levels that just came may be."""
        surplus = max(0, len(self._keys) - depth)
        beyond = [key for key in far if key in self._keys[:surplus]]
        if beyond:
            self.contradiction = ("a level beyond the depth came", self._sign * beyond[0])
        del self._keys[:surplus], self._texts[:surplus]
        return bool(beyond) or depth < LEVELS_HASHED

    def _join(self) -> None:
        self.digits = "".join(self._texts[: -LEVELS_HASHED - 1 : -1]).encode()

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Level]:
        """Best first."""
        return map(self._level, range(len(self._keys) - 1, -1, -1))

    def __getitem__(self, rank: int) -> Level:
        """The level of this rank; 0 is the best. Raises IndexError past the last."""
        at = len(self._keys) - 1 - rank
        if rank < 0 or at < 0:
            raise IndexError(rank)
        return self._level(at)

    def _level(self, at: int) -> Level:
        price = self._sign * self._keys[at]
        return Level(price, int(self._texts[at][len(str(price)) :]))

    @property
    def best(self) -> Level | None:
        return self._level(-1) if self._keys else None

    def qty_at(self, price: int) -> int:
        """Total quantity at this price; 0 where there is no level."""
        key = self._sign * price
        at = bisect_left(self._keys, key)
        found = at < len(self._keys) and self._keys[at] == key
        return self._level(at).qty if found else 0

    def top(self, count: int) -> list[Level]:
        """The best `count` levels, best first."""
        return list(islice(self, count))
