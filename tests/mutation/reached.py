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
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from coverage import CoverageData

from tests.mutation.mutants import Mutant

PYTEST = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
    "-o", "addopts=--import-mode=importlib", "--no-header",
)  # fmt: skip
CACHE = Path(tempfile.gettempdir(), "kracked-mutation")
_WORD = re.compile(r"\w+")
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
        self._runs: list[tuple[CoverageData, dict[str, str]]] = []
        """What each run has measured, and its name of each file of the package."""
        self._lines: dict[str, dict[int, set[str]]] = {}
        self._seconds: dict[str, float] = defaultdict(lambda: _UNMEASURED_S)
        self._names: dict[Path, dict[int, set[str]]] = {}
        self._words: dict[str, list[tuple[Path, int]]] = defaultdict(list)
        sources = _hash(sorted((root / package).rglob("*.py")))
        for file in files:
            place = CACHE / f"{sources}-{_hash([root / file])}-{file.stem}"
            if not (place / "durations.xml").exists():
                self._measure(file, place)
            data = CoverageData(str(place / "coverage"))
            data.read()
            names = {
                measured.rpartition("/main/")[2]: measured for measured in data.measured_files()
            }
            self._runs.append((data, names))
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
        lines = range(mutant.line, mutant.last_line + 1)
        found = set().union(*(self._at(path, line) for line in lines))
        assigned = self._assigned(path).get(mutant.line)
        if assigned or not mutant.function:
            users = (self._users(name) for name in assigned or ())
            found = set().union(*users) or set().union(*self._contexts(path).values()) - {""}
        own = f"test_{path.stem}.py"
        return sorted(found, key=lambda name: (own not in name, self._seconds[_short(name)], name))

    def took_s(self, tests: Iterable[str]) -> float:
        """Return how long these tests take."""
        return sum(self._seconds[_short(name)] for name in tests)

    def _at(self, path: Path, line: int) -> set[str]:
        return self._contexts(path).get(line, set()) - {""}

    def _contexts(self, path: Path) -> dict[int, set[str]]:
        """Return the tests that run each line of a file."""
        if str(path) not in self._lines:
            lines = self._lines[str(path)] = defaultdict(set)
            for data, names in self._runs:
                if (name := names.get(str(path))) is not None:
                    for line, found in data.contexts_by_lineno(name).items():
                        lines[line].update(found)
        return self._lines[str(path)]

    def _assigned(self, path: Path) -> dict[int, set[str]]:
        """Return the names that statements of the module and its classes assign, by line."""
        if path not in self._names:
            self._names[path] = _assigned((self._root / path).read_text())
        return self._names[path]

    def _users(self, name: str) -> set[str]:
        """Return the tests that run a line with a name."""
        if not self._words:
            for file in sorted((self._root / self._package).rglob("*.py")):
                path = file.relative_to(self._root)
                for number, text in enumerate(file.read_text().splitlines(), 1):
                    for word in set(_WORD.findall(text)):
                        self._words[word].append((path, number))
        return set().union(*(self._at(path, line) for path, line in self._words[name]))


def _assigned(source: str) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef):
            continue
        for each in node.body:
            if not isinstance(each, ast.Assign | ast.AnnAssign):
                continue
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            for line in range(each.lineno, (each.end_lineno or each.lineno) + 1):
                found[line] |= names
    return found


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
