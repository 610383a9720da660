"""Both engines in step: the same messages to a Python keeper and to a compiled one.

Messages are those of a seeded market, legal and not, and mutated ones. After every message the
events, the counts and the state of the book must be equal; every level is compared regularly.
"""

from __future__ import annotations

import random
from itertools import count

from msgspec import structs

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.book.queue import LevelQueue
from kracked.format import line
from kracked.gateway.relay.windows import snapshot
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event
from kracked.verify import FileReport, verify_lines
from tests.benchmarks.streams import stream
from tests.native.engines import chosen

SYMBOL = "BTC/USD"
PRECISIONS = {SYMBOL: Precision(1, 8)}


class Pair:
    """A Python keeper and a compiled one, which get the same messages."""

    def __init__(self, *, stated: bool, depth: int | None = None) -> None:
        self.keepers: list[BookKeeper] = []
        for name in ("python", "native"):
            with chosen(name):
                self.keepers.append(
                    BookKeeper(precisions=PRECISIONS if stated else {}, depth=depth)
                )
        self.messages = 0

    def receive(self, raw: bytes, *, whole: bool) -> list[Event]:
        """Give both a message; fail where they differ.

        Args:
            raw: The message.
            whole: Whether every level and order is compared.
        """
        python, native = self.keepers
        self.messages += 1
        expected = python.receive(raw, self.messages)
        found = native.receive(raw, self.messages)
        assert found == expected, (raw, found, expected)
        assert native.stats == python.stats, raw
        for ours, theirs in ((python.l2, native.l2), (python.l3, native.l3)):
            assert ours.keys() == theirs.keys(), raw
            for symbol in ours:
                assert summary(theirs[symbol]) == summary(ours[symbol]), raw
                if whole:
                    assert contents(theirs[symbol]) == contents(ours[symbol]), raw
        return found


def summary(book: object) -> tuple[object, ...]:
    """What a book says of itself without its levels."""
    sides = (book.bids, book.asks)  # type: ignore[attr-defined]
    return (
        book.verified,  # type: ignore[attr-defined]
        book.computed,  # type: ignore[attr-defined]
        book.contradiction,  # type: ignore[attr-defined]
        book.depth,  # type: ignore[attr-defined]
        book.precision,  # type: ignore[attr-defined]
        book.last,  # type: ignore[attr-defined]
        *((len(side), side.best, side.limit) for side in sides),
    )


def contents(book: object) -> tuple[object, ...]:
    """Every level, or every order in its queue."""
    if isinstance(book, L3Book):
        return tuple(
            (queue.price, queue.side, tuple(queue))
            for side in (book.bids, book.asks)
            for queue in side
        )
    return (list(book.bids), list(book.asks), book.bids.digits, book.asks.digits)  # type: ignore[attr-defined]


# --- messages --------------------------------------------------------------------------


class ToyMarket:
    """A market of few prices, whose messages are legal, contradictory or refuted.

    Args:
        channel: `book` or `level3`.
        depth: Levels a side.
        chance: The source of all chance.
    """

    def __init__(self, channel: str, depth: int, chance: random.Random) -> None:
        self.channel, self.depth, self.chance = channel, depth, chance
        self._codec = Codec(dict(PRECISIONS))
        self._book = (L2Book if channel == "book" else L3Book)(SYMBOL, PRECISIONS[SYMBOL], depth)
        """What the exchange shows: it states the checksum of it."""
        self._names = count(1)

    def message(self, *, snapshot: bool) -> bytes:
        """The next message; one in fifty states a wrong checksum."""
        rows = self._resting() if snapshot else self._changes()
        kind = "snapshot" if snapshot else "update"
        [event] = self._codec.decode(self._text(kind, rows, 0))
        self._book.apply(event)  # type: ignore[arg-type]
        stated = self._book.computed ^ (self.chance.random() < 0.02)
        return self._text(kind, rows, stated)

    def _resting(self) -> tuple[list[str], list[str]]:
        bids, asks = self._book.bids, self._book.asks
        if self.chance.random() < 0.5 and len(bids):
            if isinstance(self._book, L3Book):
                sides = [
                    [(order.order_id, order.price, order.qty) for queue in side for order in queue]
                    for side in (self._book.bids, self._book.asks)
                ]
            else:
                sides = [[("", *level) for level in side] for side in (bids, asks)]
        else:
            sides = [[self._new(side) for _ in range(self.depth)] for side in (0, 1)]
        bid_rows, ask_rows = ([self._row("add", *row) for row in side] for side in sides)
        return bid_rows, ask_rows

    def _new(self, side: int) -> tuple[str, int, int]:
        away = self.chance.randint(1, self.depth * 2)
        return f"O{next(self._names):06}", 10_000 + (away if side else -away), self._qty()

    def _qty(self) -> int:
        return self.chance.choice((1, 10**8, self.chance.randint(1, 10**12)))

    def _changes(self) -> tuple[list[str], list[str]]:
        sides: tuple[list[str], list[str]] = ([], [])
        for _ in range(self.chance.choice((1, 1, 1, 2, 3, 8))):
            side = self.chance.randrange(2)
            sides[side].append(self._change(side))
        return sides

    def _change(self, side: int) -> str:
        chance = self.chance
        mistaken = chance.random() < 0.02
        book = (self._book.bids, self._book.asks)[side ^ (mistaken and chance.random() < 0.5)]
        if not len(book) or chance.random() < 0.45:
            order_id, price, qty = self._new(side)
            return self._row("add", order_id, price, 0 if mistaken else qty)
        level = book[min(int(chance.expovariate(0.3)), len(book) - 1)]
        if isinstance(level, LevelQueue):
            order = chance.choice(tuple(level))
            order_id, price, qty = order.order_id, order.price, order.qty
        else:
            order_id, price, qty = "", level.price, 0
        if mistaken:
            order_id, price, _ = self._new(side)
        action = chance.choice(("delete", "delete", "modify", "add" if mistaken else "modify"))
        if action == "delete":
            return self._row(action, order_id, price, chance.choice((0, qty, 7 * mistaken)))
        if chance.random() < 0.2:
            price = self._new(side)[1]
        return self._row(action, order_id, price, self._qty())

    def _row(self, action: str, order_id: str, price: int, qty: int) -> str:
        size = f"{qty // 10**8}.{qty % 10**8:08}"
        if self.channel == "book":
            return f'{{"price":{price // 10}.{price % 10},"qty":{size}}}'
        members = [
            f'"event":"{action}"',
            f'"order_id":"{order_id}"',
            f'"limit_price":{price // 10}.{price % 10}',
            f'"order_qty":{size}',
            f'"timestamp":"2026-11-30T08:00:00.{qty % 10**9:09}Z"',
        ]
        if self.chance.random() < 0.1:
            self.chance.shuffle(members)
        return "{" + ",".join(members) + "}"

    def _text(self, kind: str, rows: tuple[list[str], list[str]], stated: int) -> bytes:
        members = [
            f'"symbol":"{SYMBOL}"',
            f'"bids":[{",".join(rows[0])}]',
            f'"asks":[{",".join(rows[1])}]',
            f'"checksum":{stated}',
            '"timestamp":"2026-11-30T08:00:00.000000Z"',
        ]
        data = ",".join(members)
        return f'{{"channel":"{self.channel}","type":"{kind}","data":[{{{data}}}]}}'.encode()


PIECES = (
    *(b'"', b",", b":", b"{", b"}", b"[", b"]", b".", b"-", b" ", b"\n", b"\t", b"\\", b"\0"),
    *(b"0", b"00", b"9", b"1e3", b"E-2", b"+", b"null", b"true", b"\xff", b"\xc3\xa4", b"\x7f"),
    *(b'"qty"', b'"price"', b'"event"', b'"odd":1', b'"odd":{}', b"\\u0041", b"123456789012345678"),
)


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Change a message in one to three places: a piece put in, cut out, or written twice."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(raw) + 1)
        until = min(len(raw), at + chance.choice((0, 1, 1, 2, 5, 20)))
        piece = chance.choice((*PIECES, raw[at:until] * 2, bytes([chance.randrange(256)])))
        raw = raw[:at] + piece + raw[until:]
    return raw


def run_toy(channel: str, depth: int, seed: int, messages: int, mutations: float) -> Pair:
    """Run a toy market through both engines, part of its messages mutated."""
    chance = random.Random(seed)
    market = ToyMarket(channel, depth, chance)
    pair = Pair(stated=chance.random() < 0.7, depth=depth if chance.random() < 0.7 else None)
    for _ in range(messages):
        books = pair.keepers[0].l2 if channel == "book" else pair.keepers[0].l3
        trusted = SYMBOL in books and books[SYMBOL].verified  # type: ignore[attr-defined]
        raw = market.message(snapshot=not trusted or chance.random() < 0.005)
        if chance.random() < mutations:
            pair.receive(mutated(raw, chance), whole=True)
        pair.receive(raw, whole=chance.random() < 0.2)
    return pair


def run_simulated(channel: str, depth: int, seed: int, messages: int, mutations: float) -> Pair:
    """Run the simulated exchange's messages through both engines, part of them mutated."""
    chance = random.Random(seed)
    first, updates = stream(channel, depth, messages, seed=seed)
    pair = Pair(stated=bool(seed % 2), depth=depth)
    with chosen("python"):
        exchange = BookKeeper(precisions=PRECISIONS, depth=depth)
    books, shown = (
        (each.l2 if channel == "book" else each.l3) for each in (pair.keepers[0], exchange)
    )
    exchange.receive(first)
    for raw in updates:
        if SYMBOL not in books or not books[SYMBOL].verified:  # type: ignore[attr-defined]
            pair.receive(snapshot(shown[SYMBOL], depth).encode(), whole=True)  # type: ignore[arg-type]
        if chance.random() < mutations:
            pair.receive(mutated(raw, chance), whole=False)
        pair.receive(raw, whole=chance.random() < 0.02)
        exchange.receive(raw)
    return pair


def log_of(channel: str, depth: int, seed: int, messages: int, mutations: float) -> list[bytes]:
    """Lines of a log, bare or as a recording has them, part of them mutated; with snapshots."""
    chance = random.Random(seed)
    market = ToyMarket(channel, depth, chance)
    lines = []
    for number in range(messages):
        raw = market.message(snapshot=number % 25 == 0)
        if chance.random() < 0.5:
            raw = line.pack(10**18 + number, number, channel, raw).rstrip(b"\n")
        lines.append(raw + chance.choice((b"\n", b"\n", b"\r\n", b" \n", b"\n\n")))
        if chance.random() < mutations:
            lines.append(mutated(raw, chance) + b"\n")
    return lines


def verification(name: str, blocks: list[bytes]) -> FileReport:
    """What one engine finds in a log, without the time that it took."""
    with chosen(name):
        report = verify_lines("log", blocks)
    report.books = [structs.replace(book, seconds=0.0) for book in report.books]
    return report
