from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from kracked.feed.fanout import Fanout, Policy
from kracked.protocol.events import Event, Heartbeat, Overflow


def beats(*numbers: int) -> list[Event]:
    return [Heartbeat(number) for number in numbers]


def heard(events: list[Event]) -> list[int]:
    return [event.received for event in events if type(event) is Heartbeat]


def test_each_consumer_gets_every_event_in_order() -> None:
    fanout = Fanout()
    first = fanout.consumer(Policy.NEVER_SKIP, None)
    second = fanout.consumer(Policy.NEWEST, None)
    fanout.publish(beats(1, 2))
    fanout.publish(beats(3))
    assert first.take() == second.take() == beats(1, 2, 3)


def test_a_display_gets_the_newest_and_is_told_what_it_missed() -> None:
    fanout = Fanout()
    display = fanout.consumer(Policy.NEWEST, 3)
    for number in range(10):
        fanout.publish(beats(number))
    assert display.take() == [Overflow(7, 7), *beats(7, 8, 9)]


def test_a_recorder_keeps_what_it_has_and_the_hole_is_where_it_was() -> None:
    fanout = Fanout()
    recorder = fanout.consumer(Policy.NEVER_SKIP, 4)
    fanout.publish(beats(0, 1, 2, 3))
    fanout.publish(beats(4, 5))
    assert recorder.take() == [*beats(0, 1, 2, 3), Overflow(3, 2)]
    fanout.publish(beats(6))
    assert recorder.take() == beats(6)


async def test_a_recorder_reading_one_by_one_meets_the_hole_in_its_place() -> None:
    fanout = Fanout()
    recorder = fanout.consumer(Policy.NEVER_SKIP, 4)
    fanout.publish(beats(0, 1, 2, 3))
    fanout.publish(beats(4))
    read = [await anext(recorder) for _ in range(3)]
    fanout.publish(beats(5))
    read += [await anext(recorder) for _ in range(3)]
    assert read == [*beats(0, 1, 2, 3), Overflow(5, 1), *beats(5)]


def test_a_full_queue_is_no_concern_of_the_others() -> None:
    fanout = Fanout()
    fanout.consumer(Policy.NEVER_SKIP, 1)
    other = fanout.consumer(Policy.NEVER_SKIP, 100)
    for number in range(50):
        fanout.publish(beats(number))
    assert heard(other.take()) == list(range(50))


async def test_a_waiting_consumer_is_woken() -> None:
    fanout = Fanout()
    consumer = fanout.consumer(Policy.NEVER_SKIP, None)
    waiting = asyncio.ensure_future(consumer.batch())
    await asyncio.sleep(0)
    fanout.publish(beats(1))
    assert await waiting == beats(1)


async def test_a_cancelled_wait_loses_nothing() -> None:
    fanout = Fanout()
    consumer = fanout.consumer(Policy.NEVER_SKIP, None)
    waiting = asyncio.ensure_future(anext(consumer))
    await asyncio.sleep(0)
    fanout.publish(beats(1))
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await anext(consumer) == beats(1)[0]


async def test_after_the_end_what_is_queued_can_still_be_read() -> None:
    fanout = Fanout()
    consumer = fanout.consumer(Policy.NEVER_SKIP, None)
    fanout.publish(beats(1, 2))
    fanout.close()
    assert [event async for event in consumer] == beats(1, 2)
    assert await consumer.batch() == []


def test_a_consumer_that_left_gets_nothing_more() -> None:
    fanout = Fanout()
    with fanout.consumer(Policy.NEVER_SKIP, None) as consumer:
        pass
    fanout.publish(beats(1))
    assert consumer.waiting == 0
    assert fanout.consumers == ()


@given(
    st.sampled_from(list(Policy)),
    st.integers(1, 8),
    st.lists(st.integers(0, 5) | st.just("take"), max_size=40),
)
def test_what_is_read_and_what_was_dropped_are_all_there_was(policy, limit, steps) -> None:
    fanout = Fanout()
    consumer = fanout.consumer(policy, limit)
    read: list[Event] = []
    number = 0
    for step in steps:
        if step == "take":
            read += consumer.take()
        else:
            fanout.publish(beats(*range(number, number + step)))
            number += step
    held = consumer.waiting
    read += consumer.take()
    numbers = heard(read)
    assert held <= limit + 1
    assert numbers == sorted(set(numbers))
    assert len(numbers) + consumer.dropped == number
