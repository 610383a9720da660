"""What REST answers about an account: balances, orders, trades, fees, the key itself.

Nothing here changes anything. Orders and trades are shown as of `PrivateRequest.seen`, which
lies in the past when the REST view is made to lag.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from kracked import units
from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.sim import messages
from kracked.sim.accounts.fees import SCHEDULE, percent
from kracked.sim.accounts.ledger import LedgerMovement
from kracked.sim.accounts.order_records import FillRecord, OrderRecord
from kracked.sim.order_entry.brokerage import USD, Brokerage
from kracked.sim.order_entry.ports import TradingVenue
from kracked.sim.private_api.rest_params import RestParams
from kracked.sim.private_api.rest_request import PrivateRequest
from kracked.sim.private_api.rest_rows import RestRows, Row, seconds
from kracked.sim.rest_names import RestNames
from kracked.times import NS_PER_S

_PAGE = 50
_ENTRY_KINDS = frozenset(
    (
        *("all", "deposit", "withdrawal", "trade", "margin", "rollover", "credit", "transfer"),
        *("settled", "staking", "dividend", "sale", "nft_rebate"),
    )
)
_TRADE_KINDS = frozenset(
    ("all", "any position", "closed position", "closing position", "no position")
)
_ORDERS_ASKED, _TRADES_ASKED = 50, 20
_USD_DECIMALS = 4
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]*)?")
_Item = TypeVar("_Item")


class Queries:
    """Answers about the accounts of one brokerage."""

    def __init__(self, venue: TradingVenue, brokerage: Brokerage, names: RestNames) -> None:
        self._venue, self._brokerage, self._names = venue, brokerage, names

    # --- money ------------------------------------------------------------------------

    def balance(self, ask: PrivateRequest) -> object:
        ledger = ask.account.ledger
        return {
            self._rest_id(asset): ledger.text(asset, amount)
            for asset, amount in ledger.balances.items()
        }

    def balance_ex(self, ask: PrivateRequest) -> object:
        ledger = ask.account.ledger
        return {
            self._rest_id(asset): {
                "balance": ledger.text(asset, amount),
                "hold_trade": ledger.text(asset, ledger.held(asset)),
            }
            for asset, amount in ledger.balances.items()
        }

    def trade_balance(self, ask: PrivateRequest) -> object:
        """In dollars: every pair here is quoted in them, and there is no margin."""
        if ask.form.text("asset") not in (None, "ZUSD", "USD"):
            raise Refusal(refusals.UNKNOWN_ASSET)
        funds, ledger = self._brokerage.funds, ask.account.ledger
        prices = {
            amounts.base: (amounts, self._venue.last_price(symbol))
            for symbol, amounts in self._brokerage.clerk.amounts.items()
            if amounts.base in ledger.balances
        }
        worth = ledger.balances.get(USD, 0) + sum(
            amounts.value(ledger.balances[asset], price)
            for asset, (amounts, price) in prices.items()
        )
        unfilled = sum(
            funds.unfilled(order, self._venue.last_price(order.symbol))
            for order in ask.account.orders.open()
        )
        total, nothing = self._usd(worth), self._usd(0)
        row = dict.fromkeys(("m", "n", "c", "v"), nothing)
        return {
            "eb": total,
            "tb": total,
            **row,
            "e": total,
            "mf": total,
            "uv": self._usd(unfilled),
        }

    def trade_volume(self, ask: PrivateRequest) -> object:
        account = ask.account
        reply: Row = {"currency": "ZUSD", "volume": self._usd(account.volume.total(ask.now))}
        names = ask.form.names("pair")
        if not names:
            return reply
        pairs = [self._names.pair(name).rest_id for name in names]
        step = account.step(ask.now)
        for member, place in (("fees", 0), ("fees_maker", 1)):
            reply[member] = {pair: _fee_row(step, place) for pair in pairs}
        return reply

    def _usd(self, amount: int) -> str:
        """Of ledger units, to four decimals, cut."""
        surplus = self._brokerage.scale(USD) - _USD_DECIMALS
        return units.to_text(amount // 10**surplus, _USD_DECIMALS)

    def _rest_id(self, asset: str) -> str:
        return self._brokerage.assets[asset].rest_id

    # --- orders -----------------------------------------------------------------------

    def open_orders(self, ask: PrivateRequest) -> object:
        found = (order for order in _asked(ask) if order.status.open)
        return {"open": self._order_rows(ask, found)}

    def closed_orders(self, ask: PrivateRequest) -> object:
        """Newest first, 50 a page."""
        measured, within = ask.form.text("closetime") or "both", _period(ask)
        if measured not in ("open", "close", "both"):
            raise Refusal(refusals.argument("closetime"))
        found = [
            order
            for order in _asked(ask)
            if not order.status.open
            and within(order.opened if measured == "open" else order.closed or 0)
        ]
        found.sort(key=lambda order: order.closed or 0, reverse=True)
        rows = self._order_rows(ask, _page(ask.form, found))
        return {"closed": rows} | _count(ask.form, len(found))

    def query_orders(self, ask: PrivateRequest) -> object:
        names = ask.form.names("txid")
        if not 1 <= len(names) <= _ORDERS_ASKED:
            raise Refusal(refusals.ARGUMENTS)
        known = {order.order_id: order for order in _asked(ask)}
        return self._order_rows(ask, (known[name] for name in names if name in known))

    def order_amends(self, ask: PrivateRequest) -> object:
        order = ask.account.orders.get(ask.form.needed("order_id"))
        if order is None:
            raise Refusal(messages.INVALID_ORDER)
        rows = [self._rows(order.symbol).amendment(entry) for entry in order.amends]
        return {"amends": rows, "count": len(rows)}

    def _order_rows(self, ask: PrivateRequest, orders: Iterable[OrderRecord]) -> Row:
        trades = ask.form.flag("trades")
        return {
            order.order_id: self._rows(order.symbol).order(order, trades=trades) for order in orders
        }

    def _rows(self, symbol: str) -> RestRows:
        return RestRows(self._venue.listing(symbol), self._brokerage.clerk.amounts[symbol])

    # --- trades -----------------------------------------------------------------------

    def trades_history(self, ask: PrivateRequest) -> object:
        """Newest first, 50 a page."""
        kind, within = ask.form.text("type") or "all", _period(ask)
        if kind not in _TRADE_KINDS:
            raise Refusal(refusals.argument("type"))
        found = [
            fill
            for fill in reversed(ask.account.fills.values())
            if fill.time <= ask.seen and within(fill.time) and kind in ("all", "no position")
        ]
        rows = self._trade_rows(ask, _page(ask.form, found))
        return {"trades": rows} | _count(ask.form, len(found))

    def query_trades(self, ask: PrivateRequest) -> object:
        names = ask.form.names("txid")
        if not 1 <= len(names) <= _TRADES_ASKED:
            raise Refusal(refusals.ARGUMENTS)
        fills = ask.account.fills
        return self._trade_rows(ask, (fills[name] for name in names if name in fills))

    def _trade_rows(self, ask: PrivateRequest, fills: Iterable[FillRecord]) -> Row:
        rows: Row = {}
        for fill in fills:
            order = ask.account.orders.get(fill.order_id)
            assert order is not None
            rows[fill.exec_id] = self._rows(order.symbol).trade(order, fill)
        return rows

    # --- the ledger -------------------------------------------------------------------

    def ledgers(self, ask: PrivateRequest) -> object:
        """What fills and their fees moved, newest first, 50 a page."""
        kind, assets = ask.form.text("type") or "all", ask.form.names("asset")
        within = _period(ask)
        if kind not in _ENTRY_KINDS:
            raise Refusal(refusals.argument("type"))
        wanted = {self._names.asset(name).asset.id for name in assets if name != "all"}
        found = [
            entry
            for entry in reversed(ask.account.ledger.entries.values())
            if entry.time <= ask.seen
            and within(entry.time)
            and kind in ("all", "trade")
            and (not wanted or entry.asset in wanted)
        ]
        rows = self._ledger_rows(ask, _page(ask.form, found))
        return {"ledger": rows} | _count(ask.form, len(found))

    def query_ledgers(self, ask: PrivateRequest) -> object:
        names, entries = ask.form.names("id"), ask.account.ledger.entries
        if not 1 <= len(names) <= _TRADES_ASKED:
            raise Refusal(refusals.ARGUMENTS)
        return self._ledger_rows(ask, (entries[name] for name in names if name in entries))

    def _ledger_rows(self, ask: PrivateRequest, entries: Iterable[LedgerMovement]) -> Row:
        ledger = ask.account.ledger
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
    def key_info(ask: PrivateRequest) -> object:
        key = ask.key
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


def _asked(ask: PrivateRequest) -> Iterable[OrderRecord]:
    """Orders as they are seen, of the userref and client id that were asked for."""
    userref, cl_ord_id = ask.form.userref(), ask.form.text("cl_ord_id")
    for order in ask.account.orders.as_of(ask.seen):
        ticket = order.ticket
        if userref is not None and ticket.userref != userref:
            continue
        if cl_ord_id is None or ticket.cl_ord_id == cl_ord_id:
            yield order


def _period(ask: PrivateRequest) -> Callable[[int], bool]:
    """Whether a time lies after `start` and up to `end`; both are unix seconds or ids."""
    start, end = _bound(ask, "start"), _bound(ask, "end")
    return lambda time: (start is None or time > start) and (end is None or time <= end)


def _bound(ask: PrivateRequest, name: str) -> int | None:
    text = ask.form.text(name)
    if text is None:
        return None
    order, fill = ask.account.orders.get(text), ask.account.fills.get(text)
    entry = ask.account.ledger.entries.get(text)
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


def _page(form: RestParams, found: list[_Item]) -> list[_Item]:
    offset = form.whole("ofs", 0) or 0
    if offset < 0:
        raise Refusal(refusals.argument("ofs"))
    return found[offset : offset + _PAGE]


def _count(form: RestParams, count: int) -> Row:
    return {} if form.flag("without_count") else {"count": count}


def _fee_row(step: int, place: int) -> Row:
    """The fee now, the bounds of the schedule, and the way to the next step."""
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
