"""Large sizes: the stated rate, what is learned, what one whale does."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.sizes import (
    HUGE,
    LARGE,
    LEAST_SAMPLES,
    AdaptiveSizes,
    SizeHistogram,
    _begin,
)
from kracked.times import NS_PER_S

PER_S = 200


def _bucket(size: int) -> int:
    """Return the bucket of a size, by looking."""
    made = SizeHistogram()
    made.add(size, 1)
    return next(bucket for bucket, weight in enumerate(made.dump()[2:]) if weight)


def sizes(seconds: int, seed: int = 1, scale: int = 1_000_000) -> list[int]:
    """Return a mixture of lognormal and Pareto sizes."""
    random = Random(seed)
    return [
        max(1, int(scale * random.lognormvariate(0, 1.2)))
        if random.random() < 0.9
        else int(scale * random.paretovariate(1.3))
        for _ in range(seconds * PER_S)
    ]


def fed(
    seconds: int, made: AdaptiveSizes | None = None, start_s: int = 0, **terms
) -> AdaptiveSizes:
    made = made or AdaptiveSizes()
    for place, size in enumerate(sizes(seconds, **terms)):
        made.add(size, start_s * NS_PER_S + place * NS_PER_S // PER_S)
    return made


def test_the_stated_part_of_all_sizes_is_marked() -> None:
    made = fed(600)
    later = sizes(600, seed=2)
    for weight, (part, whole) in ((1, LARGE), (2, HUGE)):
        marked = sum(made.weight(size) >= weight for size in later)
        assert abs(marked * whole / (len(later) * part) - 1) < 0.2


def test_a_market_of_ten_times_the_size_is_learned_within_a_quarter_of_an_hour() -> None:
    made = fed(900, fed(600), start_s=600, seed=3, scale=10_000_000)
    later = sizes(600, seed=4, scale=10_000_000)
    marked = sum(made.weight(size) >= 1 for size in later)
    assert 0.8 < marked * LARGE[1] / (len(later) * LARGE[0]) < 1.25


def test_one_whale_moves_the_threshold_by_one_bucket_at_most() -> None:
    made = fed(600)
    before = made.thresholds().large
    made.add(1_000 * before, 600 * NS_PER_S)
    made.add(1, 601 * NS_PER_S)
    assert abs(_bucket(made.thresholds().large) - _bucket(before)) <= 1


def test_below_five_hundred_samples_it_is_learning_and_takes_ten_medians() -> None:
    made = AdaptiveSizes()
    for n in range(LEAST_SAMPLES - 2):
        made.add(1_024, n * NS_PER_S)
    found = made.thresholds()
    assert found.learning
    assert found.large == 10 * found.median
    for n in range(3):
        made.add(1_024, (LEAST_SAMPLES + n) * NS_PER_S)
    assert not made.thresholds().learning


def test_where_all_sizes_are_alike_none_is_large() -> None:
    made = AdaptiveSizes()
    for n in range(1_000):
        made.add(1_000, n * NS_PER_S)
    assert made.weight(1_000) == 0
    assert made.weight(6_000) == 2


def test_a_mark_stays_until_the_size_is_well_below_its_threshold() -> None:
    made = fed(600)
    large = made.thresholds().large
    assert [made.weight(large * 9 // 10, before) for before in (0, 1)] == [0, 1]
    assert made.weight(large * 7 // 10, 1) == 0


def test_a_pinned_size_is_the_threshold_of_marks() -> None:
    made = fed(600)
    detector = made.thresholds().detector
    made.pinned = 5
    assert (made.weight(5), made.weight(20)) == (1, 2)
    assert made.thresholds().detector == detector


def test_what_was_learned_can_be_kept_for_another_session() -> None:
    made, again = fed(600), SizeHistogram()
    again.load(made.histogram.dump())
    assert again.above(LARGE) == made.histogram.above(LARGE)


@given(st.integers(1, 2**64))
def test_a_size_lies_within_its_bucket(size: int) -> None:
    bucket = _bucket(size)
    assert _begin(bucket) <= size < _begin(bucket + 1)


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=200), st.integers(1, 999))
def test_a_quantile_is_within_the_bucket_of_the_exact_one(found: list[int], part: int) -> None:
    made = SizeHistogram()
    for size in found:
        made.add(size, 1)
    rank = max(1, -(-len(found) * part // 1_000))
    exact = sorted(found, reverse=True)[rank - 1]
    assert _begin(_bucket(exact)) <= made.above((part, 1_000))[0] <= _begin(_bucket(exact) + 1)
