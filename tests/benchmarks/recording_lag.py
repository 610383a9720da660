"""What recording adds to the event loop: the CPU time of each of the recorder's steps.

How late a timer comes depends on the neighbours of this process; what a step of the
loop costs does not, so it can be held against a goal: no step of the recorder longer
than 1 ms at depth 10, and a p99 of half a millisecond, at 20,000 rows a second in
slices of 5 ms. Deep books cost more where they are told of whole: in a snapshot.
"""

from __future__ import annotations

from tests.benchmarks.recording_cost import RATE, SLICE_NS, Stream, Taker, paced, steps

GOAL_P99_MS, GOAL_LONGEST_MS = 0.5, 1.0


def lag(told: Stream, *, rounds: int) -> None:
    """Print the quantiles of the steps, of `told` and of deep books."""
    print(f"steps of the event loop, each of {SLICE_NS // 10**6} ms at {RATE} rows/s, in CPU time")
    _print("level3 depth 10", told, rounds)
    for channel in ("level3", "book"):
        _print(f"{channel} depth 1000", paced(channel, 5_000, depth=1000), rounds)
    print(f"  goal at depth 10: p99 {GOAL_P99_MS} ms, longest {GOAL_LONGEST_MS} ms")


def _print(name: str, told: Stream, rounds: int) -> None:
    cost = steps(told.blocks, Taker(), rounds)
    for who, lengths in (
        ("json.loads", sorted(step.json * 1e3 for step in cost)),
        ("feed", sorted(step.keep * 1e3 for step in cost)),
        ("recorder", sorted(step.record * 1e3 for step in cost)),
    ):
        p50, p99 = (lengths[int(len(lengths) * part)] for part in (0.5, 0.99))
        print(f"  {name:18} {who:10} p50 {p50:.2f}  p99 {p99:.2f}  longest {lengths[-1]:.2f} ms")
