"""A scripted market with a paper account in it: one bid OA, one ask OZ, one minute of time."""

from __future__ import annotations

from kracked.flow import OrderFlow
from kracked.instruments import Instrument, Precision
from kracked.paper import (
    Answer,
    FeeRates,
    Latency,
    Opened,
    PaperAccount,
    PaperAmend,
    PaperEngine,
    PaperRequest,
    Report,
)
from kracked.protocol.events import Executions, Resync, Side
from kracked.protocol.order_terms import OrderType
from kracked.protocol.own_orders import OwnOrders
from tests.flow.scripted_feed import ScriptedFeed, at

BTC = 100_000_000
SYMBOL = "BTC/USD"
INSTRUMENT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USD",
    precision=Precision(1, 8),
    price_increment=1,
    qty_increment=1,
    qty_min=10_000,
)


def opened(usd: str = "100000", btc: str = "10") -> Opened:
    """Return the first event of an account."""
    return Opened(
        time=at("00"),
        instruments=(INSTRUMENT,),
        balances={"USD": usd, "BTC": btc},
        rates=FeeRates(maker=25, taker=40),
    )


class PaperMarket(ScriptedFeed):
    """A scripted feed and a paper engine that sees all of it."""

    def __init__(
        self,
        latency: Latency | None = None,
        usd: str = "100000",
        btc: str = "10",
        bids: tuple[str, ...] = ("OA 100.0 1.0 11.0", "OL 99.0 5.0 11.5"),
        asks: tuple[str, ...] = ("OZ 101.0 1.0 10.0", "OY 102.0 2.0 10.5"),
    ) -> None:
        super().__init__()
        self.verified = True
        self.log = [opened(usd, btc)]
        self.account = PaperAccount(self.log[0])
        self.engine = PaperEngine(
            self.account,
            OrderFlow(10),
            now=at("00"),
            verified=lambda _: self.verified,
            latency=latency,
            record=self.log.append,
        )
        self.flow = self.engine.flow
        self.news: list[Answer | Report] = []
        self.own = OwnOrders()
        if bids or asks:
            self.snapshot(bids=bids, asks=asks)

    # --- the market ---------------------------------------------------------------------------

    def receive(self, message: str, now: int):
        self.now = max(self.now, now)
        for event in self.codec.decode(message.encode(), self.now):
            self.take(self.engine.apply(event))
        return []

    def wait(self, seconds: float = 0.3):
        self.now += int(seconds * 1e9)
        self.take(self.engine.elapse(self.now))
        return []

    def lose(self) -> None:
        """Lose level 3 until the next snapshot."""
        event = Resync(received=self.now, symbol=SYMBOL, channel="level3", reason="checksum")
        self.take(self.engine.apply(event))

    def take(self, news: list[Answer | Report]) -> None:
        self.news += news
        reports = tuple(one.row for one in news if isinstance(one, Report))
        if reports:
            self.own.apply(Executions(self.now, reports))

    # --- the account --------------------------------------------------------------------------

    def order(
        self,
        side: str,
        qty: float,
        price: float | None = None,
        kind: str | None = None,
        trigger: float | None = None,
        display: float | None = None,
        **terms: object,
    ) -> str:
        """Send an order and let it arrive; return its id."""
        kind = kind or ("market" if price is None else "limit")
        request = PaperRequest(
            symbol=SYMBOL,
            side=Side.BID if side == "buy" else Side.ASK,
            order_type=OrderType(kind),
            qty=round(qty * BTC),
            price=None if price is None else round(price * 10),
            trigger_price=None if trigger is None else round(trigger * 10),
            display_qty=None if display is None else round(display * BTC),
            **terms,
        )
        return self._answered(self.engine.submit(request, self.now)).order_id or ""

    def amend(self, order_id: str, qty: float | None = None, price: float | None = None, **terms):
        request = PaperAmend(
            order_id=order_id,
            qty=None if qty is None else round(qty * BTC),
            price=None if price is None else round(price * 10),
            **terms,
        )
        return self._answered(self.engine.amend(request, self.now))

    def _answered(self, ticket: int) -> Answer:
        self.take(self.engine.elapse(self.now))
        return self.answer(ticket) or Answer(ticket=ticket, time=0)

    def answer(self, ticket: int) -> Answer | None:
        found = (one for one in self.news if isinstance(one, Answer) and one.ticket == ticket)
        return next(found, None)

    @property
    def errors(self) -> list[str]:
        return [one.error for one in self.news if isinstance(one, Answer) and one.error]

    @property
    def fills(self) -> list[tuple[float, float, str]]:
        """Price, quantity and `m` or `t` of each fill."""
        return [
            (float(row["last_price"]), float(row["last_qty"]), str(row["liquidity_ind"]))
            for row in self.rows("trade")
        ]

    def rows(self, exec_type: str) -> list[dict[str, object]]:
        return [
            one.row
            for one in self.news
            if isinstance(one, Report) and one.row["exec_type"] == exec_type
        ]

    def reason(self) -> str:
        """Return the reason of the last cancel."""
        return str(self.rows("canceled")[-1]["reason"])

    def sold(self, trade_id: int, qty: float, time: str, price: float = 100.0) -> None:
        """Let a taker sell, and wait until it is decided."""
        self.trades(f"{trade_id} sell {price} {qty} {time}")
        self.wait()
