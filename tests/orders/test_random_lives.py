"""Random lives of the program: nothing is sent twice, nothing is forgotten, everything ends.

Orders, batches, amends and cancels meet lost answers, throttles, fills, kills, power cuts and a
clock that somebody sets. `python -m tests.orders.test_random_lives 10000` counts them.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from decimal import Decimal

import pytest

from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, AlreadySent, OutboxEntry
from tests.orders.exchange_model import World

SEQUENCES = 10_000
SHARDS = 10
_STEPS = {
    "place": 6,
    "batch": 2,
    "amend": 3,
    "cancel": 3,
    "resume": 16,
    "arrive": 13,
    "jump": 1,
    "trade": 6,
    "settle": 3,
    "wait": 4,
    "snapshot": 1,
    "kill": 1,
    "power": 1,
    "again": 1,
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Failed look-ups are expected here, and many."""
    caplog.set_level("ERROR")


def live(seed: int) -> World:
    """One life of a program, from its start until every outcome is known."""
    world = World(seed)
    world.fail_reads = seed % 2 == 0
    names, weights = list(_STEPS), list(_STEPS.values())
    for step in world.random.choices(names, weights, k=world.random.randint(5, 40)):
        take(world, step)
    world.drain()
    return world


def take(world: World, step: str) -> None:
    match step:
        case "wait":
            world.wait(world.random.choice((1, 5, 40)))
        case "kill" | "power":
            world.kill(power=step == "power")
        case "again":
            send_again(world)
        case _:
            getattr(world, step)()


def send_again(world: World) -> None:
    """Let a defect elsewhere try to send an action again."""
    sent = [entry for entry in world.manager.outbox if entry.state is not OrderState.PREPARED]
    if sent:
        with pytest.raises(AlreadySent):
            world.manager.outbox.send(world.random.choice(sent).id, world.now)


def wrongs(world: World) -> list[str]:
    """Return the violations that a life must not end with."""
    outbox = world.manager.outbox
    found = [f"sent twice: {name}" for name, n in world.sends.items() if n > 1 and name != "amend"]
    placed = Counter(order.cl_ord_id for order in world.orders.values())
    found += [f"placed twice: {name}" for name, count in placed.items() if count > 1]
    for order in world.orders.values():
        if order.cl_ord_id not in outbox:
            found.append(f"forgotten: {order}")
            continue
        entry = outbox[order.cl_ord_id]
        right = {
            "open": OrderState.LIVE,
            "closed": OrderState.FILLED,
            "canceled": OrderState.CANCELLED,
        }
        if (entry.state, entry.filled) != (right[order.now.status], order.now.filled):
            found.append(f"{entry} but the exchange has {order}")
    for entry in outbox:
        if entry.kind is ActionKind.AMEND:
            found += wrong_amend(entry, world)
        elif entry.id not in placed and entry.state is not OrderState.REFUSED:
            found.append(f"not at the exchange: {entry}")
    amends = sum(entry.kind is ActionKind.AMEND for entry in outbox)
    if world.sends["amend"] > amends:
        found.append(f"{world.sends['amend']} amends sent of {amends}")
    return found


def wrong_amend(entry: OutboxEntry, world: World) -> list[str]:
    if not entry.ended:
        return [f"without an end: {entry}"]
    numbers = (entry.request.get(name) for name in ("order_qty", "limit_price"))
    meant = (str(entry.target), *(None if text is None else Decimal(text) for text in numbers))
    if entry.state is OrderState.ACKNOWLEDGED and meant not in world.applied:
        return [f"never carried out: {entry}"]
    if entry.reason.startswith("never applied") and meant in world.applied:
        return [f"carried out all the same: {entry}"]
    return []


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_order_is_sent_twice_or_forgotten_in_ten_thousand_lives(shard: int) -> None:
    wrong = {seed: wrongs(live(seed)) for seed in range(shard, SEQUENCES, SHARDS)}
    assert not {seed: found for seed, found in wrong.items() if found}


def test_the_lives_hold_all_that_can_go_wrong() -> None:
    seen: Counter[str] = Counter()
    for seed in range(400):
        world = live(seed)
        seen["restarts"] += world.restarts - 1
        for entry in world.manager.outbox:
            seen[entry.state] += 1
            seen[entry.reason.partition(":")[0]] += 1
            seen[entry.kind] += 1
        seen["jumps"] += world.skew_ns != 0
    often = ("restarts", "filled", "cancelled", "refused", "live", "never placed", "amend", "jumps")
    assert all(seen[name] > 20 for name in often), seen
    # Of few amends the answer is lost.
    assert all(seen[name] > 2 for name in ("seen in force", "never applied")), seen


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else SEQUENCES
    logging.disable(logging.WARNING)
    totals: Counter[str] = Counter()
    for seed in range(asked):
        ended = live(seed)
        totals["actions"] += len(ended.manager.outbox)
        totals["restarts"] += ended.restarts - 1
        totals["wrong"] += len(wrongs(ended))
    print(f"{asked} lives: {dict(totals)}")
    sys.exit(1 if totals["wrong"] else 0)
