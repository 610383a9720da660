"""The feed under every fault that the exchange can have.

Each test: the fault strikes, the feed says what happened, what was not touched does not
blink, and in the end every book is the engine's own again.
"""

from __future__ import annotations

import asyncio

import pytest

from kracked.endpoints import Endpoints
from kracked.errors import RequestRejected
from kracked.feed.transport import Limits
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from kracked.sim import server as sim_server
from kracked.sim.faults.refusals import REASONS
from kracked.sim.faults.schedule import FaultKind
from tests.feed.witness import watching
from tests.patience import PATIENCE_S

BLINKS = (events.Resync, events.Gap, events.Reconnecting, events.Stale)


def of(symbol: str, channel: str = "book"):
    return lambda event: (event.symbol, event.channel) == (symbol, channel)


# --- connections ------------------------------------------------------------------------


async def test_a_dropped_connection_comes_back_and_the_other_does_not_blink(faulty) -> None:
    async with faulty.feed(book=10, level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.DROP, "public")
            await witness.until(events.Reconnecting)
            assert not any(book.verified for book in feed.l2.values())
            assert all(book.verified for book in feed.l3.values())
            await witness.until(events.Reconnected)
            assert await faulty.follow(feed)
            gaps = {(gap.channel, *gap.symbols) for gap in witness.all(events.Gap)}
            assert gaps == {("instrument",), ("book", "BTC/USD"), ("book", "ETH/USD")}


async def test_a_half_open_connection_is_noticed_by_its_silence(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            await witness.until(events.Heartbeat)
            faulty.strike(FaultKind.HALF_OPEN)
            await witness.until(events.Stale)
            lost = await witness.until(events.Reconnecting)
            assert lost.reason == "silent for 5 s"
            await witness.until(events.Verified)
            assert await faulty.follow(feed)


async def test_a_refused_connection_is_tried_until_it_is_taken(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.REFUSE, detail="12")
            await witness.until(events.Reconnected)
            attempts = [event.attempt for event in witness.all(events.Reconnecting)]
            assert attempts == list(range(1, len(attempts) + 1))
            assert len(attempts) > 1
            assert await faulty.follow(feed)


async def test_a_connection_that_is_slow_to_be_accepted_is_waited_for(faulty, monkeypatch) -> None:
    monkeypatch.setattr(sim_server, "SLOW_S", 0.2)
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.SLOW_ACCEPT)
            await witness.until(events.Reconnected)
            assert len(witness.all(events.Reconnecting)) == 1
            assert await faulty.follow(feed)


async def test_noise_instead_of_a_handshake_is_a_failed_attempt(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.GARBAGE)
            await witness.until(events.Reconnected)
            assert len(witness.all(events.Reconnecting)) > 1
            assert await faulty.follow(feed)


async def test_a_port_without_tls_is_a_failed_attempt_in_words(faulty) -> None:
    secure = faulty.server.endpoints.public.replace("ws:", "wss:")
    async with faulty.feed(book=10, endpoints=Endpoints(public=secure)) as feed:
        with watching(feed) as witness:
            lost = await witness.until(events.Reconnecting)
    assert "SSL" in lost.reason


async def test_a_frame_that_never_ends_costs_one_connection(faulty) -> None:
    async with faulty.feed(book=10, level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.TRUNCATE, "public")
            await witness.until(events.Reconnected)
            assert {event.connection for event in witness.all(events.Reconnecting)} == {"public"}
            assert await faulty.follow(feed)


async def test_a_huge_frame_is_taken(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.HUGE)
            await witness.until(events.Unknown)
            assert await faulty.follow(feed)
            assert witness.all(*BLINKS) == []


async def test_a_frame_beyond_every_limit_costs_one_connection(faulty) -> None:
    feed = faulty.feed(book=10)
    feed._connections.transport.limits = Limits(message_bytes=2**20)
    async with feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.HUGE)
            lost = await witness.until(events.Reconnecting)
            assert "1009" in lost.reason
            await witness.until(events.Reconnected)
            assert await faulty.follow(feed)


# --- messages ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FaultKind.LOST, FaultKind.REORDER, FaultKind.CHECKSUM])
async def test_a_wrong_book_is_mended_alone(faulty, kind: FaultKind) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            noticed = asyncio.create_task(witness.until(events.Resync))
            while not noticed.done():  # a level lost that goes at once leaves nothing wrong
                faulty.strike(kind, "BTC/USD")
                await asyncio.wait([noticed], timeout=2)
            resync = noticed.result()
            assert (resync.symbol, resync.reason) == ("BTC/USD", "checksum")
            assert feed.l2["ETH/USD"].verified
            await witness.until(events.Verified, of("BTC/USD"))
            assert await faulty.follow(feed)
            assert {event.symbol for event in witness.all(events.Resync)} == {"BTC/USD"}
            assert witness.all(events.Reconnecting) == []


async def test_a_wrong_level3_book_is_mended_alone(faulty) -> None:
    async with faulty.feed(level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            noticed = asyncio.create_task(witness.until(events.Resync, of("BTC/USD", "level3")))
            while not noticed.done():  # an order lost that goes at once leaves nothing wrong
                faulty.strike(FaultKind.LOST, "BTC/USD")
                await asyncio.wait([noticed], timeout=2)
            await witness.until(events.Verified, of("BTC/USD", "level3"))
            assert await faulty.follow(feed)
            assert {event.symbol for event in witness.all(events.Resync)} == {"BTC/USD"}


# An order that is added twice may mean that its deletion was lost in between.
@pytest.mark.parametrize(("channel", "may_doubt"), [("book", set()), ("level3", {"BTC/USD"})])
async def test_an_update_sent_twice_does_no_harm(faulty, channel: str, may_doubt: set[str]) -> None:
    async with faulty.feed(**{channel: 10}) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.DUPLICATE, "BTC/USD")
            update = events.BookUpdate if channel == "book" else events.L3Update
            heard: set[tuple[str, str]] = set()

            def is_repeated(event) -> bool:
                told = (event.symbol, event.timestamp)
                return told in heard or heard.add(told) is not None

            await witness.until(update, is_repeated)
            assert await faulty.follow(feed)
            assert {event.symbol for event in witness.all(events.Resync)} <= may_doubt
            assert witness.all(events.Reconnecting) == []


async def test_broken_json_puts_books_in_doubt_until_they_are_proven(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.JSON, "BTC/USD")
            await witness.until(events.Malformed)
            resync = await witness.until(events.Resync, of("BTC/USD"))
            assert resync.reason == "impossible"
            await witness.until(events.Verified, of("BTC/USD"))
            assert await faulty.follow(feed)
            assert witness.all(events.Reconnecting) == []


async def test_a_burst_of_a_thousand_messages_is_taken_whole(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.BURST, "BTC/USD")
            for _ in range(1_000):
                await witness.until(events.BookUpdate, lambda event: event.symbol == "BTC/USD")
            assert await faulty.follow(feed)
            assert witness.all(*BLINKS) == []


# --- subscriptions ----------------------------------------------------------------------


async def test_a_late_snapshot_is_waited_for_and_the_book_is_marked_meanwhile(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.LATE_SNAPSHOT, "public", "6")
            faulty.strike(FaultKind.CHECKSUM, "BTC/USD")
            await witness.until(events.Resync)
            assert not feed.l2["BTC/USD"].verified
            gap = await witness.until(events.Gap)
            assert gap.end - gap.start > 2 * 10**9
            assert await faulty.follow(feed)


async def test_a_snapshot_that_does_not_come_is_asked_for_again(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.LATE_SNAPSHOT, "public", "20")
            faulty.strike(FaultKind.CHECKSUM, "BTC/USD")
            late = await witness.until(events.Resync, lambda event: event.reason == "timeout")
            assert (late.symbol, late.detail) == ("BTC/USD", "no snapshot")
            await witness.until(events.Gap)
            assert await faulty.follow(feed)


PASSING = [name for name, reason in REASONS.items() if reason.passing and not reason.session]
FINAL = [name for name, reason in REASONS.items() if not reason.passing]
SESSION = [name for name, reason in REASONS.items() if reason.session]


@pytest.mark.parametrize("reason", PASSING)
async def test_a_passing_refusal_is_overcome(faulty, reason: str) -> None:
    async with faulty.feed("BTC/USD", book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.REFUSAL, "", reason)
            await asyncio.wait_for(feed.subscribe("ETH/USD", book=10), PATIENCE_S)
            assert witness.all(events.Rejected)[0].error == REASONS[reason].error
            assert await faulty.follow(feed)
            assert {gap.symbols for gap in witness.all(events.Gap)} <= {("ETH/USD",)}


@pytest.mark.parametrize("reason", FINAL)
async def test_a_final_refusal_is_told_to_who_asked_and_to_nobody_else(faulty, reason: str) -> None:
    async with faulty.feed("BTC/USD", book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.REFUSAL, "", reason)
            words = REASONS[reason].error.format(symbol="ETH/USD")
            with pytest.raises(RequestRejected) as refused:
                await asyncio.wait_for(feed.subscribe("ETH/USD", book=10), PATIENCE_S)
            assert refused.value.error == words
            assert feed.l2["BTC/USD"].verified
            assert witness.all(*BLINKS) == []


@pytest.mark.parametrize("reason", SESSION)
async def test_a_refused_token_is_replaced_with_a_new_connection(faulty, reason: str) -> None:
    async with faulty.feed("BTC/USD", book=10, level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.REFUSAL, "level3", reason)
            await asyncio.wait_for(feed.subscribe("ETH/USD", level3=10), PATIENCE_S)
            (lost,) = witness.all(events.Reconnecting)
            assert (lost.connection, REASONS[reason].error in lost.reason) == ("level3", True)
            assert await faulty.follow(feed)


async def test_an_expired_token_is_noticed_when_it_is_needed(faulty) -> None:
    async with faulty.feed(level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.TOKEN, "level3")
            faulty.strike(FaultKind.CHECKSUM, "BTC/USD")
            lost = await witness.until(events.Reconnecting)
            assert lost.reason == "token refused: ESession:Invalid session"
            await witness.until(events.Reconnected)
            assert await faulty.follow(feed)


# --- time -------------------------------------------------------------------------------


async def test_missing_heartbeats_are_no_matter_while_data_come(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            await witness.until(events.Heartbeat)
            faulty.strike(FaultKind.HEARTBEAT)
            last = [witness.seen[-1].received]

            def is_late(beat: events.Heartbeat) -> bool:
                last.append(beat.received)
                return last[-1] - last[-2] > 6 * 10**9

            await witness.until(events.Heartbeat, is_late)
            assert witness.all(*BLINKS) == []
            assert await faulty.follow(feed)


async def test_missing_heartbeats_end_a_connection_without_data(faulty) -> None:
    async with faulty.feed("BTC/USD", book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            await witness.until(events.Heartbeat)
            faulty.injector.hold(10**13)
            faulty.strike(FaultKind.HEARTBEAT)
            await witness.until(events.Stale)
            lost = await witness.until(events.Reconnecting)
            assert lost.reason == "silent for 5 s"
            await witness.until(events.Verified)
            assert await faulty.follow(feed)


async def test_a_clock_that_jumps_breaks_nothing(faulty) -> None:
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.CLOCK)

            def is_off(event: events.BookUpdate) -> bool:
                return abs(event.exchange_time - event.received) > 3500 * 10**9

            await witness.until(events.BookUpdate, is_off)
            await witness.until(events.BookUpdate, lambda event: not is_off(event))
            assert await faulty.follow(feed)
            assert witness.all(*BLINKS) == []


async def test_maintenance_is_announced_and_survived(faulty) -> None:
    async with faulty.feed(book=10, level3=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.MAINTENANCE)
            await witness.until(events.Status, lambda event: event.system == "maintenance")
            await witness.until(events.Status, lambda event: event.system == "online")
            assert await faulty.follow(feed)


async def test_after_maintenance_nobody_hurries_back(faulty, monkeypatch) -> None:
    monkeypatch.setattr(faulty.injector._random, "random", lambda: 0.1)
    async with faulty.feed(book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.MAINTENANCE)
            lost = await witness.until(events.Reconnecting)
            assert lost.delay_s >= 5
            await witness.until(events.Reconnected)
            assert await faulty.follow(feed)


async def test_a_flood_leaves_others_their_turn(server) -> None:
    async with FeedManager(["BTC/USD"], book=10, endpoints=server.endpoints) as feed:
        await feed.ready()
        with feed.consumer() as consumer:
            for _ in range(2_000):
                await server.push(lambda exchange: exchange.update("BTC/USD"))
            heard = most = 0
            while heard < 2_000:
                updates = sum(type(event) is events.BookUpdate for event in await consumer.batch())
                heard, most = heard + updates, max(most, updates)
    assert most <= 300


# --- a channel that stops -------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["book", "level3"])
async def test_a_book_whose_frames_alone_stop_is_stale_and_comes_back_alone(
    faulty, channel: str
) -> None:
    async with faulty.feed(book=10, level3=10, trade=True, ticker=True) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.SILENT, "BTC/USD", f"{channel}/6s")
            stale = await witness.until(events.Stale, of("BTC/USD", channel))
            assert stale.reason
            resync = await witness.until(events.Resync, of("BTC/USD", channel))
            assert (resync.reason, resync.detail) == ("stale", stale.reason)
            assert feed.freshness("BTC/USD", channel).reason == stale.reason
            await witness.until(events.Verified, of("BTC/USD", channel))
            assert await faulty.follow(feed)
            assert {(one.symbol, one.channel) for one in witness.all(events.Resync)} == {
                ("BTC/USD", channel)
            }
            assert witness.all(events.Reconnecting) == []
