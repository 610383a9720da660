"""The count of changes of subscriptions, by which others notice that something has changed."""

from __future__ import annotations

from kracked.book.keeper import BookKeeper
from kracked.protocol.client.lifecycle import Lifecycle
from kracked.protocol.client.subscription import Subscription
from kracked.protocol.client.subscription_stages import Occasion

BOOK = Subscription("book", "BTC/USD", depth=25)


def test_the_revision_rises_with_every_step_and_with_the_end() -> None:
    lifecycle = Lifecycle(BookKeeper())
    seen = [lifecycle.revision]
    lifecycle.begin(BOOK)
    state = lifecycle.states[BOOK.key]
    seen.append(lifecycle.revision)
    for occasion in (Occasion.SENT, Occasion.GRANTED):
        lifecycle.step(state, occasion)
        seen.append(lifecycle.revision)
    lifecycle.remove(state)
    seen.append(lifecycle.revision)
    assert seen == sorted(set(seen))
    assert (lifecycle.states, lifecycle.pending) == ({}, {})
