"""The rows of `executions` and `balances`, member for member as the exchange sends them.

Updates are deltas: only `pending_new` and snapshots carry an order's terms. Numbers are
JSON numbers with the engine's own digits, inserted as text (`Raw`), because a Decimal of
1e-8 would print with an exponent.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances; recordings
in public clients' tests for pending_new, new, trade, amended and canceled. The members
of filled, expired, status and iceberg_refill are not recorded anywhere we know: they
follow those of canceled.
"""

from __future__ import annotations

from msgspec import Raw

from kracked import units
from kracked.gateway import order_words
from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.ledger import AccountLedger, LedgerMovement
from kracked.gateway.accounts.order_records import FillRecord, OrderRecord
from kracked.gateway.accounts.private_streams import Row
from kracked.protocol.encode import micros
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TrailOffset

_SIDES = {Side.BID: "buy", Side.ASK: "sell"}
_USD_DECIMALS = 4


class StreamRows:
    """Words the rows of one instrument's orders."""

    def __init__(self, amounts: Amounts) -> None:
        self._amounts = amounts
        self._precision = amounts.instrument.precision

    # --- executions -------------------------------------------------------------------

    def pending_new(self, order: OrderRecord) -> Row:
        """Return the row of an order that was accepted, with all its terms."""
        return {
            "order_id": order.order_id,
            **self._terms(order),
            "cum_cost": self._cost(0),
            "exec_type": "pending_new",
            "order_status": "pending_new",
            "fee_usd_equiv": _usd(0),
            "timestamp": micros(order.opened),
        }

    def standing(self, order: OrderRecord) -> Row:
        """Return an open order's row in a snapshot: its terms and its progress."""
        return {
            "order_id": order.order_id,
            **self._terms(order),
            **self._progress(order),
            "exec_type": "new",
            "order_status": order.standing.value,
            "amended": len(order.amends) > 1,
            "timestamp": micros(order.touched),
            **({"reason": order.reason} if order.reason else {}),
            **({} if order.place is None else self._queue_place(order)),
        }

    def new(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an order that is open now."""
        return self._delta(order, "new", order.standing.value, time)

    def trade(self, order: OrderRecord, fill: FillRecord, *, snapshot: bool = False) -> Row:
        """Return the row of a fill: `partially_filled` even for the last; `filled` follows it."""
        precision = self._precision
        row: Row = {
            "order_id": order.order_id,
            **_client_id(order),
            "exec_id": fill.exec_id,
            "exec_type": "trade",
            "trade_id": fill.trade_id,
            "symbol": order.symbol,
            "side": _SIDES[order.side],
            "last_qty": _raw(precision.qty_text(fill.qty)),
            "last_price": _raw(precision.price_text(fill.price)),
            "liquidity_ind": "m" if fill.maker else "t",
            "cost": self._cost(fill.cost),
            "order_type": order.request.order_type.value,
            "timestamp": micros(fill.time),
            "order_status": "filled" if snapshot else "partially_filled",
        }
        # The fee's worth is the fill's own in a snapshot, else the order's so far.
        if snapshot:
            row["fee_usd_equiv"] = self._fee_usd(order, fill.fee, fill.price)
        else:
            row |= self._progress(order)
        amount = self._amounts.fee_text(fill.fee, in_base=order.request.fee_in_base)
        fee = {"asset": fill.fee_asset, "qty": _raw(amount)}
        return row | {"fees": [fee]}

    def filled(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an order that ended, filled."""
        return self._delta(order, "filled", "filled", time) | self._progress(order)

    def canceled(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an order that ended, cancelled."""
        row = self._delta(order, "canceled", "canceled", time) | self._progress(order)
        return row | {"cancel_reason": order.reason, "reason": order.reason}

    def expired(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an order that ended with its time."""
        row = self._delta(order, "expired", "expired", time) | self._progress(order)
        return row | {"reason": order.reason}

    def amended(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an order that has new terms."""
        row = self._delta(order, "amended", order.standing.value, time)
        row["cum_qty"] = self._qty(order.filled)
        row |= {
            "reason": order_words.USER_REQUESTED,
            "amended": True,
            "order_qty": self._qty(order.qty),
        }
        if order.request.display_qty is not None:
            row["display_qty"] = self._qty(order.display_qty or 0)
        if order.waiting:
            row["triggers"] = self._triggers(order)
        if order.price is not None:
            row |= {"limit_price": self._price(order.price), "limit_price_type": "static"}
        return row

    def placed(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an order whose place in the queue has changed.

        The exchange has no such member, and its clients pass over what they do not know.
        """
        row = self._delta(order, "status", order.standing.value, time)
        return row | self._queue_place(order)

    def noted(self, order: OrderRecord, time: int) -> Row:
        """Return the row of an open order that says no more than its `reason`."""
        row = self._delta(order, "status", order.standing.value, time)
        return row | {"reason": order.reason}

    def trailed(self, order: OrderRecord, time: int) -> Row:
        """Return the row of a trailing order whose trigger followed the market."""
        row = self._delta(order, "status", order.standing.value, time)
        return row | {"triggers": self._triggers(order)}

    def triggered(self, order: OrderRecord, last: int, time: int) -> Row:
        """Return the row of an order that a trade at `last` triggered."""
        row = self._delta(order, "status", "new", time)
        moment = {
            "actual_price": self._price(last),
            "last_price": self._price(last),
            "timestamp": micros(time),
        }
        row["triggers"] = {**self._triggers(order), **moment}
        return row

    def refilled(self, order: OrderRecord, shown: int, time: int) -> Row:
        """Return the row of an iceberg that shows its next part."""
        row = self._delta(order, "iceberg_refill", order.standing.value, time)
        return row | {"display_qty_remain": self._qty(shown), "cum_qty": self._qty(order.filled)}

    # --- parts ------------------------------------------------------------------------

    def _terms(self, order: OrderRecord) -> Row:
        request = order.request
        terms: Row = {
            "symbol": order.symbol,
            "order_qty": self._qty(order.qty),
            "time_in_force": request.tif.value,
            "side": _SIDES[order.side],
            "order_type": request.order_type.value,
            **_client_id(order),
            "limit_price_type": "static",
        }
        if request.order_type.waits:
            terms["triggers"] = self._triggers(order)
            terms["trigger"] = "index" if request.by_index else "last"
        if order.price is not None:
            terms["limit_price"] = self._price(order.price)
        elif request.trail is not None and request.trail.limit is not None:
            terms["limit_price"], terms["limit_price_type"] = self._distance(request.trail.limit)
        terms["stop_price"] = self._price(order.trigger_price or 0)
        terms["fee_ccy_pref"] = "fcib" if request.fee_in_base else "fciq"
        return terms | self._options(order)

    def _options(self, order: OrderRecord) -> Row:
        """Return the members that few orders have and the others leave out."""
        request = order.request
        options: Row = {}
        if order.display_qty is not None:
            options["display_qty"] = self._qty(order.display_qty)
        if request.cash_qty is not None:
            decimals = self._precision.price + self._precision.qty
            options["cash_order_qty"] = _raw(units.to_text(request.cash_qty, decimals))
        if request.post_only:
            options["post_only"] = True
        if request.start_at is not None:
            options["effective_time"] = micros(request.start_at)
        if request.expire_at is not None:
            options["expire_time"] = micros(request.expire_at)
        if order.ref_id is not None:
            options["ord_ref_id"] = order.ref_id
        if request.close is not None:
            options["contingent"] = self._contingent(order)
        return options

    def _queue_place(self, order: OrderRecord) -> Row:
        """Return the member that bounds what is ahead of an order; empty where it is not known."""
        place = order.place
        if place is None:
            return {"queue_place": {}}
        most = None if place.most is None else self._qty(place.most)
        return {
            "queue_place": {
                "limit_price": self._price(place.price),
                "qty_ahead_least": self._qty(place.least),
                "qty_ahead_most": most,
            }
        }

    def _contingent(self, order: OrderRecord) -> Row:
        close = order.request.close
        assert close is not None
        row: Row = {"order_type": close.order_type.value}
        if close.trail is not None:
            price, price_type = self._distance(close.trail.distance)
            row |= {"trigger_price": price, "trigger_price_type": price_type}
            if close.trail.limit is not None:
                limit, limit_type = self._distance(close.trail.limit)
                row |= {"limit_price": limit, "limit_price_type": limit_type}
        if close.trigger_price is not None:
            row |= {
                "trigger_price": self._price(close.trigger_price),
                "trigger_price_type": "static",
            }
        if close.price is not None:
            row |= {"limit_price": self._price(close.price), "limit_price_type": "static"}
        return row

    def _distance(self, offset: TrailOffset) -> tuple[Raw, str]:
        text = offset.text(self._precision.price).removeprefix("+").removesuffix("%")
        return _raw(text), "pct" if offset.percent else "quote"

    def _triggers(self, order: OrderRecord) -> Row:
        trail = order.request.trail
        price: Row = {"price": self._price(order.trigger_price or 0), "price_type": "static"}
        if trail is not None:
            distance, price_type = self._distance(trail.distance)
            price = {"price": distance, "price_type": price_type}
            if order.trigger_price is not None:
                price["actual_price"] = self._price(order.trigger_price)
        return {
            **price,
            "reference": "index" if order.request.by_index else "last",
            "status": "triggered" if order.triggered else "untriggered",
        }

    def _progress(self, order: OrderRecord) -> Row:
        average = self._amounts.average_price(order.notional, order.filled)
        return {
            "cum_qty": self._qty(order.filled),
            "cum_cost": self._cost(order.cost),
            "fee_usd_equiv": self._fee_usd(order, order.fee, average),
            "avg_price": self._price(average),
        }

    def _delta(self, order: OrderRecord, exec_type: str, status: str, time: int) -> Row:
        return {
            "timestamp": micros(time),
            "order_status": status,
            "exec_type": exec_type,
            **_client_id(order),
            "order_id": order.order_id,
        }

    def _fee_usd(self, order: OrderRecord, fee: int, price: int) -> Raw:
        if not order.request.fee_in_base:
            return _usd(fee, self._amounts.quote_decimals)
        decimals = self._amounts.base_decimals + self._precision.price
        return _usd(fee * price, decimals)

    def _qty(self, qty: int) -> Raw:
        return _raw(self._precision.qty_text(qty))

    def _price(self, price: int) -> Raw:
        return _raw(self._precision.price_text(price))

    def _cost(self, amount: int) -> Raw:
        return _raw(self._amounts.cost_text(amount))


# --- balances -------------------------------------------------------------------------


def balance(ledger: AccountLedger, asset: str) -> Row:
    """Return the row of an asset in a snapshot; everything is in the one wallet there is."""
    amount = _raw(ledger.text(asset, ledger.balances[asset]))
    wallet = {"type": "spot", "id": "main", "balance": amount}
    return {"asset": asset, "asset_class": "currency", "balance": amount, "wallets": [wallet]}


def movement(ledger: AccountLedger, entry: LedgerMovement) -> Row:
    """Return the row of one movement of a trade."""
    asset = entry.asset
    return {
        "ledger_id": entry.ledger_id,
        "ref_id": entry.ref_id,
        "timestamp": micros(entry.time),
        "type": "trade",
        "asset": asset,
        "asset_class": "currency",
        "category": "trade",
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": _raw(ledger.text(asset, entry.amount)),
        "fee": _raw(ledger.text(asset, entry.fee)),
        "balance": _raw(ledger.text(asset, entry.balance)),
    }


def _client_id(order: OrderRecord) -> Row:
    request = order.request
    if request.cl_ord_id is not None:
        return {"cl_ord_id": request.cl_ord_id}
    return {} if request.userref is None else {"order_userref": request.userref}


def _usd(amount: int, decimals: int = _USD_DECIMALS) -> Raw:
    """Return an amount to four decimals, half up: the quote asset stands for the dollar."""
    step = 10 ** max(0, decimals - _USD_DECIMALS)
    whole = amount * 10 ** max(0, _USD_DECIMALS - decimals)
    return _raw(units.to_text((whole + step // 2) // step, _USD_DECIMALS))


def _raw(text: str) -> Raw:
    return Raw(text.encode())
