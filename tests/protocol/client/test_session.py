"""The session against an exchange in memory: a conversation is a list of messages."""

from __future__ import annotations

import pytest

from kracked.protocol import events
from kracked.protocol.client.subscription import (
    BALANCES,
    EXECUTIONS,
    INSTRUMENTS,
    Subscription,
)
from kracked.protocol.client.subscription_stages import SubscriptionStage

BTC = Subscription("book", "BTC/USD", depth=10)
ETH = Subscription("book", "ETH/USD", depth=10)
BTC3 = Subscription("level3", "BTC/USD", depth=10)


def kinds(happened):
    return [type(event).__name__ for event in happened]


def of(happened, kind):
    return [event for event in happened if type(event) is kind]


def start(talk, *wanted):
    """Return a conversation in which every requested subscription is live."""
    for subscription in (INSTRUMENTS, *wanted):
        talk.session.want(subscription)
    talk.connect()
    talk.settle()


def book(talk, symbol="BTC/USD"):
    return talk.session._keeper.l2[symbol]


# --- the order of things -----------------------------------------------------------------


def test_nothing_is_asked_before_the_status(talk) -> None:
    talk.session.want(INSTRUMENTS)
    talk.session.open(0)
    assert talk.asks() == []


def test_an_exchange_that_tells_no_status_is_asked_after_two_seconds(talk) -> None:
    talk.session.want(INSTRUMENTS)
    talk.session.open(0)
    talk.wait(1.9)
    assert talk.asks() == []
    talk.wait(0.3)
    assert [request["params"]["channel"] for request in talk.asks()] == ["instrument"]


def test_an_exchange_that_tells_no_status_is_pinged_once_it_has_spoken(talk) -> None:
    talk.session.want(INSTRUMENTS)
    talk.session.open(0)
    talk.wait(2.2)
    talk.hear(*talk.exchange.answer(talk.session.to_send(talk.now)))
    talk.wait(0.2)
    [ping] = talk.session.to_send(talk.now)
    assert b"ping" in ping


def test_instruments_are_asked_first_and_alone(talk) -> None:
    talk.session.want(BTC)
    talk.session.want(INSTRUMENTS)
    talk.connect()
    assert [request["params"] for request in talk.asks()] == [
        {"channel": "instrument", "snapshot": True}
    ]


def test_symbols_of_the_same_terms_share_one_request(talk) -> None:
    start(talk, BTC, ETH)
    assert [request["params"].get("symbol") for request in talk.exchange.log] == [
        None,
        ["BTC/USD", "ETH/USD"],
    ]


def test_a_snapshot_makes_a_book_live_and_verified(talk) -> None:
    start(talk, BTC)
    assert talk.session.states[BTC.key].stage is SubscriptionStage.LIVE
    assert book(talk).verified


def test_another_connections_instruments_admit_symbols(talk, exchange) -> None:
    talk.session.want(BTC3)
    talk.connect("token")
    assert talk.asks() == []
    talk.session.inform(events.Instruments(0, (), (), snapshot=True), 0)
    assert talk.asks()[0]["params"]["token"] == "token"


def test_in_maintenance_it_waits_for_the_next_status(talk, exchange) -> None:
    talk.session.want(INSTRUMENTS)
    talk.session.open(0)
    talk.hear(exchange.status("maintenance"))
    assert talk.asks() == []
    talk.hear(exchange.status("online"))
    assert len(talk.asks()) == 1


def test_an_acknowledgement_may_follow_its_snapshot(talk, exchange) -> None:
    start(talk)
    talk.session.want(BTC)
    answers = exchange.answer(talk.session.to_send(0))
    happened = talk.hear(*reversed(answers))
    assert kinds(happened) == ["BookSnapshot", "Verified", "Subscribed"]
    assert talk.session.states[BTC.key].stage is SubscriptionStage.LIVE


def test_a_thin_snapshot_before_its_acknowledgement_has_the_depth_that_was_asked(
    talk, exchange
) -> None:
    start(talk)
    talk.session.want(Subscription("book", "BTC/USD", depth=25))
    exchange.answer(talk.session.to_send(0))
    talk.hear(exchange.snapshot("BTC/USD", depth=8))
    assert book(talk).depth == 25


# --- adding and dropping --------------------------------------------------------------------


def test_a_dropped_subscription_is_left_and_forgotten(talk) -> None:
    start(talk, BTC, ETH)
    talk.session.drop(BTC.key)
    talk.settle()
    assert BTC.key not in talk.session.states
    assert list(talk.session._keeper.l2) == ["ETH/USD"]


def test_one_dropped_before_it_was_asked_for_is_never_asked_for(talk) -> None:
    start(talk)
    talk.session.want(BTC)
    talk.session.drop(BTC.key)
    assert talk.asks() == []


def test_one_dropped_while_its_answer_is_on_the_way_is_left_after_the_snapshot(talk) -> None:
    start(talk)
    talk.session.want(BTC)
    answers = talk.exchange.answer(talk.session.to_send(0))
    talk.session.drop(BTC.key)
    assert talk.asks() == []
    talk.hear(*answers)
    assert [request["method"] for request in talk.asks()] == ["unsubscribe"]


def test_another_depth_is_asked_for_after_the_first_is_left(talk) -> None:
    start(talk, BTC)
    talk.exchange.log.clear()
    talk.session.want(Subscription("book", "BTC/USD", depth=25))
    talk.settle()
    asked = [(one["method"], one["params"]["depth"]) for one in talk.exchange.log]
    assert asked == [("unsubscribe", 10), ("subscribe", 25)]
    assert book(talk).depth == 25


def test_one_wanted_again_while_being_left_comes_back(talk) -> None:
    start(talk, BTC)
    talk.session.drop(BTC.key)
    answers = talk.exchange.answer(talk.session.to_send(0))
    talk.session.want(BTC)
    talk.hear(*answers)
    talk.settle()
    assert book(talk).verified


# --- one book goes wrong ----------------------------------------------------------------------


def test_a_wrong_checksum_goes_round_once_and_leaves_a_gap(talk, exchange) -> None:
    start(talk, BTC)
    happened = talk.hear(exchange.wrong_update("BTC/USD"))
    assert kinds(happened) == ["BookUpdate", "Resync"]
    assert not book(talk).verified
    talk.now += 1_000
    happened = talk.settle()
    gap = of(happened, events.Gap)[0]
    assert (gap.symbols, gap.end - gap.start, gap.reason) == (("BTC/USD",), 1_000, "checksum")
    assert book(talk).verified


def test_the_others_do_not_blink(talk, exchange) -> None:
    start(talk, BTC, ETH)
    talk.exchange.log.clear()
    talk.hear(exchange.wrong_update("BTC/USD"))
    talk.settle()
    assert all(request["params"]["symbol"] == ["BTC/USD"] for request in talk.exchange.log)
    assert book(talk, "ETH/USD").verified


def test_the_next_subscribe_waits_for_the_unsubscribe_answer(talk, exchange) -> None:
    start(talk, BTC)
    talk.hear(exchange.wrong_update("BTC/USD"))
    requests = talk.session.to_send(talk.now)
    assert talk.asks() == []
    talk.hear(*exchange.answer(requests))
    assert [request["method"] for request in talk.asks()] == ["subscribe"]


def test_updates_of_the_old_subscription_after_the_answer_change_nothing(talk, exchange) -> None:
    start(talk, BTC)
    talk.hear(exchange.wrong_update("BTC/USD"))
    late = exchange.update("BTC/USD")
    talk.hear(*exchange.answer(talk.session.to_send(talk.now)), late)
    assert not book(talk).verified
    talk.settle()
    assert book(talk).verified


def test_an_answer_to_an_older_request_is_ignored(talk, exchange) -> None:
    start(talk, BTC)
    old = exchange.answer(talk.session.to_send(0))
    stale = b'{"method":"subscribe","req_id":2,"success":true,"result":{"channel":"book",\
"symbol":"BTC/USD","depth":10}}'
    talk.hear(exchange.wrong_update("BTC/USD"), *old)
    requests = talk.session.to_send(talk.now)
    talk.hear(stale)
    talk.hear(*exchange.answer(requests), stale)
    assert talk.session.states[BTC.key].stage is SubscriptionStage.TO_SUBSCRIBE


def test_a_snapshot_that_is_wrong_itself_is_asked_for_again(talk, exchange) -> None:
    start(talk)
    talk.session.want(BTC)
    ack, snapshot = exchange.answer(talk.session.to_send(0))
    talk.hear(ack, snapshot.replace(b'"checksum":', b'"checksum":1'))
    talk.live(1)
    assert book(talk).verified


def test_each_further_try_waits_longer(talk, exchange) -> None:
    start(talk, BTC)
    times = []
    for _ in range(5):
        talk.hear(exchange.wrong_update("BTC/USD"))
        begun = talk.now
        while not book(talk).verified:
            talk.live(0.1)
        times.append(round((talk.now - begun) / 1e9, 1))
    assert times == [0.1, 0.5, 1.0, 2.0, 4.0]


def test_after_too_many_tries_the_connection_is_blamed(talk, exchange) -> None:
    start(talk, BTC)
    while talk.session.broken is None:
        talk.hear(exchange.wrong_update("BTC/USD"))
        talk.live(10)
    assert talk.session.broken == "book BTC/USD fails again and again"
    assert talk.session.states[BTC.key].resyncs == 7


def test_a_book_that_has_been_good_for_long_is_resynced_at_once_again(talk, exchange) -> None:
    start(talk, BTC)
    for _ in range(20):
        talk.hear(exchange.wrong_update("BTC/USD"))
        talk.live(0.2)
        assert book(talk).verified
        talk.live(31)
    assert talk.session.broken is None


def test_a_torn_frame_resyncs_the_book_it_was_about(talk, exchange) -> None:
    start(talk, BTC, ETH)
    happened = talk.hear(exchange.update("BTC/USD")[:-1])
    assert {event.symbol for event in of(happened, events.Resync)} >= {"BTC/USD"}
    talk.settle()
    assert book(talk).verified


@pytest.mark.parametrize("depth", [25, 5])
def test_an_acknowledgement_of_a_depth_nobody_asked_for_is_not_believed(talk, depth: int) -> None:
    start(talk, BTC)
    ack = b'{"method":"subscribe","success":true,"result":{"channel":"book","symbol":"BTC/USD",\
"depth":%d}}'
    happened = talk.hear(ack % depth)
    assert [event.detail for event in of(happened, events.Resync)] == [f"depth {depth}"]
    assert not book(talk).verified
    talk.settle()
    assert book(talk).verified
    assert book(talk).depth == 10


# --- answers that do not come, or say no ----------------------------------------------------


def test_a_missing_answer_is_asked_for_again(talk) -> None:
    start(talk)
    talk.session.want(BTC)
    talk.asks()
    happened = talk.live(6)
    assert of(happened, events.Resync)[0].reason == "timeout"
    assert book(talk).verified


def test_a_missing_snapshot_is_asked_for_again(talk, exchange) -> None:
    start(talk)
    talk.session.want(BTC)
    talk.hear(exchange.answer(talk.session.to_send(0))[0])
    happened = talk.live(11)
    assert of(happened, events.Resync)[0].detail == "no snapshot"
    assert book(talk).verified


def test_a_missing_unsubscribe_answer_is_asked_for_again(talk, exchange) -> None:
    start(talk, BTC)
    talk.session.drop(BTC.key)
    talk.asks()
    talk.live(6)
    assert BTC.key not in talk.session.states


def test_a_pair_that_does_not_exist_is_refused_for_good(talk) -> None:
    nope = Subscription("book", "XBT/USD", depth=10)
    start(talk, nope, BTC)
    state = talk.session.states[nope.key]
    assert (state.stage, state.error) == (
        SubscriptionStage.REFUSED,
        "Currency pair not supported XBT/USD",
    )
    talk.session.close("test")
    talk.connect()
    talk.settle()
    assert state.stage is SubscriptionStage.REFUSED
    assert book(talk).verified


def test_a_refusal_that_names_no_symbol_is_found_by_its_id(talk, exchange) -> None:
    start(talk)
    talk.session.want(BTC)
    request = talk.asks()[0]
    talk.hear(exchange.refusal("Subscription depth not supported", request["req_id"]))
    assert talk.session.states[BTC.key].stage is SubscriptionStage.REFUSED


def test_a_refusal_of_several_symbols_is_settled_by_asking_each_alone(talk, exchange) -> None:
    start(talk)
    talk.session.want(BTC)
    talk.session.want(ETH)
    request = talk.asks()[0]
    talk.hear(exchange.refusal("Subscription depth not supported", request["req_id"]))
    assert [one["params"]["symbol"] for one in talk.asks()] == [["BTC/USD"], ["ETH/USD"]]


def test_unknown_words_are_retried_a_few_times(talk, exchange) -> None:
    start(talk)
    talk.session.want(BTC)
    asked = 0
    while talk.session.states[BTC.key].stage is not SubscriptionStage.REFUSED:
        for request in talk.asks():
            asked += request["method"] == "subscribe"
            talk.hear(exchange.refusal("EService:Busy", request["req_id"]))
        talk.wait(0.1)
        talk.hear(exchange.heartbeat())
    assert asked == 6


def test_already_subscribed_is_left_and_asked_again_because_no_snapshot_would_come(
    talk, exchange
) -> None:
    start(talk)
    exchange.granted["book", "BTC/USD"] = {}
    talk.session.want(BTC)
    talk.live(1)
    assert book(talk).verified


@pytest.mark.parametrize("error", ["ESession:Invalid session", "Token(s) not found"])
def test_a_refused_token_asks_for_a_new_connection(talk, exchange, error: str) -> None:
    talk.session.subscriptions.allow_symbols()
    talk.session.want(BTC3)
    talk.connect("old")
    talk.hear(exchange.refusal(error, talk.asks()[0]["req_id"]))
    assert talk.session.broken == f"token refused: {error}"
    talk.session.close("token")
    talk.connect("new")
    assert talk.asks()[0]["params"]["token"] == "new"


def refuse_to_let_go(talk, error: str) -> None:
    """Let the exchange refuse to unsubscribe BTC/USD."""
    talk.session.drop(BTC3.key)
    talk.hear(talk.exchange.refusal(error, talk.asks()[0]["req_id"], method="unsubscribe"))


def start_level3(talk) -> None:
    talk.session.subscriptions.allow_symbols()
    talk.session.want(BTC3)
    talk.connect("token")
    talk.settle()


def test_leaving_too_fast_is_tried_again(talk) -> None:
    start_level3(talk)
    refuse_to_let_go(talk, "Exceeded msg rate")
    assert BTC3.key in talk.session.states
    talk.live(2)
    assert BTC3.key not in talk.session.states
    assert talk.exchange.granted == {}


def test_a_token_that_is_too_old_to_leave_asks_for_a_new_connection(talk) -> None:
    start_level3(talk)
    refuse_to_let_go(talk, "ESession:Invalid session")
    assert talk.session.broken == "token refused: ESession:Invalid session"
    talk.session.close("token")
    assert BTC3.key not in talk.session.states


def test_exceeded_rate_holds_every_request_back(talk, exchange) -> None:
    start(talk)
    talk.hear(b'{"Error":"Exceeded msg rate"}')
    talk.session.want(BTC)
    assert talk.asks() == []
    talk.wait(0.5)
    assert len(talk.asks()) == 1


# --- pace ----------------------------------------------------------------------------------


def test_at_most_two_deep_level3_symbols_go_out_in_a_second(talk) -> None:
    talk.session.subscriptions.allow_symbols()
    for number in range(5):
        talk.session.want(Subscription("level3", f"A{number}/USD", depth=1000))
    talk.connect("token")
    counts = []
    for _ in range(4):
        counts.append(sum(len(one["params"].get("symbol", ())) for one in talk.asks()))
        talk.wait(1.1)
    assert counts == [2, 2, 1, 0]


def test_requests_go_out_ten_at_a_time(talk) -> None:
    talk.session.subscriptions.allow_symbols()
    for minutes in range(25):
        talk.session.want(Subscription("ohlc", "BTC/USD", interval=minutes))
    talk.connect()
    counts = []
    for _ in range(3):
        counts.append(len(talk.asks()))
        talk.wait(0.5)
    assert counts == [10, 10, 5]


# --- the connection --------------------------------------------------------------------------


def test_a_lost_connection_distrusts_every_book_at_once(talk) -> None:
    start(talk, BTC, ETH)
    talk.session.close("lost")
    assert not book(talk).verified
    assert not book(talk, "ETH/USD").verified


def test_after_a_reconnect_everything_wanted_is_asked_for_again(talk) -> None:
    start(talk, BTC, ETH)
    talk.session.close("lost")
    talk.now += 5 * 10**9
    talk.connect()
    happened = talk.settle()
    assert book(talk).verified
    gaps = {gap.channel: gap.end - gap.start for gap in of(happened, events.Gap)}
    assert gaps == {"instrument": 5 * 10**9, "book": 5 * 10**9}


def test_five_seconds_without_a_frame_are_a_dead_connection(talk, exchange) -> None:
    start(talk, BTC)
    talk.hear(exchange.heartbeat())
    talk.wait(5)
    assert talk.session.broken is None
    talk.wait(0.1)
    assert talk.session.broken == "silent for 5 s"


def test_a_silent_connection_makes_its_subscriptions_stale_once(talk, exchange) -> None:
    start(talk, BTC)
    talk.hear(exchange.heartbeat())
    stale = of(talk.wait(4), events.Stale)
    assert [(event.symbol, event.channel) for event in stale] == [("BTC/USD", "book")]


def test_a_connection_without_subscriptions_is_kept_alive_by_pings(talk) -> None:
    talk.connect()
    for _ in range(60):
        talk.wait(1)
        talk.settle()
    assert talk.session.broken is None
    assert len(talk.exchange.log) == 4


def test_a_process_that_stood_still_does_not_blame_the_exchange(talk, exchange) -> None:
    start(talk, BTC)
    talk.hear(exchange.heartbeat())
    talk.session.want(ETH)
    talk.asks()
    talk.wait(0.1)
    talk.now += 60 * 10**9
    talk.wait(0.1)
    assert talk.session.broken is None
    assert talk.session.states[ETH.key].stage is SubscriptionStage.SUBSCRIBING


def test_an_unanswered_ping_on_a_silent_connection_means_it_is_dead(talk) -> None:
    talk.connect()
    talk.wait(7)
    assert talk.session.broken is not None


def test_a_greeting_that_never_comes_means_a_dead_connection(talk) -> None:
    talk.session.open(0)
    talk.wait(5.1)
    assert talk.session.broken is not None


def test_a_ping_measures_the_round_trip_and_the_clocks(talk, exchange) -> None:
    talk.connect()
    talk.wait(1)
    requests = talk.session.to_send(talk.now)
    talk.now += 40_000_000
    talk.hear(*exchange.answer(requests))
    liveness = talk.session.liveness
    assert liveness.rtt_ns == 40_000_000
    theirs = 1_767_225_600 * 10**9
    assert liveness.clock_offset_ns == theirs - (talk.wall - 20_000_000)


# --- the account -----------------------------------------------------------------------------


def test_a_hole_in_the_accounts_numbers_asks_for_it_again(talk, exchange) -> None:
    talk.session.want(EXECUTIONS)
    talk.session.want(BALANCES)
    talk.connect("token")
    talk.settle()
    exchange.sequence = 1
    talk.hear(exchange.account("executions"))
    exchange.sequence += 1
    happened = talk.hear(exchange.account("executions"))
    assert of(happened, events.Resync)[0].detail == "message 4 after 2"
    asked = [one["params"]["channel"] for one in talk.asks()]
    assert asked == ["executions"]


def test_an_old_snapshot_of_the_account_delivered_again_asks_for_a_new_one(talk, exchange) -> None:
    talk.session.want(EXECUTIONS)
    talk.connect("token")
    talk.settle()
    talk.hear(exchange.account("executions"))
    happened = talk.hear(exchange.account("executions", "snapshot"))
    assert of(happened, events.Resync)[0].detail == "message 1 after 2"


@pytest.mark.parametrize("channel", ["executions", "balances"])
def test_an_account_message_on_a_connection_that_did_not_ask_is_malformed(
    talk, exchange, channel: str
) -> None:
    start(talk)
    (event,) = talk.hear(exchange.account(channel, "snapshot"))
    assert isinstance(event, events.Malformed)
    assert event.reason == f"{channel} on a connection that is not subscribed to it"


def test_executions_name_both_kinds_of_snapshot_and_carry_the_token(talk) -> None:
    talk.session.want(EXECUTIONS)
    talk.connect("secret")
    assert talk.asks()[0]["params"] == {
        "channel": "executions",
        "snap_orders": True,
        "snap_trades": True,
        "token": "secret",
    }
