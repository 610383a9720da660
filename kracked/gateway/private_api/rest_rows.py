"""The rows of orders and trades as REST shows them, member for member.

Sources: docs.kraken.com/api/docs/rest-api/get-open-orders, get-closed-orders,
get-order-amends, get-trade-history; recorded replies in public clients' tests
"""

from __future__ import annotations

from msgspec import Raw

from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.order_records import Amendment, FillRecord, OrderRecord
from kracked.gateway.accounts.order_request import OrderRequest
from kracked.gateway.listing import ListedPair
from kracked.protocol.events import Side
from kracked.protocol.order_terms import CloseTerms, OrderType, TimeInForce, Trail
from kracked.times import NS_PER_S

Row = dict[str, object]
_SIDES = {Side.BID: "buy", Side.ASK: "sell"}


class RestRows:
    """Words the rows of one listing's orders and trades."""

    def __init__(self, listing: ListedPair, amounts: Amounts) -> None:
        self._listing, self._amounts = listing, amounts
        self._precision = listing.instrument.precision

    # --- descriptions -----------------------------------------------------------------

    def description(self, request: OrderRequest) -> str:
        """Return an order in words: `buy 1.25000000 XBTUSD @ limit 37500.0`."""
        terms = self._terms(request.order_type, request.price, request.trigger_price, request.trail)
        return self._sentence(request, request.qty, terms)

    def closing(self, close: CloseTerms | None) -> str:
        """Return a close in words: `close position @ stop loss 22000.0 -> limit 21000.0`."""
        if close is None:
            return ""
        terms = self._terms(close.order_type, close.price, close.trigger_price, close.trail)
        return f"close position @ {terms}"

    def _sentence(self, request: OrderRequest, qty: int, terms: str) -> str:
        side, qty_text = _SIDES[request.side], self._precision.qty_text(qty)
        return f"{side} {qty_text} {self._listing.altname} @ {terms}"

    def _terms(
        self,
        order_type: OrderType,
        price: int | None,
        trigger_price: int | None,
        trail: Trail | None,
    ) -> str:
        """Return a type and its prices in words: `stop loss 22000.0 -> limit 21000.0`."""
        if trail is not None:
            trigger, limit = self._distances(trail)
        elif order_type is OrderType.MARKET:
            return "market"
        else:
            limit = "" if price is None else self._precision.price_text(price)
            if trigger_price is None:
                return f"limit {limit}"
            trigger = self._precision.price_text(trigger_price)
        stop = f"{order_type.words} {trigger}"
        return f"{stop} -> limit {limit}" if limit else stop

    def _distances(self, trail: Trail) -> tuple[str, str]:
        """Return a trailing order's distances as text; the limit's is empty if it has none."""
        decimals = self._precision.price
        limit = "" if trail.limit is None else trail.limit.text(decimals)
        return trail.distance.text(decimals), limit

    # --- orders -----------------------------------------------------------------------

    def order(self, order: OrderRecord, *, trades: bool = False) -> Row:
        """Return an order's row; with `trades`, the ids of its fills too."""
        request = order.request
        row: Row = {"refid": order.ref_id, "userref": request.userref or 0}
        if request.cl_ord_id is not None:
            row["cl_ord_id"] = request.cl_ord_id
        row |= {"status": order.status.rest, "opentm": seconds(order.opened)}
        if order.closed is not None:
            row |= {"closetm": seconds(order.closed), "reason": order.reason or None}
        elif order.reason:  # of an open order: why its outcome is not known
            row["reason"] = order.reason
        expire_at = request.expire_at if request.tif is TimeInForce.GTD else None
        row |= {"starttm": _seconds_or_0(request.start_at), "expiretm": _seconds_or_0(expire_at)}
        row |= {"descr": self._description_row(order), **self._progress(order)}
        if request.order_type.waits:
            row["trigger"] = "index" if request.by_index else "last"
        if request.display_qty is not None:
            row["displayvol"] = self._precision.qty_text(order.display_qty or 0)
        misc = []
        if order.triggered:
            misc.append("stopped" if request.order_type.stops else "touched")
        if len(order.amends) > 1:
            misc.append("amended")
        flags = ["fcib" if request.fee_in_base else "fciq"]
        if request.post_only:
            flags.append("post")
        if request.cash_qty is not None:
            flags.append("viqc")
        row |= {"misc": ",".join(misc), "oflags": ",".join(flags)}
        return row | ({"trades": list(order.trades)} if trades and order.trades else {})

    def _description_row(self, order: OrderRecord) -> Row:
        """Return the member `descr`: `price` is the trigger of a type that waits for one."""
        request = order.request
        if request.trail is not None:
            first, second = self._distances(request.trail)
        else:
            prices = [order.price, None]
            if request.order_type.waits:
                prices = [order.trigger_price, order.price]
            first, second = (
                self._precision.price_text(price) if price else "0" for price in prices
            )
        terms = self._terms(request.order_type, order.price, order.trigger_price, request.trail)
        return {
            "pair": self._listing.altname,
            "type": _SIDES[request.side],
            "ordertype": request.order_type.value,
            "price": first,
            "price2": second or "0",
            "leverage": "none",
            "order": self._sentence(request, order.qty, terms),
            "close": self.closing(request.close),
        }

    def _progress(self, order: OrderRecord) -> Row:
        qty = self._precision.qty_text
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
        return self._precision.price_text(price) if price else self._amounts.cost_text(0)

    def amendment(self, entry: Amendment) -> Row:
        """Return the row of an order's terms; its time is in milliseconds, unlike all others."""
        row: Row = {
            "amend_id": entry.amend_id,
            "amend_type": "original" if entry.original else "user",
            "order_qty": self._precision.qty_text(entry.qty),
            "remaining_qty": self._precision.qty_text(entry.left),
            "post_only": entry.post_only,
            "timestamp": entry.time // 1_000_000,
        }
        if entry.display_qty is not None:
            row["display_qty"] = self._precision.qty_text(entry.display_qty)
        if entry.price is not None:
            row["limit_price"] = self._precision.price_text(entry.price)
        if entry.trigger_price is not None:
            row["trigger_price"] = self._precision.price_text(entry.trigger_price)
        return row if entry.original else {**row, "reason": "User requested"}

    # --- trades -----------------------------------------------------------------------

    def trade(self, order: OrderRecord, fill: FillRecord) -> Row:
        """Return a fill's row."""
        request = order.request
        return {
            "ordertxid": fill.order_id,
            "postxid": fill.exec_id,
            "pair": self._listing.rest_id,
            "time": seconds(fill.time),
            "type": _SIDES[request.side],
            "ordertype": request.order_type.value,
            "price": self._precision.price_text(fill.price),
            "cost": self._amounts.cost_text(fill.cost),
            "fee": self._amounts.fee_text(fill.fee, in_base=request.fee_in_base),
            "vol": self._precision.qty_text(fill.qty),
            "margin": self._amounts.cost_text(0),
            "leverage": "0",
            "misc": "",
            "trade_id": fill.trade_id,
            "maker": fill.maker,
            "ledgers": list(fill.ledgers),
        }


def seconds(time: int | None) -> Raw:
    """Return unix seconds as a JSON number with four decimals; None counts as 0."""
    whole, fraction = divmod(time or 0, NS_PER_S)
    return Raw(f"{whole}.{fraction // 100_000:04d}".encode())


def _seconds_or_0(time: int | None) -> Raw | int:
    """Return unix seconds, or a plain 0 for None."""
    return 0 if time is None else seconds(time)
