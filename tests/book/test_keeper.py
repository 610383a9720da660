"""The keeper: a book is verified or marked, and one resync is requested each time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kracked.book.checksum import checksum
from kracked.book.keeper import BookKeeper
from kracked.book.stats import BookStats
from kracked.instruments import Asset, Instrument, Precision
from kracked.protocol import events
from kracked.protocol.events import BookSnapshot, BookUpdate, Event, Resync, Verified

P = Precision(1, 8)
BIDS, ASKS = ((100, 5), (99, 6)), ((101, 7), (102, 8))
RIGHT = checksum(ASKS, BIDS)
SNAPSHOT = BookSnapshot(0, "BTC/USD", P, BIDS, ASKS, RIGHT)
UPDATE = BookUpdate(1, "BTC/USD", P, ((100, 4),), (), checksum(ASKS, ((100, 4), (99, 6))))
WRONG_UPDATE = BookUpdate(2, "BTC/USD", P, ((100, 3),), (), 12345)


def kept(*happenings: Event) -> BookKeeper:
    keeper = BookKeeper(depth=10)
    for event in happenings:
        keeper.apply(event)
    return keeper


def test_a_snapshot_with_the_right_checksum_verifies_the_book() -> None:
    keeper = BookKeeper()
    assert keeper.apply(SNAPSHOT) == (Verified(0, "BTC/USD", "book"),)
    assert keeper.l2["BTC/USD"].verified


def test_a_checksum_mismatch_asks_for_exactly_one_resync() -> None:
    keeper = kept(SNAPSHOT)
    [resync] = keeper.apply(WRONG_UPDATE)
    assert isinstance(resync, Resync)
    assert (resync.symbol, resync.channel, resync.reason) == ("BTC/USD", "book", "checksum")
    assert keeper.apply(UPDATE) == ()
    assert not keeper.l2["BTC/USD"].verified


def test_a_snapshot_that_fails_asks_again() -> None:
    keeper = kept(SNAPSHOT, WRONG_UPDATE)
    wrong = BookSnapshot(3, "BTC/USD", P, BIDS, ASKS, 1)
    [resync] = keeper.apply(wrong)
    assert isinstance(resync, Resync)


def test_a_fresh_snapshot_ends_the_doubt() -> None:
    keeper = kept(SNAPSHOT, WRONG_UPDATE, SNAPSHOT)
    assert keeper.l2["BTC/USD"].verified
    assert keeper.apply(UPDATE) == ()
    assert keeper.l2["BTC/USD"].best_bid == (100, 4)


def test_updates_before_the_snapshot_are_ignored_and_counted() -> None:
    keeper = kept(UPDATE, UPDATE)
    assert "BTC/USD" not in keeper.l2
    assert keeper.stats["BTC/USD", "book"].ignored == 2


def test_one_symbol_in_doubt_leaves_the_others_alone() -> None:
    other = BookSnapshot(0, "ETH/USD", P, BIDS, ASKS, RIGHT)
    keeper = kept(SNAPSHOT, other, WRONG_UPDATE)
    assert keeper.l2["ETH/USD"].verified


def test_an_acknowledgement_after_its_snapshot_still_sets_the_depth() -> None:
    keeper = BookKeeper()
    keeper.apply(SNAPSHOT)
    keeper.apply(events.Subscribed(1, "book", "BTC/USD", 25))
    assert keeper.l2["BTC/USD"].depth == 25


@pytest.mark.parametrize("depth", [0, -5])
def test_an_acknowledged_depth_of_nothing_does_not_empty_the_book(depth: int) -> None:
    keeper = BookKeeper()
    keeper.apply(SNAPSHOT)
    keeper.apply(events.Subscribed(1, "book", "BTC/USD", depth))
    assert len(keeper.l2["BTC/USD"].bids) == len(BIDS)


def test_a_snapshot_with_more_levels_than_acknowledged_is_believed() -> None:
    keeper = BookKeeper()
    keeper.apply(events.Subscribed(0, "book", "BTC/USD", 10))
    bids = tuple((1000 - n, 1) for n in range(25))
    keeper.apply(BookSnapshot(0, "BTC/USD", P, bids, (), checksum((), bids[:10])))
    assert keeper.l2["BTC/USD"].depth == 25


@pytest.mark.parametrize(("levels", "depth"), [(2, 10), (10, 10), (11, 25), (600, 1000)])
def test_without_an_acknowledgement_the_smallest_fitting_depth_is_taken(
    levels: int, depth: int
) -> None:
    bids = tuple((1000 - n, 1) for n in range(levels))
    keeper = BookKeeper()
    keeper.apply(BookSnapshot(0, "BTC/USD", P, bids, (), checksum((), bids)))
    assert keeper.l2["BTC/USD"].depth == depth


def instruments(precision: Precision) -> events.Instruments:
    pair = Instrument(
        symbol="BTC/USD", base="BTC", quote="USD", precision=precision,
        price_increment=1, qty_increment=1, qty_min=1,
    )  # fmt: skip
    return events.Instruments(5, (pair,), (Asset(id="BTC"),))


def test_a_new_precision_makes_the_book_useless_until_its_snapshot() -> None:
    keeper = kept(SNAPSHOT)
    [resync] = keeper.apply(instruments(Precision(2, 8)))
    assert isinstance(resync, Resync)
    assert resync.reason == "precision"
    assert not keeper.l2["BTC/USD"].verified
    keeper.apply(BookSnapshot(6, "BTC/USD", Precision(2, 8), BIDS, ASKS, RIGHT))
    assert keeper.l2["BTC/USD"].precision == Precision(2, 8)


def test_the_same_precision_again_changes_nothing() -> None:
    keeper = kept(SNAPSHOT)
    assert keeper.apply(instruments(P)) == ()
    assert keeper.l2["BTC/USD"].verified


def test_an_update_that_cannot_be_applied_asks_for_a_resync() -> None:
    keeper = kept(SNAPSHOT)
    lost = events.Malformed(3, "...", "too precise", "BTC/USD", "book")
    [resync] = keeper.apply(lost)
    assert isinstance(resync, Resync)
    assert (resync.reason, resync.detail) == ("impossible", "too precise")


def test_a_message_nobody_can_read_puts_every_book_in_doubt() -> None:
    keeper = kept(SNAPSHOT, BookSnapshot(0, "ETH/USD", P, BIDS, ASKS, RIGHT))
    assert len(keeper.apply(events.Malformed(3, "garbage", "not JSON"))) == 2


def test_a_broken_ticker_is_no_reason_to_doubt_a_book() -> None:
    keeper = kept(SNAPSHOT)
    assert keeper.apply(events.Malformed(3, "..", "x", "BTC/USD", "ticker")) == ()


def test_doubt_in_a_book_that_is_not_trusted_or_not_there_asks_for_nothing() -> None:
    keeper = kept(SNAPSHOT)
    assert len(keeper.doubt("BTC/USD", "book", "gap", 3)) == 1
    assert keeper.doubt("BTC/USD", "book", "gap", 4) == ()
    assert keeper.doubt("ETH/USD", "book", "gap", 4) == ()
    assert not keeper.distrust("BTC/USD", "level3")


def test_the_end_of_a_subscription_ends_the_trust() -> None:
    keeper = kept(SNAPSHOT)
    assert keeper.apply(events.Unsubscribed(1, "book", "BTC/USD", 10)) == ()
    assert not keeper.l2["BTC/USD"].verified


def test_a_forgotten_book_is_gone() -> None:
    keeper = kept(SNAPSHOT)
    keeper.forget("BTC/USD", "book")
    assert keeper.l2 == {}


def test_snapshots_that_prove_nothing_are_counted_as_mismatches() -> None:
    deep = tuple((10_000 - n, 1) for n in range(1_001))
    keeper = BookKeeper()
    keeper.apply(BookSnapshot(0, "BTC/USD", P, BIDS, ASKS, 1))
    keeper.apply(BookSnapshot(1, "BTC/USD", P, deep, (), checksum((), deep)))
    keeper.apply(SNAPSHOT)
    stats = keeper.stats["BTC/USD", "book"]
    assert (stats.snapshots, stats.mismatched, stats.verified) == (3, 2, 1)


def test_messages_are_those_that_proved_refuted_waited_or_could_not_be_read() -> None:
    stats = BookStats("BTC/USD", "book", snapshots=4)
    stats.verified, stats.mismatched, stats.ignored, stats.unreadable = 1_000, 100, 10, 1
    assert (stats.messages, stats.updates) == (1_111, 1_107)


def test_every_message_is_counted_once() -> None:
    keeper = kept(UPDATE, SNAPSHOT, UPDATE, WRONG_UPDATE, UPDATE)
    stats = keeper.stats["BTC/USD", "book"]
    assert (stats.messages, stats.updates) == (5, 4)
    assert (stats.verified, stats.mismatched, stats.ignored) == (2, 1, 2)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("crossbook_book_btcusd_d10_resync", {"BTC/USD": 301}),
        ("crossbook_book_ethusd_d25", {"ETH/USD": 1129}),
        ("cryptotracker_book_btcusd_ethusd_d10", {"BTC/USD": 53, "ETH/USD": 15}),
        ("depthcharge_book_minagbp_d25", {"MINA/GBP": 30}),
        ("tickvault_book_btcusd_d10", {"BTC/USD": 4}),
        ("llaarbibot_book_ethusd_d10_2025", {"ETH/USD": 2}),
        ("krakendatarecorder_book_gstusd_d10", {"GST/USD": 1}),
        ("pythonkrakensdk_book_btcusd_d10_floatlossy", {"BTC/USD": 510}),
        ("krakendocs_level3_btcusd_example", {"BTC/USD": 1}),
    ],
)
def test_real_recordings_verify_to_the_last_message(
    captures: Path, name: str, counts: dict[str, int]
) -> None:
    keeper = BookKeeper()
    for line in (captures / f"{name}.jsonl").read_bytes().splitlines():
        keeper.receive(line)
    assert {t.symbol: t.verified for t in keeper.stats.values()} == counts
    assert all(t.verified == t.messages for t in keeper.stats.values())


@given(st.binary(max_size=80))
def test_no_bytes_make_the_keeper_raise(data: bytes) -> None:
    keeper = kept(SNAPSHOT)
    keeper.receive(data)


class Stream(RuleBasedStateMachine):
    """An exchange with one book, whose messages may be lost, repeated or corrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper = BookKeeper(depth=10)
        self.truth: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
        self.random = random.Random(1)
        self.resyncs_wanted = 0

    def side(self, name: str) -> list[tuple[int, int]]:
        return sorted(self.truth[name].items(), reverse=name == "bids")

    def deliver(self, event: Event) -> None:
        for more in self.keeper.apply(event):
            self.resyncs_wanted += isinstance(more, Resync)

    @rule()
    def snapshot(self) -> None:
        bids, asks = self.side("bids")[:10], self.side("asks")[:10]
        self.deliver(BookSnapshot(0, "BTC/USD", P, tuple(bids), tuple(asks), checksum(asks, bids)))
        self.resyncs_wanted = 0
        assert self.keeper.l2["BTC/USD"].verified

    @rule(
        name=st.sampled_from(["bids", "asks"]),
        rank=st.integers(0, 8),
        qty=st.integers(0, 5),
        fate=st.sampled_from(["arrives", "arrives", "arrives", "lost", "doubled", "spoilt"]),
    )
    def change(self, name: str, rank: int, qty: int, fate: str) -> None:
        price = 100 - rank if name == "bids" else 101 + rank
        self.truth[name][price] = qty
        if not qty:
            del self.truth[name][price]
        change = {"bids": (), "asks": (), name: ((price, qty),)}
        stated = checksum(self.side("asks"), self.side("bids"))
        event = BookUpdate(0, "BTC/USD", P, change["bids"], change["asks"], stated)
        if fate == "spoilt":
            event = BookUpdate(0, "BTC/USD", P, change["bids"], change["asks"], stated ^ 1)
        if fate != "lost":
            self.deliver(event)
        if fate == "doubled":
            self.deliver(event)

    @precondition(lambda self: "BTC/USD" in self.keeper.l2)
    @invariant()
    def a_verified_book_hashes_to_what_was_stated_last(self) -> None:
        book = self.keeper.l2["BTC/USD"]
        if book.verified:
            assert checksum(book.asks, book.bids) == book.checksum

    @invariant()
    def at_most_one_resync_is_wanted_until_the_snapshot(self) -> None:
        assert self.resyncs_wanted <= 1


def test_any_stream_keeps_what_the_stream_of_events_says() -> None:
    run_state_machine_as_test(Stream)
