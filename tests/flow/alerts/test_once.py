"""Each alert once: however events are cut, and wherever the program ends and begins again."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from kracked.flow.alerts import Alert, AlertMemory
from kracked.flow.alerts.memory import Memory
from kracked.protocol.events import Event, Side
from tests.flow.alerts.scene import S, Scene, fired, opened, watching

RULES = (
    "price above 64030",
    "price 64000 always",
    "bid price below 63980",
    "mid price above 64010 always",
    "size >= 5",
    "size >= 3 bid within 5 bp",
    "spread > 3 bp for 2s",
    "imbalance >= 60 % for 1s",
    "taker >= 2",
    "silence 4s",
)


def planted(seed: int) -> Scene:
    random, scene = Random(seed), opened()
    for _ in range(250):
        side = random.choice(("bid", "ask"))
        offset = random.randrange(1, 12) * 5
        price = 64005 + (offset if side == "ask" else -offset)
        qty = random.choice(("0", "0.5", "1", "3", "6"))
        after = random.choice((0.05, 0.4, 1.3, 5))
        if random.random() < 0.5:
            scene.update((side, str(price), qty), after=after)
        else:
            price = 64000 + random.randrange(-80, 90)
            scene.trade(str(price), random.choice(("0.1", "2.5")), Side(side), after=after)
    return scene


def identity(alerts: list[Alert]) -> Counter[tuple[str, str, int]]:
    return Counter((alert.rule, alert.key, alert.time) for alert in alerts)


def test_the_planted_markets_fire_every_rule() -> None:
    told = [
        alert.rule for seed in range(8) for alert in fired(watching(*RULES), planted(seed).events)
    ]
    assert set(told) == set(RULES)


@pytest.mark.parametrize("seed", range(8))
def test_how_often_one_looks_changes_nothing(seed: int) -> None:
    scene, random = planted(seed), Random(seed)
    whole = fired(watching(*RULES), scene.events)
    watch, told, before = watching(*RULES), [], scene.events[0].received
    for event in scene.events:
        while random.random() < 0.6 and before < event.received:
            before = random.randrange(before, event.received) + 1
            told += watch.elapse(before)
        told += watch.apply(event)
        before = max(before, event.received)
    assert told == whole


@pytest.mark.parametrize("seed", range(8))
def test_what_is_remembered_is_all_that_matters(seed: int) -> None:
    scene, random = planted(seed), Random(seed)
    whole = fired(watching(*RULES), scene.events)
    watch, told = watching(*RULES), []
    for event in scene.events:
        told += watch.apply(event)
        if random.random() < 0.2:
            for one in watch.armed:
                one.memory = msgspec.json.decode(msgspec.json.encode(one.memory), type=Memory)
    assert told == whole


@pytest.mark.parametrize("seed", range(8))
def test_a_program_that_begins_again_anywhere_tells_the_same_each_once(seed: int) -> None:
    rules = [text for text in RULES if not text.startswith(("spread", "imbalance", "silence"))]
    whole = identity(fired(watching(*rules), planted(seed).events))
    scene, random = planted(seed), Random(seed)
    watch, told = watching(*rules), list[Alert]()
    shown = Scene()
    for event in scene.events:
        told += watch.apply(event)
        follow(shown, event)
        if random.random() < 0.1:
            memory = msgspec.json.decode(msgspec.json.encode(watch.memory), type=AlertMemory)
            watch = watching(*rules, memory=memory)
            shown.now = event.received
            told += watch.apply(shown.snapshot())
            if shown.trades:
                told += watch.apply(shown.recent())
    assert identity(told) == whole
    assert max(whole.values()) == 1


def follow(shown: Scene, event: Event) -> None:
    """Keep what a new subscription would show."""
    if hasattr(event, "trades"):
        shown.trades += event.trades
    else:
        shown.book.apply(event)


def test_an_alert_that_fired_stays_off_for_the_next_program() -> None:
    scene, memory = Scene(), AlertMemory()
    scene.trade("65000")
    assert len(fired(watching("price above 65000", memory=memory), scene.events)) == 1
    again = watching("price above 65000", memory=memory)
    scene.trade("65001")
    assert not fired(again, scene.events)
    assert again.done


def test_a_pair_of_programs_misses_no_taker_between_them() -> None:
    scene, memory = Scene(), AlertMemory()
    scene.trade("64000", "1")
    assert not fired(watching("taker >= 5", memory=memory), scene.events)
    scene.passes(100 * 1)
    scene.trade("64000", "9")
    (late,) = watching("taker >= 5", memory=memory).apply(scene.recent())
    assert late.late
    assert late.time == scene.now // S * S
