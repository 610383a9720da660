"""The documentation names files and functions that exist, and every public name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import kracked
import kracked.flow
import kracked.flow.odds
import kracked.flow.review
import kracked.orders
import kracked.paper
import kracked.rest

ROOT = Path(__file__).parents[1]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
STEPS = re.findall(r"\| `(\S+\.py)` \| `([\w.]+)` \|", ARCHITECTURE)
PATHS = sorted(set(re.findall(r"`((?:kracked|kracked_tui|tests)/[^`]*)`", ARCHITECTURE)))


def names_of(path: Path) -> set[str]:
    """Return the classes, functions and methods of a module, methods as `Class.method`."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {node.name}
            found |= {f"{node.name}.{each.name}" for each in node.body if hasattr(each, "name")}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= {node.name}
    return found


@pytest.mark.parametrize("path", PATHS)
def test_every_file_of_the_architecture_page_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_every_step_of_a_path_names_a_function_of_its_file(file: str, name: str) -> None:
    assert name in names_of(ROOT / file)


def test_the_architecture_page_follows_the_three_paths() -> None:
    assert len(STEPS) > 25


@pytest.mark.parametrize(
    "module",
    [
        kracked,
        kracked.flow,
        kracked.flow.odds,
        kracked.flow.review,
        kracked.orders,
        kracked.paper,
        kracked.rest,
    ],
)
def test_every_public_name_has_a_docstring_for_the_reference(module: object) -> None:
    names = module.__all__  # type: ignore[attr-defined]
    assert [name for name in names if not getattr(module, name).__doc__] == []
