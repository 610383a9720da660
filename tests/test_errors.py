"""Errors declare their facts and say their sentence once."""

from __future__ import annotations

import pickle

import pytest

from kracked.errors import KrackedError, RequestRejected, UnsupportedDepth, says


@says("{name} weighs {weight} kg, more than {limits}")
class TooHeavy(KrackedError):
    """A test's own error."""

    name: str
    weight: int
    limits: tuple[int, ...] = (10, 20)


@says("{name} weighs too much on {planet}")
class TooHeavyThere(TooHeavy):
    """An error with the facts of another, and one more."""

    planet: str = "Jupiter"


def test_the_facts_of_an_error_are_its_attributes() -> None:
    error = UnsupportedDepth("book", 7, (10, 25))
    assert (error.channel, error.depth, error.offered) == ("book", 7, (10, 25))


def test_the_sentence_is_made_of_the_facts_and_lists_tuples() -> None:
    assert str(TooHeavy("it", weight=30)) == "it weighs 30 kg, more than 10, 20"


def test_an_error_has_the_facts_of_the_one_it_is_derived_from() -> None:
    error = TooHeavyThere("it", 30)
    assert (str(error), error.weight) == ("it weighs too much on Jupiter", 30)


def test_a_missing_fact_is_an_error_at_the_raise() -> None:
    with pytest.raises(AttributeError):
        TooHeavy("it")  # type: ignore[call-arg]


def test_an_error_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(RequestRejected("AddOrder", "EOrder:No")))
    assert (type(error), str(error)) == (
        RequestRejected,
        "the exchange refused AddOrder: EOrder:No",
    )
