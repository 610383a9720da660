"""Whatever market and account do: money is exact, holds are what is needed, fills are earned."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.paper import Latency, PaperAccount, Report, decode_lines, encode_line
from kracked.protocol.events import Side
from kracked.protocol.order_terms import (
    CloseTerms,
    OrderType,
    SelfTrade,
    TimeInForce,
    Trail,
    TrailOffset,
)
from tests.flow.scripted_feed import at
from tests.paper.paper_market import PaperMarket
from tests.paper.state import state

UNIT = Decimal(100_000_000)
STEP_NS = 20_000_000
MAKER, TAKER = Decimal("0.0025"), Decimal("0.004")


class RandomMarket:
    """Real orders that come, move, leave and are hit, and own ones among them; it keeps the truth.

    Quantities are whole lots of 1; prices are from 98 to 103.
    """

    def __init__(self, latency: Latency) -> None:
        self.paper = PaperMarket(latency, usd="700", btc="7", bids=(), asks=())
        self.real: dict[str, list[tuple[str, float, int, str]]] = {"bids": [], "asks": []}
        self.steps = self.trade_id = self.ids = self.seen = 0
        self.made: Counter[str] = Counter()
        """Quantity that was ever shown, by side."""
        self.joined: dict[str, int] = {}
        """The step in which a real order joined its queue."""
        self.trades: dict[int, tuple[float, int, int]] = {}
        """Price and quantity of each trade, and the step in which its maker joined."""
        self.places: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        """Steps in which an own order may have joined a queue, with the price."""
        self.unknown: dict[str, int] = {}
        """Filled quantity of own orders when their outcome became unknown."""
        self._snapshot()

    def clock(self, after_ns: int = 0) -> str:
        """Return the step's time, seconds of the minute."""
        ns = self.now + after_ns - at("00")
        return f"{ns // 10**9:02d}.{ns % 10**9:09d}"

    def step(self, action: tuple) -> None:
        self.steps += 1
        self.now = max(self.paper.now, getattr(self, "now", 0)) + STEP_NS
        name, *details = action
        getattr(self, name)(*details)
        self.check()

    # --- the market ---------------------------------------------------------------------------

    def _snapshot(self) -> None:
        lines = {
            side: [f"{i} {price} {qty} {own}" for i, price, qty, own in self._sorted(side)]
            for side in self.real
        }
        time = self.clock() if self.steps else "01.0"
        self.paper.snapshot(lines["bids"], lines["asks"], time=time)

    def _sorted(self, side: str) -> list[tuple[str, float, int, str]]:
        sign = -1 if side == "bids" else 1
        return sorted(self.real[side], key=lambda order: sign * order[1])  # stable: by time

    def _update(self, side: str, *lines: str, after_ns: int = 0) -> None:
        self.paper.update(**{side: lines}, time=self.clock(after_ns))

    def add(self, side: str, price: float, qty: int, order_id: str | None = None) -> None:
        other = self.real["asks" if side == "bids" else "bids"]
        if any(price >= o[1] if side == "bids" else price <= o[1] for o in other):
            return
        if order_id is None:
            self.ids += 1
            order_id = f"R{self.ids}"
            self.made[side] += qty
        self.joined[order_id] = self.steps
        self.real[side].append((order_id, price, qty, self.clock()))
        self._update(side, f"add {order_id} {price} {qty} {self.clock()}")

    def leave(self, side: str, which: int) -> tuple[str, float, int, str] | None:
        if not self.real[side]:
            return None
        order = self.real[side].pop(which % len(self.real[side]))
        order_id, price, qty, own = order
        self._update(side, f"delete {order_id} {price} {qty} {own}")
        return order

    def move(self, side: str, which: int, price: float) -> None:
        order = self.leave(side, which)
        if order is not None:
            self.now += 1000
            self.add(side, price, order[2], order[0])

    def hit(self, side: str, qty: int) -> None:
        """Let a real taker take from a side."""
        lines, trades, at_ns = [], [], 0
        taker = "sell" if side == "bids" else "buy"
        instant = self.clock()[:-3]
        for order in self._sorted(side):
            if not qty:
                break
            order_id, price, shown, own = order
            part, at_ns = min(qty, shown), at_ns + 15
            qty -= part
            place = self.real[side].index(order)
            if part == shown:
                del self.real[side][place]
                lines.append(f"delete {order_id} {price} 0.0 {self.clock(at_ns)}")
            else:
                self.real[side][place] = (order_id, price, shown - part, own)
                lines.append(f"modify {order_id} {price} {shown - part} {own}")
            self.trade_id += 1
            self.trades[self.trade_id] = (price, part, self.joined[order_id])
            trades.append(f"{self.trade_id} {taker} {price} {part} {instant}")
        if trades:
            self._update(side, *lines, after_ns=at_ns)
            self.paper.trades(*trades)

    def hole(self) -> None:
        for order in self.paper.account.open.values():
            self.unknown.setdefault(order.order_id, -1)
        self.paper.lose()
        self.now += STEP_NS
        self._snapshot()
        self.unknown = {
            order_id: order.filled
            for order_id, order in self.paper.account.open.items()
            if order.state == "unknown"
        }

    def wait(self) -> None:
        self.paper.wait(0.6)

    # --- the account --------------------------------------------------------------------------

    def own(self, side: str, qty: int, price: float | None, tif: str, post: bool) -> None:
        terms = {"time_in_force": TimeInForce(tif), "post_only": post}
        if price is None:
            terms = {}
        elif post:
            terms["time_in_force"] = TimeInForce.GTC
        self.paper.order(side, qty, price, **terms)

    def stop(self, side: str, qty: int, trigger: float, price: float | None) -> None:
        kind = "stop-loss" if price is None else "stop-loss-limit"
        self.paper.order(side, qty, price, kind=kind, trigger=trigger)

    def trail(self, side: str, qty: int, distance: int, limit: int | None) -> None:
        """Send a stop that trails by whole units of price."""
        kind = "trailing-stop" if limit is None else "trailing-stop-limit"
        to_limit = None if limit is None else TrailOffset(Decimal(10 * limit), False, 1)
        trail = Trail(TrailOffset(Decimal(10 * distance), False, 1), to_limit)
        self.paper.order(side, qty, kind=kind, trail=trail)

    def timed(self, side: str, qty: int, price: float, start: int, life: int) -> None:
        """Send an order that begins so many steps later, and ends so many after that."""
        begins = self.now + start * STEP_NS
        terms = {"time_in_force": TimeInForce.GTD, "expire_at": begins + life * STEP_NS}
        self.paper.order(side, qty, price, start_at=begins, **terms)

    def closed(self, side: str, qty: int, price: float, by: tuple[str, float | None]) -> None:
        """Send an order whose fills are closed by a limit order, or by a stop."""
        kind, close_price = by
        level = round((close_price or 100.0) * 10)
        name = "price" if kind == "limit" else "trigger_price"
        close = CloseTerms(order_type=OrderType(kind), **{name: level})
        self.paper.order(side, qty, price, close=close)

    def own_rules(self, side: str, qty: int, price: float, stp: str, in_base: bool) -> None:
        """Send an order with a rule against trading with own ones, and an asset for the fee."""
        self.paper.order(side, qty, price, stp=SelfTrade(stp), fee_in_base=in_base)

    def iceberg(self, side: str, qty: int, price: float, display: int) -> None:
        self.paper.order(side, qty, price, kind="iceberg", display=min(qty, display))

    def show(self, which: int, display: int) -> None:
        orders = list(self.paper.account.open)
        if orders:
            self.paper.amend(orders[which % len(orders)], display_qty=display * 100_000_000)

    def amend(self, which: int, qty: int, price: float | None) -> None:
        orders = list(self.paper.account.open.values())
        if orders:
            order = orders[which % len(orders)]
            self.paper.amend(order.order_id, qty, price)

    def cancel(self, which: int) -> None:
        orders = list(self.paper.account.open)
        if orders:
            self.paper.engine.cancel(orders[which % len(orders)], self.paper.now)

    def cancel_all(self) -> None:
        self.paper.engine.cancel_all(self.paper.now)

    # --- what is always so --------------------------------------------------------------------

    def check(self) -> None:
        for news in self.paper.news[self.seen :]:
            row = news.row if isinstance(news, Report) else {}
            if row.get("exec_type") in ("pending_new", "new", "amended", "status"):
                account, order_id = self.paper.account, str(row["order_id"])
                order = account.open.get(order_id) or account.closed[order_id]
                price = row.get("limit_price", Decimal(order.request.price or 0) / 10)
                self.places[order_id].append((self.steps, float(price)))
        self.seen = len(self.paper.news)
        money = self.paper.account.money
        needs, worth = self.needs(), {"USD": Decimal(700), "BTC": Decimal(7)}
        for row in self.paper.rows("trade"):
            sign = 1 if row["side"] == "buy" else -1
            rate = MAKER if row["liquidity_ind"] == "m" else TAKER
            cost = row["last_price"] * row["last_qty"]
            worth["USD"] -= sign * cost
            worth["BTC"] += sign * row["last_qty"]
            [fee] = row["fees"]
            assert fee["qty"] == rate * (cost if fee["asset"] == "USD" else row["last_qty"])
            worth[fee["asset"]] -= fee["qty"]
        for asset, owned in worth.items():
            assert money.held(asset) == needs[asset]
            assert 0 <= money.held(asset) <= money.balance(asset) == owned
        for order_id, filled in self.unknown.items():
            if order_id in self.paper.account.open:
                assert self.paper.account.open[order_id].filled == filled
        self.check_fills()

    def needs(self) -> Counter[str]:
        """Return what open orders must hold: those in the market with a limit, and no others."""
        needs = Counter[str]()
        for order in self.paper.account.open.values():
            request = order.request
            waits = request.order_type.waits and not order.triggered
            if request.price is None or waits or not order.started:
                continue
            left, in_base = Decimal(order.left) / UNIT, request.fee_in_base
            cost = left * Decimal(request.price) / 10
            if request.side is Side.BID:
                needs["USD"] += cost if in_base else cost * (1 + MAKER)
            else:
                needs["BTC"] += left * (1 + MAKER) if in_base else left
        return needs

    def check_fills(self) -> None:
        taken, given = Counter[int](), Counter[str]()
        for row in self.paper.rows("trade"):
            qty = row["last_qty"]
            side = "asks" if row["side"] == "buy" else "bids"
            if (trade_id := row.get("trade_id")) is None:
                given[side] += qty
                continue
            taken[trade_id] += qty
            price, _, maker_joined = self.trades[trade_id]
            own = float(row["last_price"])
            worse = price < own if row["side"] == "buy" else price > own
            places = self.places[row["order_id"]]
            behind = any(step <= maker_joined for step, price in places if price == own)
            assert worse or (price == own and behind)
        assert all(qty <= self.trades[trade_id][1] for trade_id, qty in taken.items())
        assert all(qty <= self.made[side] for side, qty in given.items())


sides = st.sampled_from(("bids", "asks"))
own_sides = st.sampled_from(("buy", "sell"))
prices = st.sampled_from((98.0, 99.0, 100.0, 101.0, 102.0, 103.0))
lots = st.integers(1, 4)
which = st.integers(0, 9)
rules = st.sampled_from(("cancel-newest", "cancel-oldest", "cancel-both"))
closes = st.tuples(st.sampled_from(("limit", "stop-loss", "take-profit")), prices)
actions = st.one_of(
    st.tuples(st.just("add"), sides, prices, lots),
    st.tuples(st.just("add"), sides, prices, lots),
    st.tuples(st.just("leave"), sides, which),
    st.tuples(st.just("move"), sides, which, prices),
    st.tuples(st.just("hit"), sides, lots),
    st.tuples(st.just("hit"), sides, lots),
    st.tuples(
        st.just("own"),
        own_sides,
        lots,
        st.one_of(prices, st.none()),
        st.sampled_from(("GTC", "GTC", "IOC", "FOK")),
        st.booleans(),
    ),
    st.tuples(st.just("own"), own_sides, lots, prices, st.just("GTC"), st.just(False)),
    st.tuples(st.just("stop"), own_sides, lots, prices, st.one_of(prices, st.none())),
    st.tuples(st.just("trail"), own_sides, lots, st.integers(1, 2), st.integers(0, 2)),
    st.tuples(st.just("trail"), own_sides, lots, st.integers(1, 2), st.none()),
    st.tuples(st.just("timed"), own_sides, lots, prices, st.integers(0, 6), st.integers(1, 20)),
    st.tuples(st.just("closed"), own_sides, lots, prices, closes),
    st.tuples(st.just("own_rules"), own_sides, lots, prices, rules, st.booleans()),
    st.tuples(st.just("iceberg"), own_sides, lots, prices, st.integers(1, 2)),
    st.tuples(st.just("show"), which, st.integers(1, 3)),
    st.tuples(st.just("amend"), which, lots, st.one_of(prices, st.none())),
    st.tuples(st.just("cancel"), which),
    st.tuples(st.just("cancel_all")),
    st.tuples(st.just("hole")),
    st.tuples(st.just("wait")),
)
latencies = st.sampled_from((Latency(), Latency(60_000_000, 60_000_000, 60_000_000)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(latencies, st.lists(actions, min_size=5, max_size=60))
def test_money_holds_and_fills_are_right_and_a_replayed_log_gives_the_account(
    latency: Latency, script: list[tuple]
) -> None:
    market = RandomMarket(latency)
    for action in script:
        market.step(action)
    market.step(("wait",))
    market.step(("wait",))
    log = market.paper.log
    lines = b"".join(encode_line(number, event) for number, event in enumerate(log, 1))
    assert state(PaperAccount.replay(decode_lines(lines)[0])) == state(market.paper.account)
    assert market.paper.own.unreadable == 0
    assert set(market.paper.own.open) == set(market.paper.account.open)
