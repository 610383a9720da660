"""The questions before an act that cannot be undone."""

from __future__ import annotations

from kracked.protocol.events import Side
from kracked_tui.view.account.orders import OrderRow
from kracked_tui.view.chrome import questions

BUY = OrderRow("BTC/USD", Side.BID, "0.15", "64209.0")
FOREIGN = OrderRow("BTC/USD", Side.ASK, "0.1", "64212.0", ours=False)


def test_cancelling_names_the_order_it_is_about() -> None:
    assert questions.cancel(BUY).sentences == ("Cancel BUY 0.15 BTC/USD at 64209.0?",)


def test_cancelling_a_pair_counts_both_sides_and_what_others_placed() -> None:
    asked = questions.cancel_pair("BTC/USD", [BUY, FOREIGN])
    assert [text for _, text in asked.answers] == ["bids (1)", "asks (1)", "all"]
    assert "1 of them placed elsewhere: they go too." in asked.sentences


def test_orders_that_have_ended_and_those_of_other_pairs_are_not_counted() -> None:
    rows = [BUY, BUY._replace(ended=True), FOREIGN._replace(symbol="ETH/USD")]
    asked = questions.cancel_pair("BTC/USD", rows)
    assert [text for _, text in asked.answers] == ["bids (1)", "asks (0)", "all"]
    assert len(asked.sentences) == 1


def test_only_the_word_all_cancels_everything() -> None:
    asked = questions.cancel_everything()
    assert (asked.expected, asked.answers) == ("all", ())


def test_arming_needs_the_pair_typed_at_first_and_always_says_what_the_switch_covers() -> None:
    first = questions.arm("BTC/USD", 15, before=False)
    later = questions.arm("BTC/USD", 15, before=True)
    assert (first.expected, later.expected) == ("BTC/USD", "")
    assert all("whole account" in " ".join(each.sentences) for each in (first, later))


def test_leaving_offers_to_go_all_the_same_only_where_nothing_was_confirmed() -> None:
    on_paper = questions.leave(2, armed=False, unknown=0, unconfirmed=False, mode="PAPER")
    assert on_paper.answers[0] == ("l", "leave 2")
    assert "these orders are unknown" in " ".join(on_paper.sentences)
    calm = questions.leave(2, armed=True, unknown=0, unconfirmed=False)
    doubtful = questions.leave(1, armed=False, unknown=1, unconfirmed=True)
    assert [key for key, _ in calm.answers] == ["l", "c"]
    assert [key for key, _ in doubtful.answers] == ["l", "c", "y"]
    assert "Leave or cancel my 1 order?" in doubtful.sentences


def test_leaving_without_an_order_offers_to_disarm_and_nothing_to_cancel() -> None:
    asked = questions.leave(0, armed=True, unknown=0, unconfirmed=False)
    assert asked.sentences[0] == "Quit now? No order of mine is open."
    assert asked.answers == (("l", "disarm, then quit"),)


def test_leaving_with_an_order_of_unknown_outcome_alone_offers_to_cancel_it() -> None:
    asked = questions.leave(0, armed=False, unknown=1, unconfirmed=False)
    assert [key for key, _ in asked.answers] == ["l", "c"]
    assert "1 of unknown outcome: looked up at the next start." in asked.sentences
