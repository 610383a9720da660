"""Run the tests of modules against seeded mutants of them: `python -m tests.mutation MODULE...`.

    python -m tests.mutation kracked/orders/cancels.py --sample 50 --seed 1
    python -m tests.mutation kracked/book --survivors

A mutant is one changed operator, constant, condition, return or call. It is killed when a test of
the module's own folder fails, or takes far longer; tests that need files beside the checkout are
skipped. Only tests that run the changed line are run; which they are is measured once for each test
file, and kept in the temporary folder. Survivors are printed: read them, write the
test that kills them, or name them in `tests/mutation/equivalent.txt` with the reason why no test
can.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutation.checkout import BROKEN, ROOT, Checkout, import_libraries
from tests.mutation.loop import Job, MutantLoop, waited
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reached import Reached

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
_SLOWEST_S, _SLOWER = 20.0, 6.0
KILLED, TIMED_OUT, SURVIVED, SAME, NOT_RUN = (
    "killed", "timed out", "survived", "equivalent", "not run",
)  # fmt: skip


class Result(NamedTuple):
    path: Path
    mutant: Mutant
    verdict: str
    """`not run` says that no test reaches the line; it survives as well."""


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


def test_files(places: Iterable[Path], without: Sequence[str]) -> Iterator[Path]:
    """Yield the test files of these places but for those that are left out by name."""
    for place in places:
        files = sorted((ROOT / place).rglob("test_*.py")) if (ROOT / place).is_dir() else [place]
        yield from (
            file.relative_to(ROOT) if file.is_absolute() else file
            for file in files
            if file.name not in without
        )


def sampled(path: Path, options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants of a module that are to be tried."""
    found = mutants((ROOT / path).read_text())
    rng = random.Random(f"{options.seed}/{path}")
    if options.sample and len(found) > options.sample:
        found = sorted(rng.sample(found, options.sample), key=lambda mutant: mutant.line)
    return found


def judged(
    jobs: Sequence[Job], reached: Reached, files: Sequence[Path], checkout: Checkout
) -> Iterator[tuple[int, str]]:
    """Yield the number of each job and its verdict, in any order."""
    equivalents = {path: _equivalents(path) for path in {job.path for job in jobs}}
    waiting: dict[int, Job] = {}
    for number, job in enumerate(jobs):
        if job.mutant.name in equivalents[job.path]:
            yield number, SAME
        elif not job.tests:
            yield number, NOT_RUN
        else:
            waiting[number] = job
    at_import = dict(waiting)
    for number, verdict in _in_one_session(waiting, files, checkout):
        del at_import[number]
        yield number, verdict
    for number, job in at_import.items():
        checkout.change(job.path, job.mutant.source)
        status = waited(checkout.start(job.tests), job.limit_s)
        checkout.restore(job.path)
        yield number, _verdict(status)


def _in_one_session(
    waiting: Mapping[int, Job], files: Sequence[Path], checkout: Checkout
) -> Iterator[tuple[int, str]]:
    """Run the tests of every job whose functions can be exchanged where they live."""
    numbers = list(waiting)
    reading, writing = os.pipe()

    def tell(place: int, status: int | None) -> None:
        """Tell this process of a verdict."""
        os.write(writing, f"{numbers[place]} {_verdict(status)}\n".encode())

    loop = MutantLoop(checkout.root, list(waiting.values()), tell)
    process = checkout.start([str(file) for file in files], [loop])
    os.close(writing)
    with os.fdopen(reading) as lines:
        for line in lines:
            number, _, verdict = line.strip().partition(" ")
            yield int(number), verdict
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if status not in (0, 5):
        sys.exit(f"the tests cannot be collected: {status}")


def _verdict(status: int | None) -> str:
    if status == BROKEN:
        sys.exit("a run of tests could not be started")
    return {None: TIMED_OUT, 0: SURVIVED}.get(status, KILLED)


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
    parser.add_argument("--tests", nargs="+", default=[], help="files or folders of tests")
    parser.add_argument("--without", nargs="+", default=[], help="names of test files left out")
    parser.add_argument("--survivors", action="store_true", help="print survivors alone")
    options = parser.parse_args()
    paths = list(_paths(options.modules))
    import_libraries(screen=any(path.parts[0] == "kracked_tui" for path in paths))
    groups: dict[tuple[Path, ...], list[Path]] = {}
    for path in paths:
        chosen = options.tests or [own_tests(path)]
        tests = tuple(test_files(map(Path, chosen), options.without))
        groups.setdefault(tests, []).append(path)
    packages: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as place:
        checkout = Checkout(Path(place))
        for tests, members in groups.items():
            reached = Reached(checkout.root, members[0].parts[0], tests)
            jobs = [job for path in members for job in jobs_of(path, reached, options)]
            results: dict[int, Result] = {}
            for number, verdict in judged(jobs, reached, tests, checkout):
                result = results[number] = Result(jobs[number].path, jobs[number].mutant, verdict)
                if not options.survivors or verdict in (SURVIVED, NOT_RUN):
                    _print(result)
            for path in members:
                counts = Counter(one.verdict for one in results.values() if one.path == path)
                if counts:
                    print(line_of(str(path), counts), flush=True)
                    package = ".".join(path.parts[:2]).removesuffix(".py")
                    packages.setdefault(package, Counter()).update(counts)
    for package, counts in packages.items():
        print(line_of(package, counts))
    print(line_of("all", sum(packages.values(), Counter())))
    return 0


def jobs_of(path: Path, reached: Reached, options: argparse.Namespace) -> Iterator[Job]:
    """Yield the mutants of a module that are to be tried, with their tests."""
    for mutant in sampled(path, options):
        tests = reached.tests(path, mutant)
        yield Job(path, mutant, tests, _SLOWEST_S + _SLOWER * reached.took_s(tests))


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
