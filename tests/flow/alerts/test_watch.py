"""Alerts on planted events: each fires, once, and nothing before."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from kracked.protocol import events
from kracked.protocol.events import Executions, Side
from tests.flow.alerts.scene import BTC, START, S, Scene, fired, opened, watching


def words(*texts: str, scene: Scene) -> list[str]:
    return [alert.words for alert in fired(watching(*texts), scene.events)]


def test_a_price_fires_when_it_is_touched_and_never_again() -> None:
    scene = Scene()
    for price in ("64990", "65000", "64990", "65010"):
        scene.trade(price)
    assert words("price above 65000", scene=scene) == ["last price is 65000.0"]


def test_a_price_is_crossed_from_the_side_it_was_on() -> None:
    scene = Scene()
    for price in ("65010", "65005", "64990"):
        scene.trade(price)
    assert words("price 65000", scene=scene) == ["last price 64990.0 is below 65000"]


def test_always_waits_again_once_the_price_was_ten_basis_points_away() -> None:
    scene = Scene()
    for price in ("64990", "65000", "64990", "65000", "64934", "65001"):
        scene.trade(price)
    assert len(words("price above 65000 always", scene=scene)) == 2


def test_a_best_price_is_evaluated_on_every_message_and_not_only_the_last() -> None:
    scene = opened()
    scene.update(("bid", "64005", "1"), after=0.001)
    scene.update(("bid", "64005", "0"), after=0.001)
    assert words("bid price above 64005", scene=scene) == ["bid price is 64005.0"]


def test_a_price_crossed_while_nothing_was_told_is_told_late() -> None:
    scene = Scene()
    scene.trade("64990")
    scene.trade("65020")
    scene.trade("64980")
    first, _, _ = scene.events
    watch = watching("price above 65000")
    assert not watch.apply(first)
    (alert,) = watch.apply(scene.recent())
    assert alert.late
    assert alert.words.endswith("reached while data were missing")


def test_trades_from_before_the_watch_are_no_takers() -> None:
    scene = Scene()
    scene.trade("64000", "50")
    assert words("taker >= 5", scene=scene) != []
    assert not fired(watching("taker >= 5"), [scene.recent()])


def test_takers_are_told_once_in_five_seconds() -> None:
    scene = Scene()
    for after in (1, 1, 1, 5):
        scene.trade("64000", "5", Side.ASK, after=after)
    assert words("taker sell >= 5", scene=scene) == ["one taker: sell 5.00000000 at 64000.0"] * 2


def test_a_level_fires_once_until_it_has_shrunk() -> None:
    scene = opened()
    for qty in ("5", "6", "4.5", "5", "3", "7"):
        scene.update(("bid", "63990", qty))
    told = words("size >= 5 at 63990", "size >= 5 ask", scene=scene)
    assert told == ["5.00000000 bid at 63990.0", "7.00000000 bid at 63990.0"]


def test_a_far_level_fires_when_the_price_comes_near() -> None:
    scene = opened(("bid", "63000", "9"))
    scene.update(("bid", "64000", "0"), after=1)
    scene.update(("bid", "63010", "1"), after=1)
    (alert,) = fired(watching("size >= 5 within 10 bp"), scene.events)
    assert alert.words == "9.00000000 bid at 63000.0"
    assert alert.time == START + S


def test_a_spread_must_stay_wide() -> None:
    scene = opened()
    scene.update(("ask", "64010", "0"), ("ask", "64100", "1"))
    scene.update(("ask", "64010", "1"), after=0.9)
    assert not words("spread > 10 bp", scene=scene)
    scene.update(("ask", "64010", "0"), after=5)
    wide = scene.now
    scene.heartbeat()
    scene.heartbeat()
    (alert,) = fired(watching("spread > 10 bp"), scene.events)
    assert alert.time == wide + S
    assert alert.words == "spread 100.0 (15.61 bp), 64000.0 to 64100.0"


def test_an_imbalance_is_told_again_only_after_it_was_over() -> None:
    scene = opened()
    for qty in ("9", "2.5", "9", "1", "9"):
        scene.update(("bid", "64000", qty), after=5)
    scene.heartbeat(5)
    assert len(words("imbalance >= 60 % for 3s", scene=scene)) == 2


def test_what_was_about_to_fire_is_forgotten_when_the_book_is_doubtful() -> None:
    scene = opened()
    scene.update(("ask", "64010", "0"), ("ask", "64100", "1"))
    scene.events.append(events.Resync(scene.now, BTC, "book", "checksum"))
    scene.heartbeat(5)
    watch = watching("spread > 10 bp")
    assert not fired(watch, scene.events)
    assert "renewed: checksum" in watch.blind()[f"{BTC} spread > 10 bp"]


def test_an_unverified_book_is_not_evaluated_and_it_is_said() -> None:
    scene = opened()
    wrong = scene.update(("bid", "63990", "50"))
    scene.events[-1] = replace(wrong, checksum=1)
    scene.update(("bid", "63980", "50"))
    watch = watching("size >= 5")
    assert not fired(watch, scene.events)
    assert watch.blind() == {f"{BTC} size >= 5": "no book: its checksum does not match"}
    assert watch.apply(scene.snapshot())
    assert not watch.blind()


def test_what_cannot_be_evaluated_is_named_from_the_start() -> None:
    blind = watching("hidden size", "own fill", "price above 5", "silence 5s", "data").blind()
    assert set(blind) == {f"{BTC} {text}" for text in ("hidden size", "own fill", "price above 5")}


def test_silence_fires_once_until_something_comes() -> None:
    scene = opened()
    for _ in range(12):
        scene.heartbeat()
    scene.trade("64000")
    for _ in range(5):
        scene.heartbeat()
    told = fired(watching("silence 5s"), scene.events)
    assert [alert.time - START for alert in told] == [5 * S, 18 * S]


def test_a_state_of_the_data_is_told_once_until_it_is_over() -> None:
    scene = Scene()
    lost = events.Reconnecting(scene.now, "public", "ws://x", "closed", 1, 1.0)
    back = events.Connected(scene.now, "public", "ws://x")
    watch = watching("data", "data checksum")
    assert len(fired(watch, [lost, lost, back, lost])) == 2
    assert len(fired(watch, [events.Resync(scene.now, BTC, "book", "checksum")] * 2)) == 2


def test_own_fills_are_told_each_once_and_old_ones_never() -> None:
    def report(exec_id: str) -> dict[str, object]:
        return {
            "exec_type": "trade",
            "exec_id": exec_id,
            "order_id": "O1",
            "symbol": BTC,
            "side": "buy",
            "order_status": "partially_filled",
            "last_qty": Decimal("0.5"),
            "last_price": Decimal(64000),
            "timestamp": "2024-11-12T06:44:00.000000Z",
        }

    watch = watching("own fill", "own cancel")
    assert not watch.apply(Executions(START, (report("old"),), 1, snapshot=True))
    (alert,) = watch.apply(Executions(START, (report("new"),), 2))
    assert alert.words == "own buy O1 part filled: 0.5 at 64000"
    assert not watch.apply(Executions(START, (report("new"), report("old")), 1, snapshot=True))
    (late,) = watch.apply(Executions(START, (report("missed"),), 1, snapshot=True))
    assert late.late


@pytest.mark.parametrize("text", ["own cancel", "own order"])
def test_an_order_that_the_exchange_cancels_is_told_with_its_reason(text: str) -> None:
    report = {"exec_type": "canceled", "order_id": "O1", "symbol": BTC, "reason": "a\x1b[2Jb"}
    watch = watching(text)
    watch.apply(Executions(START, (), 1, snapshot=True))
    (alert,) = watch.apply(Executions(START, (report,), 2))
    assert alert.words == "own order O1 cancelled: a?[2Jb"


def test_a_burst_needs_five_minutes_to_know_what_is_usual() -> None:
    scene = Scene()
    watch = watching("volume burst")
    for _ in range(310):
        scene.trade("64000", "0.1")
    scene.trade("64000", "8")
    scene.trade("64000", "8")
    told = fired(watch, scene.events)
    assert [alert.time for alert in told] == [scene.now - S]


def test_a_level_beyond_the_depth_is_said_to_be_out_of_sight() -> None:
    scene = Scene()
    for n in range(10):
        scene.update(("bid", str(64000 - n), "1"), ("ask", str(64010 + n), "1"))
    watch = watching("size >= 5 at 63990", "size >= 5 at 63991", "size >= 5 at 64020")
    watch.apply(scene.snapshot())
    assert set(watch.blind()) == {f"{BTC} size >= 5 at 63990", f"{BTC} size >= 5 at 64020"}
    assert "beyond the 10 levels" in watch.blind()[f"{BTC} size >= 5 at 63990"]
