"""The account is a fold over its events, its money is exact, and its log survives `kill -9`."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from kracked.paper import (
    Accepted,
    DamagedLog,
    Ended,
    Filled,
    ImpossibleEvent,
    LogInUse,
    Overdrawn,
    PaperAccount,
    PaperLog,
    decode_lines,
    encode_line,
    snapshot,
)
from kracked.protocol.events import Executions
from kracked.protocol.own_orders import OwnOrders
from tests.paper.paper_market import PaperMarket, opened
from tests.paper.state import state


def traded() -> PaperMarket:
    """Return an account with fills, a resting order, a stop and a cancelled order."""
    paper = PaperMarket()
    paper.order("buy", 1.5)
    paper.order("buy", 1, 100.0, cl_ord_id="mine")
    paper.order("sell", 1, kind="stop-loss", trigger=90.0)
    cancelled = paper.order("buy", 1, 99.0)
    paper.engine.cancel(cancelled, paper.now)
    paper.engine.cancel_all_after(60_000_000_000, paper.now)
    paper.sold(1, 0.3, "30.000001")
    paper.wait(1)
    return paper


def test_a_replayed_log_gives_the_same_account() -> None:
    paper = traded()
    lines = b"".join(encode_line(n, event) for n, event in enumerate(paper.log, 1))
    events, complete = decode_lines(lines)
    assert complete == len(lines)
    assert state(PaperAccount.replay(events)) == state(paper.account)


def test_the_reports_make_the_account_s_orders() -> None:
    paper = traded()
    fresh = OwnOrders()
    fresh.apply(Executions(paper.now, tuple(snapshot(paper.account)), snapshot=True))
    assert set(fresh.open) == set(paper.own.open) == set(paper.account.open)
    for order_id, order in paper.account.open.items():
        for one in (fresh.open[order_id], paper.own.open[order_id]):
            assert one.remaining * 100_000_000 == order.left
            assert one.cl_ord_id == order.request.cl_ord_id
            assert one.cum_cost == Decimal(order.notional).scaleb(-9)
    assert fresh.unreadable == paper.own.unreadable == 0


def test_a_fill_s_report_has_its_fee_and_its_trade() -> None:
    [row] = [row for row in traded().rows("trade") if row["liquidity_ind"] == "m"]
    assert row["fees"] == [{"asset": "USD", "qty": Decimal("0.075")}]
    assert row["trade_id"] == 1
    assert row["cost"] == Decimal(30)


def test_a_fee_is_never_rounded() -> None:
    paper = PaperMarket(asks=("OZ 101.3 0.00012345 10.0", "OY 102.0 2.0 10.5"))
    paper.order("buy", 0.00012345)
    cost = Decimal("101.3") * Decimal("0.00012345")
    assert paper.account.money.balance("USD") == 100_000 - cost - cost * Decimal("0.004")


# --- events that cannot be --------------------------------------------------------------------


def test_an_account_without_an_opening_is_refused() -> None:
    with pytest.raises(ImpossibleEvent, match="the first one opens the account"):
        PaperAccount.replay(traded().log[1:])


def test_a_fill_of_an_order_that_is_over_is_refused() -> None:
    log = traded().log
    fill = next(one for one in log if isinstance(one, Filled))
    with pytest.raises(ImpossibleEvent, match=f"no order {fill.order_id} is open"):
        PaperAccount.replay([*log, fill])


def test_a_fill_of_more_than_is_left_is_refused() -> None:
    log = traded().log
    at = next(n for n, one in enumerate(log) if isinstance(one, Filled))
    placed = next(one for one in log if isinstance(one, Accepted))
    more = Filled(
        time=0, order_id=placed.order_id, exec_id="T", price=1, qty=200_000_000, maker=True
    )
    with pytest.raises(ImpossibleEvent, match="has 150000000 left"):
        PaperAccount.replay([*log[:at], more])


def test_a_fill_that_cannot_be_paid_for_is_refused_and_moves_nothing() -> None:
    log = traded().log
    at = next(n for n, one in enumerate(log) if isinstance(one, Filled))
    account = PaperAccount.replay([opened(usd="10"), *log[1:at]])
    with pytest.raises(Overdrawn, match=r"USD would fall to -91\.4"):
        account.apply(log[at])
    assert account.money.balance("BTC") == 10


# --- the log in a file ------------------------------------------------------------------------


def written(path: Path) -> PaperMarket:
    paper = traded()
    log = PaperLog(path)
    for event in paper.log:
        log.record(event)
    log.close()
    return paper


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    paper = written(tmp_path / "paper.log")
    log = PaperLog(tmp_path / "paper.log")
    assert log.events == paper.log
    log.close()
    assert (tmp_path / "paper.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_last_line_that_was_never_finished_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "paper.log"
    paper = written(path)
    path.write_bytes(path.read_bytes()[:-cut])
    log = PaperLog(path)
    assert log.events == paper.log[:-1]
    log.record(Ended(time=1, order_id="O", reason="R"))
    log.close()
    assert len(decode_lines(path.read_bytes())[0]) == len(paper.log)


def test_a_damaged_line_is_refused_by_its_number_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "paper.log"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"qty":', b'"qty":1')
    path.write_bytes(b"".join(lines))
    with pytest.raises(DamagedLog, match=r"line 3 .* is damaged: its checksum does not match"):
        PaperLog(path)
    assert path.read_bytes() == b"".join(lines)


def test_a_missing_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.log"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(DamagedLog, match=r"line 3 .* it has the number 4"):
        PaperLog(path)


def test_a_log_that_was_made_shorter_makes_the_same_account(tmp_path: Path) -> None:
    paper, log = traded(), PaperLog(tmp_path / "paper.log")
    for event in paper.log:
        log.record(event)
    before = log.size
    log.compact(paper.account.carried(paper.now))
    more = Ended(time=paper.now, order_id=next(iter(paper.account.open)), reason="later")
    log.record(more)
    log.close()
    paper.account.apply(more)
    again = PaperLog(tmp_path / "paper.log")
    again.close()
    assert len(again.events) == 2
    assert before > 0
    assert state(PaperAccount.replay(again.events)) == state(paper.account)


def test_a_log_is_held_while_it_is_made_shorter(tmp_path: Path) -> None:
    paper, log = traded(), PaperLog(tmp_path / "paper.log")
    log.compact(paper.account.carried(paper.now))
    with pytest.raises(LogInUse):
        PaperLog(tmp_path / "paper.log")
    log.close()


def test_a_log_made_shorter_just_as_another_opens_it_stays_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = PaperLog(tmp_path / "paper.log")
    log.record(opened())
    paper = PaperMarket()
    lock, waits = fcntl.flock, [True]

    def lock_late(handle: int, operation: int) -> None:
        """Lock a file that has lost its name since it was opened."""
        if waits:
            waits.clear()
            log.compact(paper.account.carried(paper.now))
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with pytest.raises(LogInUse):
        PaperLog(log.path)


def test_a_log_is_held_by_one_process(tmp_path: Path) -> None:
    log = PaperLog(tmp_path / "paper.log")
    with pytest.raises(LogInUse, match="in use"):
        PaperLog(tmp_path / "paper.log")
    log.close()


_TRADER = """
import sys
from pathlib import Path
from kracked.paper import PaperLog
from tests.paper.paper_market import PaperMarket

log = PaperLog(Path(sys.argv[1]))
paper = PaperMarket(bids=(), asks=())
log.record(paper.log[0])
paper.engine._record = log.record
paper.snapshot(bids=["OL 99.0 5.0 11.5"], asks=["OZ 101.0 1000.0 10.0"])
print("trading", flush=True)
while True:
    for _ in range(50):
        paper.order("buy", 0.001)
    print(len(paper.account.closed), flush=True)
"""


def test_an_account_survives_kill_9_with_everything_that_was_reported(tmp_path: Path) -> None:
    path = tmp_path / "paper.log"
    trader = subprocess.Popen(
        [sys.executable, "-c", _TRADER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert trader.stdout is not None
    assert trader.stdout.readline() == "trading\n"
    reported = int(trader.stdout.readline())
    os.kill(trader.pid, signal.SIGKILL)
    trader.wait()
    trader.stdout.close()
    log = PaperLog(path)
    account = PaperAccount.replay(log.events)
    log.close()
    assert account.fills >= reported > 0
    cost = account.fills * Decimal("0.101") * Decimal("1.004")
    assert account.money.balance("USD") == 100_000 - cost
