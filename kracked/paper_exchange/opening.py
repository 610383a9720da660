"""Opens the exchange of a paper account, new or continued from its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from kracked.book.l2 import L2Book
from kracked.errors import ConfigError, says
from kracked.flow import OrderFlow
from kracked.gateway.listing import ListedAsset, ListedPair
from kracked.gateway.relay.market_relay import Books, MarketRelay
from kracked.instruments import Asset, Instrument
from kracked.paper import Carried, FeeRates, Listed, Opened, PaperAccount, PaperEngine
from kracked.paper.account_events import AnyAccountEvent, Obscured
from kracked.paper.terms import PaperState
from kracked.paper_exchange.broker import PaperBroker
from kracked.paper_exchange.exchange import CANCEL_ONLY, PaperExchange
from kracked.paper_exchange.records import AccountRecords
from kracked.protocol import limits
from kracked.protocol.events import Event
from kracked.protocol.limits import Tier

_DEPOSIT = "10000"
NOT_SERVED = "unknown: {} was not served while it was open; it can only be cancelled"


@says("the paper account was opened with other decimals of {symbol}; begin a new one")
class AccountMisfit(ConfigError):
    """The rules of a pair have changed so that the account's numbers mean something else."""

    symbol: str


class PaperTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of a paper account, with the defaults of `kracked paper`."""

    balances: Mapping[str, str] | None = None
    """What a new account owns, decimal text by asset; None for 10,000 of each quote currency.
    An account that is continued keeps what it has."""
    rates: FeeRates = FeeRates()
    """The fees of a new account."""
    tier: Tier = limits.PRO
    """Its rate limits."""
    latency_ns: int = 0
    """How long a request about orders is on its way, there and back."""


class PaperVenue(msgspec.Struct, frozen=True, kw_only=True):
    """The market of a paper account."""

    relay: MarketRelay
    pairs: Sequence[ListedPair]
    """What may be traded."""
    assets: Sequence[ListedAsset]
    books: Callable[[], Books]
    verified: Callable[[str], bool]
    """Whether orders may be decided by a symbol's book just now."""
    flow: OrderFlow
    before: Sequence[Event] = ()
    """What the market has told so far: its tickers have the last prices."""
    by_levels: bool = False
    """Whether there is no level 3: places are bounded by level 2."""

    def level2(self, symbol: str) -> L2Book | None:
        """Return a symbol's level 2 book as it is now."""
        return self.books().l2.get(symbol)


def opening(instruments: Iterable[Instrument], terms: PaperTerms, now: int) -> Opened:
    """Return the first event of a new account.

    Raises:
        TooPrecise: A balance has too many decimals.
        Overdrawn: A balance is negative.
    """
    traded = tuple(instruments)
    balances = terms.balances
    if balances is None:
        balances = {one.quote: _DEPOSIT for one in traded}
    opened = Opened(time=now, instruments=traded, balances=dict(balances), rates=terms.rates)
    PaperAccount(opened)
    return opened


def open_exchange(
    venue: PaperVenue,
    log: Sequence[AnyAccountEvent],
    record: Callable[[AnyAccountEvent], None],
    terms: PaperTerms,
    *,
    now: int,
) -> PaperExchange:
    """Open an exchange; its relay's clients can trade from now on.

    Args:
        venue: The market.
        log: The account's events so far; empty for a new account.
        record: Writes an event down before it is applied.
        terms: The terms.
        now: The account's time.

    Raises:
        ImpossibleEvent: The log is not that of one account.
        AccountMisfit: A pair has other decimals than the account was opened with.
        TooPrecise: A balance of a new account has too many decimals.
    """
    past = list(log)
    account = _continued(venue, past, record, terms, now)
    pending: list[AnyAccountEvent] = []

    def note(event: AnyAccountEvent) -> None:
        """Write an event down, and have the records follow it."""
        record(event)
        pending.append(event)

    engine = PaperEngine(
        account,
        venue.flow,
        now=now,
        verified=venue.verified,
        levels=venue.level2 if venue.by_levels else None,
        record=note,
    )
    first = past[0]
    assert isinstance(first, Opened | Carried)
    shown = {listed.asset.id: listed.asset.precision for listed in venue.assets}
    records = AccountRecords(first, account.money, tier=terms.tier, shown=shown)
    for event in past[1:]:
        records.apply(event)
    records.hold()
    assets = _all_assets(venue.assets, records.scales)
    exchange = PaperExchange(
        venue.relay,
        partial(PaperBroker, engine=engine, records=records, assets=assets, pending=pending),
        pairs=(*venue.pairs, *_unserved(venue.pairs, account.instruments.values())),
        assets=tuple(assets.values()),
        books=venue.books,
        verified=venue.verified,
        now=now,
        latency_ns=terms.latency_ns,
    )
    exchange.learn(venue.before)
    return exchange


def _continued(
    venue: PaperVenue,
    past: list[AnyAccountEvent],
    record: Callable[[AnyAccountEvent], None],
    terms: PaperTerms,
    now: int,
) -> PaperAccount:
    """Return the account of a log, or a new one, with the pairs of the market.

    What is recorded for it is put at the end of `past`.
    """

    def put(event: AnyAccountEvent) -> None:
        """Write an event down, and take it as one of the past."""
        record(event)
        past.append(event)

    if not past:
        put(opening((pair.instrument for pair in venue.pairs), terms, now))
    account = PaperAccount.replay(past)
    for pair in venue.pairs:
        old = account.instruments.get(pair.symbol)
        if old is not None and old.precision != pair.instrument.precision:
            raise AccountMisfit(pair.symbol)
        if old != pair.instrument:
            put(Listed(time=now, instrument=pair.instrument))
            account.apply(past[-1])
    served = {pair.symbol for pair in venue.pairs}
    for order in tuple(account.open.values()):
        symbol = order.request.symbol
        if symbol not in served and order.state is not PaperState.UNKNOWN:
            put(Obscured(time=now, order_id=order.order_id, reason=NOT_SERVED.format(symbol)))
            account.apply(past[-1])
    return account


def _unserved(served: Iterable[ListedPair], known: Iterable[Instrument]) -> tuple[ListedPair, ...]:
    """Return the account's pairs that are not served, called as they are: orders only end there."""
    symbols = {pair.symbol for pair in served}
    return tuple(
        ListedPair(
            instrument=replace(one, status=CANCEL_ONLY),
            rest_id=one.symbol.replace("/", ""),
            altname=one.symbol.replace("/", ""),
            wsname=one.symbol,
        )
        for one in known
        if one.symbol not in symbols
    )


def _all_assets(listed: Iterable[ListedAsset], owned: Iterable[str]) -> dict[str, ListedAsset]:
    """Return the assets by name; those that no pair here trades are called as they are."""
    found = {one.asset.id: one for one in listed}
    for asset in owned:
        if asset not in found:
            found[asset] = ListedAsset(asset=Asset(id=asset), rest_id=asset, altname=asset)
    return found
