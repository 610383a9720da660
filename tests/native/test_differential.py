"""Both engines give the same answers to the same messages, mutated ones included."""

from __future__ import annotations

import os

import pytest

from kracked import _native
from kracked.errors import ConfigError
from tests.native.differential import log_of, run_simulated, run_toy, verification
from tests.native.engines import chosen

KINDS = (("book", 10), ("book", 25), ("book", 100), ("level3", 10), ("level3", 100))


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Skip where the compiled engine is not built, but not where it must be."""
    with chosen("native"):
        try:
            _native.load()
        except ConfigError as error:
            if os.environ.get("KRACKED_NATIVE") == "require":
                raise
            pytest.skip(str(error))


@pytest.mark.parametrize(("channel", "depth"), KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_a_market_of_contradictions_is_judged_alike(channel: str, depth: int, seed: int) -> None:
    pair = run_toy(channel, depth, seed, 250, 0.3)
    assert pair.messages > 250


@pytest.mark.parametrize(("channel", "depth"), [*KINDS, ("book", 1000), ("level3", 1000)])
def test_the_messages_of_an_exchange_are_judged_alike(channel: str, depth: int) -> None:
    pair = run_simulated(channel, depth, 3, 300, 0.3)
    assert sum(stats.verified for stats in pair.keepers[1].stats.values()) > 150


@pytest.mark.parametrize(("channel", "depth"), KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_log_is_verified_alike_in_blocks_and_line_by_line(
    channel: str, depth: int, seed: int
) -> None:
    lines = log_of(channel, depth, seed, 200, 0.2)
    expected = verification("python", lines)
    assert verification("native", lines) == expected
    assert verification("native", [b"".join(lines)]) == expected
    halves = [b"".join(lines[: len(lines) // 2]), b"".join(lines[len(lines) // 2 :])]
    assert verification("native", halves) == expected
