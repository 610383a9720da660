"""The light never lies: every way data can be untrue has its own word and reason."""

from __future__ import annotations

import pytest

from kracked_tui.view.chrome.data_status import DataHealth, data_status

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
