"""`RestClient`: every call a trading terminal makes, typed both ways.

A method is one endpoint: it says what goes in, what comes out, and whether it may be
repeated. How a call is made stands in `caller`. Reads raise `Refused` when the exchange
said no and `ConnectionLost` when it could not be reached; writes raise `Refused`
(nothing happened), `NotSent` (nothing was sent) or `OutcomeUnknown` (look it up).

Source: docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence, Set
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.limits import STARTER, Tier
from kracked.rest import account, encoding, market, orders
from kracked.rest.encoding import BadOrder, joined_ids, pair_params, present, time_span
from kracked.rest.limiter import RestLimiter
from kracked.rest.nonce import Nonces
from kracked.rest.priority_lock import Urgency
from kracked.rest.replies import OutcomeUnknown, UnreadableReply
from kracked.rest.request_executor import RequestExecutor, RequestTiming, Signer
from kracked.rest.transport import HttpTransport

T = TypeVar("T")


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this user's programs keep state: `XDG_STATE_HOME`, else ``~/.local/state``."""
    root = environment.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "kracked"


def key_file(credentials: Credentials, folder: Path) -> Path:
    """Where the key's last nonce is kept. The name tells keys apart and gives none away."""
    return folder / f"nonce-{sha256(credentials.key.encode()).hexdigest()[:16]}"


class RestClient:
    """The exchange over REST. Use it with `async with`, or `close()` it.

    Without credentials only the public calls work. One client per key: private calls
    take turns inside it. `state` is the folder for the key's last nonce.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        endpoints: Endpoints | None = None,
        *,
        tier: Tier = STARTER,
        state: Path | None = None,
        otp: Callable[[], str] | None = None,
        transport: HttpTransport | None = None,
        timing: RequestTiming | None = None,
    ) -> None:
        self._transport = transport or HttpTransport()
        self._nonces: Nonces | None = None
        timing, signer = timing or RequestTiming(), None
        if credentials is not None:
            file = key_file(credentials, state or state_folder())
            # Nonces follow the real clock even where a test advances another one.
            self._nonces = Nonces(time.time_ns, file)
            signer = Signer(credentials, self._nonces)
        root = (endpoints or Endpoints.kraken()).rest.rstrip("/")
        self._executor = RequestExecutor(
            self._transport, root, signer, timing=timing, tier=tier, otp=otp
        )

    async def __aenter__(self) -> RestClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._nonces is not None:
            self._nonces.close()
        await self._transport.close()

    @property
    def limiter(self) -> RestLimiter:
        """The key's call counter, for a display."""
        return self._executor.limiter

    # --- placing and changing -----------------------------------------------------------

    async def add_order(
        self,
        order: orders.AddOrder,
        pair: str,
        *,
        deadline: int | None = None,
        validate: bool = False,
    ) -> orders.Added:
        """`deadline`, 2 to 60 s ahead, ns since the Unix epoch: the engine refuses after it.

        Accepted is not resting: the executions channel tells. With `validate` nothing is
        placed; form and minimums are checked, funds are not.
        """
        members, called = (
            orders.add_members(order, pair, deadline, validate=validate),
            orders.client_names(order),
        )
        return await self._write("AddOrder", members, orders.Added, deadline, called)

    async def add_order_batch(
        self,
        batch: Sequence[orders.AddOrder],
        pair: str,
        *,
        deadline: int | None = None,
        validate: bool = False,
    ) -> orders.BatchReply:
        """2 to 15 orders of one pair; each may still be refused alone, see the reply."""
        members = orders.batch_members(tuple(batch), pair, deadline, validate=validate)
        return await self._write(
            "AddOrderBatch", members, orders.BatchReply, deadline, orders.client_names(*batch)
        )

    async def amend_order(
        self, order: orders.OrderRef, change: orders.AmendOrder, *, deadline: int | None = None
    ) -> orders.Amended:
        """Keeps id and fills, and where possible the place in the queue."""
        members = {**encoding.fields(order), **encoding.fields(change), **orders.sending(deadline)}
        return await self._write("AmendOrder", members, orders.Amended, deadline)

    async def edit_order(
        self,
        edit: orders.EditOrder,
        pair: str,
        *,
        deadline: int | None = None,
        validate: bool = False,
    ) -> orders.Edited:
        """Cancels and makes a new order; `amend_order` is better wherever it works."""
        rest = orders.sending(deadline, validate=validate)
        members = {**encoding.fields(edit), "pair": pair, **rest}
        return await self._write("EditOrder", members, orders.Edited, deadline)

    # --- cancelling -----------------------------------------------------------------------

    async def cancel_order(self, order: orders.OrderRef) -> orders.Cancelled:
        """May be repeated: the second time it is refused as gone."""
        self._executor.withdraw({order.txid, order.cl_ord_id} - {None})
        return await self._cancel("CancelOrder", encoding.fields(order), orders.Cancelled)

    async def cancel_order_batch(
        self, txids: Sequence[str | int] = (), cl_ord_ids: Sequence[str] = ()
    ) -> orders.Cancelled:
        """2 to 50 orders in all; a `userref` among the first is all orders that carry it."""
        if not 2 <= len(txids) + len(cl_ord_ids) <= 50:
            raise BadOrder("a batch cancels 2 to 50 orders")
        self._executor.withdraw({*txids, *cl_ord_ids})
        members: dict[str, object] = {}
        if txids:
            members["orders"] = list(txids)
        if cl_ord_ids:
            members["cl_ord_ids"] = list(cl_ord_ids)
        return await self._cancel("CancelOrderBatch", members, orders.Cancelled)

    async def cancel_all(self) -> orders.Cancelled:
        """Every order of the account, on all pairs, whoever placed it; also what waits here."""
        self._executor.withdraw()
        return await self._cancel("CancelAll", {}, orders.Cancelled)

    async def cancel_all_orders_after(self, timeout_s: int) -> orders.CancelAllTimer:
        """Cancels everything in `timeout_s` unless called again; 0 disarms."""
        if not 0 <= timeout_s < 86_400:
            raise BadOrder("the dead-man's switch takes 0 to 86399 seconds")
        name = "CancelAllOrdersAfter"
        raw = await self._executor.write(name, {"timeout": timeout_s}, Urgency.SWITCH)
        return _written(name, raw, orders.CancelAllTimer)

    # --- the account ------------------------------------------------------------------------

    async def websockets_token(self) -> str:
        """A secret for one private connection, good for 15 minutes until first used."""
        found = await self._read("GetWebSocketsToken", {}, account.WebSocketsToken)
        return found.token

    async def balance(self) -> dict[str, Decimal]:
        """By asset, net of pending withdrawals."""
        return await self._read("Balance", {}, dict[str, Decimal])

    async def extended_balance(self) -> dict[str, account.ExtendedBalance]:
        """By asset, with what open orders hold."""
        return await self._read("BalanceEx", {}, dict[str, account.ExtendedBalance])

    async def trade_balance(self, asset: str = "ZUSD") -> account.TradeBalance:
        return await self._read("TradeBalance", {"asset": asset}, account.TradeBalance)

    async def trade_volume(self, *pairs: str) -> account.TradeVolume:
        """What the account pays; without `pairs` no fees."""
        members: dict[str, object] = {"pair": ",".join(pairs)} if pairs else {}
        raw = await self._executor.read("TradeVolume", members)
        return _shaped("TradeVolume", account.read_trade_volume, raw)

    async def api_key_info(self) -> account.KeyInfo:
        """What the key may do, and its nonce."""
        raw = await self._executor.read("GetApiKeyInfo", {})
        return _shaped("GetApiKeyInfo", account.read_key_info, raw)

    # --- own orders and fills ---------------------------------------------------------------

    async def open_orders(
        self, *, cl_ord_id: str | None = None, userref: int | None = None, trades: bool = False
    ) -> dict[str, account.OrderInfo]:
        """By order id; all of them, or those with this client id."""
        members = present(cl_ord_id=cl_ord_id, userref=userref, trades=trades)
        return (await self._read("OpenOrders", members, account.OpenOrders)).open

    async def closed_orders(
        self,
        *,
        cl_ord_id: str | None = None,
        userref: int | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
        by: account.ClosedBy | None = None,
        offset: int = 0,
        trades: bool = False,
        count: bool = True,
    ) -> account.ClosedOrders:
        """A page of 50, newest first.

        `start` (exclusive) and `end`: ns, sent as seconds, or an order's id; `by` says whether
        they mean the opening or the closing. Without `count` a long history answers sooner.
        """
        members = present(cl_ord_id=cl_ord_id, userref=userref, trades=trades, ofs=offset)
        members |= present(closetime=by, without_count=not count, **time_span(start, end))
        return await self._read("ClosedOrders", members, account.ClosedOrders)

    async def query_orders(self, *txids: str, trades: bool = False) -> dict[str, account.OrderInfo]:
        """By order id, 1 to 50; ids the exchange never issued are left out."""
        members = present(txid=joined_ids(txids, 50), trades=trades)
        return await self._read("QueryOrders", members, dict[str, account.OrderInfo])

    async def order_amends(self, txid: str) -> account.OrderAmends:
        """What an order was and became, oldest first."""
        return await self._read("OrderAmends", {"order_id": txid}, account.OrderAmends)

    async def trades_history(
        self,
        *,
        start: int | str | None = None,
        end: int | str | None = None,
        offset: int = 0,
        ledgers: bool = False,
        count: bool = True,
    ) -> account.TradesHistory:
        """Own fills, a page of 50, newest first. `start` and `end`: ns, or a trade's id."""
        members = present(
            ofs=offset, ledgers=ledgers, without_count=not count, **time_span(start, end)
        )
        return await self._read("TradesHistory", members, account.TradesHistory)

    async def query_trades(self, *ids: str) -> dict[str, account.TradeInfo]:
        """Own fills by their ids, 1 to 20."""
        members = present(txid=joined_ids(ids, 20))
        return await self._read("QueryTrades", members, dict[str, account.TradeInfo])

    async def ledgers(
        self,
        *,
        assets: Sequence[str] = (),
        kind: str | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
        offset: int = 0,
        count: bool = True,
    ) -> account.Ledgers:
        """What moved in the account, a page of 50, newest first.

        `kind`: only this type, such as ``trade``; `start` and `end`: ns, or an entry's id.
        """
        members = present(asset=",".join(assets) or None, type=kind, ofs=offset)
        members |= present(without_count=not count, **time_span(start, end))
        return await self._read("Ledgers", members, account.Ledgers)

    async def query_ledgers(self, *ids: str) -> dict[str, account.LedgerEntry]:
        """Entries by their ids, 1 to 20."""
        members = present(id=joined_ids(ids, 20))
        return await self._read("QueryLedgers", members, dict[str, account.LedgerEntry])

    async def open_positions(self) -> dict[str, account.Position]:
        """Margin positions by their ids, with what they are worth now."""
        members: dict[str, object] = {"docalcs": True}
        return await self._read("OpenPositions", members, dict[str, account.Position])

    # --- public -----------------------------------------------------------------------------

    async def server_time(self) -> market.ServerTime:
        return await self._public("Time", {}, market.ServerTime)

    async def system_status(self) -> market.SystemStatus:
        return await self._public("SystemStatus", {}, market.SystemStatus)

    async def assets(self) -> dict[str, market.AssetInfo]:
        """By the old code, such as ``XXBT``."""
        return await self._public("Assets", {}, dict[str, market.AssetInfo])

    async def asset_pairs(self, *pairs: str) -> dict[str, market.PairInfo]:
        """By pair id, or by the name asked for."""
        return await self._public("AssetPairs", pair_params(pairs), dict[str, market.PairInfo])

    async def ticker(self, *pairs: str) -> dict[str, market.TickerInfo]:
        return await self._public("Ticker", pair_params(pairs), dict[str, market.TickerInfo])

    async def ohlc(
        self, pair: str, *, interval: int = 1, since: str | None = None
    ) -> tuple[tuple[market.OhlcRow, ...], str]:
        """At most 720 candles, oldest first, the last one unfinished; and the next `since`."""
        params = {"pair": pair, "interval": str(interval)}
        return await self._page("OHLC", params, since, tuple[market.OhlcRow, ...])

    async def depth(self, pair: str, *, count: int = 100) -> market.Depth:
        """Up to 500 levels a side. Not verified by any checksum."""
        params = {"pair": pair, "count": str(count)}
        found = await self._public("Depth", params, dict[str, market.Depth])
        return market.only_value(found) or market.Depth((), ())

    async def trades(
        self, pair: str, *, since: str | None = None, count: int = 1000
    ) -> tuple[tuple[market.TradeRow, ...], str]:
        """Oldest first, and the next `since` (ns as text). Drop repeats by `trade_id`."""
        params = {"pair": pair, "count": str(count)}
        return await self._page("Trades", params, since, tuple[market.TradeRow, ...])

    async def spread(
        self, pair: str, *, since: str | None = None
    ) -> tuple[tuple[market.SpreadRow, ...], str]:
        return await self._page("Spread", {"pair": pair}, since, tuple[market.SpreadRow, ...])

    # --- shared -----------------------------------------------------------------------------

    async def _write(
        self,
        name: str,
        members: dict[str, object],
        shape: type[T],
        deadline: int | None,
        names: Set[object] = frozenset(),
    ) -> T:
        raw = await self._executor.write(name, members, Urgency.ORDER, before=deadline, names=names)
        return _written(name, raw, shape)

    async def _cancel(self, name: str, members: dict[str, object], shape: type[T]) -> T:
        return _written(name, await self._executor.write(name, members, Urgency.CANCEL), shape)

    async def _read(self, name: str, members: dict[str, object], shape: type[T]) -> T:
        return _decoded(name, await self._executor.read(name, members), shape)

    async def _public(self, name: str, params: dict[str, str], shape: type[T]) -> T:
        return _decoded(name, await self._executor.public(name, params), shape)

    async def _page(
        self, name: str, params: dict[str, str], since: str | None, shape: type[T]
    ) -> tuple[T, str]:
        raw = await self._executor.public(name, {**params, **({"since": since} if since else {})})
        page = _shaped(name, market.read_page, raw)
        return _decoded(name, bytes(page.rows), shape), page.last


def _decoded(name: str, raw: bytes, shape: type[T]) -> T:
    return _shaped(name, lambda text: msgspec.json.decode(text, type=shape), raw)


def _written(name: str, raw: bytes, shape: type[T]) -> T:
    try:
        return _decoded(name, raw, shape)
    except UnreadableReply as error:
        # Accepted, but what exactly cannot be read: to be looked up like a lost reply.
        raise OutcomeUnknown(name, error.reason) from error


def _shaped(name: str, read: Callable[[bytes], T], raw: bytes) -> T:
    try:
        return read(raw)
    except (msgspec.MsgspecError, ArithmeticError) as error:
        raise UnreadableReply(name, str(error)) from error
