"""Random replies, losses, fills, kills and power cuts: nothing sent twice, nothing forgotten."""

from __future__ import annotations

from collections import Counter

import pytest

from kracked.actions.outbox import SentAlready
from kracked.actions.states import State
from tests.actions.model import World

SEQUENCES = 10_000
SHARDS = 10
_STEPS = {
    "place": 6,
    "resume": 12,
    "arrive": 10,
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
    """Failed look-ups are part of the game here, and are many."""
    caplog.set_level("ERROR")


def live(seed: int) -> World:
    """One life of a program, from its start until everything is known."""
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
    """A defect elsewhere tries to send what was sent."""
    sent = [entry for entry in world.desk.outbox if entry.state is not State.PREPARED]
    if sent:
        with pytest.raises(SentAlready):
            world.desk.outbox.send(world.random.choice(sent).id, world.now)


def wrongs(world: World) -> list[str]:
    """Everything a life must never end with."""
    outbox, found = world.desk.outbox, []
    found += [f"sent twice: {name}" for name, count in world.sends.items() if count > 1]
    placed = Counter(order.cl_ord_id for order in world.orders.values())
    found += [f"placed twice: {name}" for name, count in placed.items() if count > 1]
    for order in world.orders.values():
        if order.cl_ord_id not in outbox:
            found.append(f"forgotten: {order}")
            continue
        entry = outbox[order.cl_ord_id]
        right = {"open": State.LIVE, "closed": State.FILLED, "canceled": State.CANCELLED}
        if (entry.state, entry.filled) != (right[order.status], order.filled):
            found.append(f"{entry} but the exchange has {order}")
    for entry in outbox:
        if entry.id not in placed and entry.state is not State.REFUSED:
            found.append(f"not at the exchange: {entry}")
    return found


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_order_is_sent_twice_or_forgotten_in_ten_thousand_lives(shard: int) -> None:
    wrong = {seed: wrongs(live(seed)) for seed in range(shard, SEQUENCES, SHARDS)}
    assert not {seed: found for seed, found in wrong.items() if found}


def test_the_lives_hold_all_that_can_go_wrong() -> None:
    seen: Counter[str] = Counter()
    for seed in range(300):
        world = live(seed)
        seen["restarts"] += world.restarts - 1
        for entry in world.desk.outbox:
            seen[entry.state] += 1
            seen[entry.reason.partition(":")[0]] += 1
    wanted = ("restarts", "filled", "cancelled", "refused", "live", "never placed")
    assert all(seen[name] > 20 for name in wanted), seen
