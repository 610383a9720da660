"""The answers of REST about an account: balances, orders, trades, fees, the key itself.

Nothing here changes anything. Orders and trades are shown as of `PrivateRequest.as_of`,
which lies in the past when the REST view is made to lag.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from kracked import units
from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.fees import SCHEDULE, percent
from kracked.gateway.accounts.ledger import LedgerMovement
from kracked.gateway.accounts.order_records import FillRecord, OrderRecord
from kracked.gateway.auth import ApiKey
from kracked.gateway.private_api.ports import Broker, Market
from kracked.gateway.private_api.rest_params import RestParams
from kracked.gateway.private_api.rest_rows import RestRows, Row, seconds
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest_names import RestNames
from kracked.times import NS_PER_S

_PAGE = 50
_LEDGER_TYPES = frozenset(
    (
        *("all", "deposit", "withdrawal", "trade", "margin", "rollover", "credit", "transfer"),
        *("settled", "staking", "dividend", "sale", "nft_rebate"),
    )
)
_TRADE_TYPES = frozenset(
    ("all", "any position", "closed position", "closing position", "no position")
)
_MOST_ORDERS, _MOST_TRADES = 50, 20
"""How many may be named in one call."""
_USD_DECIMALS = 4
USD = "USD"
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]*)?")
_Item = TypeVar("_Item")


class PrivateRequest(NamedTuple):
    """One private REST call that was admitted."""

    account: ClientAccount
    key: ApiKey
    params: RestParams
    now: int
    as_of: int
    """Queries show nothing later."""


class Queries:
    """Answers about the accounts of one broker."""

    def __init__(self, market: Market, broker: Broker, names: RestNames[Any]) -> None:
        self._market, self._broker, self._names = market, broker, names

    # --- money ------------------------------------------------------------------------

    def balance(self, request: PrivateRequest) -> object:
        """Answer Balance: what the account owns, by asset."""
        ledger = request.account.ledger
        return {
            self._rest_id(asset): ledger.text(asset, amount)
            for asset, amount in ledger.balances.items()
        }

    def balance_ex(self, request: PrivateRequest) -> object:
        """Answer BalanceEx: what the account owns and what its orders hold, by asset."""
        ledger = request.account.ledger
        return {
            self._rest_id(asset): {
                "balance": ledger.text(asset, amount),
                "hold_trade": ledger.text(asset, ledger.held(asset)),
            }
            for asset, amount in ledger.balances.items()
        }

    def trade_balance(self, request: PrivateRequest) -> object:
        """Answer TradeBalance in dollars; there is no margin.

        Raises:
            Refusal: Another asset is asked for, or the price of one that is owned is not known.
        """
        if request.params.text("asset") not in (None, "ZUSD", "USD"):
            raise Refusal(refusals.UNKNOWN_ASSET)
        balances = request.account.ledger.balances
        worth = balances.get(USD, 0) + sum(
            self._worth(asset, amount)
            for asset, amount in balances.items()
            if asset != USD and amount
        )
        unfilled = sum(self._unfilled(order) for order in request.account.orders.open())
        total, nothing = self._usd(worth), self._usd(0)
        return {
            "eb": total,
            "tb": total,
            **dict.fromkeys(("m", "n", "c", "v"), nothing),
            "e": total,
            "mf": total,
            "uv": self._usd(unfilled),
        }

    def _worth(self, asset: str, amount: int) -> int:
        """Return what an amount of an asset is worth in dollars, in ledger units."""
        for symbol, amounts in self._broker.amounts.items():
            price = self._market.last_price(symbol)
            if (amounts.base, amounts.quote) == (asset, USD) and price:
                return amounts.value(amount, price)
        raise Refusal(order_words.no_price(asset))

    def _unfilled(self, order: OrderRecord) -> int:
        """Return what is left of an open order in dollars, in ledger units."""
        amounts = self._broker.amounts[order.symbol]
        price = order.price or self._market.last_price(order.symbol)
        if amounts.quote != USD or not price:
            raise Refusal(order_words.no_price(amounts.base))
        return amounts.cost(order.left * price)

    def trade_volume(self, request: PrivateRequest) -> object:
        """Answer TradeVolume: what was traded in thirty days, and the fees of named pairs."""
        account = request.account
        reply: Row = {"currency": "ZUSD", "volume": self._usd(account.volume.total(request.now))}
        names = request.params.texts("pair")
        if not names:
            return reply
        pairs = [self._names.pair(name).rest_id for name in names]
        step = account.fee_step(request.now)
        for member, place in (("fees", 0), ("fees_maker", 1)):
            row = _fixed_row(account.fixed[place]) if account.fixed else _fee_row(step, place)
            reply[member] = dict.fromkeys(pairs, row)
        return reply

    def _usd(self, amount: int) -> str:
        """Return ledger units in dollars, cut to four decimals."""
        surplus = self._broker.scales[USD] - _USD_DECIMALS
        return units.to_text(amount // 10**surplus, _USD_DECIMALS)

    def _rest_id(self, asset: str) -> str:
        return self._broker.assets[asset].rest_id

    # --- orders -----------------------------------------------------------------------

    def open_orders(self, request: PrivateRequest) -> object:
        """Answer OpenOrders."""
        orders = (order for order in _orders(request) if order.status.open)
        return {"open": self._order_rows(request, orders)}

    def closed_orders(self, request: PrivateRequest) -> object:
        """Answer ClosedOrders: newest first, 50 a page."""
        measure, within = request.params.text("closetime") or "both", _period(request)
        if measure not in ("open", "close", "both"):
            raise Refusal(refusals.argument("closetime"))
        orders = [
            order
            for order in _orders(request)
            if not order.status.open
            and within(order.opened if measure == "open" else order.closed or 0)
        ]
        orders.sort(key=lambda order: order.closed or 0, reverse=True)
        rows = self._order_rows(request, _page(request.params, orders))
        return {"closed": rows} | _count(request.params, len(orders))

    def query_orders(self, request: PrivateRequest) -> object:
        """Answer QueryOrders: the named orders that exist."""
        names = request.params.texts("txid")
        if not 1 <= len(names) <= _MOST_ORDERS:
            raise Refusal(refusals.ARGUMENTS)
        known = {order.order_id: order for order in _orders(request)}
        return self._order_rows(request, (known[name] for name in names if name in known))

    def order_amends(self, request: PrivateRequest) -> object:
        """Answer OrderAmends: an order's terms over its life, oldest first."""
        order = request.account.orders.get(request.params.required("order_id"))
        if order is None:
            raise Refusal(order_words.INVALID_ORDER)
        rows = [self._rows(order.symbol).amendment(amend) for amend in order.amends]
        return {"amends": rows, "count": len(rows)}

    def _order_rows(self, request: PrivateRequest, orders: Iterable[OrderRecord]) -> Row:
        trades = request.params.flag("trades")
        return {
            order.order_id: self._rows(order.symbol).order(order, trades=trades) for order in orders
        }

    def _rows(self, symbol: str) -> RestRows:
        amounts = self._broker.amounts[symbol]
        return RestRows(self._market.listing(symbol), amounts)

    # --- trades -----------------------------------------------------------------------

    def trades_history(self, request: PrivateRequest) -> object:
        """Answer TradesHistory: newest first, 50 a page."""
        trade_type, within = request.params.text("type") or "all", _period(request)
        if trade_type not in _TRADE_TYPES:
            raise Refusal(refusals.argument("type"))
        fills = [
            fill
            for fill in reversed(request.account.fills.values())
            if fill.time <= request.as_of
            and within(fill.time)
            and trade_type in ("all", "no position")
        ]
        rows = self._trade_rows(request, _page(request.params, fills))
        return {"trades": rows} | _count(request.params, len(fills))

    def query_trades(self, request: PrivateRequest) -> object:
        """Answer QueryTrades: the named trades that exist."""
        names = request.params.texts("txid")
        if not 1 <= len(names) <= _MOST_TRADES:
            raise Refusal(refusals.ARGUMENTS)
        fills = request.account.fills
        return self._trade_rows(request, (fills[name] for name in names if name in fills))

    def _trade_rows(self, request: PrivateRequest, fills: Iterable[FillRecord]) -> Row:
        rows: Row = {}
        for fill in fills:
            order = request.account.orders.get(fill.order_id)
            assert order is not None
            rows[fill.exec_id] = self._rows(order.symbol).trade(order, fill)
        return rows

    # --- the ledger -------------------------------------------------------------------

    def ledgers(self, request: PrivateRequest) -> object:
        """Answer Ledgers: what fills and their fees moved, newest first, 50 a page."""
        entry_type, names = request.params.text("type") or "all", request.params.texts("asset")
        within = _period(request)
        if entry_type not in _LEDGER_TYPES:
            raise Refusal(refusals.argument("type"))
        assets = {self._names.asset(name).asset.id for name in names if name != "all"}
        entries = [
            entry
            for entry in reversed(request.account.ledger.entries.values())
            if entry.time <= request.as_of
            and within(entry.time)
            and entry_type in ("all", "trade")
            and (not assets or entry.asset in assets)
        ]
        rows = self._ledger_rows(request, _page(request.params, entries))
        return {"ledger": rows} | _count(request.params, len(entries))

    def query_ledgers(self, request: PrivateRequest) -> object:
        """Answer QueryLedgers: the named ledger entries that exist."""
        names, entries = request.params.texts("id"), request.account.ledger.entries
        if not 1 <= len(names) <= _MOST_TRADES:
            raise Refusal(refusals.ARGUMENTS)
        return self._ledger_rows(request, (entries[name] for name in names if name in entries))

    def _ledger_rows(self, request: PrivateRequest, entries: Iterable[LedgerMovement]) -> Row:
        ledger = request.account.ledger
        return {
            entry.ledger_id: {
                "refid": entry.ref_id,
                "time": seconds(entry.time),
                "type": "trade",
                "subtype": "",
                "aclass": "currency",
                "asset": self._rest_id(entry.asset),
                "amount": ledger.text(entry.asset, entry.amount),
                "fee": ledger.text(entry.asset, entry.fee),
                "balance": ledger.text(entry.asset, entry.balance),
            }
            for entry in entries
        }

    # --- the key ----------------------------------------------------------------------

    @staticmethod
    def key_info(request: PrivateRequest) -> object:
        """Answer GetApiKeyInfo."""
        key = request.key
        return {
            "api_key_name": key.account,
            "api_key": key.key,
            "nonce": str(key.nonce),
            "nonce_window": str(key.nonce_window),
            "permissions": sorted(key.permissions),
            "valid_until": "0",
            "query_from": "0",
            "query_to": "0",
            "created_time": "0",
            "modified_time": "0",
            "ip_allowlist": [],
            "last_used": str(key.last_used // NS_PER_S),
        }


def _orders(request: PrivateRequest) -> Iterable[OrderRecord]:
    """Iterate orders as they are shown, with the userref and client id that are named."""
    userref, cl_ord_id = request.params.userref(), request.params.text("cl_ord_id")
    for order in request.account.orders.as_of(request.as_of):
        if userref is not None and order.request.userref != userref:
            continue
        if cl_ord_id is None or order.request.cl_ord_id == cl_ord_id:
            yield order


def _period(request: PrivateRequest) -> Callable[[int], bool]:
    """Return a test for times after `start` and up to `end`: unix seconds, or ids."""
    start, end = _bound(request, "start"), _bound(request, "end")
    return lambda time: (start is None or time > start) and (end is None or time <= end)


def _bound(request: PrivateRequest, name: str) -> int | None:
    """Return the time that a bound names, or the time of what it names."""
    text = request.params.text(name)
    if text is None:
        return None
    account = request.account
    order, fill = account.orders.get(text), account.fills.get(text)
    entry = account.ledger.entries.get(text)
    if order is not None:
        return order.closed or order.opened
    if fill is not None:
        return fill.time
    if entry is not None:
        return entry.time
    if not _SECONDS.fullmatch(text):
        raise Refusal(refusals.argument(name))
    whole, _, fraction = text.partition(".")
    return int(whole) * NS_PER_S + int(fraction[:9].ljust(9, "0"))


def _page(params: RestParams, found: list[_Item]) -> list[_Item]:
    offset = params.whole("ofs", 0) or 0
    if offset < 0:
        raise Refusal(refusals.argument("ofs"))
    return found[offset : offset + _PAGE]


def _count(params: RestParams, count: int) -> Row:
    return {} if params.flag("without_count") else {"count": count}


def _fixed_row(rate: int) -> Row:
    """Return the row of a fee that no volume changes."""
    fees = dict.fromkeys(("fee", "minfee", "maxfee"), percent(rate))
    return {**fees, "nextfee": None, "nextvolume": None, "tiervolume": "0.0000"}


def _fee_row(step: int, place: int) -> Row:
    """Return the fee now, the bounds of the schedule, and the way to the next step."""
    rates = [entry.rates[place] for entry in SCHEDULE]
    following = SCHEDULE[step + 1] if step + 1 < len(SCHEDULE) else None
    return {
        "fee": percent(rates[step]),
        "minfee": percent(min(rates)),
        "maxfee": percent(max(rates)),
        "nextfee": None if following is None else percent(following.rates[place]),
        "nextvolume": None if following is None else f"{following.volume}.0000",
        "tiervolume": f"{SCHEDULE[step].volume}.0000",
    }
