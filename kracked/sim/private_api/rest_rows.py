"""What REST shows of orders and trades, member for member.

Sources: docs.kraken.com/api/docs/rest-api/get-open-orders, get-closed-orders,
get-order-amends, get-trade-history; recorded replies in public clients' tests
"""

from __future__ import annotations

from msgspec import Raw

from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.sim.accounts.amounts import Amounts
from kracked.sim.accounts.order_records import Amendment, FillRecord, OrderRecord
from kracked.sim.accounts.order_request import CloseTerms, OrderRequest
from kracked.sim.accounts.trailing_stops import Trail
from kracked.sim.listings import Listing
from kracked.times import NS_PER_S

Row = dict[str, object]
_SIDES = {Side.BID: "buy", Side.ASK: "sell"}


class RestRows:
    """The words for one listing's orders and trades."""

    def __init__(self, listing: Listing, amounts: Amounts) -> None:
        self._listing, self._amounts = listing, amounts
        self._digits = listing.instrument.precision

    # --- descriptions -----------------------------------------------------------------

    def description(self, request: OrderRequest) -> str:
        """`buy 1.25000000 XBTUSD @ limit 37500.0`."""
        qty = self._digits.qty_text(request.qty)
        terms = self._at(request.order_type, request.price, request.trigger_price, request.trail)
        return f"{_SIDES[request.side]} {qty} {self._listing.altname} @ {terms}"

    def closing(self, close: CloseTerms | None) -> str:
        """`close position @ stop loss 22000.0 -> limit 21000.0`; empty without one."""
        if close is None:
            return ""
        terms = self._at(close.order_type, close.price, close.trigger_price, close.trail)
        return f"close position @ {terms}"

    def _at(
        self, kind: OrderType, price: int | None, trigger: int | None, trail: Trail | None = None
    ) -> str:
        if trail is not None:
            stop = f"{kind.words} {trail.distance.text(self._digits.price)}"
            return stop if trail.limit is None else f"{stop} -> limit {self._behind(trail)}"
        limit = "" if price is None else self._digits.price_text(price)
        if kind is OrderType.MARKET:
            return "market"
        if trigger is None:
            return f"limit {limit}"
        stop = f"{kind.words} {self._digits.price_text(trigger)}"
        return f"{stop} -> limit {limit}" if limit else stop

    def _behind(self, trail: Trail) -> str:
        return "" if trail.limit is None else trail.limit.text(self._digits.price)

    # --- orders -----------------------------------------------------------------------

    def order(self, order: OrderRecord, *, trades: bool = False) -> Row:
        request = order.request
        row: Row = {"refid": order.ref_id, "userref": request.userref or 0}
        if request.cl_ord_id is not None:
            row["cl_ord_id"] = request.cl_ord_id
        row |= {"status": order.status.rest, "opentm": seconds(order.opened)}
        if order.closed is not None:
            row |= {"closetm": seconds(order.closed), "reason": order.reason or None}
        row |= {"starttm": _moment(request.start_at), "expiretm": self._expiry(request)}
        row |= {"descr": self._descr(order), **self._progress(order)}
        if request.order_type.waits:
            row["trigger"] = "index" if request.by_index else "last"
        if request.display_qty is not None:
            row["displayvol"] = self._digits.qty_text(order.display_qty or 0)
        row |= {"misc": self._misc(order), "oflags": _flags(request)}
        return row | ({"trades": list(order.trades)} if trades and order.trades else {})

    def _descr(self, order: OrderRecord) -> Row:
        request, waits = order.request, order.request.order_type.waits
        text = self._digits.price_text
        first, second = order.price or 0, 0
        if waits:
            first, second = order.trigger_price or 0, order.price or 0
        words = self._at(request.order_type, order.price, order.trigger_price, request.trail)
        prices = [text(first) if first else "0", text(second) if second else "0"]
        if request.trail is not None:
            prices = [request.trail.distance.text(self._digits.price), self._behind(request.trail)]
        qty = self._digits.qty_text(order.qty)
        return {
            "pair": self._listing.altname,
            "type": _SIDES[request.side],
            "ordertype": request.order_type.value,
            "price": prices[0],
            "price2": prices[1] or "0",
            "leverage": "none",
            "order": f"{_SIDES[request.side]} {qty} {self._listing.altname} @ {words}",
            "close": self.closing(request.close),
        }

    def _progress(self, order: OrderRecord) -> Row:
        qty = self._digits.qty_text
        average = self._amounts.average_price(order.notional, order.filled)
        limit = order.price if order.triggered else None
        return {
            "vol": qty(order.qty),
            "vol_exec": qty(order.filled),
            "cost": self._amounts.cost_text(order.cost),
            "fee": self._amounts.fee_text(order.fee, in_base=order.request.fee_in_base),
            "price": self._price_or_nothing(average),
            "stopprice": self._price_or_nothing(order.trigger_price),
            "limitprice": self._price_or_nothing(limit),
        }

    def _price_or_nothing(self, price: int | None) -> str:
        return self._digits.price_text(price) if price else self._amounts.cost_text(0)

    @staticmethod
    def _misc(order: OrderRecord) -> str:
        found = []
        if order.triggered:
            found.append("stopped" if order.request.order_type.stops else "touched")
        if len(order.amends) > 1:
            found.append("amended")
        return ",".join(found)

    @staticmethod
    def _expiry(request: OrderRequest) -> Raw | int:
        return seconds(request.expire_at) if request.tif is TimeInForce.GTD else 0

    def amendment(self, entry: Amendment) -> Row:
        """Its time is in milliseconds, unlike all others."""
        row: Row = {
            "amend_id": entry.amend_id,
            "amend_type": "original" if entry.original else "user",
            "order_qty": self._digits.qty_text(entry.qty),
            "remaining_qty": self._digits.qty_text(entry.left),
            "post_only": entry.post_only,
            "timestamp": entry.time // 1_000_000,
        }
        if entry.display_qty is not None:
            row["display_qty"] = self._digits.qty_text(entry.display_qty)
        if entry.price is not None:
            row["limit_price"] = self._digits.price_text(entry.price)
        if entry.trigger_price is not None:
            row["trigger_price"] = self._digits.price_text(entry.trigger_price)
        return row if entry.original else {**row, "reason": "User requested"}

    # --- trades -----------------------------------------------------------------------

    def trade(self, order: OrderRecord, fill: FillRecord) -> Row:
        request = order.request
        return {
            "ordertxid": fill.order_id,
            "postxid": fill.exec_id,
            "pair": self._listing.rest_id,
            "time": seconds(fill.time),
            "type": _SIDES[request.side],
            "ordertype": request.order_type.value,
            "price": self._digits.price_text(fill.price),
            "cost": self._amounts.cost_text(fill.cost),
            "fee": self._amounts.fee_text(fill.fee, in_base=request.fee_in_base),
            "vol": self._digits.qty_text(fill.qty),
            "margin": self._amounts.cost_text(0),
            "leverage": "0",
            "misc": "",
            "trade_id": fill.trade_id,
            "maker": fill.maker,
            "ledgers": list(fill.ledgers),
        }


def seconds(time: int | None) -> Raw:
    """Unix seconds as a JSON number with four decimals."""
    whole, fraction = divmod(time or 0, NS_PER_S)
    return Raw(f"{whole}.{fraction // 100_000:04d}".encode())


def _flags(request: OrderRequest) -> str:
    flags = ["fcib" if request.fee_in_base else "fciq"]
    if request.post_only:
        flags.append("post")
    if request.cash_qty is not None:
        flags.append("viqc")
    return ",".join(flags)


def _moment(time: int | None) -> Raw | int:
    """Unix seconds, 0 for none."""
    return 0 if time is None else seconds(time)
