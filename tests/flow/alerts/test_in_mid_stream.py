"""Alerts that come and go while a feed runs, and books that are joined as they stand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kracked.book.l2 import L2Book
from kracked.flow.alerts import AlertWatch, parse_alert
from kracked.protocol.events import BookSnapshot, BookUpdate, Trades
from tests.flow.alerts.scene import BTC, PRECISION, Scene, fired, opened, watching


def use(watch: AlertWatch, *texts: str) -> None:
    watch.use(map(parse_alert, texts))


def kept_book(scene: Scene) -> L2Book:
    """Return the book as a keeper holds it after every event of the scene."""
    book = L2Book(BTC, PRECISION, 10)
    for event in scene.events:
        assert isinstance(event, BookSnapshot | BookUpdate)
        book.apply(event)
    return book


def test_an_alert_that_is_added_fires_and_those_before_go_on_as_they_are() -> None:
    scene = Scene()
    watch = watching("price above 65000")
    watch.apply(scene.trade("64990"))
    use(watch, "price above 65000", "price below 64000")
    watch.apply(scene.trade("65001"))
    assert watch.memory.alerts["BTC/USD price above 65000"].off
    (alert,) = watch.apply(scene.trade("63999"))
    assert alert.rule == "price below 64000"


def test_an_alert_that_is_removed_never_fires() -> None:
    scene = Scene()
    watch = watching("price above 65000", "price above 66000")
    use(watch, "price above 66000")
    assert not watch.apply(scene.trade("65001"))
    assert [one.name for one in watch.armed] == ["BTC/USD price above 66000"]


def test_a_condition_that_holds_goes_on_holding_while_another_alert_is_added() -> None:
    scene = opened()
    watch = watching("spread > 1 bp for 3s")
    fired(watch, scene.events)
    watch.apply(scene.heartbeat(after=2))
    use(watch, "spread > 1 bp for 3s", "price above 65000")
    assert len(watch.apply(scene.heartbeat(after=2))) == 1


def test_without_an_alert_that_needs_it_no_book_is_kept() -> None:
    scene = opened()
    watch = watching("price above 65000")
    fired(watch, scene.events)
    assert watch.missing() == []
    use(watch, "price above 65000", "bid price above 64005")
    assert watch.missing() == [("book", BTC)]


def test_a_book_that_is_joined_as_it_stands_is_evaluated() -> None:
    scene = opened()
    watch = watching("ask price below 64006")
    assert not watch.join(kept_book(scene), scene.now)
    assert watch.missing() == []
    assert not watch.blind()
    (alert,) = watch.apply(scene.update(("ask", "64006", "1")))
    assert alert.words == "ask price is 64006.0"


def test_what_a_joined_book_has_already_is_not_applied_again() -> None:
    scene = opened()
    early = scene.update(("ask", "64008", "1"))
    scene.update(("ask", "64008", "0"))
    watch = watching("ask price below 64006")
    watch.join(kept_book(scene), scene.now)
    watch.apply(early)  # it waited in a queue
    assert not watch.blind()
    assert len(watch.apply(scene.update(("ask", "64006", "1")))) == 1


def test_a_book_that_lost_its_trust_is_missing_and_can_be_joined() -> None:
    scene = opened()
    watch = watching("ask price below 64006")
    fired(watch, scene.events)
    broken = scene.update(("ask", "64009", "1"))
    assert isinstance(broken, BookUpdate)
    watch.apply(replace(broken, checksum=1))
    assert watch.missing() == [("book", BTC)]
    watch.join(kept_book(scene), scene.now)
    assert watch.missing() == []


def test_a_pair_that_is_watched_later_has_the_alerts_of_all() -> None:
    watch = watching("silence 10s")
    watch.use([parse_alert("silence 10s")], ["ETH/USD"])
    assert [one.name for one in watch.armed] == ["BTC/USD silence 10s", "ETH/USD silence 10s"]


def swept(scene: Scene, *prices: str) -> Trades:
    """Return the trades of one taker through several levels."""
    for price in prices:
        scene.trade(price, "1", after=0)
    made = scene.events[-1]
    assert isinstance(made, Trades)
    return replace(made, trades=tuple(scene.trades[-len(prices) :]))


RISING = tuple(str(64010 + step) for step in range(8))
HIGHER = tuple(str(64040 + step) for step in range(8))


def test_a_sweep_from_before_its_alert_is_not_told_when_the_book_is_joined() -> None:
    scene = opened()
    book = kept_book(scene)
    watch = watching("price above 90000")
    scene.passes(1)
    assert not watch.apply(swept(scene, *RISING))
    use(watch, "price above 90000", "sweep")
    scene.passes(5)
    told = watch.join(book, scene.now)
    told += watch.apply(scene.update(("ask", "64011", "1"), after=20))
    told += watch.apply(scene.trade("64011"))
    assert told == []
    (alert,) = watch.apply(swept(scene, *HIGHER))
    assert alert.figures["price"] == "64040.0"


def test_a_sweep_after_its_alert_is_told_before_the_book_is_joined() -> None:
    scene = opened()
    watch = watching()
    watch.apply(scene.trade("64010"))
    use(watch, "sweep")
    scene.passes(1)
    assert len(watch.apply(swept(scene, *RISING))) == 1


def test_an_alert_that_is_set_anew_does_not_tell_what_came_before() -> None:
    scene = opened()
    watch = watching("sweep buy")
    fired(watch, scene.events)
    scene.passes(1)
    assert len(watch.apply(swept(scene, *RISING))) == 1
    use(watch)
    watch.memory.alerts.clear()
    use(watch, "sweep buy")
    fired(watch, [scene.snapshot()])
    assert not watch.apply(scene.update(("ask", "64011", "1"), after=20))


@pytest.mark.parametrize("text", ["sweep", "taker >= 1", "volume burst", "same size", "burst"])
def test_the_trades_of_the_first_snapshot_raise_nothing(text: str) -> None:
    scene, watch = opened(), watching(text)
    fired(watch, scene.events)
    scene.passes(1)
    trades = replace(swept(scene, *RISING), snapshot=True)
    assert not watch.apply(trades)
    assert not watch.apply(scene.update(("ask", "64011", "1"), after=20))
