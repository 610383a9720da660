"""Each step of a subscription when the conversation goes wrong, by what is sent and when."""

from __future__ import annotations

import pytest

from kracked.protocol import events
from kracked.protocol.client.subscription import BALANCES, EXECUTIONS, INSTRUMENTS, Subscription
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.client.timeouts import HANG_UPS, SET_ASIDE_NS
from kracked.times import NS_PER_S
from tests.exchange import Exchange, Market, Talk

BTC = Subscription("book", "BTC/USD", depth=10)
ETH = Subscription("book", "ETH/USD", depth=10)
TRADE = Subscription("trade", "BTC/USD")
TICKER = Subscription("ticker", "BTC/USD", event_trigger="trades")
LIVE = SubscriptionStage.LIVE


def started(talk: Talk, *wanted: Subscription, token: str | None = None) -> Talk:
    for one in (INSTRUMENTS, *wanted):
        talk.session.want(one)
    talk.connect(token)
    talk.settle()
    return talk


def stage(talk: Talk, one: Subscription) -> SubscriptionStage:
    return talk.session.states[one.key].stage


def asked(requests: list[dict]) -> list[tuple[str, str, list[str] | None]]:
    return [
        (one["method"], one["params"]["channel"], one["params"].get("symbol")) for one in requests
    ]


# --- a connection that is lost ------------------------------------------------------------


def test_the_gap_of_a_lost_connection_begins_with_its_last_frame_and_names_the_reason(
    talk: Talk,
) -> None:
    started(talk, BTC, ETH)
    talk.wait(1)
    talk.hear(talk.exchange.heartbeat())
    last = talk.wall
    talk.wait(3)
    talk.session.close("cable cut")
    talk.wait(1)
    talk.connect()
    happened = talk.settle()
    gaps = [one for one in happened if isinstance(one, events.Gap) and one.symbols]
    assert {(one.symbols, one.start, one.end, one.reason) for one in gaps} == {
        (("BTC/USD",), last, talk.wall, "cable cut"),
        (("ETH/USD",), last, talk.wall, "cable cut"),
    }


def test_what_was_not_live_when_the_connection_was_lost_has_no_gap(talk: Talk) -> None:
    started(talk)
    talk.session.want(BTC)
    talk.asks()
    talk.session.close("cable cut")
    talk.connect()
    assert not [one for one in talk.settle() if isinstance(one, events.Gap) and one.symbols]


def test_attempts_are_counted_anew_on_a_new_connection(talk: Talk) -> None:
    started(talk, BTC)
    for _ in range(2):
        talk.hear(talk.exchange.wrong_update("BTC/USD"))
        talk.settle()
    assert talk.session.states[BTC.key].attempts > 0
    talk.session.close("cable cut")
    assert talk.session.states[BTC.key].attempts == 0


def test_a_refusal_that_was_not_final_is_tried_on_the_next_connection(talk: Talk) -> None:
    started(talk, BTC)
    for one, error, expected in (
        (BTC, "EService:Busy", SubscriptionStage.TO_SUBSCRIBE),
        (BTC, "Currency pair not supported BTC/USD", SubscriptionStage.REFUSED),
    ):
        state = talk.session.states[one.key]
        state.stage, state.error = SubscriptionStage.REFUSED, error
        talk.session.close("cable cut")
        assert state.stage is expected


def test_precisions_are_asked_for_before_symbols_on_each_connection(talk: Talk) -> None:
    started(talk, BTC)
    talk.session.close("cable cut")
    talk.connect()
    assert asked(talk.asks()) == [("subscribe", "instrument", None)]


# --- snapshots nobody waits for -----------------------------------------------------------


def test_a_snapshot_of_no_subscription_is_no_book(talk: Talk) -> None:
    started(talk, BTC)
    talk.hear(talk.exchange.snapshot("ETH/USD"))
    assert "ETH/USD" not in talk.session._keeper.l2


def test_a_snapshot_while_it_is_being_left_is_told_as_unasked(talk: Talk) -> None:
    started(talk, BTC)
    talk.hear(talk.exchange.wrong_update("BTC/USD"))
    talk.asks()
    assert stage(talk, BTC) is SubscriptionStage.UNSUBSCRIBING
    happened = talk.hear(talk.exchange.snapshot("BTC/USD"))
    [resync] = [one for one in happened if isinstance(one, events.Resync)]
    assert (resync.symbol, resync.channel, resync.reason) == ("BTC/USD", "book", "unasked")
    assert stage(talk, BTC) is SubscriptionStage.UNSUBSCRIBING
    assert not talk.session._keeper.l2["BTC/USD"].verified


def test_a_second_snapshot_of_a_live_book_changes_no_stage(talk: Talk) -> None:
    started(talk, BTC)
    before = talk.session.subscriptions.lifecycle.revision
    happened = talk.hear(talk.exchange.snapshot("BTC/USD"))
    assert not [one for one in happened if isinstance(one, events.Resync | events.Gap)]
    assert talk.session.subscriptions.lifecycle.revision == before
    assert stage(talk, BTC) is LIVE


# --- time-outs ----------------------------------------------------------------------------


def test_an_answer_is_overdue_after_five_seconds_and_not_before(talk: Talk) -> None:
    started(talk)
    talk.session.want(BTC)
    talk.asks()
    assert not [one for one in talk.wait(4.9) if isinstance(one, events.Resync)]
    talk.hear(talk.exchange.heartbeat())
    [resync] = [one for one in talk.wait(0.2) if isinstance(one, events.Resync)]
    assert (resync.reason, resync.detail) == ("timeout", "no answer")


def test_a_snapshot_is_overdue_ten_seconds_after_its_answer(talk: Talk) -> None:
    started(talk)
    talk.session.want(BTC)
    frames = talk.exchange.answer(talk.session.to_send(talk.now))
    talk.hear(frames[0])
    for _ in range(9):
        assert not [one for one in talk.wait(1) if isinstance(one, events.Resync)]
        talk.hear(talk.exchange.heartbeat())
    [resync] = [one for one in talk.wait(1.2) if isinstance(one, events.Resync)]
    assert (resync.reason, resync.detail) == ("timeout", "no snapshot")


def resyncs(happened: list[events.Event]) -> list[str]:
    return [one.symbol for one in happened if isinstance(one, events.Resync)]


def test_answers_that_come_one_after_the_other_are_waited_for_until_the_last(talk: Talk) -> None:
    symbols = [f"A{number}/USD" for number in range(8)]
    talk.exchange.markets |= {symbol: Market() for symbol in symbols}
    started(talk)
    many = [Subscription("book", symbol, depth=10) for symbol in symbols]
    for one in many:
        talk.session.want(one)
    for frame in talk.exchange.answer(talk.session.to_send(talk.now)):
        assert not resyncs(talk.wait(2))  # a slow line: 32 s for all of them
        talk.hear(frame)
    assert {stage(talk, one) for one in many} == {LIVE}


def test_an_answer_that_is_left_out_is_overdue_once_the_others_have_come(talk: Talk) -> None:
    started(talk)
    for one in (BTC, ETH):
        talk.session.want(one)
    frames = talk.exchange.answer(talk.session.to_send(talk.now))
    for frame in frames:
        if b"ETH/USD" not in frame:
            talk.wait(2)
            talk.hear(frame)
    talk.hear(talk.exchange.heartbeat())
    assert not resyncs(talk.wait(4.9))
    talk.hear(talk.exchange.heartbeat())
    assert resyncs(talk.wait(0.2)) == ["ETH/USD"]


def test_answers_to_later_requests_prolong_no_earlier_one(talk: Talk) -> None:
    started(talk)
    talk.session.want(BTC)
    talk.asks()
    talk.wait(3)
    talk.session.want(ETH)
    talk.settle()
    talk.wait(1.9)
    talk.hear(talk.exchange.heartbeat())
    assert "BTC/USD" in resyncs(talk.wait(0.2))


def test_something_unreadable_in_the_place_of_a_snapshot_is_not_waited_for_long(
    talk: Talk,
) -> None:
    started(talk)
    talk.session.want(BTC)
    talk.asks()
    talk.hear(b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bi')
    assert not [one for one in talk.wait(0.9) if isinstance(one, events.Resync)]
    assert [one.reason for one in talk.wait(0.2) if isinstance(one, events.Resync)] == ["timeout"]


@pytest.mark.parametrize(
    ("text", "hurt"),
    [
        (b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","x', {"BTC/USD"}),
        (b'{"channel":"trade","type":"update","data":[{"symbol":"ETH/USD","x', {"ETH/USD"}),
        (b'{"channel":"trade","type":"update","data":[{"x', {"BTC/USD", "ETH/USD"}),
        (b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","x', set()),
    ],
)
def test_an_unreadable_trade_is_a_gap_of_what_it_was_about(
    talk: Talk, text: bytes, hurt: set[str]
) -> None:
    started(talk, TRADE, Subscription("trade", "ETH/USD"))
    gaps = [one for one in talk.hear(text) if isinstance(one, events.Gap)]
    assert {one.symbols[0] for one in gaps} == hurt
    assert all(
        (one.channel, one.reason, one.start, one.end)
        == ("trade", "unreadable", talk.wall, talk.wall)
        for one in gaps
    )


@pytest.mark.parametrize("one", [EXECUTIONS, BALANCES])
def test_an_unreadable_message_of_the_account_renews_its_stream(
    talk: Talk, one: Subscription
) -> None:
    started(talk, EXECUTIONS, BALANCES, token="t")
    text = b'{"channel":"%b","type":"update","data":[{"x' % one.channel.encode()
    [resync] = [each for each in talk.hear(text) if isinstance(each, events.Resync)]
    assert (resync.channel, resync.reason) == (one.channel, "impossible")
    other = BALANCES if one is EXECUTIONS else EXECUTIONS
    assert stage(talk, other) is LIVE


# --- refusals -----------------------------------------------------------------------------


def refused(talk: Talk, one: Subscription, error: str) -> None:
    """Refuse the next request of a subscription."""
    talk.session.want(one)
    [request] = talk.asks()
    talk.hear(talk.exchange.refusal(error, request["req_id"], symbol=one.symbol))


def test_a_rate_refusal_is_repeated_after_a_second_and_not_before(talk: Talk) -> None:
    started(talk)
    refused(talk, BTC, "Exceeded msg rate")
    talk.wait(0.8)
    assert talk.asks() == []
    talk.wait(0.4)
    assert asked(talk.asks()) == [("subscribe", "book", ["BTC/USD"])]


def test_a_refused_token_breaks_the_connection_with_the_exchange_s_words(talk: Talk) -> None:
    started(talk)
    refused(talk, BTC, "ESession:Invalid session")
    assert talk.session.broken == "token refused: ESession:Invalid session"


def test_after_its_attempts_a_subscription_stays_refused_with_the_last_words(talk: Talk) -> None:
    started(talk)
    talk.session.want(BTC)
    for _ in range(40):
        for request in talk.asks():
            talk.hear(talk.exchange.refusal("EService:Busy", request["req_id"], symbol="BTC/USD"))
        talk.wait(1)
        talk.hear(talk.exchange.heartbeat())
    assert stage(talk, BTC) is SubscriptionStage.REFUSED
    assert talk.session.states[BTC.key].error == "EService:Busy"
    talk.wait(4)
    assert talk.asks() == []


def test_refused_instruments_admit_symbols_all_the_same(talk: Talk) -> None:
    talk.session.want(INSTRUMENTS)
    talk.session.want(BTC)
    talk.connect()
    [request] = talk.asks()
    talk.hear(talk.exchange.refusal("Unsupported event", request["req_id"]))
    assert asked(talk.asks()) == [("subscribe", "book", ["BTC/USD"])]


def test_what_was_dropped_while_it_was_refused_is_forgotten(talk: Talk) -> None:
    started(talk)
    talk.session.want(BTC)
    [request] = talk.asks()
    talk.session.drop(BTC.key)
    talk.hear(talk.exchange.refusal("EService:Busy", request["req_id"], symbol="BTC/USD"))
    assert BTC.key not in talk.session.states


# --- silence ------------------------------------------------------------------------------


def test_silence_is_told_of_each_live_symbol_with_its_own_length(talk: Talk) -> None:
    started(talk, BTC, TRADE)
    talk.wait(1)
    talk.hear(talk.exchange.heartbeat(), talk.exchange.update("BTC/USD"))
    talk.wait(1)
    talk.hear(talk.exchange.heartbeat())
    stale = [one for one in talk.wait(2.6) if isinstance(one, events.Stale)]
    silent = {(one.channel, one.symbol): one.silent_ns for one in stale}
    assert set(silent) == {("book", "BTC/USD"), ("trade", "BTC/USD")}
    assert silent["book", "BTC/USD"] == 3_600_000_000
    assert silent["trade", "BTC/USD"] >= silent["book", "BTC/USD"]


def test_the_silence_of_a_connection_counts_from_its_opening(talk: Talk) -> None:
    talk.now = 100 * NS_PER_S
    talk.session.want(INSTRUMENTS)
    talk.session.open(talk.now)
    talk.wait(4.9)
    assert talk.session.broken is None
    talk.wait(0.3)
    assert talk.session.broken == "silent for 5 s"


def test_a_closed_session_sends_and_says_nothing(talk: Talk) -> None:
    started(talk, BTC)
    talk.session.close("cable cut")
    assert talk.wait(30) == []
    assert talk.session.to_send(talk.now) == []
    assert talk.session.broken is None
    assert talk.session.system is None


def test_pings_that_were_not_sent_end_with_their_connection(talk: Talk) -> None:
    started(talk, BTC)
    talk.wait(1.2)
    talk.session.close("cable cut")
    talk.session.open(talk.now)
    assert talk.session.to_send(talk.now) == []


def test_instruments_of_another_connection_renew_the_books_they_change(
    talk: Talk, exchange: Exchange
) -> None:
    started(talk, BTC)
    instruments = next(one for one in talk.happened if isinstance(one, events.Instruments))
    pairs = tuple(
        type(pair)(
            **{name: getattr(pair, name) for name in pair.__struct_fields__ if name != "precision"},
            precision=type(pair.precision)(pair.precision.price + 1, pair.precision.qty),
        )
        for pair in instruments.pairs
    )
    changed = events.Instruments(talk.wall, pairs, ())
    happened = talk.session.inform(changed, talk.now)
    assert [one.reason for one in happened if isinstance(one, events.Resync)] == ["precision"]
    assert asked(talk.asks()) == [("unsubscribe", "book", ["BTC/USD"])]


# --- a server that hangs up ---------------------------------------------------------------


def hang_up(talk: Talk) -> None:
    talk.session.close("reset", hung_up=True)
    talk.connect()
    talk.session.to_send(talk.now)


def test_an_outage_sets_nothing_aside_however_often_it_comes(talk: Talk) -> None:
    started(talk)
    for _ in range(10):
        talk.session.want(BTC)
        talk.session.want(ETH)
        hang_up(talk)
    assert SubscriptionStage.REFUSED not in {state.stage for state in talk.session.states.values()}


def hung_up_at(talk: Talk, one: Subscription) -> None:
    """Let the server hang up whenever this is requested, until it is set aside."""
    for _ in range(20 * HANG_UPS):
        requests = talk.session.to_send(talk.now)
        if any(f'"{one.symbol}"'.encode() in request for request in requests):
            talk.session.close("reset", hung_up=True)
            talk.connect()
        else:
            talk.hear(*talk.exchange.answer(requests))


def test_what_the_server_hangs_up_at_is_set_aside_told_and_tried_again_later(talk: Talk) -> None:
    started(talk, BTC)
    talk.session.want(ETH)
    hung_up_at(talk, ETH)
    [told] = [one for one in talk.happened if isinstance(one, events.Rejected)]
    assert (told.channel, told.symbol, told.method) == ("book", "ETH/USD", "subscribe")
    assert (stage(talk, ETH), stage(talk, BTC)) == (SubscriptionStage.REFUSED, LIVE)
    talk.session.close("cable cut")
    talk.connect()
    talk.settle()
    assert stage(talk, ETH) is SubscriptionStage.REFUSED
    talk.live(SET_ASIDE_NS / NS_PER_S)
    assert stage(talk, ETH) is LIVE
    assert talk.session.states[ETH.key].hang_ups == 0
