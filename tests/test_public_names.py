"""What `import kracked` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import kracked


@pytest.mark.parametrize("name", [name for name in dir(kracked) if not name.startswith("_")])
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(kracked, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        kracked.nonsense  # noqa: B018


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import kracked", "import kracked; kracked.FeedManager; kracked.RestClient"]
)
def test_the_framework_loads_neither_pandas_nor_a_screen(statement: str) -> None:
    assert not {"pandas", "numpy", "pyarrow", "textual", "rich", "plotext"} & loaded_by(statement)


def test_the_command_s_help_loads_argparse_alone() -> None:
    help_only = "import kracked.cli.main; import contextlib\nwith contextlib.suppress(SystemExit): "
    heavy = {"msgspec", "asyncio", "aiohttp", "websockets", "pandas", "textual"}
    assert not heavy & loaded_by(
        f"exec({help_only + 'kracked.cli.main.main([chr(45)*2 + chr(104)])'!r})"
    )
