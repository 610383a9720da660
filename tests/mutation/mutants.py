"""Small changes of a module, one at a time: what a slip of the hand might do."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_SHOWN = 90
"""Characters of the changed code that are shown."""
_QUIET = frozenset(("log", "logging", "warnings"))
"""A call that only writes to a log is not what the program is for."""


@dataclass(frozen=True)
class Mutant:
    """One changed copy of a module."""

    line: int
    what: str
    where: str
    """The changed code, in one line."""
    function: str
    """The function and class around it; empty at the top of the module."""
    source: str
    last_line: int
    """Where the changed expression ends; a branch of it may be all that a test runs."""
    tree: ast.Module
    """The module with the change, each node at its line of the original."""

    @property
    def name(self) -> str:
        """What names it for as long as its function stays, wherever the line moves."""
        return f"{self.function} | {self.where} | {self.what}"


@dataclass(frozen=True)
class _Change:
    line: int
    what: str
    apply: Callable[[ast.AST], None]
    """Changes the node of the copy."""
    path: tuple[tuple[str, int | None], ...]
    """Fields and indexes that lead to the node."""


def mutants(source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in order of lines; each parses."""
    tree = ast.parse(source)
    unchanged, found = ast.unparse(tree), []
    for change in _changes(tree, ()):
        changed = copy.deepcopy(tree)
        change.apply(_node_at(changed, change.path))
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text != unchanged:
            node = _node_at(tree, change.path)
            where = " ".join(ast.unparse(node).split())[:_SHOWN]
            function = _function_at(tree, change.path)
            last = _last_line(node, change.line)
            found.append(Mutant(change.line, change.what, where, function, text, last, changed))
    return _numbered(sorted(found, key=lambda mutant: mutant.line))


def _last_line(node: ast.AST, line: int) -> int:
    """Return the last line of a changed node; of a statement with a body, that of its test."""
    shown = node.test if isinstance(node, ast.If | ast.While) else node
    return getattr(shown, "end_lineno", None) or line


def _numbered(found: list[Mutant]) -> list[Mutant]:
    """Tell mutants of the same name in one function apart by a number."""
    seen: Counter[str] = Counter()
    numbered = []
    for mutant in found:
        seen[mutant.name] += 1
        again = f" #{seen[mutant.name]}" if seen[mutant.name] > 1 else ""
        numbered.append(replace(mutant, where=mutant.where + again))
    return numbered


def _function_at(tree: ast.AST, path: tuple[tuple[str, int | None], ...]) -> str:
    """Return the names of the classes and functions around a node."""
    steps = (path[:length] for length in range(1, len(path)))
    around = (_node_at(tree, step) for step in steps)
    named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return ".".join(node.name for node in around if isinstance(node, named))


def _node_at(node: ast.AST, path: tuple[tuple[str, int | None], ...]) -> ast.AST:
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def _changes(node: ast.AST, path: tuple[tuple[str, int | None], ...]) -> Iterator[_Change]:
    """Yield the changes at this node and below; none of annotations, docstrings and imports."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        return
    yield from _changes_at(node, path)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        if isinstance(node, ast.ClassDef) and field == "keywords":
            continue  # what a class declares of itself is for the type checker to see
        if isinstance(value, ast.AST):
            yield from _changes(value, (*path, (field, None)))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST) and not _is_docstring(child):
                    yield from _changes(child, (*path, (field, index)))


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _changes_at(  # noqa: C901  a table of what is changed
    node: ast.AST, path: tuple[tuple[str, int | None], ...]
) -> Iterator[_Change]:
    def change(what: str, apply: Callable[[ast.AST], None]) -> _Change:
        return _Change(getattr(node, "lineno", 0), what, apply, path)

    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            new = _COMPARISONS[type(operator)]
            name = f"{type(operator).__name__} becomes {new.__name__}"
            yield change(name, lambda it: setattr(it, "ops", [new()]))
        case ast.BoolOp(op=operator):
            other = ast.Or if isinstance(operator, ast.And) else ast.And
            name = f"{type(operator).__name__} becomes {other.__name__}"
            yield change(name, lambda it: setattr(it, "op", other()))
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in _OPERATORS:
            if _joins_text(node):
                return
            changed = _OPERATORS[type(operator)]
            name = f"{type(operator).__name__} becomes {changed.__name__}"
            yield change(name, lambda it: setattr(it, "op", changed()))
        case ast.UnaryOp(op=ast.Not()):
            yield change("not is left out", _leave_out_not)
        case ast.Constant(value=bool() as value):
            yield change(f"{value} becomes {not value}", lambda it: setattr(it, "value", not value))
        case ast.Constant(value=int() as number):
            yield change(
                f"{number} becomes {number + 1}", lambda it: setattr(it, "value", number + 1)
            )
        case ast.If() | ast.IfExp() | ast.While():
            yield change("the condition is always true", _always(value=True))
            yield change("the condition is never true", _always(value=False))
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield change("None is returned", lambda it: setattr(it, "value", ast.Constant(None)))
        case ast.Expr(value=ast.Call() | ast.Await()) if not _is_quiet(node.value):
            yield change("the call is left out", lambda it: setattr(it, "value", ast.Constant(0)))
        case ast.Break() | ast.Continue():
            pass
        case ast.comprehension(ifs=[_, *_]):
            yield _Change(
                node.ifs[0].lineno,
                "the filter is left out",
                lambda it: setattr(it, "ifs", []),
                path,
            )


def _joins_text(node: ast.BinOp | ast.AugAssign) -> bool:
    parts = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in parts
    )


def _leave_out_not(node: ast.AST) -> None:
    """`not x` becomes `bool(x)`, by negating it twice."""
    assert isinstance(node, ast.UnaryOp)
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _always(*, value: bool) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, "test", ast.Constant(value))


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_quiet(call: ast.expr) -> bool:
    if isinstance(call, ast.Await):
        call = call.value
    root = call.func if isinstance(call, ast.Call) else call
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in _QUIET
