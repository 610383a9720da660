"""An account on the frozen market: the same orders, fills and funds every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from textual.pilot import Pilot

from kracked.errors import ConnectionLost
from kracked.feed.account import Account
from kracked.feed.fanout import Consumer
from kracked.feed.freshness import Freshness
from kracked.orders.outbox.journal import Journal
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, Outbox, PreparedAction, StateChange
from kracked.protocol import events
from kracked.protocol.events import Event, OrderChange, Side
from kracked.rest.account import KeyInfo, TradeVolume
from kracked.rest.client import RestClient
from kracked.rest.market import AssetInfo, PairInfo
from kracked.rest.orders import CancelAllTimer
from kracked.rest.public_calls import ExchangeClock
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.config import Settings, Trading
from kracked_tui.sources.base import Access
from tests.patience import until
from tests.tui.conftest import settled
from tests.tui.frozen_market import NOW, SYMBOL, ScriptedSource, opening, orders

PAIR = PairInfo(
    altname="XBTUSD", base="XXBT", quote="ZUSD", pair_decimals=1, lot_decimals=8,
    fees=((Decimal(0), Decimal("0.25")),), fees_maker=((Decimal(0), Decimal("0.15")),),
)  # fmt: skip
ASSETS = {"XXBT": AssetInfo(altname="XBT"), "ZUSD": AssetInfo(altname="USD")}
SIZES = {SYMBOL: ("0.01", "0.05", "0.1", "0.25", "0.5")}


class StillExchange:
    """Answers the requests of the start, and none that would resolve an order."""

    exchange_clock = ExchangeClock(lambda: NOW, lambda: 0)

    async def server_time(self) -> None:
        raise ConnectionLost("still.example", "no answer about the time")

    async def api_key_info(self) -> KeyInfo:
        return KeyInfo(permissions=("modify-trades",))

    async def assets(self) -> dict[str, AssetInfo]:
        return ASSETS

    async def asset_pairs(self) -> dict[str, PairInfo]:
        return {"XXBTZUSD": PAIR}

    async def trade_volume(self, _pair: str) -> TradeVolume:
        return TradeVolume()

    async def cancel_all_orders_after(self, timeout_s: int) -> CancelAllTimer:
        trigger = to_rfc3339(NOW + timeout_s * NS_PER_S, 0) if timeout_s else "0"
        return CancelAllTimer(to_rfc3339(NOW, 0), trigger)

    async def query_orders(self, *txids: str) -> None:
        raise ConnectionLost("still.example", f"no answer about {', '.join(txids)}")

    async def open_orders(self, *, cl_ord_id: str) -> None:
        raise ConnectionLost("still.example", f"no answer about {cl_ord_id}")


class Reports:
    """Return the first events of the account, after which its stream is quiet."""

    def __init__(self, *said: Event) -> None:
        self._said = [list(said)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def batch(self) -> list[Event]:
        if not self._said:
            await asyncio.Event().wait()
        return self._said.pop()


def resting(side: Side, rank: int, level: int) -> OrderChange:
    """An order of the frozen book, which is taken to be ours."""
    return list(orders().side(side)[level])[rank]


OURS = ((Side.BID, resting(Side.BID, 1, 0)), (Side.ASK, resting(Side.ASK, 0, 2)))


def executions() -> events.Executions:
    """Two orders of ours at work, and two fills of this morning."""
    reports = [
        {
            "exec_type": "new", "order_status": "new", "order_id": order.order_id,
            "cl_ord_id": f"ours-{number}", "symbol": SYMBOL,
            "side": "buy" if side is Side.BID else "sell", "order_type": "limit",
            "order_qty": Decimal(order.qty).scaleb(-8), "cum_qty": Decimal(0),
            "limit_price": Decimal(order.price).scaleb(-1), "post_only": True,
            "timestamp": to_rfc3339(NOW - 38 * NS_PER_S),
        }
        for number, (side, order) in enumerate(OURS)
    ]  # fmt: skip
    fills = [
        {
            "exec_type": "trade", "exec_id": f"T{number}", "order_id": f"O{number}",
            "symbol": SYMBOL, "side": side, "last_qty": Decimal("0.05"),
            "last_price": Decimal(price), "liquidity_ind": kind, "trade_id": number,
            "timestamp": to_rfc3339(NOW - ago_s * NS_PER_S),
            "fees": [{"asset": "USD", "qty": Decimal("4.82")}], "order_status": "filled",
        }
        for number, side, price, kind, ago_s in (
            (1074, "buy", "64209.5", "m", 35), (1084, "sell", "64212.0", "t", 12),
        )
    ]  # fmt: skip
    return events.Executions(NOW, (*reports, *fills), 1, snapshot=True)


def balances() -> events.Balances:
    entries = ({"asset": "USD", "balance": Decimal("94120.55")}, _entry("BTC", "3.25"))
    return events.Balances(NOW, entries, 1, snapshot=True)


def _entry(asset: str, balance: str) -> dict[str, object]:
    return {"asset": asset, "balance": Decimal(balance)}


def written_down(path: Path, *, unknown: bool) -> None:
    """Write the outbox as the last run left it."""
    with Journal(path) as journal:
        outbox = Outbox(journal.append, journal.read())
        for number, (side, order) in enumerate(OURS):
            _write(outbox, f"ours-{number}", side, order)
            for state in (OrderState.ACKNOWLEDGED, OrderState.LIVE):
                news = StateChange(at=NOW, id=f"ours-{number}", state=state, txid=order.order_id)
                outbox.learn(news)
        if unknown:
            _write(outbox, "ours-9", Side.BID, resting(Side.BID, 0, 3))


def _write(outbox: Outbox, id_: str, side: Side, order: OrderChange) -> None:
    request = {
        "ordertype": "limit",
        "type": "buy" if side is Side.BID else "sell",
        "volume": f"{Decimal(order.qty).scaleb(-8):f}",
        "price": f"{Decimal(order.price).scaleb(-1):f}",
    }
    at = NOW - 38 * NS_PER_S
    outbox.prepare(
        PreparedAction(
            at=at,
            id=id_,
            kind=ActionKind.ADD,
            symbol=SYMBOL,
            deadline=at + NS_PER_S,
            request=request,
        )
    )
    outbox.send(id_, at)


class AccountSource(ScriptedSource):
    """The frozen market with a key."""

    def __init__(self, folder: Path, *, trades: bool, unknown: bool) -> None:
        super().__init__()
        path = folder / "outbox.jsonl"
        written_down(path, unknown=unknown)
        account, first = Account(), (executions(), balances())
        for event in first:
            account.apply(event)
        reports = cast(Consumer, Reports(*first)) if trades else None
        client = cast(RestClient, StillExchange())
        self.key = Access(client, account, reports, path, lambda _: Freshness(True, "", 0))

    @property
    def access(self) -> Access:  # type: ignore[override]
        return self.key


@asynccontextmanager
async def account(
    folder: Path,
    size: tuple[int, int],
    *,
    read_only: bool = False,
    unknown: bool = False,
) -> AsyncIterator[tuple[Monitor, Pilot[None]]]:
    """Open a drawn monitor; with `unknown` an order of the last run is of unknown outcome."""
    source = AccountSource(folder, trades=not read_only, unknown=unknown)
    settings = Settings(trading=Trading(sizes=SIZES))
    monitor = Monitor(source, settings, (SYMBOL,), read_only=read_only)
    for event in opening():
        monitor.store.apply(event)
    async with monitor.run_test(size=size) as pilot:
        await settled(monitor, pilot)
        if not read_only:
            await until(lambda: monitor.view_model.trader and monitor.view_model.trader.open)
        await settled(monitor, pilot)
        yield monitor, pilot
