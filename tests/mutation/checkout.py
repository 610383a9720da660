"""A copy of the project in which one module at a time is changed, and tests run on it.

The libraries are imported once, here; each run of pytest is a fork of this process, which imports
the project's own modules.
"""

from __future__ import annotations

import compileall
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutation.reached import PYTEST

ROOT = Path(__file__).parents[2]
_OURS = ("kracked", "kracked_tui", "tests")
_LIBRARIES = (
    "aiohttp", "aiohttp.test_utils", "aiohttp.web", "hypothesis", "hypothesis.strategies",
    "msgspec", "pytest_asyncio", "websockets", "websockets.asyncio.client", "zstandard",
)  # fmt: skip
_PRELOADED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
BROKEN = 99
"""The status of a run that did not come to its tests."""
_SCREEN = ("plotext", "rich", "textual.app", "textual.pilot", "textual.widgets")


def import_libraries(*, screen: bool) -> None:
    """Import what the tests need of other projects; with `screen`, the toolkit too."""
    for name in (*_LIBRARIES, *(_SCREEN if screen else ())):
        importlib.import_module(name)


class Checkout:
    """A copy of the project below a folder; nothing of the original's surroundings is beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "main"
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\n")):
            if (ROOT / name).is_file() and not name.startswith("screenshots/"):
                target = self.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        for package in ("kracked", "kracked_tui"):
            compileall.compile_dir(self.root / package, quiet=2)

    def change(self, path: Path, source: str) -> None:
        """Write a mutant; its time differs, so that the compiled original is not taken for it."""
        (self.root / path).write_text(source)
        os.utime(self.root / path, (0, 0))

    def restore(self, path: Path) -> None:
        """Write the original again."""
        shutil.copy2(ROOT / path, self.root / path)

    def start(self, arguments: Sequence[str], plugins: Sequence[object] = ()) -> int:
        """Start a run of pytest in a fork of this process. Returns the fork."""
        if process := os.fork():
            return process
        os.setsid()
        os.chdir(self.root)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.environ |= {"PYTHONPATH": str(self.root), "KRACKED_HYPOTHESIS": "mutation"}
        sys.dont_write_bytecode = True
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
        sys.path[:] = [str(self.root), *(it for it in sys.path if it and it != str(ROOT))]
        status = BROKEN
        try:
            status = int(pytest.main([*PYTEST, *_PRELOADED, *arguments], list(plugins)))
        finally:
            os._exit(status)
