"""Run the tests of modules against seeded mutants of them: `python -m tests.mutation MODULE...`.

    python -m tests.mutation kracked/orders/cancels.py --count 50 --seed 1
    python -m tests.mutation kracked/book --survivors

A mutant is one changed operator, constant, condition, return or call. It is killed when a test of
the module's own folder fails, or takes far longer; tests that need files beside the checkout are
skipped. Survivors are printed: read them, write the test that kills them, or name them in
`tests/mutation/equivalent.txt` with the reason why no test can.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
_SLOWEST_S, _SLOWER = 20.0, 6.0
_PYTEST = (
    sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
    "-o", "addopts=--import-mode=importlib", "--no-header",
)  # fmt: skip


class Result(NamedTuple):
    path: str
    mutant: Mutant
    verdict: str
    """`killed`, `timed out`, `survived`, `equivalent` or `not run`: no test reaches the line."""


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


class Checkout:
    """A copy of the project in which one module at a time is changed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "main"  # nothing lies beside it
        names = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split("\n")  # fmt: skip
        for name in filter(None, names):
            if (ROOT / name).is_file() and not name.startswith("screenshots/"):
                target = self.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)

    def run(self, arguments: Sequence[str], timeout_s: float | None = None) -> int | None:
        """Return pytest's exit status, None when it took too long."""
        environment = {
            **os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1",
            "KRACKED_HYPOTHESIS": "mutation",
        }  # fmt: skip
        try:
            return subprocess.run(
                [*_PYTEST, *arguments], cwd=self.root, env=environment, timeout=timeout_s,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            return None


def reaching_tests(
    checkout: Checkout, path: Path, folder: Path
) -> tuple[dict[int, list[str]], float]:
    """Return the tests that run each line of a module, and how long all of them take."""
    settings = checkout.root / ".coveragerc"
    settings.write_text(
        f"[run]\nsource = {path.parts[0]}\ndynamic_context = test_function\n"
        f"data_file = {checkout.root}/.coverage\n[json]\nshow_contexts = true\n"
    )
    started = time.monotonic()
    coverage = [sys.executable, "-m", "coverage"]
    environment = {**os.environ, "PYTHONPATH": str(checkout.root)}
    done = subprocess.run(
        [*coverage, "run", "--rcfile", str(settings), *_PYTEST[1:], str(folder)],
        cwd=checkout.root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(
            f"the tests of {folder} fail as they are:\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
    took_s = time.monotonic() - started
    report = checkout.root / "coverage.json"
    subprocess.run(
        [*coverage, "json", f"--rcfile={settings}", "-q", "-o", str(report), f"--include={path}"],
        cwd=checkout.root, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    if not report.exists():
        return {}, took_s
    (found,) = json.loads(report.read_text())["files"].values()
    contexts: dict[str, list[str]] = found["contexts"]
    return {int(line): sorted(set(names)) for line, names in contexts.items()}, took_s


def node_ids(checkout: Checkout, folder: Path) -> dict[str, str]:
    """Return the test files by the dotted name that contexts begin with."""
    files = sorted((checkout.root / folder).rglob("test_*.py"))
    files = files or [checkout.root / folder]
    return {
        ".".join(file.relative_to(checkout.root).with_suffix("").parts): str(
            file.relative_to(checkout.root)
        )
        for file in files
    }


def selected(contexts: Sequence[str], files: dict[str, str]) -> list[str]:
    """Return the test files that these contexts belong to; a fixture's or an import's is all."""
    chosen = {
        file for name, file in files.items() for context in contexts if context.startswith(name)
    }
    if not contexts:
        return []
    return sorted(chosen) if chosen and "" not in contexts else sorted(files.values())


def judged(path: Path, options: argparse.Namespace) -> Iterator[Result]:
    source = (ROOT / path).read_text()
    found = mutants(source)
    equivalent = _equivalents(path)
    rng = random.Random(f"{options.seed}/{path}")
    if options.count and len(found) > options.count:
        found = sorted(rng.sample(found, options.count), key=lambda mutant: mutant.line)
    with tempfile.TemporaryDirectory() as place:
        checkouts: Queue[Checkout] = Queue()
        for number in range(options.workers):
            checkouts.put(Checkout(Path(place, str(number))))
        folder = Path(options.tests) if options.tests else test_folder(path)
        first = checkouts.get()
        reached, took_s = reaching_tests(first, path, folder)
        checkouts.put(first)
        files = node_ids(first, folder)
        limit_s = _SLOWEST_S + _SLOWER * took_s

        def judge(mutant: Mutant) -> Result:
            if mutant.name in equivalent:
                return Result(str(path), mutant, "equivalent")
            tests = selected(reached.get(mutant.line, []), files)
            if not tests:
                return Result(str(path), mutant, "not run")
            checkout = checkouts.get()
            try:
                (checkout.root / path).write_text(mutant.source)
                status = checkout.run(tests, limit_s)
            finally:
                (checkout.root / path).write_text(source)
                checkouts.put(checkout)
            verdict = {None: "timed out", 0: "survived", 5: "not run"}.get(status, "killed")
            return Result(str(path), mutant, verdict)

        with ThreadPoolExecutor(options.workers) as pool:
            yield from pool.map(judge, found)


def _equivalents(path: Path) -> set[str]:
    """Names of the mutants of a module that no test can tell from the original."""
    if not EQUIVALENT.exists():
        return set()
    rows = (row.split(" | ") for row in EQUIVALENT.read_text().splitlines() if " | " in row)
    return {row[1].strip() for row in rows if row[0].strip() == str(path)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="+", help="files or folders, or dotted names")
    parser.add_argument("--count", type=int, default=0, help="mutants a module; 0 is all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tests", help="the tests to run; by default the module's own folder")
    parser.add_argument("--survivors", action="store_true", help="print survivors alone")
    options = parser.parse_args()
    total, killed = 0, 0
    for path in _paths(options.modules):
        results = list(judged(path, options))
        counted = [result for result in results if result.verdict != "equivalent"]
        dead = [one for one in counted if one.verdict in ("killed", "timed out")]
        total, killed = total + len(counted), killed + len(dead)
        share = f"{100 * len(dead) / len(counted):5.1f} %" if counted else "    - "
        print(f"{path}: {len(dead)} of {len(counted)} killed, {share}", flush=True)
        for result in results:
            if not options.survivors or result.verdict in ("survived", "not run"):
                print(f"    {result.verdict:10} {result.path}:{result.mutant.name}", flush=True)
    if total:
        print(f"all: {killed} of {total} killed, {100 * killed / total:.1f} %")
    return 0


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
