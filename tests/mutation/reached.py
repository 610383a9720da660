"""Which tests run a line, and how long each of them takes."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from coverage import CoverageData

from tests.mutation.mutants import Mutant

PYTEST = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
    "-o", "addopts=--import-mode=importlib", "--no-header",
)  # fmt: skip
_UNMEASURED_S = 1.0


class Reached:
    """What a run of all tests of a folder has shown. `root` is the checkout they run in."""

    def __init__(self, root: Path, package: str, tests: Path) -> None:
        self._root, self._package = root, package
        report = root / "durations.xml"
        settings = root / ".coveragerc"
        settings.write_text(f"[run]\nsource = {package}\ndata_file = {root}/.coverage\n")
        coverage = [sys.executable, "-m", "coverage", "run", "--rcfile", str(settings)]
        plugin = ["-p", "tests.mutation.contexts", f"--junitxml={report}"]
        done = subprocess.run(
            [*coverage, "-m", "pytest", *PYTEST, *plugin, str(tests)],
            cwd=root, env={**os.environ, "PYTHONPATH": str(root), "KRACKED_HYPOTHESIS": "mutation"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{tests} fail as they are:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
        self._data = CoverageData(str(root / ".coverage"))
        self._data.read()
        self._seconds = _durations(report)
        self._lines: dict[str, dict[int, list[str]]] = {}

    def tests(self, path: Path, mutant: Mutant) -> list[str]:
        """Return the tests that run the mutant's line, its own file's first, then quick ones.

        What runs when the module is imported is a constant or a default: the tests that run a
        line with its name are taken, else all that run the module.
        """
        found = self._at(path, range(mutant.line, mutant.line + 1))
        if not mutant.function or _is_field(path, self._root, mutant):
            found = self._users(path, mutant) or {
                name for names in self._contexts(path).values() for name in names
            } - {""}
        own = f"test_{path.stem}.py"
        return sorted(found, key=lambda name: (own not in name, self._seconds[_short(name)], name))

    def took_s(self, tests: Iterable[str]) -> float:
        """Return how long these tests take."""
        return sum(self._seconds[_short(name)] for name in tests)

    def _at(self, path: Path, lines: range) -> set[str]:
        contexts = self._contexts(path)
        return {name for line in lines for name in contexts.get(line, ())} - {""}

    def _contexts(self, path: Path) -> dict[int, list[str]]:
        file = str(self._root / path)
        if file not in self._lines:
            self._lines[file] = self._data.contexts_by_lineno(file)
        return self._lines[file]

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


def _durations(report: Path) -> dict[str, float]:
    found: dict[str, float] = defaultdict(lambda: _UNMEASURED_S)
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        found[name] = float(case.get("time") or _UNMEASURED_S)
    return found
