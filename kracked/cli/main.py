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
        _add_sim,
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


def _add_sim(commands: arguments.Commands) -> None:
    parser = commands.add_parser(
        "sim",
        help="run a simulated Kraken exchange",
        description="Run a Kraken spot exchange in a box: the same WebSocket v2 and REST, on one\n"
        "port of this machine. The first line of output is a JSON object with its\n"
        "addresses and an API key. It runs until it is stopped.",
        epilog="example: kracked sim --port 8800 --seed 7\n"
        "         kracked-tui BTC/USD --endpoint http://127.0.0.1:8800",
        formatter_class=RAW,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve at (%(default)s)")
    parser.add_argument("--port", type=arguments.port, default=0, help="port; 0 is a free one")
    parser.add_argument("--seed", type=int, help="the same seed makes the same market")
    arguments.add_several(
        parser, "--symbols", arguments.symbols, "SYMBOL", help="list only these instruments"
    )
    invented = "list N instruments, invented ones from the seventh on"
    parser.add_argument("--list", type=arguments.count, metavar="N", help=invented)
    parser.add_argument(
        "--rate", type=arguments.rate, default=1.0, help="times the natural speed (%(default)s)"
    )
    _add_sim_faults(parser)
    _add_sim_account(parser)
    parser.add_argument(
        "--plain",
        action="store_true",
        help="leave out habits of the live exchange: remainders of takers shown for an instant,\n"
        "sweeps told in several messages, raised quantities, orders that expire",
    )
    parser.add_argument(
        "--feeds-apart",
        type=arguments.seconds,
        default=0,
        metavar="TIME",
        help="delay every message by chance up to this long, level3 and the rest apart: 250ms",
    )
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="write what happens to every order, as the engine knows it, a JSON object a line",
    )
    parser.set_defaults(run=_sim)


def _add_sim_faults(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--faults",
        type=arguments.faults("schedule"),
        metavar="SPEC",
        help="faults of market data: KIND:WHEN[:WHERE],... such as drop:30s,lost:0.001,"
        "checksum:@10s:BTC/USD or all:5s; an unknown kind prints the list of kinds",
    )
    parser.add_argument(
        "--order-faults",
        type=arguments.faults("order_faults"),
        default="",
        metavar="SPEC",
        help="faults of orders: KIND[=DETAIL]:CHANCE[:METHOD],... such as\n"
        "reply-lost:0.1,reply-late=2s:0.05:AddOrder",
    )
    parser.add_argument(
        "--maintenance",
        type=arguments.faults("maintenance"),
        metavar="SCRIPT",
        help="maintenance and incidents to announce: STEP[=DETAIL]:WHEN[:SERVICES],... such as\n"
        "walk=20s:6m for a whole window that begins after 6 min, or imminent_5m:0s,"
        "maintenance:10s,online:30s; an unknown step prints the list of steps",
    )


def _add_sim_account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tier",
        choices=("starter", "intermediate", "pro"),
        default="pro",
        help="verification level of the account: its rate limits (%(default)s)",
    )
    parser.add_argument(
        "--balances",
        type=arguments.balances,
        metavar="ASSET=AMOUNT,...",
        help="balances of the account, such as USD=10000,BTC=1; by default some of everything",
    )
    parser.add_argument(
        "--volume",
        type=arguments.whole_usd,
        default="0",
        metavar="USD",
        help="traded by the account in the last thirty days; it decides the fees (%(default)s)",
    )


def _sim(given: argparse.Namespace) -> int:
    import msgspec

    from kracked.cli.exchanges.sim import run
    from kracked.sim.realism import PLAIN, Realism
    from kracked.sim.server import SimOptions

    return run(
        SimOptions(
            host=given.host,
            port=given.port,
            seed=given.seed,
            symbols=given.symbols,
            count=given.list,
            rate=given.rate,
            faults=given.faults,
            order_faults=given.order_faults,
            maintenance=given.maintenance or "",
            tier=given.tier,
            balances=given.balances,
            volume=given.volume,
            habits=msgspec.structs.replace(
                PLAIN if given.plain else Realism(), feeds_apart_ns=int(given.feeds_apart * 1e9)
            ),
        ),
        given.truth,
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
