"""Run notebooks and keep what their cells show.

    cd examples && python -m tests.notebooks *.ipynb

No Jupyter is needed: a cell is run as Python, its last expression is shown as the richest form
that it offers, and what it prints goes before that.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

_FORMS = (("image/svg+xml", "_repr_svg_"), ("text/html", "_repr_html_"))


def run_notebook(path: Path) -> None:
    """Run every cell of a notebook in the working directory, and store the outputs in it."""
    notebook = json.loads(path.read_text())
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            cell["outputs"] = _run("".join(cell["source"]), names, count)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def _run(source: str, names: dict[str, Any], count: int) -> list[dict[str, Any]]:
    tree, printed = ast.parse(source), io.StringIO()
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    shown = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(text)})
    if shown is not None:
        data = {"text/plain": _lines(repr(shown))}
        data |= {kind: _lines(getattr(shown, how)()) for kind, how in _FORMS if hasattr(shown, how)}
        outputs.append({
            "output_type": "execute_result",
            "execution_count": count,
            "metadata": {},
            "data": data,
        })  # fmt: skip
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    sys.path.insert(0, "")
    for name in sys.argv[1:]:
        run_notebook(Path(name))
