"""Fuzz the core without Python by libFuzzer: `python -m tests.native.fuzz --minutes 10`.

It needs clang with its run-time library (Debian: clang, libclang-rt-14-dev). The corpus begins with
messages of seeded markets; what it has found so far may be kept in a folder (`--corpus`).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.benchmarks.streams import stream
from tests.native.differential import ToyMarket

HARNESS = Path(__file__).with_name("core_fuzz.c")
CORE = Path(__file__).parents[2] / "kracked" / "_native" / "core"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
WORDS = (
    *('"channel":"book"', '"channel":"level3"', '"type":"update"', '"data":[{', '"bids":[', "}]"),
    *('"asks":[', '"price":', '"qty":', '"order_id":"', '"limit_price":', '"order_qty":'),
    *('"timestamp":"', '"event":"add"', '"event":"modify"', '"event":"delete"', '"checksum":'),
    *('"symbol":"BTC/USD"', '{"ts_recv":', ',"seq":', ',"conn":"', ',"msg":', "00000000"),
)
_INPUT_LINES = 8


def build(compiler: str, target: Path, *options: str) -> None:
    """Build the harness. Raises CalledProcessError."""
    sources = [HARNESS, *sorted(CORE.glob("*.c"))]
    command = [compiler, "-std=c11", "-g", "-O1", *options, f"-I{CORE}", *map(str, sources)]
    subprocess.run([*command, "-o", str(target)], check=True, capture_output=True, text=True)


def write_corpus(folder: Path, *, seeds: int) -> list[Path]:
    """Write inputs of the harness: real streams, and the illegal ones of a toy market."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for channel in ("book", "level3"):
        _, real = stream(channel, 10, 20 * seeds)
        for seed in range(seeds):
            market = ToyMarket(channel, 10, Random(seed))
            toy = [market.message(snapshot=False) for _ in range(_INPUT_LINES)]
            for name, lines in (("real", real[20 * seed :][:_INPUT_LINES]), ("toy", toy)):
                for settings in (bytes((0, 1, 0)), bytes((2, 3, 0))):
                    path = folder / f"{channel}-{name}-{seed}-{settings[1]}"
                    path.write_bytes(settings + b"\n".join(lines))
                    written.append(path)
    return written


def main() -> int:
    """Build, run, and return libFuzzer's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--clang", default=shutil.which("clang") or shutil.which("clang-14"))
    options = parser.parse_args()
    if options.clang is None:
        print("there is no clang", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        corpus = options.corpus or work / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        write_corpus(work / "seeds", seeds=10)
        words = "\n".join('"' + word.replace('"', '\\"') + '"' for word in WORDS)
        (work / "words").write_text(words + "\n")
        build(options.clang, work / "fuzz", "-fsanitize=fuzzer", *SANITIZERS)
        limits = (f"-max_total_time={round(60 * options.minutes)}", "-max_len=4096", "-timeout=10")
        command = [work / "fuzz", *limits, f"-dict={work / 'words'}", "-print_final_stats=1"]
        return subprocess.run([*command, corpus, work / "seeds"], check=False, cwd=work).returncode


if __name__ == "__main__":
    sys.exit(main())
