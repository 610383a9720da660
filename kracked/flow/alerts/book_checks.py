"""Alerts on a verified book: prices, spread, imbalance, the quantity of levels."""

from __future__ import annotations

from decimal import Decimal

from kracked.book.l2 import L2Book
from kracked.errors import ProtocolError
from kracked.flow.alerts.memory import Alert, Armed
from kracked.flow.alerts.rule import AlertKind
from kracked.flow.measures.touch import Touch, lean_percent, quantities_near
from kracked.instruments import Precision
from kracked.protocol.events import BookEvent, BookSnapshot, Side
from kracked.units import scale

REARM_BP = Decimal(10)
"""So far from its price an alert with `always` waits for it again."""
SPREAD_OVER = Decimal("0.8")
IMBALANCE_OVER = Decimal(2) / 3
SIZE_OVER = Decimal("0.8")
"""A level below this part of the size looked for may be told again."""
_BP = Decimal(10_000)


def check_price(armed: Armed, price: Decimal, time: int, *, late: bool = False) -> Alert | None:
    """Return the alert if a price has reached the one looked for.

    Args:
        armed: An alert of the kind `price`.
        price: The price now.
        time: Its time.
        late: Whether prices before it may be missing.
    """
    rule, memory = armed.rule, armed.memory
    limit = rule.limit
    if memory.off or limit is None:
        return None
    before, above = memory.above, rule.rising
    if above is None and before is None:
        reached = price == limit
    else:
        upwards = above if above is not None else not before
        reached = price >= limit if upwards else price <= limit
    if price != limit:
        memory.above = price > limit
    if not memory.ready:
        away = abs(price - limit) * _BP >= REARM_BP * limit
        if away and (above is None or not reached):
            memory.ready = True
        return None
    if not reached:
        return None
    if rule.always:
        memory.ready = False
    else:
        memory.off = time
    memory.last = time
    late = late and before is not None
    how = "at" if price == limit else "above" if price > limit else "below"
    said = f"{rule.what} price {price:f} is {how} {limit:f}" if how != "at" else ""
    said = said or f"{rule.what} price is {price:f}"
    said += ", reached while data were missing" if late else ""
    return armed.alert(time, said, late=late, key=f"{limit:f} {time}", price=price, limit=limit)


class BookChecks:
    """The checks of one symbol's book. What it holds besides is made from each snapshot."""

    def __init__(self) -> None:
        self._alerts: list[Armed] = []
        self._outside: dict[str, set[tuple[Side, int]]] = {}
        """Levels that are large enough and too far away, by the text of the rule."""

    def use(self, alerts: list[Armed]) -> None:
        """Evaluate these: the alerts of the symbol that need a book."""
        self._alerts = alerts

    def see(self, book: L2Book, event: BookEvent, time: int, *, late: bool) -> list[Alert]:
        """Evaluate all after a message.

        Args:
            book: The book after it, verified.
            event: The message.
            time: Its time.
            late: Whether messages before it are missing.
        """
        bid, ask = book.best_bid, book.best_ask
        fired: list[Alert] = []
        touch = Touch(bid.price, bid.qty, ask.price, ask.qty) if bid and ask else None
        for armed in self._alerts:
            match armed.rule.kind:
                case AlertKind.SIZE:
                    fired += self._sizes(armed, book, event, time, late=late)
                case AlertKind.PRICE if touch is not None:
                    price = _price(armed.rule.what, book, touch)
                    alert = check_price(armed, price, time, late=late)
                    fired += [alert] if alert is not None else []
                case AlertKind.SPREAD if touch is not None:
                    _check_spread(armed, book, touch, event.received)
                case AlertKind.IMBALANCE if touch is not None:
                    _check_imbalance(armed, book, touch, event.received)
                case AlertKind.SPREAD | AlertKind.IMBALANCE:
                    armed.forget_pending()  # of an empty side nothing is known
        return fired

    def _sizes(
        self, armed: Armed, book: L2Book, event: BookEvent, time: int, *, late: bool
    ) -> list[Alert]:
        rule, memory = armed.rule, armed.memory
        assert rule.limit is not None
        outside = self._outside.setdefault(rule.text, set())
        keys = {Side.BID: set(dict(event.bids)), Side.ASK: set(dict(event.asks))}
        if type(event) is BookSnapshot:
            outside.clear()
            told = filter(None, (_told_level(key, book.precision) for key in memory.told))
            for side, price in told:
                keys[side].add(price)
        for side, price in outside:
            keys[side].add(price)
        fired: list[Alert] = []
        for side in (Side.BID, Side.ASK):
            if rule.side in (None, side):
                for price in sorted(keys[side]):
                    alert = self._size(armed, book, side, price, time, late=late)
                    fired += [alert] if alert is not None else []
        return fired

    def _size(
        self, armed: Armed, book: L2Book, side: Side, scaled: int, time: int, *, late: bool
    ) -> Alert | None:
        rule, memory = armed.rule, armed.memory
        price = book.precision.price_decimal(scaled)
        if rule.at is not None and price != rule.at:
            return None
        assert rule.limit is not None
        levels = book.side(side)
        qty = book.precision.qty_decimal(levels.qty_at(scaled))
        key, place = f"{side} {price:f}", (side, scaled)
        outside = self._outside[rule.text]
        if qty < rule.limit:
            outside.discard(place)
            if qty < rule.limit * SIZE_OVER:
                memory.told.pop(key, None)
            return None
        best, within = levels.best, rule.within_bp
        if within is not None and best and abs(scaled - best.price) * _BP > within * best.price:
            outside.add(place)
            return None
        outside.discard(place)
        if not memory.tell_once(key, time):
            return None
        said = f"{qty:f} {side} at {price:f}"
        said += ", come while data were missing" if late and memory.last else ""
        memory.last = time
        return armed.alert(
            time, said, late=late, key=f"{key} {time}", side=side, price=price, qty=qty
        )


def _told_level(key: str, precision: Precision) -> tuple[Side, int] | None:
    """Return the level that a key names; None for a key that is none of ours."""
    side, _, price = key.partition(" ")
    try:
        return Side(side), scale(price.encode(), precision.price)
    except (ValueError, ProtocolError):
        return None


def _price(what: str, book: L2Book, touch: Touch) -> Decimal:
    if what == "mid":
        return book.precision.price_decimal(touch.bid + touch.ask) / 2
    return book.precision.price_decimal(touch.bid if what == "bid" else touch.ask)


def _check_spread(armed: Armed, book: L2Book, touch: Touch, received: int) -> None:
    limit = armed.rule.limit
    assert limit is not None
    spread, middle = touch.ask - touch.bid, touch.ask + touch.bid
    alert = None
    if spread * 2 * _BP > limit * middle:
        if armed.memory.ready and not armed.memory.since:
            width = book.precision.price_decimal(spread)
            bp = (spread * 2 * _BP / middle).quantize(Decimal("0.01"))
            bid, ask = (book.precision.price_decimal(one) for one in (touch.bid, touch.ask))
            said = f"spread {width:f} ({bp:f} bp), {bid:f} to {ask:f}"
            alert = armed.alert(received, said, spread=width, bp=bp, bid=bid, ask=ask)
        else:
            return
    armed.hold(received, alert, over=spread * 2 * _BP < limit * SPREAD_OVER * middle)


def _check_imbalance(armed: Armed, book: L2Book, touch: Touch, received: int) -> None:
    limit = armed.rule.limit
    assert limit is not None
    near = quantities_near(book.bids, book.asks, touch.bid + touch.ask, book.depth)
    lean = lean_percent(near.bids, near.asks)
    if lean is None or abs(lean) < limit:
        armed.hold(received, None, over=lean is not None and abs(lean) < limit * IMBALANCE_OVER)
    elif armed.memory.ready and not armed.memory.since:
        bids, asks = (book.precision.qty_decimal(one) for one in near[:2])
        to = "buyers" if lean > 0 else "sellers"
        said = f"leans to {to} {lean:+} % within {near.bp:.3g} bp: {bids:f} bid, {asks:f} asked"
        alert = armed.alert(received, said, percent=lean, bids=bids, asks=asks)
        armed.hold(received, alert, over=False)
