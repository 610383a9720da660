"""Alerts that need level 3: large orders, sightings, own places."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.flow.alerts import Alert
from kracked.flow.alerts.order_checks import OrderChecks
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.protocol.events import Executions, Side
from tests.flow.alerts.scene import BTC, PRECISION, watching
from tests.flow.scripted_feed import ScriptedFeed, at


class Scripted(ScriptedFeed):
    """A scripted feed whose events go to a watch."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.watch, self.told = watching(*texts), list[Alert]()

    def receive(self, message: str, now: int) -> list:
        for event in self.codec.decode(message.encode(), now):
            self.told += self.watch.apply(event)
        return []

    @property
    def words(self) -> list[str]:
        return [alert.words for alert in self.told]


def scripted(*texts: str) -> Scripted:
    feed = Scripted(*texts)
    feed.snapshot(bids=["A 999.0 5 01.0", "B 998.0 5 01.0"], asks=["Y 1001.0 5 01.0"], time="02.0")
    return feed


def test_a_large_order_is_told_when_it_comes_and_when_it_was_there() -> None:
    feed = scripted("order >= 5 at 998", "order >= 7")
    feed.update(bids=["add C 998.0 7 03.0"], time="03.0")
    feed.update(bids=["modify C 998.0 6 04.0"], time="04.0")
    assert feed.words == [
        "order of 5.00000000 bid at 998.0, there already",
        "order of 7.00000000 bid at 998.0",
        "order of 7.00000000 bid at 998.0",
    ]
    assert {alert.figures["order_id"] for alert in feed.told} == {"B", "C"}


def test_a_far_order_is_told_when_the_price_comes_near() -> None:
    feed = scripted("order >= 5 bid within 5 bp")
    assert [alert.figures["order_id"] for alert in feed.told] == ["A"]
    feed.update(bids=["delete A 999.0 5 03.0"], time="03.0")
    assert [alert.figures["order_id"] for alert in feed.told] == ["A", "B"]


def test_an_order_that_left_is_not_told_when_the_price_comes_near() -> None:
    feed = scripted("order >= 5 bid within 5 bp")
    gone = ["delete A 999.0 5 03.0", "delete B 998.0 5 03.0", "add D 990.0 1 03.0"]
    feed.update(bids=gone, time="03.0")
    assert [alert.figures["order_id"] for alert in feed.told] == ["A"]


def test_an_own_place_is_told_once_per_order() -> None:
    feed = scripted("queue first", "queue <= 2", "queue ahead <= 0.5")
    own = {
        "exec_type": "new",
        "order_id": "C",
        "symbol": BTC,
        "order_status": "new",
        "side": "buy",
        "order_qty": Decimal(1),
        "timestamp": "2024-11-12T06:44:03.000000Z",
    }
    feed.update(bids=["add C 998.0 1 03.0"], time="03.0")
    feed.watch.apply(Executions(at("03.1"), (own,), 1, snapshot=True))
    feed.update(bids=["add D 998.0 1 04.0"], time="04.0")
    assert [(alert.rule, alert.figures["position"]) for alert in feed.told] == [("queue <= 2", "2")]
    feed.update(bids=["delete B 998.0 5 05.0"], time="05.0")
    feed.update(bids=["add E 998.0 1 06.0"], time="06.0")
    assert [alert.rule for alert in feed.told[1:]] == ["queue first", "queue ahead <= 0.5"]


def sighting(**other) -> Sighting:
    values = {
        "number": 1,
        "kind": Kind.SWEEP,
        "symbol": BTC,
        "side": Side.BID,
        "price": 10_010,
        "last_price": 10_030,
        "first": at("05"),
        "last": at("05"),
        "qty": 5 * 10**8,
        "count": 3,
        "sureness": Sureness.EXACT,
        "evidence": (),
    }
    return Sighting(**{**values, **other})


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("sweep", True),
        ("sweep buy >= 3 levels", True),
        ("sweep >= 4 levels", False),
        ("sweep >= 5", True),
        ("sweep >= 5.1", False),
        ("sweep sell", False),
        ("sweep exact", True),
        ("absorbed", False),
    ],
)
def test_a_sighting_fires_what_it_fits(text: str, fires: bool) -> None:
    watch = watching(text)
    checks = OrderChecks()
    checks.use(watch.armed)
    told = checks.sightings([sighting()], watch.flows[BTC], PRECISION)
    assert bool(told) is fires


def test_a_sighting_that_grows_fires_once_when_it_has_grown_enough() -> None:
    watch = watching("sweep >= 4 levels")
    checks, flow = OrderChecks(), watch.flows[BTC]
    checks.use(watch.armed)
    told = []
    for count in (3, 4, 5):
        told += checks.sightings([sighting(count=count)], flow, PRECISION)
    assert [alert.figures["count"] for alert in told] == ["4"]
    assert told[0].words == "buy 5.00000000 through 4 levels 1001.0▸1003.0 (exact)"


def test_a_hole_lets_orders_be_told_that_come_after_it_and_none_twice() -> None:
    feed = scripted("order >= 5 at 998")
    feed.snapshot(bids=["B 998.0 5 01.0", "E 998.0 6 06.0"], asks=["Y 1001.0 5 01.0"], time="07.0")
    assert [alert.figures["order_id"] for alert in feed.told] == ["B", "E"]


def test_an_order_beyond_the_depth_is_said_to_be_out_of_sight() -> None:
    feed = Scripted("order >= 5 at 980", "order >= 5 at 995", "order >= 5 at 2000")
    bids = [f"B{n} {1000 - n}.0 1 01.0" for n in range(10)]
    feed.snapshot(bids=bids, asks=["Y 1001.0 5 01.0"], time="02.0")
    assert set(feed.watch.blind()) == {f"{BTC} order >= 5 at 980"}


def test_what_needs_a_known_book_says_that_it_is_too_new() -> None:
    feed = scripted("pulled", "absorbed", "hidden size", "order >= 1")
    assert set(feed.watch.blind()) == {f"{BTC} pulled", f"{BTC} absorbed"}
