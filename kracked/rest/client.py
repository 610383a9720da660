"""`RestClient`: every call a trading terminal makes, typed both ways; the public ones are a base.

A method is one endpoint: it defines what goes in, what comes out, and whether the call may be
repeated. The rules of making a call are in `kracked.rest.request_executor`.

Source: docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.limits import STARTER, Tier
from kracked.rest import account, encoding, order_info, orders
from kracked.rest.encoding import BadOrder, joined_ids, present, time_span
from kracked.rest.limiter import RestLimiter
from kracked.rest.nonce import Nonces, key_file
from kracked.rest.priority_lock import Urgency
from kracked.rest.public_calls import ExchangeClock, PublicCalls
from kracked.rest.request_executor import RequestExecutor, RequestTiming, Signer
from kracked.rest.transport import HttpTransport
from kracked.rest.typed_calls import TypedCalls
from kracked.state_files import state_folder


class RestClient(PublicCalls):
    """The exchange over REST. Use it with `async with`, or `close` it.

    Without credentials only the public calls work. Use one client per key: private calls take
    turns inside it. A `pair` is REST's name, ``XBTUSD``, or a symbol, ``BTC/USD``.

    Every read raises `Refused` when the exchange refused it and `ConnectionLost` when the
    exchange could not be reached. Every write raises `Refused` (nothing happened), `NotSent`
    (nothing was sent) or `OutcomeUnknown` (look it up before sending again). `BadOrder` says
    that there are too few or too many ids or orders for one call, or that parts do not go together.

    Args:
        credentials: The key pair for private calls.
        endpoints: Addresses of the exchange; Kraken's own by default.
        tier: Verification level of the account: its rate limits.
        state: Folder for the key's last nonce; the user's state folder by default.
        otp: Returns a one-time password for each private call, for keys that need one.
        transport: HTTP connections to share.
        timing: Clocks and sleep; tests bring their own.

    Raises:
        BadSecret: The secret is not base64.
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
        exchange_clock = ExchangeClock(timing.clock, timing.ticks)
        self._executor = RequestExecutor(
            self._transport,
            root,
            signer,
            timing=timing,
            exchange_now=exchange_clock.now,
            tier=tier,
            otp=otp,
        )
        super().__init__(TypedCalls(self._executor), exchange_clock, timing.ticks)

    async def __aenter__(self) -> RestClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, and give back the nonces that were reserved and not used."""
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
        """Place an order. Accepted does not mean resting: the executions channel shows that.

        Args:
            deadline: Instant of the exchange's clock (`exchange_clock.now`) after which the
                engine refuses it, ns since the Unix epoch; 2 to 60 s ahead.
            validate: Place nothing; check form and minimums, but not funds.
        """
        members = orders.add_members(order, pair, deadline, validate=validate)
        names = orders.client_names(order)
        return await self._calls.write(
            "AddOrder", members, orders.Added, before=deadline, names=names
        )

    async def add_order_batch(
        self,
        batch: Sequence[orders.AddOrder],
        pair: str,
        *,
        deadline: int | None = None,
        validate: bool = False,
    ) -> orders.BatchReply:
        """Place 2 to 15 orders of one pair; the exchange may still refuse some of them.

        Arguments as in `add_order`; the reply has a result for each order, in their order.
        """
        members = orders.batch_members(tuple(batch), pair, deadline, validate=validate)
        names = orders.client_names(*batch)
        return await self._calls.write(
            "AddOrderBatch", members, orders.BatchReply, before=deadline, names=names
        )

    async def amend_order(
        self, order: orders.OrderRef, change: orders.AmendOrder, *, deadline: int | None = None
    ) -> orders.Amended:
        """Change an open order. It keeps its id, its fills and, where possible, its place."""
        members = {**encoding.fields(order), **encoding.fields(change), **orders.sending(deadline)}
        return await self._calls.write("AmendOrder", members, orders.Amended, before=deadline)

    async def edit_order(
        self,
        edit: orders.EditOrder,
        pair: str,
        *,
        deadline: int | None = None,
        validate: bool = False,
    ) -> orders.Edited:
        """Cancel an order and place a new one; `amend_order` is better wherever it works."""
        rest = orders.sending(deadline, validate=validate)
        members = {**encoding.fields(edit), "pair": pair, **rest}
        return await self._calls.write("EditOrder", members, orders.Edited, before=deadline)

    # --- cancelling -----------------------------------------------------------------------

    async def cancel_order(self, order: orders.OrderRef) -> orders.Cancelled:
        """Cancel an order. It may be repeated: the second time it is refused as gone."""
        self._executor.lock.withdraw({order.txid, order.cl_ord_id} - {None})
        return await self._calls.write(
            "CancelOrder", encoding.fields(order), orders.Cancelled, Urgency.CANCEL
        )

    async def cancel_order_batch(
        self, txids: Sequence[str | int] = (), cl_ord_ids: Sequence[str] = ()
    ) -> orders.Cancelled:
        """Cancel 2 to 50 orders.

        Args:
            txids: Order ids; a `userref` among them means all orders that carry it.
            cl_ord_ids: Client order ids.
        """
        if not 2 <= len(txids) + len(cl_ord_ids) <= 50:
            raise BadOrder("a batch cancels 2 to 50 orders")
        self._executor.lock.withdraw({*txids, *cl_ord_ids})
        members: dict[str, object] = {}
        if txids:
            members["orders"] = list(txids)
        if cl_ord_ids:
            members["cl_ord_ids"] = list(cl_ord_ids)
        return await self._calls.write(
            "CancelOrderBatch", members, orders.Cancelled, Urgency.CANCEL
        )

    async def cancel_all(self) -> orders.Cancelled:
        """Cancel every order of the account, on all pairs, whoever placed it.

        Orders of this client that wait to be sent are withdrawn.
        """
        self._executor.lock.withdraw()
        return await self._calls.write("CancelAll", {}, orders.Cancelled, Urgency.CANCEL)

    async def cancel_all_orders_after(self, timeout_s: int) -> orders.CancelAllTimer:
        """Set the exchange's timer that cancels every order, unless it is set again before.

        Args:
            timeout_s: Seconds until then, below 86400; 0 stops the timer.
        """
        if not 0 <= timeout_s < 86_400:
            raise BadOrder("the dead-man's switch takes 0 to 86399 seconds")
        return await self._calls.write(
            "CancelAllOrdersAfter", {"timeout": timeout_s}, orders.CancelAllTimer, Urgency.SWITCH
        )

    # --- the account ------------------------------------------------------------------------

    async def websockets_token(self) -> str:
        """Return a token for one private connection: a secret, good for 15 minutes until used."""
        found = await self._calls.read("GetWebSocketsToken", {}, account.WebSocketsToken)
        return found.token

    async def balance(self) -> dict[str, Decimal]:
        """Return totals by asset (`XXBT`, `ZUSD`), net of pending withdrawals."""
        return await self._calls.read("Balance", {}, dict[str, Decimal])

    async def extended_balance(self) -> dict[str, account.ExtendedBalance]:
        """Return balances by asset (`XXBT`, `ZUSD`), with what open orders hold.

        Source: docs.kraken.com/api/docs/rest-api/get-extended-balance
        """
        return await self._calls.read("BalanceEx", {}, dict[str, account.ExtendedBalance])

    async def trade_balance(self, asset: str = "ZUSD") -> account.TradeBalance:
        """Return the account's worth and margin in one currency."""
        return await self._calls.read("TradeBalance", {"asset": asset}, account.TradeBalance)

    async def trade_volume(self, *pairs: str) -> account.TradeVolume:
        """Return the 30-day volume, and the fees of these pairs; without pairs no fees."""
        members: dict[str, object] = {"pair": ",".join(pairs)} if pairs else {}
        return await self._calls.read_with("TradeVolume", members, account.read_trade_volume)

    async def api_key_info(self) -> account.KeyInfo:
        """Return the permissions of the key, and its last nonce."""
        return await self._calls.read_with("GetApiKeyInfo", {}, account.read_key_info)

    # --- own orders and fills ---------------------------------------------------------------

    async def open_orders(
        self, *, cl_ord_id: str | None = None, userref: int | None = None, trades: bool = False
    ) -> dict[str, order_info.OrderInfo]:
        """Return open orders by order id; `trades` adds the ids of their fills."""
        members = present(cl_ord_id=cl_ord_id, userref=userref, trades=trades)
        return (await self._calls.read("OpenOrders", members, order_info.OpenOrders)).open

    async def orders_to_cancel(self) -> dict[str, order_info.OpenOrderTerms]:
        """Return pair and side of every open order by order id, ahead of all other reads.

        It waits for no limit and for no lock-out: it comes before a cancel.
        """
        return await self._calls.read_with(
            "OpenOrders", {}, order_info.read_open_terms, Urgency.CANCEL
        )

    async def closed_orders(
        self,
        *,
        cl_ord_id: str | None = None,
        userref: int | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
        by: order_info.ClosedBy | None = None,
        offset: int = 0,
        trades: bool = False,
        count: bool = True,
    ) -> order_info.ClosedOrders:
        """Return a page of 50 closed orders, newest first; see `every_closed_order` for all.

        Args:
            cl_ord_id: Only the order of this client id.
            userref: Only orders that carry this reference.
            start: Only after this instant (ns since the Unix epoch, sent as seconds) or order id.
            end: Only until this instant or order id.
            by: Whether `start` and `end` mean the opening or the closing.
            offset: Rows to skip.
            trades: With the ids of their fills.
            count: With the number of all rows; without it a long history answers sooner.
        """
        members = present(cl_ord_id=cl_ord_id, userref=userref, trades=trades, ofs=offset)
        members |= present(closetime=by, without_count=not count, **time_span(start, end))
        return await self._calls.read("ClosedOrders", members, order_info.ClosedOrders)

    async def query_orders(
        self, *txids: str, trades: bool = False
    ) -> dict[str, order_info.OrderInfo]:
        """Return 1 to 50 orders by order id; ids that were never issued are left out."""
        members = present(txid=joined_ids(txids, 50), trades=trades)
        return await self._calls.read("QueryOrders", members, dict[str, order_info.OrderInfo])

    async def order_amends(self, txid: str) -> order_info.OrderAmends:
        """Return an order's history of amends, oldest first."""
        return await self._calls.read("OrderAmends", {"order_id": txid}, order_info.OrderAmends)

    async def trades_history(
        self,
        *,
        start: int | str | None = None,
        end: int | str | None = None,
        offset: int = 0,
        ledgers: bool = False,
        count: bool = True,
    ) -> account.TradesHistory:
        """Return a page of 50 own fills, newest first; see `every_trade` for all.

        Other arguments as in `closed_orders`; ids are those of trades.

        Args:
            ledgers: With the ids of their ledger entries.
        """
        bounds = time_span(start, end)
        members = present(ofs=offset, ledgers=ledgers, without_count=not count, **bounds)
        return await self._calls.read("TradesHistory", members, account.TradesHistory)

    async def query_trades(self, *ids: str) -> dict[str, account.TradeInfo]:
        """Return 1 to 20 own fills by their ids."""
        members = present(txid=joined_ids(ids, 20))
        return await self._calls.read("QueryTrades", members, dict[str, account.TradeInfo])

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
        """Return a page of 50 ledger entries, newest first; see `every_ledger_entry` for all.

        Other arguments as in `closed_orders`; ids are those of entries.

        Args:
            assets: Only these assets.
            kind: Only this type, such as ``trade``.
        """
        members = present(asset=",".join(assets) or None, type=kind, ofs=offset)
        members |= present(without_count=not count, **time_span(start, end))
        return await self._calls.read("Ledgers", members, account.Ledgers)

    async def query_ledgers(self, *ids: str) -> dict[str, account.LedgerEntry]:
        """Return 1 to 20 ledger entries by their ids."""
        members = present(id=joined_ids(ids, 20))
        return await self._calls.read("QueryLedgers", members, dict[str, account.LedgerEntry])

    async def open_positions(self) -> dict[str, account.Position]:
        """Return margin positions by their ids, with their present value.

        Source: docs.kraken.com/api/docs/rest-api/get-open-positions
        """
        members: dict[str, object] = {"docalcs": True}
        return await self._calls.read("OpenPositions", members, dict[str, account.Position])
