"""A seeded market for the recording's tests: wire messages of books that verify."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from kracked.book.keeper import BookKeeper
from kracked.format.session_info import SessionInfo
from kracked.record.write.session import Format, RecordingSession, record_into
from kracked.times import NS_PER_S, to_rfc3339

START = 1_731_394_244_000_000_000
"""2024-11-12T06:50:44Z."""


def _qty(qty: int) -> str:
    return f"{qty // 10**8}.{qty % 10**8:08}"


class Level3Market:
    """Random orders around one price, published to a depth by the exchange's rules."""

    def __init__(
        self, seed: int = 1, symbol: str = "BTC/USD", depth: int = 10, *, crowd: float = 0.15
    ) -> None:
        """`crowd` is how close together orders lie: of a small one most are alone at a price."""
        self._random, self._crowd = random.Random(seed), crowd
        self.symbol, self.depth = symbol, depth
        self.now = START
        self._decimals = 1
        self._count = 0
        self._orders: dict[str, tuple[str, int, int, str]] = {}
        self._scope: dict[str, str] = {}
        for side in ("bids", "asks"):
            for _ in range(60):
                self._enter(side)

    def _enter(self, side: str) -> None:
        distance = int(self._random.expovariate(self._crowd))
        middle = 63_000 * 10**self._decimals
        price = middle - 1 - distance if side == "bids" else middle + distance
        self._count += 1
        order_id = f"O{self._count:05}-{self._random.randrange(10**5):05}-TESTED"
        qty = self._random.randrange(1, 3 * 10**8)
        self._orders[order_id] = (side, price, qty, to_rfc3339(self.now + self._count, 9))

    def _best(self, side: str) -> dict[str, tuple[str, int, int, str]]:
        """Orders of the best levels, best first, in queue order."""
        mine = {key: order for key, order in self._orders.items() if order[0] == side}
        prices = sorted({order[1] for order in mine.values()}, reverse=side == "bids")
        rank = {price: number for number, price in enumerate(prices[: self.depth])}
        visible = [item for item in mine.items() if item[1][1] in rank]
        return dict(sorted(visible, key=lambda item: rank[item[1][1]]))

    def _checksum(self) -> int:
        digits = ""
        for side in ("asks", "bids"):
            levels: list[int] = []
            for _, price, qty, _ in self._best(side).values():
                if price not in levels:
                    levels.append(price)
                if len(levels) <= 10:
                    digits += f"{price}{qty}"
        return crc32(digits.encode())

    def refine(self) -> None:
        """Count prices in one more decimal: the next message must be a snapshot."""
        self._decimals += 1
        for key, (side, price, qty, timestamp) in self._orders.items():
            self._orders[key] = (side, 10 * price, qty, timestamp)

    def _price(self, price: int) -> str:
        whole, part = divmod(price, 10**self._decimals)
        return f"{whole}.{part:0{self._decimals}}"

    def _order(self, order_id: str, event: str = "") -> str:
        _, price, qty, timestamp = self._orders[order_id]
        lead = f'"event":"{event}",' if event else ""
        return (
            f'{{{lead}"order_id":"{order_id}","limit_price":{self._price(price)},'
            f'"order_qty":{_qty(qty)},"timestamp":"{timestamp}"}}'
        )

    def _message(self, kind: str, bids: str, asks: str) -> bytes:
        return (
            f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"{self.symbol}",'
            f'"bids":[{bids}],"asks":[{asks}],"checksum":{self._checksum()},'
            f'"timestamp":"{to_rfc3339(self.now, 9)}"}}]}}'
        ).encode()

    def acknowledge(self) -> bytes:
        return (
            f'{{"method":"subscribe","result":{{"channel":"level3","depth":{self.depth},'
            f'"snapshot":true,"symbol":"{self.symbol}"}},"success":true,'
            '"time_in":"2024-11-12T06:50:44.000000Z","time_out":"2024-11-12T06:50:44.000001Z"}'
        ).encode()

    def snapshot(self) -> bytes:
        sides = {side: self._best(side) for side in ("bids", "asks")}
        self._scope = {key: side for side, orders in sides.items() for key in orders}
        bids, asks = (",".join(map(self._order, sides[side])) for side in ("bids", "asks"))
        return self._message("snapshot", bids, asks)

    def update(self) -> bytes:
        """One change: an order comes, goes or shrinks; what it brings into scope follows."""
        self.now += self._random.randrange(1, NS_PER_S // 10)
        before = dict(self._scope)
        said: dict[str, list[str]] = {"bids": [], "asks": []}
        choice = self._random.random()
        victim = self._random.choice(list(self._scope))
        side = self._orders[victim][0]
        if choice < 0.35 and sum(order[0] == side for order in self._orders.values()) > 40:
            said[side].append(self._order(victim, "delete"))
            del self._orders[victim], before[victim]
        elif choice < 0.5 and self._orders[victim][2] > 1:
            _, price, qty, timestamp = self._orders[victim]
            self._orders[victim] = (side, price, qty - 1, timestamp)
            said[side].append(self._order(victim, "modify"))
        else:
            self._enter(side)
        return self._changed(before, said) or self.update()

    def remove(self, order_id: str, *, qty: int, at: str) -> bytes:
        """An order goes, with this quantity and time; what that brings into scope follows."""
        self.now += NS_PER_S
        before = dict(self._scope)
        side, price, _, _ = self._orders.pop(order_id)
        del before[order_id]
        removal = (
            f'{{"event":"delete","order_id":"{order_id}","limit_price":{self._price(price)},'
            f'"order_qty":{_qty(qty)},"timestamp":"{at}"}}'
        )
        said: dict[str, list[str]] = {"bids": [], "asks": []}
        said[side].append(removal)
        return self._changed(before, said)

    def _changed(self, before: dict[str, str], said: dict[str, list[str]]) -> bytes:
        """The message of what is said, and of what it brings into scope; empty of nothing."""
        self._scope = {key: side for side in said for key in self._best(side)}
        for key, side in self._scope.items():
            if key not in before:
                said[side].append(self._order(key, "add"))
        if not said["bids"] and not said["asks"]:
            return b""
        return self._message("update", ",".join(said["bids"]), ",".join(said["asks"]))

    def stream(self, updates: int) -> list[tuple[int, bytes]]:
        """Acknowledgement, snapshot and updates, each with the time it arrives."""
        arrived = [(self.now, self.acknowledge()), (self.now + 1, self.snapshot())]
        for _ in range(updates):
            message = self.update()
            arrived.append((self.now + 1_000_000, message))
        return arrived


def feed(
    session: RecordingSession, keeper: BookKeeper, arrived: Iterable[tuple[int, bytes]]
) -> None:
    """Let messages arrive as the shared feed lets them: kept raw, then decoded and applied."""
    handed = 0
    for received, data in arrived:
        session.ingest.take_message("level3", received, data)
        for event in keeper.receive(data, received):
            session.ingest.take_event(event)
        if received - handed > NS_PER_S // 10:
            session.hand_over([*keeper.l2.values(), *keeper.l3.values()], received)
            handed = received


def record_stream(
    path: Path,
    arrived: Iterable[tuple[int, bytes]],
    *,
    form: Format = Format.CSV,
    keeper: BookKeeper | None = None,
) -> None:
    """Record messages into a folder; the clock shows the time of the last one."""
    keeper, now = keeper or BookKeeper(), START
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with record_into(path, info, form=form, clock=lambda: now) as session:
        feed(session, keeper, arrived)
        now = max((book.received + 1 for book in keeper.l3.values()), default=START)
