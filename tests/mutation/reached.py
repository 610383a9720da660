"""Which tests run a line, and how long each of them takes."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from coverage import CoverageData

from tests.mutation.mutants import Mutant

PYTEST = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
    "-o", "addopts=--import-mode=importlib", "--no-header",
)  # fmt: skip
CACHE = Path(tempfile.gettempdir(), "kracked-mutation")
_UNMEASURED_S = 1.0
_NO_TESTS = 5
"""The status of a run in which every test was skipped, or none chosen."""


class Reached:
    """What runs of the tests have shown, each test file on its own.

    Runs are kept below `CACHE`, so that the next command measures only what has changed since.

    Args:
        root: The checkout that the tests run in.
        package: The package whose lines are measured.
        files: The test files, within the checkout.
    """

    def __init__(self, root: Path, package: str, files: Sequence[Path]) -> None:
        self._root, self._package = root, package
        self._lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._seconds: dict[str, float] = defaultdict(lambda: _UNMEASURED_S)
        sources = _hash(sorted((root / package).rglob("*.py")))
        for file in files:
            place = CACHE / f"{sources}-{_hash([root / file])}-{file.stem}"
            if not (place / "durations.xml").exists():
                self._measure(file, place)
            data = CoverageData(str(place / "coverage"))
            data.read()
            for measured in data.measured_files():
                lines = self._lines[measured.rpartition("/main/")[2]]
                for line, names in data.contexts_by_lineno(measured).items():
                    lines[line].update(names)
            self._seconds |= _durations(place / "durations.xml")

    def _measure(self, file: Path, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        settings, report = self._root / ".coveragerc", place / "unfinished.xml"
        settings.write_text(f"[run]\nsource = {self._package}\ndata_file = {place}/coverage\n")
        coverage = [sys.executable, "-m", "coverage", "run", "--rcfile", str(settings)]
        plugin = ["-p", "tests.mutation.contexts", f"--junitxml={report}"]
        environment = {"PYTHONPATH": str(self._root), "KRACKED_HYPOTHESIS": "mutation"}
        done = subprocess.run(
            [*coverage, "-m", "pytest", *PYTEST, *plugin, str(file)],
            cwd=self._root, env=os.environ | environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode not in (0, _NO_TESTS):
            sys.exit(f"{file} fails as it is:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
        report.replace(place / "durations.xml")

    def tests(self, path: Path, mutant: Mutant) -> list[str]:
        """Return the tests that run the mutant's line, its own file's first, then quick ones.

        What runs when the module is imported is a constant or a default: the tests that run a
        line with its name are taken, else all that run the module.
        """
        found = self._at(path, range(mutant.line, mutant.line + 1))
        if not mutant.function or _is_field(path, self._root, mutant):
            found = self._users(path, mutant) or {
                name for names in self._lines[str(path)].values() for name in names
            } - {""}
        own = f"test_{path.stem}.py"
        return sorted(found, key=lambda name: (own not in name, self._seconds[_short(name)], name))

    def took_s(self, tests: Iterable[str]) -> float:
        """Return how long these tests take."""
        return sum(self._seconds[_short(name)] for name in tests)

    def _at(self, path: Path, lines: range) -> set[str]:
        contexts = self._lines[str(path)]
        return {name for line in lines for name in contexts.get(line, ())} - {""}

    def _users(self, path: Path, mutant: Mutant) -> set[str]:
        """Return the tests that run a line with the name that the mutant's line assigns."""
        found: set[str] = set()
        for name in _assigned((self._root / path).read_text(), mutant.line):
            word = re.compile(rf"\b{re.escape(name)}\b")
            for file in sorted((self._root / self._package).rglob("*.py")):
                for number, text in enumerate(file.read_text().splitlines(), 1):
                    if word.search(text):
                        found |= self._at(file.relative_to(self._root), range(number, number + 1))
        return found


def _is_field(path: Path, root: Path, mutant: Mutant) -> bool:
    """Whether a mutant within a class is of a field's default, outside of every method."""
    return any(_assigned((root / path).read_text(), mutant.line))


def _assigned(source: str, line: int) -> Iterator[str]:
    """Yield the names that the module's or a class's statement at a line assigns."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef):
            continue
        for each in node.body:
            if not isinstance(each, ast.Assign | ast.AnnAssign):
                continue
            if each.lineno <= line <= (each.end_lineno or each.lineno):
                targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def _short(nodeid: str) -> str:
    file, _, name = nodeid.partition("::")
    return f"{file.removesuffix('.py').replace('/', '.')}.{name.replace('::', '.')}"


def _hash(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _durations(report: Path) -> dict[str, float]:
    found: dict[str, float] = defaultdict(lambda: _UNMEASURED_S)
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        found[name] = float(case.get("time") or _UNMEASURED_S)
    return found
