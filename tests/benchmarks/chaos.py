"""A client that trades through a hostile gateway and is killed at random: `python -m
tests.benchmarks.chaos --minutes 20 --seed 1`.

The simulator injects its own faults; the gateway before it adds those of networks and proxies,
second deliveries too. At the end everything is calm, the client looks up what it does not know,
and its view is compared with the exchange's: orders sent twice, orders forgotten, orders told
cancelled and alive, fills, balances, books. Exit code 1 on any difference.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

from kracked.gateway.accounts.order_records import OrderRecord
from kracked.sim.control_api import ControlApi
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from tests.benchmarks.chaos_client import SYMBOLS
from tests.benchmarks.hostile_gateway import HostileGateway

LATEST = 2**63
KILL_S = (4.0, 40.0)
SETTLE_S = 240.0
CALM_S = 600
ORDER_FAULTS = "reply-lost:0.02,reply-late=6s:0.02,request-lost:0.02,502-after:0.02"


@dataclass
class Chaos:
    """One run: the exchange, the gateway, the client's lives, and what came of it."""

    server: SimServer
    gateway: HostileGateway
    folder: Path
    seed: int
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    """Every order the exchange has ever accepted, by order id, as it was last."""
    cancelled: set[str] = field(default_factory=set)
    """Order ids that the client was told to be cancelled."""
    placed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """Actions that did nothing, by reason."""
    kills: int = 0
    lives: int = 0
    faults: list[tuple[float, str]] = field(default_factory=list)
    """When the gateway did what, by the time of day."""
    recovery_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Time from a fault to all being well again, by kind; faults overlap."""
    ended: list[str] = field(default_factory=list)
    """Lives that ended by themselves: an error of the client."""

    def look(self) -> None:
        """Take note of every order at the exchange; it forgets the oldest closed ones."""
        records = self.server.exchange.brokerage.accounts["main"].orders
        self.orders.update((order.order_id, order) for order in records.as_of(LATEST))

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(1.0)

    async def live(self, seconds: float, *extra: str) -> dict[str, object] | None:
        """Run the client, and kill it after some seconds; return its report, if it made one."""
        self.lives += 1
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.benchmarks.chaos_client", self.gateway.address, str(self.folder)),
            *(f"{self.seed}/{self.lives}", *extra),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
            env={
                **os.environ,
                "KRAKEN_API_KEY": self.server.api_key,
                "KRAKEN_API_SECRET": self.server.api_secret,
            },
        )
        killer = asyncio.get_running_loop().call_later(seconds, _kill, program)
        output, errors = await program.communicate()
        killer.cancel()
        self.kills += program.returncode == -signal.SIGKILL
        if program.returncode not in (-signal.SIGKILL, 0):
            self.ended.append(errors.decode(errors="replace")[-2000:])
        report, well = None, []
        for line in output.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue  # the kill cut it
            self.cancelled.update(told.get("cancelled", ()))
            if "placed" in told:
                self.placed[told["state"]] += 1
            if "failed" in told:
                self.failed[told["failed"]] += 1
            if "well" in told:
                well.append((told["at"], told["well"]))
            report = told.get("report", report)
        self._add_recoveries(well)
        return report

    def _add_recoveries(self, well: list[tuple[float, bool]]) -> None:
        """Note how long each fault of this life took to be over; most faults disturb nothing."""
        for (since, first), (until, second) in pairwise(well):
            if first or not second:
                continue
            causes = [(at, kind) for at, kind in self.faults if since - 5.0 < at <= since]
            for at, kind in causes[-1:]:
                self.recovery_s[kind].append(until - at)

    # --- verdicts -------------------------------------------------------------------------

    def differences(self, report: dict) -> Iterator[str]:
        """Name everything about orders in which the client differs from the exchange."""
        self.look()
        by_name: dict[str, list[OrderRecord]] = {}
        for order in self.orders.values():
            by_name.setdefault(order.request.cl_ord_id or "", []).append(order)
        for name, orders in by_name.items():
            if name and len(orders) > 1:
                yield f"sent twice: {name} is {len(orders)} orders at the exchange"
            if name not in report["entries"]:
                yield f"forgotten: {name or orders[0].order_id} is not in the outbox"
        for name, entry in report["entries"].items():
            if wrong := _wrong(entry, by_name.get(name, [])):
                yield f"{wrong}: {name}"
        alive = {order.order_id for order in self.orders.values() if order.status.open}
        for order_id in self.cancelled & alive:
            yield f"told cancelled and alive: {order_id}"
        if (ours := set(report["open"])) != alive:
            yield f"open orders differ: ours alone {ours - alive}, theirs alone {alive - ours}"
        if not report["settled"]:
            states = Counter(entry["state"] for entry in report["entries"].values())
            yield f"not settled: {dict(states)}"


def _wrong(entry: dict, orders: list[OrderRecord]) -> str:
    """Say in what an outbox entry is wrong; empty when it is right. Amends have no order."""
    state, alive = entry["state"], any(order.status.open for order in orders)
    if entry["kind"] != "add":
        return ""
    if entry["ended"] and alive:
        return f"told {state} and alive"
    if state in ("live", "acknowledged") and not alive:
        return f"told {state}, and it is {orders[0].status if orders else 'not there'}"
    if (
        state in ("filled", "cancelled")
        and orders
        and orders[0].status.value
        not in (
            {"filled": ("closed", "filled"), "cancelled": ("canceled", "cancelled", "expired")}[
                state
            ]
        )
    ):
        return f"told {state}, and it is {orders[0].status}"
    return ""


def _kill(program: asyncio.subprocess.Process) -> None:
    if program.returncode is None:
        program.kill()


def account_differences(control: ControlApi, report: dict) -> Iterator[str]:
    """Compare totals, fills, and the books, as the control API tells them."""
    truth = json.loads(control.answer("GET", "/sim/account", {}) or b"{}", parse_float=Decimal)
    for row in truth["main"]["balances"]:
        ours = Decimal(report["balances"].get(row["asset"], "0"))
        if ours != row["balance"]:
            yield f"balance of {row['asset']}: {ours}, at the exchange {row['balance']}"
    known = set(report["fills"])
    for exec_id in truth["main"]["fills"][-len(known) :] if known else ():
        if exec_id not in known:
            yield f"fill {exec_id} is not known"
    for symbol, rows in report["books"].items():
        query = {"symbol": symbol, "channel": "book", "depth": "10"}
        book = json.loads(control.answer("GET", "/sim/truth", query) or b"{}")
        if rows != book["bids"] + book["asks"]:
            yield f"book of {symbol}: verified and wrong"


async def run(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sim = SimOptions(
            seed=options.seed,
            symbols=SYMBOLS,
            rate=options.rate,
            faults=f"all:{options.every}",
            order_faults=ORDER_FAULTS,
        )
        async with (
            SimServer(sim) as server,
            HostileGateway(server.endpoints.rest, options.seed) as gateway,
        ):
            chaos = Chaos(server, gateway, Path(folder), options.seed)
            gateway.on_fault = lambda kind: chaos.faults.append((time.time(), kind))
            random = Random(f"{options.seed}/kills")
            watching = asyncio.create_task(chaos.watch())
            ends = time.monotonic() + options.minutes * 60
            while time.monotonic() < ends:
                await chaos.live(random.uniform(*KILL_S))
            gateway.calm()
            assert server.injector is not None
            server.injector.calm(CALM_S * NS_PER_S)
            server.injector.hold(CALM_S * NS_PER_S)
            server.exchange.order_faults.rules = ()
            await asyncio.gather(*gateway.late, return_exceptions=True)
            settle_begun = time.monotonic()
            report = await chaos.live(SETTLE_S, "--settle")
            settled_s = time.monotonic() - settle_begun
            watching.cancel()
            found = list(chaos.differences(report)) if report else ["the client made no report"]
            control = ControlApi(server.exchange, server.injector)
            found += list(account_differences(control, report)) if report else []
            found += [f"the client ended by itself: {each}" for each in chaos.ended]
    print(f"{(time.monotonic() - begun) / 60:.1f} minutes, seed {options.seed}")
    print(f"lives {chaos.lives}, killed {chaos.kills}, orders there {len(chaos.orders)}")
    print(f"answers: {_counts(chaos.placed)}; told cancelled {len(chaos.cancelled)}")
    print(f"actions without effect: {_counts(chaos.failed)}")
    print(f"faults of the gateway: {sum(gateway.struck.values())}: {_counts(gateway.struck)}")
    for kind, took in sorted(chaos.recovery_s.items()):
        print(f"recovery from {kind}: {len(took)}, median {median(took):.1f} s, {max(took):.1f} s")
    print(f"settled in {settled_s:.1f} s")
    for each in found:
        print(f"VIOLATION: {each}", file=sys.stderr)
    print(f"violations: {len(found)}")
    return 1 if found else 0


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=5, help="times the natural speed")
    parser.add_argument("--every", default="8s", help="mean time between the simulator's faults")
    parser.add_argument("--seed", type=int, default=1)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
