"""A plain book kept from rows of the normal form, which believes nothing that is not in it."""

from __future__ import annotations

from kracked.export import NormalRow
from kracked.protocol.events import Side


class RebuiltBook:
    """Queues by side and price, and how many fills were at the front of theirs."""

    def __init__(self) -> None:
        self.queues: dict[tuple[Side, int], dict[int, int]] = {}
        self.fills = self.fills_at_the_front = 0
        self.filled = 0
        """What was filled of the order whose change comes next."""

    def apply(self, row: NormalRow) -> None:
        queue = self.queues.setdefault((row.side, row.price), {})
        match row.action:
            case "R":
                self.queues.clear()
            case "A":
                assert row.order not in queue
                queue[row.order] = row.qty
            case "C":
                assert queue.pop(row.order) == row.qty
                assert row.why != "fill" or self.filled == row.qty
                self.filled = 0
            case "M":
                assert row.why != "fill" or queue[row.order] - self.filled == row.qty
                queue[row.order] = row.qty
                self.filled = 0
            case "F" if row.order:
                self.fills += 1
                self.fills_at_the_front += next(iter(queue)) == row.order
                self.filled += row.qty

    def levels(self) -> dict[tuple[Side, int], list[tuple[int, int]]]:
        return {key: list(queue.items()) for key, queue in self.queues.items() if queue}
