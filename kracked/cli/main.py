"""The `kracked` command: it only parses. Each command calls one function of its own module.

Results go to stdout, talk to stderr. Exit code 0: done, 1: failed, 2: misused. Nothing but
argparse may be loaded before a command is known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from kracked import __version__
from kracked.cli import arguments
from kracked.cli.alerts import command as alerts
from kracked.cli.exchanges import commands as exchanges
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.cli.recordings import commands as recordings

Command = Callable[[argparse.Namespace], int]

RAW = arguments.ExampleHelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit code.

    Args:
        argv: The words of the command line; by default those of the process.
    """
    given = parser().parse_args(argv)
    run: Command = given.run
    from kracked.errors import KrackedError

    try:
        code = run(given)
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()  # so that a full disk is reported here, not at exit
    except KrackedError as error:
        print(f"kracked: {error}", file=sys.stderr, lines=True)
        return 1
    except BrokenPipeError:  # the reader of the output has ended
        sys.stderr.close()
        return 1
    except OSError as error:
        print(f"kracked: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="kracked", description="Kraken spot market data: verify, simulate, record, replay."
    )
    parser.add_argument("--version", action="version", version=f"kracked {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _add_verify,
        exchanges.add_sim,
        exchanges.add_paper,
        _add_record,
        alerts.add_watch,
        recordings.add_check,
        recordings.add_schema,
        recordings.add_replay,
        recordings.add_bars,
        recordings.add_convert,
        recordings.add_export,
        recordings.add_odds,
        _add_doctor,
    ):
        add(commands)
    return parser


def _add_verify(commands: arguments.Commands) -> None:
    parser = commands.add_parser(
        "verify",
        help="check every book checksum in raw message logs",
        description="Keep every book of a log of raw Kraken v2 messages, one a line, and compare\n"
        "every checksum. The exit code is 1 when one does not match.",
        epilog="example: kracked verify session.jsonl\n"
        "         zcat old.jsonl.gz | kracked verify - --depth 25 --json",
        formatter_class=RAW,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log; - is standard input")
    parser.add_argument(
        "--precision",
        action="append",
        default=[],
        type=arguments.precision,
        metavar="SYMBOL=PRICE,QTY",
        help="decimals of price and quantity, for a log without instrument messages: BTC/USD=1,8",
    )
    parser.add_argument(
        "--depth",
        action="append",
        default=[],
        type=arguments.depth,
        metavar="[SYMBOL=]N",
        help="subscribed depth, for a log without acknowledgements",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a list with an object for each book"
    )
    parser.set_defaults(run=_verify)


def _verify(given: argparse.Namespace) -> int:
    from kracked.cli.verify import verify_files

    return verify_files(
        given.files,
        precisions=given.precision,
        depths=given.depth,
        as_json=given.json,
    )


def _add_record(commands: arguments.Commands) -> None:
    parser = commands.add_parser(
        "record",
        help="record a feed to disk",
        description="Record every message of the exchange, complete and verifiable, with tables\n"
        "beside it. Ctrl-C ends it cleanly.",
        epilog="example: kracked record BTC/USD ETH/USD --out sessions/today --duration 1h\n"
        "         kracked record BTC/USD --out s --channels book=100 level3=1000 trade",
        formatter_class=RAW,
    )
    several = "a pair such as BTC/USD; several are separated by blanks or commas"
    arguments.add_several(parser, "symbols", arguments.symbols, "SYMBOL", help=several)
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder of the recording"
    )
    arguments.add_several(
        parser,
        "--channels",
        arguments.channels,
        "CHANNEL",
        default=[("book", 100), ("trade", True), ("ticker", True), ("ohlc", 1)],
        help="book[=DEPTH] level3[=DEPTH] trade ticker[=bbo] ohlc[=MINUTES]; by default book=100\n"
        "trade ticker ohlc=1. level3 needs KRAKEN_API_KEY and KRAKEN_API_SECRET",
    )
    parser.add_argument(
        "--format",
        choices=("csv", "sqlite", "parquet"),
        default="csv",
        help="format of the tables (%(default)s)",
    )
    arguments.add_endpoint(parser)
    parser.add_argument(
        "--duration", type=arguments.seconds, metavar="TIME", help="stop after 60s, 5m, 1h, ..."
    )
    parser.add_argument(
        "--no-own",
        action="store_true",
        help="leave out own orders, fills and balances, which are\n"
        "recorded when there is a key in the environment",
    )
    parser.add_argument(
        "--no-compress",
        action="store_true",
        help="leave the tables of past hours as plain CSV files",
    )
    parser.add_argument("--json", action="store_true", help="print the final figures as an object")
    parser.set_defaults(run=_record)


def _record(given: argparse.Namespace) -> int:
    from kracked.cli.record import record

    return record(
        given.symbols,
        given.out,
        channels={**arguments.chosen(given.channels), "account": not given.no_own},
        form=given.format,
        endpoint=given.endpoint,
        duration_s=given.duration,
        compress=not given.no_compress,
        as_json=given.json,
    )


def _add_doctor(commands: arguments.Commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check network, clock, key and terminal",
        description="Check what kracked needs: network, clock, API key, terminal.",
        epilog="example: kracked doctor",
        formatter_class=RAW,
    )
    arguments.add_endpoint(parser)
    parser.add_argument("--json", action="store_true", help="print a list of findings")
    parser.set_defaults(run=_doctor)


def _doctor(given: argparse.Namespace) -> int:
    from kracked.cli.doctor import doctor

    return doctor(endpoint=given.endpoint, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
