"""Run the tests of modules against seeded mutants of them: `python -m tests.mutation MODULE...`.

    python -m tests.mutation kracked/orders/cancels.py --sample 50 --seed 1
    python -m tests.mutation kracked/book --survivors

A mutant is one changed operator, constant, condition, return or call. It is killed when a test of
the module's own folder fails, or takes far longer; tests that need files beside the checkout are
skipped. Only tests that run the changed line are run. Survivors are printed: read them, write the
test that kills them, or name them in `tests/mutation/equivalent.txt` with the reason why no test
can.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutation.checkout import BROKEN, ROOT, Checkout, end, finished, import_libraries, now_s
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reached import Reached

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
_SLOWEST_S, _SLOWER = 20.0, 6.0
_LOOK_EVERY_S = 0.02
KILLED, TIMED_OUT, SURVIVED, SAME, NOT_RUN = (
    "killed", "timed out", "survived", "equivalent", "not run",
)  # fmt: skip


class Result(NamedTuple):
    path: Path
    mutant: Mutant
    verdict: str
    """`not run` says that no test reaches the line; it survives as well."""


class Run(NamedTuple):
    """The tests of one mutant, under way."""

    checkout: Checkout
    number: int
    until_s: float


def test_folder(path: Path) -> Path:
    """Return the folder that mirrors a module's package; its nearest parent where it is missing."""
    parts = path.parts[1:-1]
    base = Path("tests", "tui") if path.parts[0] == "kracked_tui" else Path("tests")
    for length in range(len(parts), -1, -1):
        folder = base.joinpath(*parts[:length])
        if length and (ROOT / folder).is_dir():
            return folder
    same_name = Path("tests", f"test_{path.stem}.py")
    return same_name if (ROOT / same_name).exists() else base


def own_tests(path: Path) -> Path:
    """Return the folder of the package that a module belongs to, as deep as the package is."""
    folder = test_folder(path)
    return Path(*folder.parts[: 3 if folder.parts[1] == "tui" else 2])


def sampled(path: Path, options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants of a module that are to be tried."""
    found = mutants((ROOT / path).read_text())
    rng = random.Random(f"{options.seed}/{path}")
    if options.sample and len(found) > options.sample:
        found = sorted(rng.sample(found, options.sample), key=lambda mutant: mutant.line)
    return found


def judged(
    path: Path, found: Sequence[Mutant], reached: Reached, checkouts: Sequence[Checkout]
) -> list[Result]:
    """Run the tests of every mutant, as many at a time as there are checkouts."""
    equivalent, free = _equivalents(path), list(checkouts)
    verdicts: dict[int, str] = {}
    waiting = list(reversed(range(len(found))))
    running: dict[int, Run] = {}
    while waiting or running:
        while waiting and free:
            number = waiting.pop()
            tests = reached.tests(path, found[number])
            if found[number].name in equivalent:
                verdicts[number] = SAME
            elif not tests:
                verdicts[number] = NOT_RUN
            else:
                checkout = free.pop()
                checkout.change(path, found[number].source)
                until_s = now_s() + _SLOWEST_S + _SLOWER * reached.took_s(tests)
                running[checkout.start(tests)] = Run(checkout, number, until_s)
        for process, run in list(running.items()):
            status = finished(process)
            if status is None and now_s() < run.until_s:
                continue
            if status is None:
                end(process)
            if status == BROKEN:
                sys.exit(f"the tests of {path} cannot be started")
            verdicts[run.number] = {None: TIMED_OUT, 0: SURVIVED}.get(status, KILLED)
            run.checkout.restore(path)
            free.append(run.checkout)
            del running[process]
        time.sleep(_LOOK_EVERY_S)
    return [Result(path, mutant, verdicts[number]) for number, mutant in enumerate(found)]


def _check_start(path: Path, found: Sequence[Mutant], reached: Reached, checkout: Checkout) -> None:
    """End the program unless a test passes on the unchanged module: only the change may kill."""
    tests = next(filter(None, (reached.tests(path, mutant) for mutant in found)), [])[:1]
    if tests and (status := os.waitstatus_to_exitcode(os.waitpid(checkout.start(tests), 0)[1])):
        sys.exit(f"{tests} of {path} fail as they are: {status}")


def _equivalents(path: Path) -> set[str]:
    """Names of the mutants of a module that no test can tell from the original."""
    if not EQUIVALENT.exists():
        return set()
    rows = (row.split(" | ", 1) for row in EQUIVALENT.read_text().splitlines() if " | " in row)
    return {name.rpartition(" | ")[0] for file, name in rows if file == str(path)}


def line_of(name: str, counts: Counter[str]) -> str:
    """Return the summary of a module or a package."""
    dead = counts[KILLED] + counts[TIMED_OUT]
    counted = dead + counts[SURVIVED] + counts[NOT_RUN]
    share = f"{100 * dead / counted:.1f} %" if counted else "-"
    same = f", {counts[SAME]} equivalent" if counts[SAME] else ""
    return f"{name}: {dead} of {counted} killed, {share}{same}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="+", help="files or folders, or dotted names")
    parser.add_argument("--sample", type=int, default=0, help="mutants a module; 0 is all")
    parser.add_argument("--seed", type=int, default=1, help="chooses the sample")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tests", help="the tests to run; by default the package's own folder")
    parser.add_argument("--survivors", action="store_true", help="print survivors alone")
    options = parser.parse_args()
    paths = list(_paths(options.modules))
    import_libraries(screen=any(path.parts[0] == "kracked_tui" for path in paths))
    packages: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as place:
        checkouts = [Checkout(Path(place, str(number))) for number in range(options.workers)]
        shown: dict[Path, Reached] = {}
        for path in paths:
            if not (found := sampled(path, options)):
                continue
            tests = Path(options.tests) if options.tests else own_tests(path)
            if tests not in shown:
                shown[tests] = Reached(checkouts[0].root, path.parts[0], tests)
            _check_start(path, found, shown[tests], checkouts[0])
            results = judged(path, found, shown[tests], checkouts)
            counts = Counter(result.verdict for result in results)
            package = ".".join(path.parts[:2]).removesuffix(".py")
            packages.setdefault(package, Counter()).update(counts)
            print(line_of(str(path), counts), flush=True)
            for result in results:
                if not options.survivors or result.verdict in (SURVIVED, NOT_RUN):
                    _print(result)
    for package, counts in packages.items():
        print(line_of(package, counts))
    print(line_of("all", sum(packages.values(), Counter())))
    return 0


def _print(result: Result) -> None:
    mutant = result.mutant
    print(f"    {result.verdict:10} {result.path}:{mutant.line} | {mutant.name}", flush=True)


def _paths(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = Path(name if "/" in name or name.endswith(".py") else name.replace(".", "/"))
        if not (ROOT / path).exists():
            path = path.with_suffix(".py")
        if (ROOT / path).is_dir():
            files = sorted((ROOT / path).rglob("*.py"))
            yield from (file.relative_to(ROOT) for file in files if file.stat().st_size)
        else:
            yield path


if __name__ == "__main__":
    sys.exit(main())
