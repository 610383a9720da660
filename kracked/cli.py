"""The `kracked` command: parsing only. Each command calls one function.

Results go to stdout, talk to stderr. Exit 0 done, 1 failed, 2 misused. Nothing but
argparse is loaded before a command is known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

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
    for add in (
        _verify_parser,
        _sim_parser,
        _record_parser,
        _check_parser,
        _replay_parser,
        _bars_parser,
        _convert_parser,
        _doctor_parser,
    ):
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
    parser.add_argument(
        "--order-faults",
        type=_order_faults,
        default="",
        metavar="SPEC",
        help="what goes wrong with orders: KIND[=DETAIL]:CHANCE[:METHOD],... such as\n"
        "reply-lost:0.1,reply-late=2s:0.05:AddOrder",
    )
    parser.add_argument(
        "--tier",
        choices=("starter", "intermediate", "pro"),
        default="pro",
        help="of the account: its rate limits (%(default)s)",
    )
    parser.set_defaults(run=_sim)


def _order_faults(text: str) -> str:
    from kracked.sim.trading.mishaps import BadMishaps, read

    try:
        read(text)
    except BadMishaps as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


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
        order_faults=arguments.order_faults,
        tier=arguments.tier,
    )


def _record_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "record",
        help="record a feed to disk",
        description="Record everything the exchange sends, whole and verifiable, with tables\n"
        "beside it. Ctrl-C ends it cleanly.",
        epilog="example: kracked record BTC/USD ETH/USD --out sessions/today --duration 1h\n"
        "         kracked record BTC/USD --out s --channels book=100 level3=1000 trade",
        formatter_class=RAW,
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the session folder")
    parser.add_argument(
        "--channels",
        nargs="+",
        type=_channel,
        default=[("book", 100), ("trade", True), ("ticker", True), ("ohlc", 1)],
        metavar="CHANNEL",
        help="book[=DEPTH] level3[=DEPTH] trade ticker ohlc[=MINUTES]; default: book=100 trade\n"
        "ticker ohlc=1. level3 needs KRAKEN_API_KEY and KRAKEN_API_SECRET",
    )
    parser.add_argument(
        "--format", choices=("csv", "sqlite", "parquet"), default="csv", help="(%(default)s)"
    )
    parser.add_argument("--endpoint", metavar="URL", help="another exchange: http://127.0.0.1:PORT")
    parser.add_argument("--duration", type=_seconds, metavar="TIME", help="such as 60s, 5m or 1h")
    parser.add_argument("--json", action="store_true", help="the final figures as an object")
    parser.set_defaults(run=_record)


_CHANNEL_DEFAULTS: dict[str, int | bool] = {
    "book": 100,
    "level3": 1000,
    "trade": True,
    "ticker": True,
    "ohlc": 1,
}
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _channel(text: str) -> tuple[str, int | bool]:
    name, _, value = text.partition("=")
    default = _CHANNEL_DEFAULTS.get(name)
    if default is None or (value and (default is True or not value.isdecimal())):
        known = ", ".join(_CHANNEL_DEFAULTS)
        raise argparse.ArgumentTypeError(f"{text!r}: name one of {known}, as book=100")
    return name, int(value) if value else default


def _seconds(text: str) -> float:
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS_S else (text, "s")
    try:
        seconds = float(number) * _UNITS_S[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 60s, 5m or 1h")
    return seconds


def _record(arguments: argparse.Namespace) -> int:
    from kracked.commands.recordings import record

    return record(
        arguments.symbols,
        arguments.out,
        channels=dict(arguments.channels),
        form=arguments.format,
        endpoint=arguments.endpoint,
        duration_s=arguments.duration,
        as_json=arguments.json,
    )


def _session_parser(
    commands: _Commands[argparse.ArgumentParser], name: str, about: str, example: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=about, description=about, epilog=f"example: {example}", formatter_class=RAW
    )
    parser.add_argument("session", type=Path, metavar="SESSION", help="a recording's folder")
    return parser


def _check_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    about = "report a recording's health: gaps, checksums, torn ends"
    parser = _session_parser(commands, "check", about, "kracked check sessions/today --repair")
    parser.add_argument(
        "--repair", action="store_true", help="move torn ends of files aside; deletes nothing"
    )
    parser.add_argument("--json", action="store_true", help="one object")
    parser.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    from kracked.commands.recordings import check

    return check(arguments.session, mend=arguments.repair, as_json=arguments.json)


def _replay_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    about = "play a recording: its events as JSON, one a line, or to Kraken clients"
    example = (
        "kracked replay sessions/today --speed max\n"
        "         kracked replay sessions/today --serve 8800 --speed 10"
    )
    parser = _session_parser(commands, "replay", about, example)
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N", help="1, 10, ... or max (1)"
    )
    parser.add_argument("--from", dest="start", metavar="TIME", help="RFC 3339, in UTC")
    parser.add_argument("--raw", action="store_true", help="the exchange's messages as they came")
    parser.add_argument(
        "--serve",
        type=int,
        metavar="PORT",
        help="be an exchange on this port of this machine, 0 a free one; the first line of\n"
        "output is a JSON object with its addresses and an API key",
    )
    parser.add_argument(
        "--start",
        dest="begin",
        choices=("attended", "now"),
        default="attended",
        help="served: begin with the first who subscribes to a market, or now (%(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="served: end with the recording")
    parser.set_defaults(run=_replay)


def _speed(text: str) -> float:
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed such as 1, 10 or max")
    return speed


def _replay(arguments: argparse.Namespace) -> int:
    if arguments.serve is not None:
        from kracked.commands.playback import run

        return run(
            arguments.session,
            port=arguments.serve,
            speed=arguments.speed,
            start=arguments.start,
            begin=arguments.begin,
            once=arguments.once,
        )
    from kracked.commands.recordings import replay

    return replay(
        arguments.session, speed=arguments.speed, start=arguments.start, raw=arguments.raw
    )


def _bars_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    about = "aggregate a recording's trades to bars"
    parser = _session_parser(
        commands, "bars", about, "kracked bars sessions/today --every 1m --out bars.csv"
    )
    rule = parser.add_mutually_exclusive_group(required=True)
    rule.add_argument("--every", type=_interval, metavar="TIME", help="by time: 5s, 1m, 1h, 1d")
    rule.add_argument("--ticks", type=int, metavar="N", help="by number of trades")
    rule.add_argument("--volume", type=float, metavar="QTY", help="by quantity traded")
    rule.add_argument("--dollars", type=float, metavar="VALUE", help="by value traded")
    parser.add_argument("--out", type=Path, metavar="FILE", help=".csv or .parquet; else stdout")
    parser.set_defaults(run=_bars)


def _interval(text: str) -> str:
    return f"{_seconds(text):.0f}s"


def _bars(arguments: argparse.Namespace) -> int:
    from kracked.commands.recordings import bars

    return bars(
        arguments.session,
        every=arguments.every,
        ticks=arguments.ticks,
        volume=arguments.volume,
        dollars=arguments.dollars,
        out=arguments.out,
    )


def _convert_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    about = "write a recording's tables as Parquet"
    parser = _session_parser(commands, "convert", about, "kracked convert sessions/today")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: SESSION/parquet")
    parser.set_defaults(run=_convert)


def _convert(arguments: argparse.Namespace) -> int:
    from kracked.commands.recordings import convert

    return convert(arguments.session, out=arguments.out)


def _doctor_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check network, clock, key and terminal",
        description="Check what kracked needs: network, clock, API key, terminal.",
        epilog="example: kracked doctor",
        formatter_class=RAW,
    )
    parser.add_argument("--endpoint", metavar="URL", help="another exchange: http://127.0.0.1:PORT")
    parser.add_argument("--json", action="store_true", help="a list of findings")
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from kracked.commands.doctor import doctor

    return doctor(endpoint=arguments.endpoint, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
