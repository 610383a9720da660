"""Detectors and measures against a market whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from kracked.flow import MarketFlows
from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.protocol.events import Event, Side
from kracked.record.read.recording import Recording
from kracked.record.replay import Player
from kracked.sim.agents.planter import Pattern
from tests.benchmarks.detectors import PlantedMarket, Run, wrong_facts
from tests.benchmarks.queue_truth import Message, record

BTC = "BTC/USD"
PLANTED = {
    Pattern.ICEBERG: 200,
    Pattern.OWN_ICEBERG: 200,
    Pattern.PULLED_LAYERS: 100,
    Pattern.SAME_SIZE: 100,
    Pattern.SWEEP: 200,
    Pattern.ABSORPTION: 150,
}
NUMBERS = DetectorNumbers(budget=None)


@cache
def market() -> PlantedMarket:
    return PlantedMarket(BTC, 11, 3.0, lead_s=30, an_hour=PLANTED)


@cache
def live() -> Run:
    return Run(market(), looks=True, facts=True)


def sightings(events: Iterable[Event]) -> list[Sighting]:
    """Return every revision of every sighting."""
    flows, news = MarketFlows(numbers=NUMBERS), []
    flows[BTC].use_rules(market().listing.instrument)
    for event in events:
        flows.apply(event)
        news += flows[BTC].detectors.take_news()
    return news


def test_a_replay_of_the_recording_sees_what_was_seen_live(tmp_path: Path) -> None:
    made = market()
    record(tmp_path / "session", made, made.depth, made.messages)  # type: ignore[arg-type]
    player, events = Player(Recording(tmp_path / "session")), []
    while (moment := player.step()) is not None:
        events += moment.events
    assert len(live().news) > 50
    assert sightings(events) == live().news


def test_the_ledger_tells_what_the_engine_caused() -> None:
    told, wrong = wrong_facts(market(), live())
    assert told > 3_000
    assert wrong == 0


def test_every_order_that_comes_back_under_its_id_is_seen() -> None:
    exact = [one for one in live().of(Kind.HIDDEN) if one.sureness is Sureness.EXACT]
    seen = {fact.order_id for one in exact for fact in one.evidence}
    assert len(market().refilled) > 5
    assert set(market().refilled) <= seen


def test_every_wide_sweep_is_seen_with_its_figures() -> None:
    seen = {
        (one.side, one.price, one.last_price, one.count, one.qty) for one in live().of(Kind.SWEEP)
    }
    wide = [row for row in market().truth if row.pattern == "sweep" and row.count > 5]
    assert wide
    assert {(row.side, row.price, row.last_price, row.count, row.qty) for row in wide} <= seen


def test_prints_that_come_three_seconds_late_change_nothing_that_is_exact() -> None:
    messages = [
        one._replace(received=one.received + 3 * 10**9) if b'"channel":"trade"' in one.raw else one
        for one in market().messages
    ]
    late = Run(with_messages(sorted(messages, key=lambda one: one.received)))
    told = [
        Counter(
            (one.side, one.price, one.count, one.qty)
            for one in run.sightings
            if one.sureness is Sureness.EXACT and one.kind is Kind.HIDDEN
        )
        for run in (live(), late)
    ]
    assert told[0] == told[1]


def test_no_pattern_is_made_of_the_seam_of_a_resubscription() -> None:
    messages = market().messages
    seam = messages[len(messages) // 2].received
    run = Run(market(), lose_at=seam)
    by_level3 = [
        one
        for one in run.sightings
        if one.sureness is not Sureness.EXACT and one.kind is not Kind.SAME_SIZE
    ]
    assert len(run.sightings) > 20
    assert [one for one in by_level3 if one.first < seam < one.last] == []


def with_messages(messages: list[Message]) -> PlantedMarket:
    made = object.__new__(PlantedMarket)
    made.__dict__.update(market().__dict__, messages=messages)
    return made


def test_a_level_that_flaps_at_the_edge_of_view_is_neither_stacked_nor_pulled() -> None:
    made = PlantedMarket(BTC, 12, 1.0, depth=10, lead_s=5, an_hour={Pattern.SILENT_WINDOW: 120})
    run = Run(made)
    run.market.changes.set_window(None, 0)
    came, went = Counter(), Counter()
    for row in made.causes:
        if row.what == "rested":
            came[row.side, row.price] += row.qty
        elif row.what in ("left", "amended"):
            went[row.side, row.price] += row.qty
    flaps = sum(row.count for row in made.truth)
    assert flaps > 100
    for side in Side:
        for price, level in run.market.changes.rows(side).items():
            assert level.stacked <= came[side, price]
            assert level.pulled <= went[side, price]
