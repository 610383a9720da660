"""Keys that cancel work from the first moment of a session with a key, whatever else fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.rest.client import RestClient
from kracked.rest.orders import AddOrder
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.trader import account_terms
from tests.tui.trading_monitor import QUIET, SYMBOL, Trading, trading

FOREVER = 10_000
ORDER = AddOrder(
    order_type=OrderType.LIMIT, side=Side.BID, volume=Decimal("0.01"), price=Decimal(50_000)
)


@asynccontextmanager
async def exchange() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=7, symbols=(SYMBOL,), rate=QUIET)) as server:
        yield server


async def place_elsewhere(server: SimServer, folder: Path) -> None:
    """Let another program with this key place an order."""
    key = Credentials(server.api_key, server.api_secret)
    endpoints = Endpoints.at(server.endpoints.rest)
    async with RestClient(key, endpoints, state=folder / "elsewhere") as client:
        await client.add_order(ORDER, SYMBOL)


async def cancels(found: Trading, *keys: str) -> None:
    """Check that the keys cancel what is open."""
    assert found.open
    await found.pilot.press(*keys)
    await found.until(lambda: not found.open, f"not cancelled: {found.log_text()}")


@pytest.mark.parametrize(
    "keys", [("K",), ("ctrl+k",), ("X", "y"), ("ctrl+x", *"all", "enter")], ids=str
)
async def test_cancels_work_while_the_exchange_does_not_say_what_the_key_may_do(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    async with exchange() as server:
        await place_elsewhere(server, tmp_path)
        server.exchange.order_faults.expect(OrderFault.NONCE, "GetApiKeyInfo", times=FOREVER)
        async with trading(tmp_path, server=server, ready=False) as found:
            await found.until(lambda: "no order is sent yet" in found.log_text())
            assert "Cancels and PANIC work." in found.trader.why_not(SYMBOL)
            await cancels(found, *keys)


async def test_orders_are_sent_once_the_exchange_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_terms, "_PAUSES_S", (0.01,))
    async with exchange() as server:
        server.exchange.order_faults.expect(OrderFault.NONCE, "GetApiKeyInfo", times=6)
        async with trading(tmp_path, server=server, ready=False) as found:
            await found.until(lambda: "the key is known now" in found.log_text())
            await found.armed()
            await found.joined("B")


async def test_a_key_with_a_nonce_window_is_told_of(tmp_path: Path) -> None:
    async with exchange() as server:
        server.exchange.keys._keys[server.api_key].nonce_window = 15
        async with trading(tmp_path, server=server) as found:
            await found.until(lambda: "nonce window of 15" in found.log_text())


async def test_while_the_key_is_not_known_nothing_is_armed(tmp_path: Path) -> None:
    async with exchange() as server:
        server.exchange.order_faults.expect(OrderFault.NONCE, "GetApiKeyInfo", times=FOREVER)
        async with trading(tmp_path, server=server, ready=False) as found:
            await found.pilot.press("A", *"btc/usd", "enter")
            assert "not armed: " in found.log_text()
            assert not found.trader.armed


async def test_an_outbox_that_cannot_be_read_stops_orders_and_no_cancel(tmp_path: Path) -> None:
    async with exchange() as server:
        async with trading(tmp_path, server=server) as found:
            await found.armed()
            await found.joined("B")
        (outbox,) = tmp_path.glob("outbox*")  # noqa: ASYNC240  the monitor has ended
        outbox.write_bytes(b"no record\n" + outbox.read_bytes())
        async with trading(tmp_path, server=server, ready=False) as found:
            await found.until(lambda: "cannot be read" in found.trader.why_not(SYMBOL))
            await cancels(found, "K")


async def test_a_log_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "monitor.log").mkdir()
    async with trading(tmp_path) as found:
        assert "nothing is written to the log file" in found.log_text()
        await found.armed()
        await found.joined("B")


async def test_cancels_work_while_the_accounts_stream_is_down(tmp_path: Path) -> None:
    async with exchange() as server, trading(tmp_path, server=server) as found:
        await place_elsewhere(server, tmp_path)
        access = found.monitor.source.access
        assert access is not None
        access.account.distrust("executions")
        await cancels(found, "X", "y")
