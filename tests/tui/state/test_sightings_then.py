"""The sightings of an instant of the past: the session's, and of those that grew later the rest."""

from __future__ import annotations

from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.protocol.events import Side
from kracked_tui.state.sightings import sightings_then


def sighting(number: int, first: int, last: int, *, price: int = 100, count: int = 3) -> Sighting:
    """Return hidden size at a price."""
    return Sighting(
        number=number,
        kind=Kind.HIDDEN,
        side=Side.BID,
        price=price,
        last_price=price,
        first=first,
        last=last,
        qty=10,
        count=count,
        sureness=Sureness.EXACT,
        evidence=(),
    )


def test_what_the_session_saw_by_then_is_shown_as_it_saw_it() -> None:
    session = [sighting(1, 10, 20, count=9), sighting(2, 30, 90, price=101)]
    assert sightings_then(session, [sighting(1, 15, 20)], 50) == [session[0]]


def test_what_grew_later_is_shown_as_it_was_then_under_its_number() -> None:
    session = [sighting(7, 30, 90, count=9)]
    assert sightings_then(session, [sighting(1, 30, 45)], 50) == [sighting(7, 30, 45)]


def test_what_the_session_no_longer_keeps_has_a_number_of_its_own() -> None:
    session = [sighting(1, 10, 20, price=101)]
    assert sightings_then(session, [sighting(1, 30, 45)], 50) == [
        session[0],
        sighting(-1, 30, 45),
    ]
