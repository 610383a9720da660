"""What the exchange answers about an account: balances, orders, trades, fees, the key.

Numbers are `Decimal`, as written. Instants come as unix seconds with a fraction and are
kept so; properties give ns since the Unix epoch. Asset names are the exchange's
old codes (`XXBT`, `ZUSD`).

Sources: docs.kraken.com/api/docs/rest-api/ get-extended-balance, get-trade-balance,
get-open-orders, get-closed-orders, get-order-amends, get-trade-history, get-trade-volume,
get-open-positions, get-ledgers, get-ledgers-info, get-api-key-info
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from kracked.times import NS_PER_S

ZERO = Decimal(0)


def seconds_to_ns(seconds: Decimal) -> int:
    """Unix seconds as the exchange writes them, to integer ns."""
    return int(seconds * NS_PER_S)


class WebSocketsToken(msgspec.Struct, frozen=True):
    """Opens private subscriptions, and trades: as secret as the key. Prints redacted."""

    token: str
    expires: int = 900
    """Seconds in which it must first be used."""

    def __repr__(self) -> str:
        return "WebSocketsToken(<redacted>)"

    __str__ = __repr__


class ExtendedBalance(msgspec.Struct, frozen=True):
    """One asset's funds."""

    balance: Decimal
    hold_trade: Decimal = ZERO
    """Held by open spot orders."""
    credit: Decimal = ZERO
    credit_used: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        """What a new order may use."""
        return self.balance + self.credit - self.credit_used - self.hold_trade


class TradeBalance(
    msgspec.Struct,
    frozen=True,
    rename={
        "equivalent": "eb",
        "trade_balance": "tb",
        "margin": "m",
        "unrealised": "n",
        "cost_basis": "c",
        "valuation": "v",
        "equity": "e",
        "free_margin": "mf",
        "margin_level": "ml",
        "unfilled": "uv",
    },
):
    """The account in one currency."""

    equivalent: Decimal = ZERO
    trade_balance: Decimal = ZERO
    margin: Decimal = ZERO
    unrealised: Decimal = ZERO
    cost_basis: Decimal = ZERO
    valuation: Decimal = ZERO
    equity: Decimal = ZERO
    free_margin: Decimal = ZERO
    margin_level: Decimal | None = None
    """Percent; None without positions."""
    unfilled: Decimal = ZERO


class OrderDescription(
    msgspec.Struct, frozen=True, rename={"side": "type", "order_type": "ordertype"}
):
    pair: str = ""
    """The altname, such as ``XBTUSD``."""
    side: str = ""
    """`buy` or `sell`."""
    order_type: str = ""
    price: str = ""
    """Limit or trigger; may be relative text such as ``+1.0%``."""
    price2: str = ""
    leverage: str = "none"
    order: str = ""
    close: str | None = None


class OrderInfo(msgspec.Struct, frozen=True):
    """One order as the query endpoints describe it."""

    status: str
    """`pending`, `open`, `closed` (wholly filled), `canceled`, `expired`."""
    descr: OrderDescription = OrderDescription()
    refid: str | None = None
    """The order that made this one; ``None`` may come as that very text."""
    userref: int | None = None
    cl_ord_id: str | None = None
    opentm: Decimal = ZERO
    starttm: Decimal = ZERO
    expiretm: Decimal = ZERO
    closetm: Decimal = ZERO
    vol: Decimal = ZERO
    vol_exec: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    price: Decimal = ZERO
    """Average of the fills, not the limit."""
    stopprice: Decimal = ZERO
    limitprice: Decimal = ZERO
    trigger: str = "last"
    margin: bool = False
    misc: str = ""
    oflags: str = ""
    trades: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def opened(self) -> int:
        return seconds_to_ns(self.opentm)

    @property
    def remaining(self) -> Decimal:
        return self.vol - self.vol_exec


class OpenOrders(msgspec.Struct, frozen=True):
    open: dict[str, OrderInfo]
    """By order id."""


class ClosedOrders(msgspec.Struct, frozen=True):
    closed: dict[str, OrderInfo]
    """By order id, newest first, 50 to a page."""
    count: int = 0


class ClosedBy(StrEnum):
    """Which of an order's two times a span of closed orders means; the exchange's is `both`."""

    OPEN = "open"
    CLOSE = "close"
    BOTH = "both"


class AmendInfo(msgspec.Struct, frozen=True):
    """One state of an order in its history."""

    amend_id: str
    amend_type: str
    """`original`, `user`, or `restated` by the engine."""
    order_qty: Decimal = ZERO
    remaining_qty: Decimal = ZERO
    display_qty: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    reason: str | None = None
    post_only: bool = False
    timestamp: int = 0
    """Milliseconds, unlike the rest."""

    @property
    def amended(self) -> int:
        """ns since the Unix epoch."""
        return self.timestamp * (NS_PER_S // 1_000)


class OrderAmends(msgspec.Struct, frozen=True):
    amends: tuple[AmendInfo, ...] = ()
    """Oldest first; the first is the order as it was placed."""
    count: int = 0


class Position(msgspec.Struct, frozen=True, rename={"side": "type", "order_type": "ordertype"}):
    """One margin position."""

    ordertxid: str
    pair: str
    side: str
    order_type: str
    cost: Decimal
    vol: Decimal
    vol_closed: Decimal = ZERO
    fee: Decimal = ZERO
    margin: Decimal = ZERO
    value: Decimal | None = None
    net: Decimal | None = None
    """Unrealised profit or loss."""
    time: Decimal = ZERO
    posstatus: str = ""
    terms: str = ""
    rollovertm: Decimal = ZERO


class TradeInfo(msgspec.Struct, frozen=True, rename={"side": "type", "order_type": "ordertype"}):
    """One own fill."""

    ordertxid: str
    pair: str
    time: Decimal
    side: str
    order_type: str
    price: Decimal
    cost: Decimal
    fee: Decimal
    vol: Decimal
    margin: Decimal = ZERO
    misc: str = ""
    trade_id: int = 0
    maker: bool | None = None
    postxid: str | None = None
    leverage: str | None = None
    ledgers: tuple[str, ...] = ()
    posstatus: str | None = None

    @property
    def traded(self) -> int:
        return seconds_to_ns(self.time)


class TradesHistory(msgspec.Struct, frozen=True):
    trades: dict[str, TradeInfo]
    """By trade id, newest first, 50 to a page."""
    count: int = 0


class LedgerEntry(
    msgspec.Struct,
    frozen=True,
    rename={"kind": "type", "subkind": "subtype", "asset_class": "aclass"},
):
    """One movement of one asset."""

    refid: str
    """What moved it: of both legs of a trade the trade's id."""
    time: Decimal
    kind: str
    """`trade`, `deposit`, `withdrawal`, `transfer`, ...; new ones appear."""
    asset: str
    amount: Decimal
    """Signed, the fee not included."""
    fee: Decimal
    balance: Decimal
    """Of the asset afterwards, the fee taken off."""
    subkind: str = ""
    asset_class: str = "currency"

    @property
    def moved(self) -> int:
        return seconds_to_ns(self.time)


class Ledgers(msgspec.Struct, frozen=True):
    ledger: dict[str, LedgerEntry]
    """By entry id, newest first, 50 to a page."""
    count: int = 0


class FeeLevel(msgspec.Struct, frozen=True):
    """A fee in percent, and the way to the next. Member names as both spellings squash to."""

    fee: Decimal
    minfee: Decimal | None = None
    maxfee: Decimal | None = None
    nextfee: Decimal | None = None
    nextvolume: Decimal | None = None
    tiervolume: Decimal | None = None


class TradeVolume(msgspec.Struct, frozen=True):
    """The account's 30-day volume and what it pays per pair."""

    currency: str = ""
    volume: Decimal = ZERO
    fees: dict[str, FeeLevel] = {}
    """Taker, by pair id."""
    fees_maker: dict[str, FeeLevel] = {}


class KeyInfo(msgspec.Struct, frozen=True):
    """What the exchange knows of the key that asked. Member names squashed, as above."""

    apikeyname: str = ""
    nonce: int = 0
    noncewindow: int = 0
    permissions: tuple[str, ...] = ()
    validuntil: int = 0
    """Unix seconds, like the rest; 0: for ever."""
    queryfrom: int = 0
    queryto: int = 0
    ipallowlist: tuple[str, ...] = ()
    lastused: int = 0

    @property
    def may_trade(self) -> bool:
        return "modify-trades" in self.permissions

    @property
    def may_withdraw(self) -> bool:
        """A key no terminal should hold."""
        return not _WITHDRAWAL.isdisjoint(self.permissions)


_WITHDRAWAL = frozenset({"withdraw-funds", "add-withdraw-address", "update-withdraw-address"})


def squash(members: dict[str, Any]) -> dict[str, Any]:
    """Names without case and underscores: the documentation and the wire spell them two ways."""
    return {name.replace("_", "").lower(): value for name, value in members.items()}


def read_trade_volume(raw: bytes) -> TradeVolume:
    """Raises msgspec's errors for anything but the documented shape."""
    found = msgspec.json.decode(raw, type=_WireTradeVolume)
    return TradeVolume(
        currency=found.currency,
        volume=found.volume,
        fees=_levels(found.fees),
        fees_maker=_levels(found.fees_maker),
    )


class _WireTradeVolume(msgspec.Struct):
    currency: str = ""
    volume: Decimal = ZERO
    fees: dict[str, dict[str, Decimal | None]] | None = None
    fees_maker: dict[str, dict[str, Decimal | None]] | None = None


def _levels(found: dict[str, dict[str, Decimal | None]] | None) -> dict[str, FeeLevel]:
    rows = (found or {}).items()
    return {pair: msgspec.convert(squash(row), FeeLevel) for pair, row in rows}


def read_key_info(raw: bytes) -> KeyInfo:
    """Raises msgspec's errors for anything but the documented shape."""
    members = squash(msgspec.json.decode(raw, type=dict[str, Any]))
    # An empty allow-list has been seen as one empty text.
    members["ipallowlist"] = [address for address in members.get("ipallowlist") or () if address]
    return msgspec.convert(members, KeyInfo, strict=False)
