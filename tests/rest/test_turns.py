"""Whose turn it is."""

from __future__ import annotations

import asyncio
import contextlib

from kracked.rest.turns import Turns, Urgency


async def test_the_most_urgent_waits_least_and_equals_keep_their_order() -> None:
    turns, served = Turns(), []

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


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    turns = Turns()
    async with turns.turn(Urgency.READ):
        waiting = asyncio.create_task(turns._wait(Urgency.CANCEL))
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(1), turns.turn(Urgency.READ):
        pass


async def test_a_turn_passed_to_someone_cancelled_goes_on_to_the_next() -> None:
    turns = Turns()
    holder = turns.turn(Urgency.READ)
    await holder.__aenter__()
    waiting = asyncio.create_task(turns._wait(Urgency.CANCEL))
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(1), turns.turn(Urgency.READ):
        pass
