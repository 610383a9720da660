"""What pulling and stacking sums up by price, and the facts that the sums are made of."""

from __future__ import annotations

from array import array
from enum import StrEnum
from typing import NamedTuple


class LevelChanges(NamedTuple):
    """Quantities that came to and left a price or a row within the window, by reason."""

    stacked: int = 0
    """New orders, orders amended to this price, and quantity raised in place."""
    pulled: int = 0
    """Cancelled, lowered by the owner, or amended to another price."""
    traded: int = 0
    """Filled."""
    refilled: int = 0
    """The next parts of icebergs."""
    pending: int = 0
    """Lowered in place, by a fill or by the owner: not yet known which."""
    stacked_count: int = 0
    pulled_count: int = 0
    traded_count: int = 0
    refilled_count: int = 0
    pending_count: int = 0

    @property
    def difference(self) -> int:
        """Stacked minus pulled: what the owners did, without fills."""
        return self.stacked - self.pulled

    @property
    def net(self) -> int:
        """The effect of all of it on the level's quantity."""
        return self.stacked + self.refilled - self.pulled - self.traded - self.pending

    def mark(self, level_qty: int) -> str:
        """Return a mark for the row: `=`, `~`, or nothing.

        `=` is eaten and put back: traded and refilled are each half of the level or more. `~`
        is flickering: stacked and pulled are each more than twice the level.

        Args:
            level_qty: What rests there now, scaled.
        """
        if self.traded and 2 * self.traded >= level_qty and 2 * self.refilled >= level_qty:
            return "=" if self.refilled else ""
        return "~" if min(self.stacked, self.pulled) > 2 * level_qty else ""

    def above_noise(self, level_qty: int, typical_qty: int) -> bool:
        """Whether the difference is worth showing: 5 % of the level, and a typical order."""
        return abs(self.difference) >= max(-(-level_qty // 20), typical_qty, 1)


class Shortened(StrEnum):
    """A reason why sums cover less than their window."""

    START = "start"
    """The book was first told, or the sums were reset, within the window."""
    HOLE = "hole"
    """Data were missing within the window."""
    LIMIT = "limit"
    """More facts came than are kept."""


class Span(NamedTuple):
    """The time that the sums cover."""

    since: int
    """When they begin, ns since the Unix epoch."""
    shortened: Shortened | None
    """Why they do not cover the whole window; None when they do."""


class ChangeRecords:
    """Facts in columns of integers: 25 bytes each, where tuples would take 120.

    Each has a number that it keeps; `first` is the number of the oldest.
    """

    __slots__ = ("_head", "_keys", "_parts", "_qtys", "_times", "first")

    def __init__(self) -> None:
        self.first = self._head = 0
        self._times = array("q")
        self._keys = array("q")
        self._parts = array("b")
        self._qtys: array[int] | list[int] = array("q")

    def __len__(self) -> int:
        return len(self._times) - self._head

    def __getitem__(self, at: int) -> tuple[int, int, int]:
        """Return key, part and quantity of a record."""
        index = at - self.first + self._head
        return self._keys[index], self._parts[index], self._qtys[index]

    @property
    def end(self) -> int:
        """The number of the record after the newest."""
        return self.first + len(self._times) - self._head

    def time(self, at: int) -> int:
        """Return when a record happened."""
        return self._times[at - self.first + self._head]

    def add(self, time: int, key: int, part: int, qty: int) -> int:
        """Add a record; return its number."""
        times = self._times
        times.append(time)
        self._keys.append(key)
        self._parts.append(part)
        try:
            self._qtys.append(qty)
        except OverflowError:  # quantities of a pair that counts in quintillions
            self._qtys = [*self._qtys, qty]
        return self.first + len(times) - self._head - 1

    def set_part(self, at: int, part: int) -> None:
        """Give a record another part."""
        self._parts[at - self.first + self._head] = part

    def drop(self, count: int) -> None:
        """Drop the oldest records; the columns are cut when half of them is dropped."""
        self.first += count
        self._head += count
        if self._head > 1_024 and 2 * self._head > len(self._times):
            for column in (self._times, self._keys, self._parts, self._qtys):
                del column[: self._head]
            self._head = 0
