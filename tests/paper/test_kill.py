"""`kill -9` in the middle of orders of every kind: the account comes back as it was written."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from kracked.flow import OrderFlow
from kracked.paper import Filled, Latency, PaperAccount, PaperEngine, PaperLog, PaperState
from tests.paper.state import state
from tests.paper.test_properties import RandomMarket

STEPS_BEFORE_KILL = 60
SIDES, PRICES = ("buy", "sell"), (98.0, 99.0, 100.0, 101.0, 102.0, 103.0)


def digest(account: PaperAccount) -> str:
    """Return what is the same for accounts that are the same."""
    return hashlib.sha256(repr(state(account)).encode()).hexdigest()


def action(random: Random) -> tuple:
    """Return a step of the market, or an order of some kind."""
    side, price, qty = random.choice(SIDES), random.choice(PRICES), random.randint(1, 3)
    real = random.choice(("bids", "asks"))
    close = (random.choice(("limit", "stop-loss", "take-profit")), random.choice(PRICES))
    rule = random.choice(("cancel-newest", "cancel-oldest", "cancel-both"))
    return random.choice(
        (
            ("add", real, price, qty + 2),
            ("add", real, price, qty + 2),
            ("hit", real, qty),
            ("hit", real, qty),
            ("wait",),
            ("own", side, qty, price, random.choice(("GTC", "IOC", "FOK")), False),
            ("stop", side, qty, price, random.choice((None, price))),
            ("trail", side, qty, random.randint(1, 2), random.choice((None, 0, 1))),
            ("timed", side, qty, price, random.randint(0, 6), random.randint(1, 20)),
            ("closed", side, qty, price, close),
            ("own_rules", side, qty, price, rule, random.random() < 0.5),
            ("iceberg", side, qty, price, 1),
            ("show", random.randint(0, 9), random.randint(1, 2)),
            ("amend", random.randint(0, 9), qty, random.choice((None, price))),
            ("cancel", random.randint(0, 9)),
        )
    )


def trade(path: Path, seed: int) -> None:
    """Trade until somebody ends it; say after each step how much is written, and the account."""
    log, random = PaperLog(path), Random(seed)
    market, written = RandomMarket(Latency()), 1
    log.record(market.paper.log[0])

    def record(event: object) -> None:
        nonlocal written
        log.record(event)  # type: ignore[arg-type]
        written += 1

    market.paper.engine._record = record
    while True:
        market.step(action(random))
        print(written, digest(market.paper.account), flush=True)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_an_account_that_is_killed_comes_back_with_orders_of_every_kind(
    seed: int, tmp_path: Path
) -> None:
    path = tmp_path / "paper.log"
    words = f"from tests.paper.test_kill import *; trade(Path({str(path)!r}), {seed})"
    trader = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, text=True)
    assert trader.stdout is not None
    told = [trader.stdout.readline() for _ in range(STEPS_BEFORE_KILL)]
    os.kill(trader.pid, signal.SIGKILL)
    trader.wait()
    told += [line for line in trader.stdout.read().splitlines(keepends=True) if line[-1] == "\n"]
    trader.stdout.close()
    written, last = told[-1].split()
    log = PaperLog(path)
    log.close()
    assert len(log.events) >= int(written)
    assert digest(PaperAccount.replay(log.events[: int(written)])) == last
    account = PaperAccount.replay(log.events)
    fills = [one for one in log.events if isinstance(one, Filled) and one.close_id]
    known = account.open | account.closed
    assert all(known[one.close_id or ""].request.qty == one.qty for one in fills)
    now = max(one.time for one in log.events) + 1
    scheduled = {
        one.order_id
        for one in account.open.values()
        if not one.started and (one.request.start_at or 0) > now
    }
    PaperEngine(account, OrderFlow(10), now=now, verified=lambda _: True)
    for order in account.open.values():
        later = order.order_id in scheduled
        assert order.state is (PaperState.PENDING if later else PaperState.UNKNOWN)
