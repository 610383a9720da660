"""The rules of a subscription's life cycle, checked in its table."""

from __future__ import annotations

import pytest

from kracked.protocol.client.subscription_stages import (
    TRANSITIONS,
    Occasion,
    SubscriptionStage,
)


def entries_of(stage: SubscriptionStage) -> set[tuple[SubscriptionStage, Occasion]]:
    """Return the stages before a stage, each with its occasion."""
    return {
        (before, occasion)
        for before, steps in TRANSITIONS.items()
        for occasion, after in steps.items()
        if after is stage
    }


def test_every_stage_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(SubscriptionStage)


def test_only_what_was_requested_can_be_live() -> None:
    assert entries_of(SubscriptionStage.LIVE) == {(SubscriptionStage.SUBSCRIBING, Occasion.GRANTED)}


@pytest.mark.parametrize(
    ("underway", "before"),
    [
        (SubscriptionStage.SUBSCRIBING, SubscriptionStage.TO_SUBSCRIBE),
        (SubscriptionStage.UNSUBSCRIBING, SubscriptionStage.TO_UNSUBSCRIBE),
    ],
)
def test_a_request_is_sent_from_its_own_stage_alone(
    underway: SubscriptionStage, before: SubscriptionStage
) -> None:
    assert entries_of(underway) == {(before, Occasion.SENT)}


@pytest.mark.parametrize("stage", SubscriptionStage)
def test_a_lost_connection_takes_every_subscription_back_to_the_beginning(
    stage: SubscriptionStage,
) -> None:
    assert TRANSITIONS[stage][Occasion.LOST] is SubscriptionStage.TO_SUBSCRIBE
