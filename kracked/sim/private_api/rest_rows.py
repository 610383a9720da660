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

    def description(self, ticket: OrderRequest) -> str:
        """`buy 1.25000000 XBTUSD @ limit 37500.0`."""
        qty = self._digits.qty_text(ticket.qty)
        terms = self._at(ticket.kind, ticket.price, ticket.trigger_price, ticket.trail)
        return f"{_SIDES[ticket.side]} {qty} {self._listing.altname} @ {terms}"

    def closing(self, close: CloseTerms | None) -> str:
        """`close position @ stop loss 22000.0 -> limit 21000.0`; empty without one."""
        if close is None:
            return ""
        terms = self._at(close.kind, close.price, close.trigger_price, close.trail)
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
        ticket = order.ticket
        row: Row = {"refid": order.ref_id, "userref": ticket.userref or 0}
        if ticket.cl_ord_id is not None:
            row["cl_ord_id"] = ticket.cl_ord_id
        row |= {"status": order.status.rest, "opentm": seconds(order.opened)}
        if order.closed is not None:
            row |= {"closetm": seconds(order.closed), "reason": order.reason or None}
        row |= {"starttm": _moment(ticket.start_at), "expiretm": self._expiry(ticket)}
        row |= {"descr": self._descr(order), **self._progress(order)}
        if ticket.kind.waits:
            row["trigger"] = "index" if ticket.by_index else "last"
        if ticket.display_qty is not None:
            row["displayvol"] = self._digits.qty_text(order.display_qty or 0)
        row |= {"misc": self._misc(order), "oflags": _flags(ticket)}
        return row | ({"trades": list(order.trades)} if trades and order.trades else {})

    def _descr(self, order: OrderRecord) -> Row:
        ticket, waits = order.ticket, order.ticket.kind.waits
        text = self._digits.price_text
        first, second = order.price or 0, 0
        if waits:
            first, second = order.trigger_price or 0, order.price or 0
        words = self._at(ticket.kind, order.price, order.trigger_price, ticket.trail)
        prices = [text(first) if first else "0", text(second) if second else "0"]
        if ticket.trail is not None:
            prices = [ticket.trail.distance.text(self._digits.price), self._behind(ticket.trail)]
        qty = self._digits.qty_text(order.qty)
        return {
            "pair": self._listing.altname,
            "type": _SIDES[ticket.side],
            "ordertype": ticket.kind.value,
            "price": prices[0],
            "price2": prices[1] or "0",
            "leverage": "none",
            "order": f"{_SIDES[ticket.side]} {qty} {self._listing.altname} @ {words}",
            "close": self.closing(ticket.close),
        }

    def _progress(self, order: OrderRecord) -> Row:
        qty = self._digits.qty_text
        average = self._amounts.average_price(order.notional, order.filled)
        limit = order.price if order.triggered else None
        return {
            "vol": qty(order.qty),
            "vol_exec": qty(order.filled),
            "cost": self._amounts.cost_text(order.cost),
            "fee": self._amounts.fee_text(order.fee, in_base=order.ticket.fee_in_base),
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
            found.append("stopped" if order.ticket.kind.stops else "touched")
        if len(order.amends) > 1:
            found.append("amended")
        return ",".join(found)

    @staticmethod
    def _expiry(ticket: OrderRequest) -> Raw | int:
        return seconds(ticket.expire_at) if ticket.tif is TimeInForce.GTD else 0

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
        ticket = order.ticket
        return {
            "ordertxid": fill.order_id,
            "postxid": fill.exec_id,
            "pair": self._listing.rest_id,
            "time": seconds(fill.time),
            "type": _SIDES[ticket.side],
            "ordertype": ticket.kind.value,
            "price": self._digits.price_text(fill.price),
            "cost": self._amounts.cost_text(fill.cost),
            "fee": self._amounts.fee_text(fill.fee, in_base=ticket.fee_in_base),
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


def _flags(ticket: OrderRequest) -> str:
    flags = ["fcib" if ticket.fee_in_base else "fciq"]
    if ticket.post_only:
        flags.append("post")
    if ticket.cash_qty is not None:
        flags.append("viqc")
    return ",".join(flags)


def _moment(time: int | None) -> Raw | int:
    """Unix seconds, 0 for none."""
    return 0 if time is None else seconds(time)
