"""The alerts of one symbol: the book and the checks that they are evaluated on."""

from __future__ import annotations

from decimal import Decimal

from kracked.book.l2 import L2Book
from kracked.flow.alerts.book_checks import BookChecks
from kracked.flow.alerts.memory import Armed
from kracked.flow.alerts.order_checks import OrderChecks
from kracked.flow.alerts.rule import AlertKind
from kracked.flow.alerts.trade_checks import TradeChecks
from kracked.flow.market_flow import MarketFlow
from kracked.instruments import Precision

_WARM = frozenset(("pulled", "side pulled back", "absorbed"))
"""Sightings for which the orders must have been known for a while."""
_HELD = frozenset((AlertKind.SPREAD, AlertKind.IMBALANCE))


class Market:
    """The alerts of one symbol, and the book that they are evaluated on."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.books, self.trades, self.orders = BookChecks(), TradeChecks(), OrderChecks()
        self.use([])
        self.book: L2Book | None = None
        self.precision: Precision | None = None
        self.depth = 0
        """The depth of the book as acknowledged; 0 before."""
        self.heard = 0
        """When the last message of the symbol came."""
        self.joined = 0
        """When the last message came that the book had when it was joined in mid-stream."""

    def use(self, armed: list[Armed], *, seen: int = 0) -> None:
        """Evaluate these alerts from now on; what the checks know of the market stays.

        Args:
            armed: The alerts.
            seen: The newest instant that was seen of the market, on the exchange's clock.
        """
        self.armed = armed
        needing = {
            channel: [one for one in armed if channel in one.rule.needs]
            for channel in ("book", "trade", "level3")
        }
        self.books.use(needing["book"])
        self.trades.use(needing["trade"])
        self.orders.use(armed, seen=seen)
        self.data = [one for one in armed if one.rule.kind is AlertKind.DATA]
        self.held = [one for one in armed if one.rule.kind in _HELD]
        """Alerts whose condition must hold for a while."""
        self.silence = [one for one in armed if one.rule.kind is AlertKind.SILENCE]
        self.needs_orders = bool(needing["level3"])
        """Whether its orders are followed: that costs something with every message."""
        self.needs_book = bool(needing["book"]) or self.needs_orders

    def learning(self, one: Armed, flow: MarketFlow) -> str:
        """Say what an alert does not know yet, though the data come; empty where it knows."""
        context = flow.detectors.context
        match one.rule.kind:
            case AlertKind.SIZE | AlertKind.ORDER if one.rule.at is not None:
                return self._out_of_sight(flow, one.rule.kind, one.rule.at)
            case AlertKind.BURST if self.trades.burst.learning:
                return "learning which volume is usual: five minutes"
            case AlertKind.TAKER if one.rule.limit is None:
                usual = context.takers.in_force
                return "learning which takers are usual" if not usual or usual.learning else ""
            case AlertKind.SIGHTING if one.rule.what in _WARM and not context.ready:
                return "the orders have been known for less than a minute"
        return ""

    def _out_of_sight(self, flow: MarketFlow, kind: AlertKind, price: Decimal) -> str:
        """Say that a price is beyond the levels that are told; a book of fewer has it all."""
        book, ledger = self.book, flow.ledger
        if kind is AlertKind.SIZE and book is not None:
            depth, counts = book.depth, (len(book.bids), len(book.asks))
            ends = (side[len(side) - 1] if len(side) else None for side in (book.bids, book.asks))
            worst = [end.price if end else 0 for end in ends]
        elif kind is AlertKind.ORDER and ledger is not None:
            depth, sides = ledger.depth, (ledger.bids, ledger.asks)
            counts = (len(ledger.bids.keys), len(ledger.asks.keys))
            worst = [abs(side.keys[0]) if side.keys else 0 for side in sides]
        else:
            return ""
        if self.precision is None:
            return ""
        low, high = (self.precision.price_decimal(one) for one in worst)
        low = low if counts[0] >= depth else Decimal(0)
        high = high if counts[1] >= depth else price
        # The words stay the same while the market moves.
        sees = low <= price <= high
        return "" if sees else f"{price:f} is beyond the {depth} levels that are told"
