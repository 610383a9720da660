"""A plugin of pytest: collects once, then runs the tests of each mutant in a fork.

The fork gets the changed functions in place of the original ones, by their code: what has been
imported, and by whom, does not matter. A change of what runs at import cannot be made so.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest

from tests.mutation.mutants import Mutant

_LOOK_EVERY_S = 0.01
_Place = tuple[str, str, int]
"""A function's file, its name with those around it, and its first line."""


class Job(NamedTuple):
    """A mutant and the tests that may kill it."""

    path: Path
    mutant: Mutant
    tests: Sequence[str]
    limit_s: float


class MutantLoop:
    """Runs jobs in place of the tests that were collected.

    Args:
        root: The checkout that the tests run in.
        jobs: The mutants.
        tell: Called with the number of a job, and the exit status of its tests: 0 is a survivor,
            None took too long.
    """

    def __init__(
        self, root: Path, jobs: Sequence[Job], tell: Callable[[int, int | None], None]
    ) -> None:
        self._root, self._jobs, self._tell = root, jobs, tell

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = _functions(str(self._root))
        originals: dict[Path, CodeType] = {}
        for number, job in enumerate(self._jobs):
            file = self._root / job.path
            if job.path not in originals:
                originals[job.path] = _compiled(ast.parse(file.read_text()), file)
            changes = list(_changes(originals[job.path], _compiled(job.mutant.tree, file)))
            found = [(functions[_place(old)], new) for old, new in changes]
            if not found or not all(those for those, _ in found):
                continue  # it runs when the module is imported
            chosen = [items[name] for name in job.tests if name in items]
            self._tell(number, _forked(session, found, chosen, job.limit_s))
        return True


def _forked(
    session: pytest.Session,
    changes: Sequence[tuple[Sequence[FunctionType], CodeType]],
    items: Sequence[pytest.Item],
    limit_s: float,
) -> int | None:
    process = os.fork()
    if not process:
        os.setsid()
        status = 1
        try:
            for functions, code in changes:
                for function in functions:
                    function.__code__ = code
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    break
            else:
                status = 0
        finally:
            os._exit(status)
    return waited(process, limit_s)


def waited(process: int, limit_s: float) -> int | None:
    """Return the exit status of a fork; None when it took too long and was ended."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)  # what it has started
            return os.waitstatus_to_exitcode(status)
        time.sleep(_LOOK_EVERY_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def _compiled(tree: ast.Module, file: Path) -> CodeType:
    return compile(tree, str(file), "exec", dont_inherit=True)


def _functions(root: str) -> dict[_Place, list[FunctionType]]:
    """Return the functions that live, by the place of their code."""
    found: dict[_Place, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(root):
            found[_place(each.__code__)].append(each)
    return found


def _place(code: CodeType) -> _Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _changes(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the outermost functions that differ, as they were and as they are."""
    before, after = list(_outermost(old)), list(_outermost(new))
    if len(before) == len(after):
        yield from ((one, two) for one, two in zip(before, after, strict=True) if one != two)


def _outermost(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & inspect.CO_OPTIMIZED:
                yield each
            else:  # the body of a class
                yield from _outermost(each)
