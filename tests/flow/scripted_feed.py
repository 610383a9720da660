"""Wire messages of level 3 and trades written as short lines, decoded by the real codec."""

from __future__ import annotations

from collections.abc import Iterable

from kracked.flow import Fact, Link, OrderFlow, Outcome, Settled, Taker, What
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.times import parse_ns

BTC = "BTC/USD"
DAY = "2024-11-12T06:44:"
"""Times of the lines are seconds of this minute."""


def at(seconds: str) -> int:
    """Return a time of the minute, ns since the Unix epoch."""
    return parse_ns(f"{DAY}{seconds}Z")


class ScriptedFeed:
    """A ledger and the messages it is fed: times of arrival are those of the messages."""

    def __init__(self, depth: int = 10, symbol: str = BTC, hold_ns: int = 250_000_000) -> None:
        self.symbol = symbol
        self.flow = OrderFlow(depth, hold_ns=hold_ns)
        self.codec = Codec({symbol: Precision(1 if symbol == BTC else 7, 8)})
        self.now = at("00")
        self.outcomes: list[Outcome] = []

    @property
    def ledger(self):
        return self.flow[self.symbol]

    def snapshot(
        self, bids: Iterable[str] = (), asks: Iterable[str] = (), time: str = "20.0"
    ) -> list[Outcome]:
        """Lines are `ID PRICE QTY TIME`."""
        return self._level3("snapshot", bids, asks, time)

    def update(
        self, bids: Iterable[str] = (), asks: Iterable[str] = (), time: str = "25.0"
    ) -> list[Outcome]:
        """Lines are `EVENT ID PRICE QTY TIME`; `time` is the message's own."""
        return self._level3("update", bids, asks, time)

    def _level3(
        self, kind: str, bids: Iterable[str], asks: Iterable[str], time: str
    ) -> list[Outcome]:
        sides = []
        for lines in (bids, asks):
            rows = []
            for line in lines:
                *event, order_id, price, qty, own = line.split()
                lead = f'"event":"{event[0]}",' if event else ""
                rows.append(
                    f'{{{lead}"order_id":"{order_id}","limit_price":{price},'
                    f'"order_qty":{qty},"timestamp":"{DAY}{own}Z"}}'
                )
            sides.append(",".join(rows))
        return self.receive(
            f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"{self.symbol}",'
            f'"bids":[{sides[0]}],"asks":[{sides[1]}],"checksum":0,'
            f'"timestamp":"{DAY}{time}Z"}}]}}',
            at(time),
        )

    def trades(self, *lines: str, kind: str = "update", now: int | None = None) -> list[Outcome]:
        """Lines are `ID SIDE PRICE QTY TIME`, the side being the taker's."""
        rows, time = [], "0"
        for line in lines:
            trade_id, side, price, qty, time = line.split()
            rows.append(
                f'{{"symbol":"{self.symbol}","side":"{side}","price":{price},"qty":{qty},'
                f'"ord_type":"limit","trade_id":{trade_id},"timestamp":"{DAY}{time}Z"}}'
            )
        message = f'{{"channel":"trade","type":"{kind}","data":[{",".join(rows)}]}}'
        return self.receive(message, at(time) if now is None else now)

    def receive(self, message: str, now: int) -> list[Outcome]:
        self.now = max(self.now, now)
        found: list[Outcome] = []
        for event in self.codec.decode(message.encode(), self.now):
            found += self.flow.apply(event)
        self.outcomes += found
        return found

    def wait(self, seconds: float = 0.3) -> list[Outcome]:
        """Let nothing come for so long."""
        self.now += int(seconds * 1e9)
        found = self.flow.elapse(self.now)
        self.outcomes += found
        return found

    # --- what was told ----------------------------------------------------------------------

    def said(self, order_id: str) -> list[What]:
        """Return all that was said of an order."""
        return [
            one.what for one in self.outcomes if isinstance(one, Fact) and one.order_id == order_id
        ]

    @property
    def links(self) -> list[tuple[int, str | None, str]]:
        """Trade, order and certainty of each link."""
        return [
            (one.trade_id, one.order_id, str(one.certainty))
            for one in self.outcomes
            if isinstance(one, Link)
        ]

    @property
    def takers(self) -> list[Taker]:
        return [one for one in self.outcomes if isinstance(one, Taker)]

    @property
    def settled(self) -> list[tuple[str, int]]:
        """Order and quantity of each reduction that no trade explains."""
        return [(one.order_id, one.qty) for one in self.outcomes if isinstance(one, Settled)]


def queue(feed: ScriptedFeed, side: str, price: int) -> list[str]:
    """Return the ids of a level, first to fill first."""
    from kracked.protocol.events import Side

    return [life.order_id for life in feed.ledger.queue(Side(side), price)]
