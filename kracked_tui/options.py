"""The command line of the monitor. Imports argparse alone: `--help` must cost nothing."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kracked.cli.arguments import spelled

_EXAMPLES = """examples:
  kracked-tui --demo                        a simulated exchange: no network, no key
  kracked-tui BTC/USD ETH/USD               Kraken itself
  kracked-tui BTC/USD --paper               Kraken itself, with an account on paper
  kracked-tui --replay SESSION              a recording, with keys for time
  kracked-tui --replay messages.jsonl       a log of raw v2 messages, one a line
  kracked-tui BTC/USD --record              record every message to disk
  kracked-tui --demo --snapshot now.png --after 5s --size 120x40
  kracked-tui keys                          print the keys as they are set"""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; None where it leaves a setting to the configuration."""

    symbols: tuple[str, ...] = ()
    demo: bool = False
    paper: bool = False
    replay: Path | None = None
    record: bool = False
    record_to: Path | None = None
    """None: a new folder among the recordings."""
    endpoint: str | None = None
    web: bool = False
    port: int = 8000
    snapshot: Path | None = None
    after_s: float = 5.0
    size: tuple[int, int] = (120, 40)
    fps: int | None = None
    theme: str | None = None
    ascii: bool | None = None
    mouse: bool | None = None
    read_only: bool = False
    key_file: Path | None = None
    seed: int = 1
    fresh: bool = False
    """Whether to forget what earlier starts left."""


def parsed(arguments: Sequence[str]) -> Options:
    """Read the command line. Exits with status 2 and a sentence for misuse."""
    command = parser()
    given = command.parse_args(arguments)
    if given.replay and given.record is not None:
        command.error("--record records an exchange: a replay is a recording already")
    if given.demo and (given.replay or given.endpoint):
        command.error("--demo brings its own exchange: leave out --replay and --endpoint")
    if given.paper and (given.demo or given.replay):
        command.error("--paper trades on the live market: leave out --demo and --replay")
    if given.web and (given.snapshot or given.record is not None):
        command.error("--web starts a monitor for every visit: leave out --snapshot and --record")
    return Options(
        symbols=tuple(spelled(name) for word in given.symbols for name in word.split(",") if name),
        demo=given.demo,
        paper=given.paper,
        replay=given.replay,
        record=given.record is not None,
        record_to=given.record or None,
        endpoint=given.endpoint,
        web=given.web,
        port=given.port,
        snapshot=given.snapshot,
        after_s=given.after,
        size=given.size,
        fps=given.fps,
        theme=given.theme,
        ascii=given.ascii,
        mouse=given.mouse,
        read_only=given.read_only,
        key_file=given.key_file,
        seed=given.seed,
        fresh=given.fresh,
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="kracked-tui",
        description="Watch Kraken spot: price ladder, order queue, tape and candles, all verified.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("symbols", nargs="*", metavar="SYMBOL", help="for example BTC/USD; the first is shown")
    add("--demo", action="store_true", help="watch a simulated exchange in this program")
    add("--paper", action="store_true", help="trade on paper: the real market, no real order")
    add(
        "--replay",
        type=_recorded,
        metavar="PATH",
        help="play a recorded session, or a log of messages",
    )
    add(
        "--record", type=_folder, nargs="?", const=False, metavar="DIR",
        help="record from the start, into DIR or a new folder; R stops and starts it",
    )  # fmt: skip
    add("--endpoint", metavar="URL", help="watch another exchange, as http://127.0.0.1:PORT")
    add("--web", action="store_true", help="open in a browser on this machine; only --demo trades")
    add("--port", type=_port, default=8000, metavar="N", help="port of --web (8000)")
    add(
        "--snapshot", type=Path, metavar="FILE", help="save a .svg, .png or .txt; needs no terminal"
    )
    add("--after", type=_seconds, default=5.0, metavar="TIME", help="time until --snapshot (5s)")
    add(
        "--size",
        type=_size,
        default=(120, 40),
        metavar="WxH",
        help="size of --snapshot in cells (120x40)",
    )
    add("--fps", type=_fps, metavar="N", help="frames a second at most, 1 to 60 (20)")
    add("--theme", metavar="NAME", help="night, blue-orange, mono, day, or one of Textual's")
    add("--ascii", action="store_const", const=True, help="draw with ASCII characters alone")
    add("--no-mouse", action="store_const", const=False, dest="mouse", help="do not use the mouse")
    add("--read-only", action="store_true", help="have no key that can place an order")
    add(
        "--key-file",
        type=_file,
        metavar="FILE",
        help="API key and secret, a line each; mode 600. Without it: KRAKEN_API_KEY and "
        "KRAKEN_API_SECRET, else the service kracked of the system's keyring, users key and "
        "secret (pip install 'kracked[keyring]')",
    )
    add("--fresh", action="store_true", help="forget the pair, grouping, theme of earlier starts")
    add("--seed", type=int, default=1, metavar="N", help="seed of --demo (1)")
    return parser


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _recorded(text: str) -> Path:
    path = Path(text)
    if path.is_dir() and not (path / "session.json").exists():
        raise argparse.ArgumentTypeError(f"{text} is not a recording: it has no session.json")
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no {text}")
    return path


def _folder(text: str) -> Path:
    if re.fullmatch(r"[A-Za-z0-9.]+/[A-Z0-9.]+", text) and not Path(text).exists():
        raise argparse.ArgumentTypeError(
            f"{text} looks like a symbol: put symbols before --record, or write ./{text}"
        )
    path = Path(text).absolute()
    nearest = next(each for each in (path, *path.parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise argparse.ArgumentTypeError(f"{nearest} is no folder that can be written to")
    return Path(text)


def _seconds(text: str) -> float:
    from kracked.durations import NotADuration, parse_duration_ns  # noqa: PLC0415  `--help` loads argparse alone

    try:
        return parse_duration_ns(text, bare_s=True, zero=True) / 1e9
    except NotADuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error


_LEAST_COLUMNS, _LEAST_ROWS = 10, 3


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text)
    if match is None or int(match[1]) < _LEAST_COLUMNS or int(match[2]) < _LEAST_ROWS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size such as 120x40 (at least {_LEAST_COLUMNS}x{_LEAST_ROWS})"
        )
    return int(match[1]), int(match[2])


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def _fps(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of frames from 1 to 60")
    return int(text)
