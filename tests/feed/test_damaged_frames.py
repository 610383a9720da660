"""No input whatever ends a feed: any value in any place of any frame, on any connection."""

from __future__ import annotations

from random import Random

import pytest

from kracked.protocol import events
from tests.damaged_frames import damaged
from tests.feed.rig import Rig

ROUNDS = 300


@pytest.mark.parametrize("seed", range(12))
def test_no_structured_damage_ends_a_feed_and_what_is_intact_still_arrives(seed: int) -> None:
    rig, random = Rig(seed), Random(seed)
    rig.live(2)
    with rig.feed.consumer() as consumer:
        for number in range(ROUNDS):
            line = random.choice(rig.lines)
            rig.feed.on_frame(line.link.connection, damaged(random), rig.now)
            rig.feed.current_state()
            rig.feed.open_gaps()
            rig.feed.stats()
            if number % 20 == 0:
                rig.live(0.1)
        heard = {type(event) for event in consumer.take()}
    assert {events.Malformed, events.Ticker, events.Heartbeat} <= heard


@pytest.mark.parametrize("seed", range(3))
def test_after_any_damage_everything_is_known_and_true_again(seed: int) -> None:
    rig, random = Rig(seed), Random(seed)
    rig.live(2)
    for _ in range(50):
        line = random.choice(rig.lines)
        rig.feed.on_frame(line.link.connection, damaged(random), rig.now)
    rig.live(100)
    assert rig.unlike() == []
