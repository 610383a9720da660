"""The takers of Kraken's own messages, each as it was told: shapes no simulator made up.

Times, spacing and shapes are those of recorded messages of 12 November 2024; ids and quantities
are kept where they were recorded.
"""

from __future__ import annotations

from kracked.flow import State, What
from tests.flow.scripted_feed import ScriptedFeed

DOGE = "DOGE/USD"


def test_a_zero_delete_and_a_modify_behind_it_are_the_fills_of_one_taker() -> None:
    feed = ScriptedFeed(symbol=DOGE)
    feed.snapshot(
        asks=[
            "OEHIE7-PAECR-3ENX4X 0.4007448 502.64839177 24.9",
            "O2JKNU-6LMQB-XG6IEY 0.4007448 2193.75 25.540913600",
        ],
        time="25.6",
    )
    feed.update(
        asks=[
            "delete OEHIE7-PAECR-3ENX4X 0.4007448 0.00000000 25.748079766",
            "modify O2JKNU-6LMQB-XG6IEY 0.4007448 696.39832337 25.540913600",
        ],
        time="25.748079782",
    )
    feed.trades(
        "16004087 buy 0.4007448 502.64839177 25.748079",
        "16004088 buy 0.4007448 1497.35167663 25.748079",
    )
    feed.wait()
    assert feed.links == [
        (16004087, "OEHIE7-PAECR-3ENX4X", "exact"),
        (16004088, "O2JKNU-6LMQB-XG6IEY", "exact"),
    ]


def test_a_modify_alone_is_the_fill_of_the_trade_of_its_microsecond() -> None:
    feed = ScriptedFeed()
    feed.snapshot(bids=["OQLPKY-OT5M7-CDM2PZ 89426.4 0.02236027 20.024893957"], time="25.0")
    feed.trades("75666666 sell 89426.4 0.02047150 27.440125")
    feed.update(
        bids=["modify OQLPKY-OT5M7-CDM2PZ 89426.4 0.00188877 20.024893957"], time="27.440125893"
    )
    feed.wait()
    assert feed.links == [(75666666, "OQLPKY-OT5M7-CDM2PZ", "exact")]


def test_an_order_lowered_in_place_again_and_again_without_a_trade_was_amended() -> None:
    feed = ScriptedFeed()
    feed.snapshot(bids=["OGR2ZI-IVXIB-J66S4C 89426.4 0.00012385 24.519741002"], time="25.0")
    for qty, time in (("0.00012258", "25.7"), ("0.00012118", "25.9"), ("0.00011945", "27.8")):
        row = f"modify OGR2ZI-IVXIB-J66S4C 89426.4 {qty} 24.519741002"
        feed.update(bids=[row], time=time)
        feed.wait()
    assert feed.settled == [("OGR2ZI-IVXIB-J66S4C", qty) for qty in (127, 140, 173)]
    assert not feed.links


def test_two_fills_sixteen_nanoseconds_apart_are_two_trades_of_one_cut_microsecond() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=["OA 89704.8 0.1 11.0", "OB 89704.9 0.1 12.0"], time="25.0")
    feed.update(
        asks=["delete OA 89704.8 0.0 26.531702781", "delete OB 89704.9 0.0 26.531702797"],
        time="26.531702797",
    )
    feed.trades("11 buy 89704.8 0.1 26.531702", "12 buy 89704.9 0.1 26.531702")
    feed.wait()
    assert feed.links == [(11, "OA", "exact"), (12, "OB", "exact")]


def limited_taker(*messages: dict[str, list[str]]) -> ScriptedFeed:
    """Buy 0.5 up to 89705.7 of which 0.3 can be had; the rest is shown and killed."""
    feed = ScriptedFeed()
    feed.snapshot(
        bids=["OBID 89700.0 1.0 10.0"],
        asks=["OA 89704.8 0.1 11.0", "OB 89704.9 0.2 12.0", "OC 89709.0 1.0 13.0"],
        time="25.0",
    )
    for message in messages:
        feed.update(**message, time="26.531702830")
    feed.trades("11 buy 89704.8 0.1 26.531702", "12 buy 89704.9 0.2 26.531702")
    feed.wait()
    return feed


FILLS = ["delete OA 89704.8 0.0 26.531702781", "delete OB 89704.9 0.0 26.531702797"]


def test_the_remainder_of_a_limited_taker_never_rested() -> None:
    shown = [
        "add OTAKER 89705.7 0.2 26.531702769",
        "delete OTAKER 89705.7 0.2 26.531702811",
    ]
    feed = limited_taker({"bids": shown, "asks": FILLS})
    assert feed.said("OTAKER") == [What.SHOWN, What.TAKEN]
    assert feed.ledger.lives.known["OTAKER"].state is State.TAKER
    assert feed.ledger.lives.known["OBID"].state is State.LIVE


def test_the_shown_remainder_tells_the_taker_s_order_and_how_much_was_killed() -> None:
    shown = ["add OTAKER 89705.7 0.2 26.531702769", "delete OTAKER 89705.7 0.2 26.531702811"]
    [taker] = limited_taker({"bids": shown, "asks": FILLS}).takers
    assert (taker.order_id, taker.killed) == ("OTAKER", 20_000_000)


def test_a_taker_that_fills_on_while_it_is_shown_is_no_maker_and_amends_nothing() -> None:
    shown = [
        "add OTAKER 89705.7 0.4 26.531702769",
        "modify OTAKER 89705.7 0.2 26.531702769",
        "delete OTAKER 89705.7 0.2 26.531702811",
    ]
    feed = limited_taker({"bids": shown, "asks": FILLS})
    assert feed.said("OTAKER") == [What.SHOWN, What.TAKEN, What.TAKEN]
    assert not feed.settled
    assert [order for _, order, _ in feed.links] == ["OA", "OB"]


def test_a_taker_told_in_several_messages_is_one_taker() -> None:
    feed = limited_taker(
        {"bids": ["add OTAKER 89705.7 0.4 26.531702769"], "asks": FILLS[:1]},
        {"bids": ["modify OTAKER 89705.7 0.2 26.531702769"], "asks": FILLS[1:]},
        {"bids": ["delete OTAKER 89705.7 0.2 26.531702811"]},
    )
    assert feed.links == [(11, "OA", "exact"), (12, "OB", "exact")]
    assert [taker.order_id for taker in feed.takers] == ["OTAKER"]
    assert feed.said("OTAKER") == [What.SHOWN, What.TAKEN, What.TAKEN]


def test_a_taker_that_crosses_the_book_between_messages_has_no_place() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=["OA 89704.8 0.1 11.0", "OB 89704.9 0.2 12.0"], time="25.0")
    feed.update(bids=["add OTAKER 89705.7 0.4 26.531702769"], asks=FILLS[:1], time="26.531702781")
    assert feed.ledger.place("OTAKER") is None
    assert feed.ledger.place("OB") is not None


def test_the_deepest_modify_may_come_apart_from_the_emptied_levels() -> None:
    feed = ScriptedFeed()
    feed.snapshot(
        asks=["OA 89704.8 0.1 11.0", "OB 89704.9 0.1 12.0", "OC 89705.0 0.9 13.0"], time="25.0"
    )
    feed.update(asks=FILLS, time="26.531702797")
    feed.update(asks=["modify OC 89705.0 0.5 13.0"], time="26.531702813")
    feed.trades(
        "11 buy 89704.8 0.1 26.531702",
        "12 buy 89704.9 0.1 26.531702",
        "13 buy 89705.0 0.4 26.531702",
    )
    feed.wait()
    assert [order for _, order, _ in feed.links] == ["OA", "OB", "OC"]


def test_what_is_left_of_a_taker_that_may_rest_is_a_resting_order_and_known_as_the_taker() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=["OA 89704.8 0.1 11.0", "OC 89709.0 1.0 13.0"], time="25.0")
    feed.update(
        bids=["add OTAKER 89704.8 0.2 26.531702769"],
        asks=["delete OA 89704.8 0.0 26.531702781"],
        time="26.531702781",
    )
    feed.trades("11 buy 89704.8 0.1 26.531702")
    feed.wait()
    assert feed.said("OTAKER") == [What.NEW]
    [taker] = feed.takers
    assert (taker.order_id, taker.killed) == ("OTAKER", None)
