"""The command line of `kracked check`, `replay`, `bars` and the like: they read a recording.

Parsing only, like `kracked.cli.main`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kracked.cli import DONE, arguments
from kracked.cli.arguments import Commands
from kracked.cli.exchanges.commands import add_terms, paper_terms
from kracked.cli.output import safe_print as print  # noqa: A004


def _session_parser(
    commands: Commands, name: str, about: str, example: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"example: {example}",
        formatter_class=arguments.ExampleHelpFormatter,
    )
    parser.add_argument("session", type=Path, metavar="SESSION", help="folder of the recording")
    return parser


def add_check(commands: Commands) -> None:
    """Add the parser of `kracked check`."""
    about = "report a recording's health: gaps, checksums, torn ends"
    parser = _session_parser(commands, "check", about, "kracked check sessions/today --repair")
    parser.add_argument(
        "--repair", action="store_true", help="move torn ends of files aside; nothing is deleted"
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 unless it is complete: no gap, a clean end, all tables",
    )
    parser.add_argument(
        "--workers",
        type=arguments.count,
        help="processes that read it; by default one a core, and one with the compiled books",
    )
    parser.set_defaults(run=_check)


def _check(given: argparse.Namespace) -> int:
    from kracked.cli.recordings.check import check

    return check(
        given.session,
        mend=given.repair,
        as_json=given.json,
        strict=given.strict,
        processes=given.workers,
    )


def add_replay(commands: Commands) -> None:
    """Add the parser of `kracked replay`."""
    about = "play a recording: print its events as JSON lines, or serve it to Kraken clients"
    example = (
        "kracked replay sessions/today --speed max\n"
        "         kracked replay sessions/today --serve 8800 --speed 10"
    )
    parser = _session_parser(commands, "replay", about, example)
    parser.add_argument(
        "--speed",
        type=arguments.speed,
        default=1.0,
        metavar="N",
        help="times the recorded speed: 1, 10, ... or max (1)",
    )
    parser.add_argument(
        "--from", dest="start", metavar="TIME", help="where to begin: RFC 3339, in UTC"
    )
    parser.add_argument(
        "--raw", action="store_true", help="print the exchange's messages as they came"
    )
    parser.add_argument(
        "--serve",
        type=arguments.port,
        metavar="PORT",
        help="serve it as an exchange on this port of this machine, 0 for a free one; the first\n"
        "line of output is a JSON object with its addresses and an API key",
    )
    parser.add_argument(
        "--start",
        dest="begin",
        choices=("attended", "now"),
        default="attended",
        help="served: begin when the first client subscribes to a market, or now (%(default)s)",
    )
    parser.add_argument(
        "--once", action="store_true", help="served: exit at the end of the recording"
    )
    parser.add_argument(
        "--trade",
        action="store_true",
        help="served: take orders of a paper account into the recorded queue; it needs trade, and\n"
        "level3 or book, in the recording. With --speed max the recording waits for its clients",
    )
    add_terms(parser)
    parser.set_defaults(run=_replay)


def _replay(given: argparse.Namespace) -> int:
    from kracked.cli.recordings.replay import replay, serve

    if given.serve is not None:
        from kracked.replay_server.server import Begin, PlaybackOptions

        options = PlaybackOptions(
            speed=given.speed,
            start=given.start,
            begin=Begin(given.begin),
            port=given.serve,
            trade=paper_terms(given) if given.trade else None,
        )
        return serve(given.session, options, once=given.once)
    return replay(given.session, speed=given.speed, start=given.start, raw=given.raw)


def add_bars(commands: Commands) -> None:
    """Add the parser of `kracked bars`."""
    about = "aggregate a recording's trades to bars"
    parser = _session_parser(
        commands, "bars", about, "kracked bars sessions/today --every 1m --out bars.csv"
    )
    rule = parser.add_mutually_exclusive_group(required=True)
    rule.add_argument(
        "--every", type=arguments.interval, metavar="TIME", help="by time: 5s, 1m, 1h, 1d"
    )
    rule.add_argument("--ticks", type=arguments.count, metavar="N", help="by number of trades")
    rule.add_argument("--volume", type=arguments.amount, metavar="QTY", help="by quantity traded")
    rule.add_argument("--dollars", type=arguments.amount, metavar="VALUE", help="by value traded")
    parser.add_argument(
        "--no-carry",
        action="store_true",
        help="with --volume and --dollars: let every bar begin empty, without what overfilled the\n"
        "last one",
    )
    parser.add_argument(
        "--history",
        action="store_true",
        help="include the trades before the recording that are in its first snapshot",
    )
    arguments.add_several(
        parser, "--symbols", arguments.symbols, "SYMBOL", default=[], help="only these pairs"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write to a .csv or .parquet file; by default to standard output",
    )
    where.add_argument(
        "--json", action="store_true", help="print a list with an object for each bar"
    )
    parser.set_defaults(run=_bars)


def _bars(given: argparse.Namespace) -> int:
    from kracked.cli.recordings.bars import BarOptions, bars

    rule = BarOptions(
        every=given.every,
        ticks=given.ticks,
        volume=given.volume,
        dollars=given.dollars,
        carry=not given.no_carry,
        history=given.history,
    )
    return bars(given.session, rule, symbols=given.symbols, out=given.out, as_json=given.json)


def add_convert(commands: Commands) -> None:
    """Add the parser of `kracked convert`."""
    about = "write a recording's tables as Parquet"
    parser = _session_parser(commands, "convert", about, "kracked convert sessions/today")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write into; by default SESSION/parquet"
    )
    parser.set_defaults(run=_convert)


def _convert(given: argparse.Namespace) -> int:
    from kracked.record.convert import convert

    files = convert(given.session, given.out, tell=lambda said: print(said, file=sys.stderr))
    for file in files:
        print(file)
    print(f"{len(files)} files written", file=sys.stderr)
    return DONE


def add_export(commands: Commands) -> None:
    """Add the parser of `kracked export`."""
    about = "write a recording's level 3 and trades in another tool's format"
    example = "kracked export sessions/today --to lobster --symbols BTC/USD --out lobster"
    parser = _session_parser(commands, "export", about, example)
    parser.add_argument(
        "--to",
        dest="form",
        choices=arguments.EXPORT_FORMATS,
        required=True,
        help="the format: %(choices)s",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder to make; by default SESSION/export-FORMAT",
    )
    arguments.add_several(
        parser, "--symbols", arguments.symbols, "SYMBOL", default=[], help="only these pairs"
    )
    parser.add_argument(
        "--start",
        metavar="TIME",
        help="where to begin: RFC 3339, in UTC; the book that stands there comes first, as a\n"
        "snapshot",
    )
    parser.add_argument("--end", metavar="TIME", help="where to end, likewise")
    parser.add_argument(
        "--lossy",
        action="store_true",
        help="write even where the format changes numbers; they are counted. Without it nothing\n"
        "is written then, and the exit code is 1",
    )
    parser.add_argument(
        "--size-decimals",
        type=arguments.decimals,
        metavar="N",
        help="databento-mbo: decimals of a size, which has 32 bits; by default all of the pair's",
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.set_defaults(run=_export)


def _export(given: argparse.Namespace) -> int:
    from kracked.cli.recordings.export import export

    return export(
        given.session,
        given.form,
        out=given.out,
        symbols=given.symbols,
        times=(given.start, given.end),
        lossy=given.lossy,
        size_decimals=given.size_decimals,
        as_json=given.json,
    )


def add_odds(commands: Commands) -> None:
    """Add the parser of `kracked odds`."""
    about = "odds that resting orders are filled, fitted to your own recordings"
    parser = commands.add_parser(
        "odds",
        help=about,
        description=f"{about[0].upper()}{about[1:]}: within 30, 60 and\n"
        "300 s, or left by the price before. For each symbol a table of its own.",
        epilog="example: kracked odds fit sessions/monday sessions/tuesday\n"
        "         kracked odds show BTC/USD",
        formatter_class=arguments.ExampleHelpFormatter,
    )
    acts = parser.add_subparsers(metavar="ACT", required=True)
    fit = acts.add_parser(
        "fit",
        help="fit a table for each symbol",
        description="Stand ghosts in the recorded queues, count what becomes of them, and fit a\n"
        "table for each symbol: forty minutes of level 3 and trades are the least. The exit\n"
        "code is 1 when a symbol is not fitted; its earlier table stays then.",
        epilog="example: kracked odds fit sessions/monday sessions/tuesday",
        formatter_class=arguments.ExampleHelpFormatter,
    )
    fit.add_argument(
        "sessions", type=Path, nargs="+", metavar="SESSION", help="folder of a recording"
    )
    arguments.add_several(
        fit, "--symbols", arguments.symbols, "SYMBOL", default=[], help="only these pairs"
    )
    where = "by default $XDG_DATA_HOME/kracked/odds.json"
    fit.add_argument("--out", type=Path, metavar="FILE", help=f"the file to keep them in; {where}")
    fit.add_argument("--json", action="store_true", help="print one object")
    fit.set_defaults(run=_fit_odds)
    show = acts.add_parser(
        "show",
        help="show what was fitted, its calibration and hit rate",
        description="Show the tables: how old, from how much, what the odds of the stretches that\n"
        "were left out of the fit were worth, and those given since.",
        epilog="example: kracked odds show BTC/USD",
        formatter_class=arguments.ExampleHelpFormatter,
    )
    show.add_argument("symbol", nargs="?", type=arguments.spelled, help="only this pair")
    show.add_argument("--file", type=Path, help=f"the file they are kept in; {where}")
    show.add_argument("--json", action="store_true", help="print one object")
    show.set_defaults(run=_show_odds)


def _fit_odds(given: argparse.Namespace) -> int:
    from kracked.cli.recordings.odds import fit

    return fit(given.sessions, symbols=given.symbols, out=given.out, as_json=given.json)


def _show_odds(given: argparse.Namespace) -> int:
    from kracked.cli.recordings.odds import show

    return show(given.symbol, file=given.file, as_json=given.json)


def add_schema(commands: Commands) -> None:
    """Add the parser of `kracked schema`."""
    about = "print the tables of a recording: columns, units, words, flags"
    parser = commands.add_parser(
        "schema",
        help=about,
        description=f"{about[0].upper()}{about[1:]}. Every recording has it in README.md too.",
        epilog="example: kracked schema --json",
        formatter_class=arguments.ExampleHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print a Frictionless data package")
    parser.set_defaults(run=_schema)


def _schema(given: argparse.Namespace) -> int:
    import msgspec

    from kracked.format.schema import data_package, markdown

    text = msgspec.json.format(msgspec.json.encode(data_package())).decode()
    print(text if given.json else markdown(), lines=True)
    return DONE
