"""The exchange's answers about an account: balances, fills, fees, the key.

Numbers are `Decimal`, as written. Instants are unix seconds with a fraction, as sent;
properties give ns since the Unix epoch. Asset names are the exchange's old codes (`XXBT`,
`ZUSD`).

Sources: docs.kraken.com/api/docs/rest-api/ get-extended-balance, get-trade-balance,
get-trade-history, get-trade-volume, get-open-positions, get-ledgers, get-ledgers-info,
get-api-key-info
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from kracked.errors import ProtocolError
from kracked.times import NS_PER_S

ZERO = Decimal(0)
_LONGEST_TIME = 12
"""Digits of unix seconds before the point; beyond that it is no time."""


def seconds_to_ns(seconds: Decimal) -> int:
    """Convert unix seconds, as the exchange writes them, to ns.

    Raises:
        ProtocolError: It is no possible time.
    """
    if not seconds.is_finite() or seconds.adjusted() > _LONGEST_TIME:
        raise ProtocolError(f"{seconds} is no time")
    return int(seconds * NS_PER_S)


class WebSocketsToken(msgspec.Struct, frozen=True):
    """A token for private sockets: it can trade, so it is as secret as the key. Prints redacted."""

    token: str
    expires: int = 900
    """Seconds within which it must first be used."""

    def __repr__(self) -> str:
        return "WebSocketsToken(<redacted>)"

    __str__ = __repr__


class ExtendedBalance(msgspec.Struct, frozen=True):
    """The funds of one asset."""

    balance: Decimal
    hold_trade: Decimal = ZERO
    """Held by open spot orders."""
    credit: Decimal = ZERO
    credit_used: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        """The amount that a new order may use."""
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
    """The account's worth and margin in one currency."""

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


class Position(msgspec.Struct, frozen=True, rename={"side": "type", "order_type": "ordertype"}):
    """One margin position."""

    ordertxid: str
    """The order that opened it."""
    pair: str
    side: str
    order_type: str
    cost: Decimal
    """In the quote currency."""
    vol: Decimal
    """In the base currency."""
    vol_closed: Decimal = ZERO
    fee: Decimal = ZERO
    margin: Decimal = ZERO
    value: Decimal | None = None
    """Present value in the quote currency."""
    net: Decimal | None = None
    """Unrealised profit or loss."""
    time: Decimal = ZERO
    """Unix seconds."""
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
    """Ids of its ledger entries, if they were asked for."""
    posstatus: str | None = None

    @property
    def traded(self) -> int:
        """ns since the Unix epoch."""
        return seconds_to_ns(self.time)


class TradesHistory(msgspec.Struct, frozen=True):
    """A page of own fills."""

    trades: dict[str, TradeInfo]
    """By trade id, newest first, 50 to a page."""
    count: int = 0
    """Rows of all pages."""


class LedgerEntry(
    msgspec.Struct,
    frozen=True,
    rename={"kind": "type", "subkind": "subtype", "asset_class": "aclass"},
):
    """One movement of one asset."""

    refid: str
    """The id of its cause; both legs of a trade have the trade's id."""
    time: Decimal
    kind: str
    """`trade`, `deposit`, `withdrawal`, `transfer`, ...; new ones appear."""
    asset: str
    amount: Decimal
    """Signed, without the fee."""
    fee: Decimal
    balance: Decimal
    """The asset's balance afterwards, less the fee."""
    subkind: str = ""
    asset_class: str = "currency"

    @property
    def moved(self) -> int:
        """ns since the Unix epoch."""
        return seconds_to_ns(self.time)


class Ledgers(msgspec.Struct, frozen=True):
    """A page of ledger entries."""

    ledger: dict[str, LedgerEntry]
    """By entry id, newest first, 50 to a page."""
    count: int = 0
    """Rows of all pages."""


class FeeLevel(msgspec.Struct, frozen=True):
    """A fee, and the way to the next level. Member names are squashed, see `squash`."""

    fee: Decimal
    """Percent."""
    minfee: Decimal | None = None
    maxfee: Decimal | None = None
    nextfee: Decimal | None = None
    nextvolume: Decimal | None = None
    tiervolume: Decimal | None = None


class TradeVolume(msgspec.Struct, frozen=True):
    """The account's 30-day volume, and the fees it pays."""

    currency: str = ""
    """The currency of `volume`."""
    volume: Decimal = ZERO
    fees: dict[str, FeeLevel] = {}
    """Taker fees by pair id."""
    fees_maker: dict[str, FeeLevel] = {}
    """Maker fees by pair id."""


class KeyInfo(msgspec.Struct, frozen=True):
    """The exchange's record of the key that asked. Member names are squashed, see `squash`."""

    permissions: tuple[str, ...]
    """Such as ``query-funds``."""
    apikeyname: str = ""
    nonce: int = 0
    """The highest nonce that the exchange has seen."""
    noncewindow: int = 0
    validuntil: int = 0
    """Unix seconds, as all times here; 0: for ever."""
    queryfrom: int = 0
    queryto: int = 0
    ipallowlist: tuple[str, ...] = ()
    lastused: int = 0

    @property
    def may_trade(self) -> bool:
        """Whether it can place and change orders."""
        return "modify-trades" in self.permissions

    @property
    def may_withdraw(self) -> bool:
        """Whether it can withdraw funds; a terminal should have no such key."""
        return not _WITHDRAWAL.isdisjoint(self.permissions)


_WITHDRAWAL = frozenset({"withdraw-funds", "add-withdraw-address", "update-withdraw-address"})


def squash(members: dict[str, Any]) -> dict[str, Any]:
    """Return members by names without case and underscores.

    The documentation and the wire spell them in two ways.
    """
    return {name.replace("_", "").lower(): value for name, value in members.items()}


def read_trade_volume(raw: bytes) -> TradeVolume:
    """Decode a `TradeVolume`; raises msgspec's errors for anything but the documented shape."""
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
    """Decode a `KeyInfo`; raises msgspec's errors when it names no permissions.

    What is odd about any other member costs that member alone: it takes its default.
    """
    members = squash(msgspec.json.decode(raw, type=dict[str, Any]))
    # An empty allow-list has been seen as a list of one empty text.
    if isinstance(addresses := members.get("ipallowlist"), list):
        members["ipallowlist"] = [address for address in addresses if address]
    found = msgspec.convert({"permissions": members.get("permissions")}, KeyInfo)
    for name in set(KeyInfo.__struct_fields__) - {"permissions"}:
        if name in members:
            try:
                row = {"permissions": (), name: members[name]}
                value = getattr(msgspec.convert(row, KeyInfo, strict=False), name)
            except msgspec.ValidationError:
                continue
            found = msgspec.structs.replace(found, **{name: value})
    return found
