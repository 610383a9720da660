"""Fuzz the compiled engine against Python's: `python -m tests.native --minutes 5 --seed 1`.

Build with `KRACKED_SANITIZE=1` and preload the sanitizer's library to look for memory errors too;
`docs/native.md` tells how.
"""

from __future__ import annotations

import argparse
from time import monotonic

from tests.native.differential import log_of, run_simulated, run_toy, verification

ROUND = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    until, seed, messages, verified = monotonic() + 60 * options.minutes, options.seed, 0, 0
    while monotonic() < until:
        for channel, depths in (("book", (10, 25, 100)), ("level3", (10, 100))):
            for depth in depths:
                for run in (run_toy, run_simulated):
                    try:
                        pair = run(channel, depth, seed, ROUND, 0.4)
                    except AssertionError:
                        print(f"{run.__name__}({channel!r}, {depth}, {seed}, {ROUND}, 0.4)")
                        raise
                    messages += pair.messages
                    verified += sum(one.verified for one in pair.keepers[1].stats.values())
                lines = log_of(channel, depth, seed, ROUND, 0.4)
                assert verification("native", [b"".join(lines)]) == verification("python", lines), (
                    f"log_of({channel!r}, {depth}, {seed}, {ROUND}, 0.4)"
                )
                messages += len(lines)
        seed += 1
    print(f"{messages} messages, {verified} verified, 0 differences; next seed {seed}")


if __name__ == "__main__":
    main()
