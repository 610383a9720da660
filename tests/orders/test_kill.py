"""A program is killed while its order is on the way: the next run looks it up."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from kracked.orders import OrderState
from tests.orders.conftest import OpenManager
from tests.orders.scripted_exchange import Market
from tests.orders.test_reconciler import settled
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import KEY, SECRET

PROGRAM = """
import asyncio, sys
from decimal import Decimal
from pathlib import Path
from kracked.orders import Draft, MarketContext, open_order_manager
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import Side
from kracked.rest.client import RestClient

key, secret, url, folder = sys.argv[1:]
btc = Instrument(symbol="BTC/USD", base="BTC", quote="USD", precision=Precision(1, 8),
                 price_increment=1, qty_increment=1, qty_min=5000)
now = MarketContext(instrument=btc, bid=249999, ask=250001, book_verified=True, book_age_ns=0)
draft = Draft(symbol="BTC/USD", side=Side.BID, qty=100000, price=249000)

async def main():
    state = Path(folder)
    async with RestClient(Credentials(key, secret), Endpoints.at(url), state=state) as client:
        with open_order_manager(client, state / "outbox.jsonl") as manager:
            await manager.place(draft, now)

asyncio.run(main())
"""


async def test_an_order_on_its_way_when_the_program_is_killed_is_settled_by_the_next(
    market: Market, opened: OpenManager, frozen: FrozenTime, tmp_path: Path
) -> None:
    # The exchange takes the order, and kills its sender instead of answering.
    act = market.exchange.always["AddOrder"]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, KEY, SECRET, market.exchange.url, str(tmp_path)
    )

    async def kill(request: object) -> object:
        taken = act(request)
        program.send_signal(signal.SIGKILL)
        return taken

    market.exchange.always["AddOrder"] = kill
    await program.wait()
    with opened() as manager:
        (entry,) = manager.outbox
        assert (program.returncode, entry.state) == (-signal.SIGKILL, OrderState.UNKNOWN)
        assert (await settled(manager, frozen, entry)).state is OrderState.LIVE
    assert market.exchange.count("AddOrder") == 1
