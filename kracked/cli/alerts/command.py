"""The command line of `kracked watch`. Parsing only, like `kracked.cli.main`."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from kracked.cli import arguments

_EPILOG = """\
example: kracked watch BTC/USD --alert "price above 65000" --alert "size >= 5 at 64000"
         kracked watch BTC/USD ETH/USD --alert "ETH/USD sweep" --json
         kracked watch BTC/USD --alert "silence 10s" --command "ntfy publish mytopic\""""


def add_watch(commands: arguments.Commands) -> None:
    """Add the parser of `kracked watch`."""
    parser = commands.add_parser(
        "watch",
        help="tell alerts of a market, each once, without a screen",
        description="Print a line for each alert that fires, each once, also after a restart.\n"
        "What cannot be evaluated is said on stderr. Ctrl-C ends it. Orders, hidden size and\n"
        "the like need level 3, and that needs KRAKEN_API_KEY and KRAKEN_API_SECRET.",
        epilog=_EPILOG,
        formatter_class=arguments.ExampleHelpFormatter,
    )
    several = "a pair such as BTC/USD; several are separated by blanks or commas"
    arguments.add_several(parser, "symbols", arguments.symbols, "SYMBOL", help=several)
    parser.add_argument(
        "--alert",
        action="append",
        required=True,
        type=_alert,
        metavar="TEXT",
        help="what to wait for, on every pair or after the name of one; text that is no alert\n"
        "prints what is known",
    )
    arguments.add_endpoint(parser)
    parser.add_argument("--json", action="store_true", help="print an object a line")
    parser.add_argument("--bell", action="store_true", help="ring the terminal's bell too")
    parser.add_argument(
        "--command",
        type=_command,
        metavar="CMD",
        help="run this too, without a shell: the alert is the last argument and KRACKED_ALERT,\n"
        "its object is on standard input; 5 s each, at most 6 a minute",
    )
    parser.add_argument(
        "--duration", type=arguments.seconds, metavar="TIME", help="stop after 60s, 5m, 1h, ..."
    )
    parser.add_argument("--again", action="store_true", help="wait again for what was told before")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="what was told; by default a file of the exchange in the folder of this user's state",
    )
    parser.set_defaults(run=_watch)


def _alert(text: str) -> str:
    from kracked.errors import ConfigError
    from kracked.flow.alerts import parse_alert

    try:
        parse_alert(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _command(text: str) -> list[str]:
    """Read a command as its words; it must be there."""
    from shutil import which

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} has no end: {error}") from None
    if not words or which(words[0]) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no command that can be run")
    return words


def _watch(given: argparse.Namespace) -> int:
    from kracked.cli.alerts.watch import Ways, watch

    return watch(
        given.symbols,
        given.alert,
        endpoint=given.endpoint,
        ways=Ways(as_json=given.json, bell=given.bell, command=given.command),
        duration_s=given.duration,
        again=given.again,
        state=given.state,
    )
