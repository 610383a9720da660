"""The light never lies: every way data can be untrue has its own word and reason."""

from __future__ import annotations

import pytest

from kracked.instruments import Precision
from kracked_tui.view.chrome.data_status import DataHealth, data_status, light
from kracked_tui.view.chrome.header import HeaderView, header_line

NOW = 10**18
GOOD = DataHealth("LIVE", connected=True, has_book=True, verified=True, last_received=NOW)


def test_fresh_verified_data_is_live_and_usable() -> None:
    assert data_status(GOOD, NOW)[:1] == ("LIVE",)
    assert data_status(GOOD, NOW).usable


@pytest.mark.parametrize(
    ("health", "word", "reason"),
    [
        (GOOD._replace(connected=False, trouble="no route"), "RECONNECTING", "no route"),
        (GOOD._replace(resync="checksum"), "RESYNC", "checksum"),
        (GOOD._replace(verified=False), "UNVERIFIED", "checksum"),
        (GOOD._replace(resync="stale", stale="ticker says 1 / 2"), "STALE", "ticker says 1 / 2"),
        (GOOD._replace(last_received=NOW - 8 * 10**9), "STALE", "8s"),
        (GOOD._replace(has_book=False), "CONNECTING", "snapshot"),
        (GOOD._replace(has_book=False, verified=False, refused="no such pair"), "REFUSED", "no s"),
        (GOOD._replace(verified=False, refused="no such pair"), "REFUSED", "finds a pair"),
    ],
)
def test_anything_else_is_unusable_with_its_reason(
    health: DataHealth, word: str, reason: str
) -> None:
    found = data_status(health, NOW)
    assert (found.word, found.usable) == (word, False)
    assert reason in found.reason


def test_a_first_connection_that_fails_says_how_to_do_without_a_network() -> None:
    lost = DataHealth("LIVE", trouble="cannot reach ws.kraken.com")
    assert "--demo" in data_status(lost, NOW).reason


def test_a_replay_says_that_it_is_one_and_when_it_is_over() -> None:
    replay = GOOD._replace(mode="REPLAY")
    assert data_status(replay, NOW).word == "REPLAY"
    assert data_status(replay._replace(ended=True), NOW).word == "ENDED"
    assert not data_status(replay._replace(resync="checksum"), NOW).usable


def test_a_replay_waits_for_nothing_that_was_not_recorded() -> None:
    without = data_status(GOOD._replace(mode="REPLAY", has_book=False), NOW)
    assert (without.word, without.usable) == ("REPLAY", False)
    assert without.reason == "this book was not recorded up to here"


@pytest.mark.parametrize("silent_s", [1.3, 2, 4.9])
def test_from_a_second_of_silence_on_the_age_is_told_in_grey_and_orders_may_still_go(
    silent_s: float,
) -> None:
    found = data_status(GOOD._replace(last_received=NOW - int(silent_s * 1e9)), NOW)
    assert (found.usable, found.fresh) == (True, False)
    assert light(found, verified=True)[0] == (f"○ LIVE {int(silent_s)}s", "dim")


def test_a_heartbeat_that_is_a_little_late_changes_nothing() -> None:
    assert data_status(GOOD._replace(last_received=NOW - 12 * 10**8), NOW).fresh


@pytest.mark.parametrize(
    "health",
    [
        GOOD._replace(connected=False, trouble="no route"),
        GOOD._replace(resync="checksum"),
        GOOD._replace(verified=False),
        GOOD._replace(last_received=NOW - 2 * 10**9),
        GOOD._replace(last_received=NOW - 9 * 10**9),
    ],
)
def test_no_price_of_the_header_has_a_colour_while_the_data_is_not_live(
    health: DataHealth,
) -> None:
    view = HeaderView(
        "BTC/USD", Precision(1, 8), data_status(health, NOW), last=630000, rising=True
    )
    spans = header_line(view, 120).spans
    assert {span.role for span in spans if "63000.0" in span.text} == {"stale"}
