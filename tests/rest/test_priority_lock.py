"""The order of private calls: by urgency, and past a slow answer."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from kracked.rest.priority_lock import PriorityLock, Urgency, Withdrawn
from tests.patience import PATIENCE_S


async def test_the_most_urgent_waits_least_and_equals_keep_their_order() -> None:
    turns, served = PriorityLock(), []

    async def take(name: str, urgency: Urgency) -> None:
        async with turns.turn(urgency):
            served.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name, urgency in (
            ("first", Urgency.READ),
            ("read", Urgency.READ),
            ("order", Urgency.ORDER),
            ("second order", Urgency.ORDER),
            ("cancel", Urgency.CANCEL),
        ):
            group.create_task(take(name, urgency))
    assert served == ["first", "cancel", "order", "second order", "read"]


async def take(turns: PriorityLock, urgency: Urgency, *names: str) -> None:
    async with turns.turn(urgency, frozenset(names)):
        pass


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    turns = PriorityLock()
    async with turns.turn(Urgency.READ):
        waiting = asyncio.create_task(take(turns, Urgency.CANCEL))
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(PATIENCE_S), turns.turn(Urgency.READ):
        pass


async def test_a_turn_passed_to_someone_cancelled_goes_on_to_the_next() -> None:
    turns = PriorityLock()
    holder = turns.turn(Urgency.READ)
    await holder.__aenter__()
    waiting = asyncio.create_task(take(turns, Urgency.CANCEL))
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(PATIENCE_S), turns.turn(Urgency.READ):
        pass


@pytest.mark.parametrize(
    ("slow", "urgent"),
    [
        (Urgency.READ, Urgency.ORDER),
        (Urgency.READ, Urgency.SWITCH),
        (Urgency.ORDER, Urgency.CANCEL),
        (Urgency.SWITCH, Urgency.CANCEL),
        (Urgency.CANCEL, Urgency.CANCEL),
    ],
)
async def test_the_urgent_wait_for_no_slow_answer(slow: Urgency, urgent: Urgency) -> None:
    turns = PriorityLock(overtake_after_s=0)
    async with asyncio.timeout(PATIENCE_S), turns.turn(slow) as holder:
        await take(turns, urgent)
        assert holder.overtaken


@pytest.mark.parametrize(
    ("slow", "waiting"),
    [
        (Urgency.READ, Urgency.READ),
        (Urgency.ORDER, Urgency.ORDER),
        (Urgency.ORDER, Urgency.READ),
        (Urgency.CANCEL, Urgency.ORDER),
    ],
)
async def test_the_others_wait_however_slow_it_is(slow: Urgency, waiting: Urgency) -> None:
    turns = PriorityLock(overtake_after_s=0)
    async with turns.turn(slow) as holder:
        later = asyncio.create_task(take(turns, waiting))
        for _ in range(5):
            await asyncio.sleep(0)
        assert (later.done(), holder.overtaken) == (False, False)
    await later


async def test_nobody_is_overtaken_before_its_time() -> None:
    turns = PriorityLock(overtake_after_s=60)
    async with turns.turn(Urgency.READ) as holder:
        cancel = asyncio.create_task(take(turns, Urgency.CANCEL))
        for _ in range(5):
            await asyncio.sleep(0)
        assert (cancel.done(), holder.overtaken) == (False, False)
    await cancel


async def test_who_was_overtaken_takes_no_turn_from_others_when_it_ends() -> None:
    turns, release = PriorityLock(overtake_after_s=0), asyncio.Event()

    async def hold(urgency: Urgency) -> None:
        async with turns.turn(urgency):
            await release.wait()

    async with turns.turn(Urgency.READ):
        order = asyncio.create_task(hold(Urgency.ORDER))
        for _ in range(5):
            await asyncio.sleep(0)
    second = asyncio.create_task(take(turns, Urgency.ORDER))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not second.done()
    release.set()
    await asyncio.gather(order, second)


async def test_a_cancel_withdraws_the_orders_it_means_and_no_others() -> None:
    turns = PriorityLock()
    async with turns.turn(Urgency.READ):
        meant = asyncio.create_task(take(turns, Urgency.ORDER, "a", "b"))
        other = asyncio.create_task(take(turns, Urgency.ORDER, "c"))
        read = asyncio.create_task(take(turns, Urgency.READ))
        await asyncio.sleep(0)
        turns.withdraw({"b"})
    with pytest.raises(Withdrawn):
        await meant
    await asyncio.gather(other, read)
