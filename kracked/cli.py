"""The `kracked` command: parsing only. Each command calls one function.

Results go to stdout, talk to stderr. Exit 0 done, 1 failed, 2 misused. Nothing but
argparse is loaded before a command is known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from kracked import __version__

Command = Callable[[argparse.Namespace], int]

RAW = argparse.RawDescriptionHelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    arguments = _parser().parse_args(argv)
    run: Command = arguments.run
    from kracked.errors import KrackedError

    try:
        return run(arguments)
    except KrackedError as error:
        print(f"kracked: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has left
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kracked", description="Kraken spot market data: verify, simulate, record, replay."
    )
    parser.add_argument("--version", action="version", version=f"kracked {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_verify_parser, _sim_parser):
        add(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _verify_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "verify",
        help="check every book checksum in raw message logs",
        description="Keep every book in raw Kraken v2 messages, one per line, and compare\n"
        "every checksum. Exit 1 when one does not match.",
        epilog="example: kracked verify session.jsonl\n"
        "         zcat old.jsonl.gz | kracked verify - --depth 25 --json",
        formatter_class=RAW,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log, or - for stdin")
    parser.add_argument(
        "--precision",
        action="append",
        default=[],
        type=_precision,
        metavar="SYMBOL=PRICE,QTY",
        help="decimals, when the log has no instrument message: BTC/USD=1,8",
    )
    parser.add_argument(
        "--depth",
        action="append",
        default=[],
        type=_depth,
        metavar="[SYMBOL=]N",
        help="subscribed depth, when the log has no acknowledgement",
    )
    parser.add_argument("--json", action="store_true", help="a list, one object per book")
    parser.set_defaults(run=_verify)


def _precision(text: str) -> tuple[str, int, int]:
    symbol, _, digits = text.rpartition("=")
    price, _, qty = digits.partition(",")
    if not symbol or not price.isdecimal() or not qty.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not like BTC/USD=1,8")
    return symbol, int(price), int(qty)


def _depth(text: str) -> tuple[str, int]:
    symbol, _, depth = text.rpartition("=")
    if not depth.isdecimal() or int(depth) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 25 or BTC/USD=25")
    return symbol, int(depth)


def _verify(arguments: argparse.Namespace) -> int:
    from kracked.commands.verify import verify_files

    return verify_files(
        arguments.files,
        precisions=arguments.precision,
        depths=arguments.depth,
        as_json=arguments.json,
    )


def _sim_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "sim",
        help="run a simulated Kraken exchange",
        description="A Kraken spot exchange in a box: the same WebSocket v2 and REST, on one\n"
        "port of this machine. The first line of output is a JSON object with its\n"
        "addresses and an API key. Runs until stopped.",
        epilog="example: kracked sim --port 8800 --seed 7\n"
        "         kracked-tui BTC/USD --endpoint http://127.0.0.1:8800",
        formatter_class=RAW,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (%(default)s)")
    parser.add_argument("--seed", type=int, help="same seed, same market; none: a new one")
    parser.add_argument("--symbols", nargs="+", metavar="SYMBOL", help="only these instruments")
    parser.add_argument(
        "--list", type=int, metavar="N", help="list N instruments, made up past six"
    )
    parser.add_argument(
        "--rate", type=float, default=1.0, help="times the natural speed (%(default)s)"
    )
    parser.add_argument(
        "--faults",
        type=_faults,
        metavar="SPEC",
        help="what goes wrong: KIND:WHEN[:WHERE],... such as drop:30s,lost:0.001,\n"
        "checksum:@10s:BTC/USD or all:5s; a wrong one is answered with the list of kinds",
    )
    parser.set_defaults(run=_sim)


def _faults(text: str) -> str:
    from kracked.sim.faults import BadFaults, read

    try:
        read(text)
    except BadFaults as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _sim(arguments: argparse.Namespace) -> int:
    from kracked.commands.sim import run

    return run(
        host=arguments.host,
        port=arguments.port,
        seed=arguments.seed,
        symbols=arguments.symbols,
        count=arguments.list,
        rate=arguments.rate,
        faults=arguments.faults,
    )


if __name__ == "__main__":
    sys.exit(main())
