"""Directives that make reference pages from the code that defines what they tell.

public-names   every name of a module's `__all__`, from its docstring
command-help   the help of a command and of each of its subcommands
key-table      every key of the monitor
table-schema   every table of a recording: columns, units, flags
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterable
from importlib import import_module
from itertools import takewhile
from types import ModuleType
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import kracked.orders
import kracked.rest
from kracked.format import tables
from kracked_tui import keys


class _Generated(SphinxDirective):
    """Writes reStructuredText and lets Sphinx read it."""

    def text(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        node = nodes.container()
        lines = StringList(self.text(), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, node)
        return node.children


def _earlier(module: ModuleType) -> Iterable[ModuleType]:
    """Return the modules whose pages describe a name that this module exports too."""
    return takewhile(lambda each: each is not module, (kracked, kracked.orders, kracked.rest))


class PublicNames(_Generated):
    required_arguments = 1
    option_spec: ClassVar = {"only": directives.unchanged}

    def text(self) -> list[str]:
        module = import_module(self.arguments[0])
        names = self.options.get("only", "").split() or list(module.__all__)
        lines: list[str] = []
        for name in names:
            value = getattr(module, name)
            kind = "class" if inspect.isclass(value) else "function"
            if inspect.ismodule(value):
                continue
            if not callable(value):
                kind = "data"
            lines += [f".. auto{kind}:: {self.arguments[0]}.{name}"]
            if any(getattr(earlier, name, None) is value for earlier in _earlier(module)):
                lines += ["   :no-index:"]  # its entry is on the page of that module
            lines += [
                "   :members:",
                "   :inherited-members: Exception, Struct, int, str, tuple",
            ] * (kind == "class")
            lines.append("")
        return lines


class KeyTable(_Generated):
    def text(self) -> list[str]:
        lines: list[str] = []
        groups: dict[str, list[keys.Key]] = {}
        of_replay = (key for key in keys.of_replay() if key.id in keys.CHANGED)
        for key in (*keys.KEYS, *of_replay, *keys.PAST_KEYS):
            group = "Replay" if key.id in keys.CHANGED else key.group
            groups.setdefault(group, []).append(key)
        for group, found in groups.items():
            lines += [f".. list-table:: {group}", "   :header-rows: 1", "   :widths: 20 20 60", ""]
            for row in [("Key", "Name", "What it does"), *map(_key_row, found)]:
                lines += [f"   * - {row[0]}", f"     - {row[1]}", f"     - {row[2]}"]
            lines.append("")
        return lines


def _key_row(key: keys.Key) -> tuple[str, str, str]:
    return f"``{keys.shown(key.keys)}``", f"``{key.id}``", key.help


class TableSchema(_Generated):
    def text(self) -> list[str]:
        lines: list[str] = []
        for table in tables.TABLES.values():
            lines += [f".. list-table:: ``{table.name}``", "   :header-rows: 1", ""]
            for name, kind in [("Column", "Kind"), *map(_column_row, table.columns)]:
                lines += [f"   * - {name}", f"     - {kind}"]
            lines.append("")
        return lines


def _column_row(column: tables.Column) -> tuple[str, str]:
    return f"``{column.name}``", column.kind.value


class CommandHelp(_Generated):
    """The argument is the module whose function `parser` returns the command's parser."""

    required_arguments = 1

    def text(self) -> list[str]:
        parser: argparse.ArgumentParser = import_module(self.arguments[0]).parser()
        lines: list[str] = []
        for each in _with_commands(parser):
            lines += [f".. rubric:: {each.prog}", "", ".. code-block:: text", ""]
            lines += [f"   {line}" for line in each.format_help().splitlines()] + [""]
        return lines


def _with_commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return a parser, those of its commands, and of their commands."""
    subparsers = (each for each in parser._actions if isinstance(each.choices, dict))
    commands = [command for each in subparsers for command in each.choices.values()]
    return [parser, *(one for command in commands for one in _with_commands(command))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("key-table", KeyTable)
    app.add_directive("table-schema", TableSchema)
    return {"parallel_read_safe": True}
