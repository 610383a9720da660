"""Alerts on orders: large ones of level 3, sightings of detectors, places of own ones."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from kracked.flow.alerts.memory import Alert, Armed
from kracked.flow.alerts.rule import AlertKind, AlertRule
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.flow.facts import Fact, Outcome, What
from kracked.flow.ledger import Ledger
from kracked.flow.market_flow import MarketFlow
from kracked.instruments import Precision
from kracked.protocol.own_orders import OwnOrders

_BP = Decimal(10_000)
_CAME = frozenset((What.NEW, What.CAME, What.RETURNED, What.MOVED_IN, What.PRESENT))
_LEFT = frozenset(
    (What.FILLED, What.CANCELLED, What.MOVED_AWAY, What.LEFT_VIEW, What.LOST, What.TAKEN)
)
_SURE = (Sureness.PATTERN, Sureness.MATCHED, Sureness.EXACT)
"""From the least certain on."""
MOST_KEYS = 4_000


class OrderChecks:
    """The checks of one symbol's level 3."""

    def __init__(self) -> None:
        self._of: dict[AlertKind, list[Armed]] = {}
        self._outside: dict[str, dict[str, Fact]] = {}
        self._shown: dict[str, Fact] = {}
        """The newest remainder of a taker, which may rest yet, by order id."""
        self._keys: dict[int, str] = {}
        """What makes each sighting the same one, by its number."""
        self._seen: dict[str, int] = {}
        """The newest instant that was seen before an alert waited, by the text of its rule."""

    def use(self, alerts: list[Armed], *, seen: int = 0) -> None:
        """Evaluate these: the alerts of the symbol that look at orders, sightings and places.

        Args:
            alerts: Those before among them go on as they are.
            seen: The newest instant that was seen, on the exchange's clock. A sighting that
                ended by then is never told to an alert that is new.
        """
        self._of = {kind: [a for a in alerts if a.rule.kind is kind] for kind in AlertKind}
        texts = (one.rule.text for one in self._of[AlertKind.SIGHTING])
        self._seen = {text: self._seen.get(text, seen) for text in texts}

    def orders(
        self, outcomes: Iterable[Outcome], market: MarketFlow, precision: Precision
    ) -> list[Alert]:
        """Evaluate alerts of large orders after a message."""
        rules, fired = self._of[AlertKind.ORDER], []
        if rules:
            for fact in outcomes:
                if type(fact) is Fact:
                    self._order(fact, rules, precision)
        for armed in rules:
            outside = self._outside.get(armed.rule.text, {})
            near = [one for one in outside.values() if _is_near(armed.rule, one.price, one, market)]
            for fact in near:
                del outside[fact.order_id]
                if armed.memory.tell_once(fact.order_id, fact.time):
                    fired.append(_order_alert(armed, fact, precision))
        return fired

    def _order(self, fact: Fact, rules: list[Armed], precision: Precision) -> None:
        """Take a fact: which orders are large enough, near or not."""
        came = fact if fact.what in _CAME else None
        if fact.what is What.SHOWN:
            self._shown = {fact.order_id: fact}
        elif fact.what is What.RESTED:
            came = self._shown.pop(fact.order_id, None)
        for armed in rules:
            outside = self._outside.setdefault(armed.rule.text, {})
            if fact.what is What.HOLE:
                outside.clear()
            elif fact.what in _LEFT:
                outside.pop(fact.order_id, None)
            elif came is not None and _is_large(armed.rule, came, precision):
                outside[came.order_id] = came

    def places(
        self, ledger: Ledger, own: OwnOrders, precision: Precision, time: int
    ) -> list[Alert]:
        """Evaluate alerts of own places after a message of level 3."""
        rules, fired = self._of[AlertKind.QUEUE], []
        for order in own.of(ledger.symbol) if rules else ():
            place = ledger.place(order.order_id)
            if place is None:
                continue
            for armed in rules:
                rule = armed.rule
                ahead = precision.qty_decimal(place.qty_ahead)
                if rule.what == "ahead":
                    reached = rule.limit is not None and ahead <= rule.limit
                else:
                    reached = place.position <= (rule.limit or 1)
                if not reached or not armed.memory.tell_once(order.order_id, time):
                    continue
                said = f"own order {order.order_id}: place {place.position} of {place.of}, "
                said += f"{ahead:f} ahead (place {place.known})"
                said += ", at least: an iceberg is ahead" if place.hidden_ahead else ""
                fired.append(
                    armed.alert(
                        time,
                        said,
                        key=order.order_id,
                        order_id=order.order_id,
                        position=place.position,
                        ahead=ahead,
                        known=place.known,
                    )
                )
        return fired

    def sightings(
        self, news: Iterable[Sighting], market: MarketFlow, precision: Precision
    ) -> list[Alert]:
        """Evaluate alerts of detectors on what came or grew.

        A detector reports a sighting again when it learns what came after it, however old it is.
        """
        fired = []
        for one in news:
            identity = f"{one.kind} {one.side} {one.price} {one.first}"
            key = self._keys.setdefault(one.number, identity)
            if len(self._keys) > MOST_KEYS:
                del self._keys[next(iter(self._keys))]
            for armed in self._of[AlertKind.SIGHTING]:
                wanted = one.last > self._seen[armed.rule.text]
                wanted = wanted and _is_wanted(armed.rule, one, precision)
                if not wanted or not _is_near(armed.rule, one.last_price, one, market):
                    continue
                if armed.memory.tell_once(key, one.last):
                    fired.append(_sighting_alert(armed, one, key, precision))
        return fired


def _is_large(rule: AlertRule, fact: Fact, precision: Precision) -> bool:
    if rule.side not in (None, fact.side):
        return False
    if rule.at is not None and precision.price_decimal(fact.price) != rule.at:
        return False
    return rule.limit is None or precision.qty_decimal(fact.qty) >= rule.limit


def _is_near(rule: AlertRule, price: int, seen: Fact | Sighting, market: MarketFlow) -> bool:
    """Whether a price is within the distance asked for; not while the best prices are unknown."""
    if rule.within_bp is None:
        return True
    touch = market.detectors.context.touch
    if touch is None:
        return False
    best = touch.bid if seen.side.value == "bid" else touch.ask
    return touch.distance(seen.side, price) * _BP <= rule.within_bp * best


def _is_wanted(rule: AlertRule, sighting: Sighting, precision: Precision) -> bool:
    if Kind(rule.what) is not sighting.kind or rule.side not in (None, sighting.side):
        return False
    least = rule.sureness
    if least is not None and _SURE.index(sighting.sureness) < _SURE.index(least):
        return False
    large = rule.limit is None or precision.qty_decimal(sighting.qty) >= rule.limit
    return large and sighting.count >= rule.levels


def _sighting_alert(armed: Armed, sighting: Sighting, key: str, precision: Precision) -> Alert:
    return armed.alert(
        sighting.last,
        f"{sighting.words(precision)} ({sighting.sureness})",
        key=key,
        side=sighting.side,
        price=precision.price_decimal(sighting.price),
        qty=precision.qty_decimal(sighting.qty),
        count=sighting.count,
        sureness=sighting.sureness,
    )


def _order_alert(armed: Armed, fact: Fact, precision: Precision) -> Alert:
    qty, price = precision.qty_decimal(fact.qty), precision.price_decimal(fact.price)
    there = {What.PRESENT: ", there already", What.CAME: ", came into view"}.get(fact.what, "")
    said = f"order of {qty:f} {fact.side} at {price:f}{there}"
    return armed.alert(
        fact.time,
        said,
        key=fact.order_id,
        order_id=fact.order_id,
        side=fact.side,
        price=price,
        qty=qty,
    )
