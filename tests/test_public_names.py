"""The public names of `kracked`, and what an import loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import kracked


@pytest.mark.parametrize("name", [name for name in dir(kracked) if not name.startswith("_")])
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(kracked, name) is not None


def test_a_star_import_gives_the_public_names_and_nothing_else() -> None:
    given: dict[str, object] = {}
    exec("from kracked import *", given)
    assert {name for name in given if name != "__builtins__"} == set(kracked.__all__)
    assert {"FeedManager", "BookKeeper", "load_trades", "events"} <= given.keys()


def test_no_import_machinery_is_listed() -> None:
    assert not {"annotations", "import_module", "TYPE_CHECKING"} & set(dir(kracked))


def test_what_is_imported_for_the_types_is_what_is_given() -> None:
    tree = ast.parse(Path(kracked.__file__).read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {name.name for node in block.body for name in node.names}  # type: ignore[attr-defined]
    assert typed == set(kracked.__all__) == {*kracked._HOME_OF, *kracked._MODULES}


PUBLIC_MODULES = (
    "kracked.credentials",
    "kracked.durations",
    "kracked.endpoints",
    "kracked.errors",
    "kracked.flow",
    "kracked.flow.alerts",
    "kracked.flow.odds",
    "kracked.flow.review",
    "kracked.frames",
    "kracked.instruments",
    "kracked.orders",
    "kracked.paper",
    "kracked.protocol.events",
    "kracked.rest",
    "kracked.times",
    "kracked.units",
)


@pytest.mark.parametrize("home", PUBLIC_MODULES)
def test_a_public_module_lists_names_that_it_has(home: str) -> None:
    module = import_module(home)
    assert module.__all__
    assert all(getattr(module, name) is not None for name in module.__all__)


EXAMPLES = Path(__file__).parents[1] / "examples"
PUBLIC_HOMES = ("kracked", "kracked.flow", "kracked.flow.odds", "kracked.orders")


def names_used(example: Path) -> set[str]:
    """Return the names of the framework that a script or notebook uses, as `module.name`."""
    program = example.read_text()
    if example.suffix == ".ipynb":
        cells = json.loads(program)["cells"]
        program = "\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
        )
    nodes = list(ast.walk(ast.parse(program)))
    imported = {
        f"{node.module}.{name.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("kracked")
        for name in node.names
    }
    reached = {
        f"kracked.{node.attr}"
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "kracked"
    }
    return imported | reached


SHARED = {"example_recording.py", "line_picture.py", "simulated_hour.py"}
"""What the notebooks import: it runs commands, draws, and makes a market without a server."""
STRANGERS = {"ladder_column.py", "market_maker.py"}
"""What imports no name of ours: a column of the ladder, a program of another client library."""
PROGRAMS = sorted(
    path
    for path in EXAMPLES.iterdir()
    if path.suffix in (".py", ".ipynb") and path.name not in SHARED | STRANGERS
)


@pytest.mark.parametrize("example", PROGRAMS, ids=lambda path: path.name)
def test_an_example_uses_public_names_alone(example: Path) -> None:
    public = {f"{home}.{name}" for home in PUBLIC_HOMES for name in import_module(home).__all__}
    used = names_used(example)
    assert used
    assert used <= public


@pytest.mark.parametrize("example", sorted(STRANGERS))
def test_what_needs_no_name_of_ours_uses_none(example: str) -> None:
    assert not names_used(EXAMPLES / example)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        kracked.nonsense  # noqa: B018


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import kracked",
        "import kracked; kracked.FeedManager; kracked.RestClient",
        "import kracked.orders, kracked.rest",
    ],
)
def test_the_framework_loads_neither_pandas_nor_a_screen(statement: str) -> None:
    assert not {"pandas", "numpy", "pyarrow", "textual", "rich", "plotext"} & loaded_by(statement)


def test_importing_the_framework_loads_no_event_loop_and_no_socket() -> None:
    assert not {"asyncio", "msgspec", "aiohttp", "websockets"} & loaded_by("import kracked")


def test_the_command_s_help_loads_argparse_alone() -> None:
    help_only = "import kracked.cli.main; import contextlib\nwith contextlib.suppress(SystemExit): "
    heavy = {"msgspec", "asyncio", "aiohttp", "websockets", "pandas", "textual"}
    assert not heavy & loaded_by(
        f"exec({help_only + 'kracked.cli.main.main([chr(45)*2 + chr(104)])'!r})"
    )
