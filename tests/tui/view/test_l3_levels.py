"""Where only level 3 is there, its levels make the ladder."""

from __future__ import annotations

from kracked.protocol import events
from kracked_tui.view.ladder.l3_levels import LevelBook
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import NOW, SYMBOL, ScriptedSource, orders


def test_a_level_is_the_sum_of_its_orders_best_first() -> None:
    held = orders()
    book = LevelBook(held)
    assert [(level.price, level.qty) for level in book.bids] == [
        (queue.price, sum(order.qty for order in queue)) for queue in held.bids
    ]
    assert book.asks.top(2) == list(book.asks)[:2]
    assert (book.best_bid, book.spread) == (held.best_bid, held.spread)
    assert book.verified


def alone() -> ScriptedSource:
    source = ScriptedSource()
    source.books_held.clear()
    return source


async def test_the_ladder_is_made_of_the_orders(opened: Opened) -> None:
    async with opened(source=alone()) as (monitor, _):
        text = "\n".join(line.text for line in monitor.trade.ladder.lines)
        assert "64210.0" in text
        assert "64211.0" in text
        assert " verified" in monitor.trade.header.lines[0].text


async def test_its_resync_greys_the_ladder(opened: Opened) -> None:
    source = alone()
    async with opened(source=source) as (monitor, pilot):
        source.orders_held[SYMBOL].verified = False
        source.say(events.Resync(NOW, SYMBOL, "level3", "checksum"))
        await settled(monitor, pilot)
        assert "RESYNC" in monitor.trade.header.lines[0].text
        assert "unverified" in monitor.trade.header.lines[0].text


async def test_without_a_symbol_asked_for_it_shows_the_one_there_is(opened: Opened) -> None:
    async with opened(source=alone()) as (monitor, _):
        monitor.view_model.symbol = ""
        monitor.trade.draw()
        assert monitor.view_model.symbol == SYMBOL
