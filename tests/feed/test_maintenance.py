"""What a feed tells of announced maintenance, and what it does about its connections."""

from __future__ import annotations

from kracked.feed.backoff import AFTER_MAINTENANCE, STEPS_S
from kracked.protocol import events
from kracked.protocol.maintenance.announcements import MaintenanceEvent
from kracked.protocol.maintenance.tracker import Announcement, MaintenanceNews
from kracked.protocol.maintenance.trading_effect import NewOrders
from kracked.sim.faults.maintenance import read, states
from kracked.sim.faults.schedule import FaultKind
from tests.feed.witness import Witness, watching

WALK = "walk=20s:2d"


async def come_through(faulty, witness: Witness, script: str) -> None:
    """Bring the exchange to each state of a script; a connection is lost in each."""
    for _, state in states(read(script), faulty.server.exchange.time):
        faulty.server.exchange.set_state(state)
        await witness.until(events.Status, lambda event, it=state: event.system == it.system)
        faulty.strike(FaultKind.DROP, "public")
        await witness.until(events.Reconnected)


async def test_every_phase_is_an_event_once_though_connections_come_and_go(faulty) -> None:
    async with faulty.feed(book=10, level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            await come_through(faulty, witness, WALK)
            told = witness.all(Announcement)
    assert [
        it.subject.phase
        for it in told
        if isinstance(it.subject, MaintenanceEvent) and it.news is MaintenanceNews.PHASE
    ] == ["announced", "reminder_24h", "approaching_30m", "imminent_5m", "final_warning_30s"]
    assert [it.news for it in told][-2:] == [MaintenanceNews.BEGUN, MaintenanceNews.OVER]
    assert feed.maintenance.told == len(told)


async def test_the_effect_is_that_of_the_state_the_feed_has_heard_of(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        assert feed.maintenance.effect(faulty.clock.wall()).new_orders is NewOrders.ALLOWED
        with watching(feed) as witness:
            [(_, blocked)] = states(read("final_warning_30s:0s"), faulty.clock.wall())
            faulty.server.exchange.set_state(blocked)
            await witness.until(Announcement)
        assert feed.maintenance.effect(faulty.clock.wall()).new_orders is NewOrders.REFUSED


async def test_nobody_hurries_back_after_a_loss_that_was_announced(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            script = "imminent_5m=discouraged/disconnect_and_wait:0s,maintenance:4m"
            (_, state), *_ = states(read(script), faulty.clock.wall())
            faulty.server.exchange.set_state(state)
            await witness.until(Announcement)
            faulty.strike(FaultKind.DROP, "public")
            lost = await witness.until(events.Reconnecting)
            assert lost.delay_s >= STEPS_S[AFTER_MAINTENANCE]
