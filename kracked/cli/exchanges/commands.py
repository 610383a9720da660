"""The command lines of `kracked sim` and `kracked paper`. Parsing only, like `kracked.cli.main`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kracked.cli import arguments

if TYPE_CHECKING:
    from kracked.paper_exchange.opening import PaperTerms

_UNMODELLED = """\
Every kind of order that `kracked sim` takes is taken. Refused by name, because it is not
modelled: index triggers (the index is not in the market data), margin. Nobody reacts to paper
orders, orders behind them keep the volume they took, and hidden quantity is not seen.

example: kracked paper BTC/USD ETH/USD --balances USD=5000,BTC=0.1 --latency 20ms
         kracked paper BTC/USD --endpoint http://127.0.0.1:8800 --memory"""


def add_sim(commands: arguments.Commands) -> None:
    """Add the parser of `kracked sim`."""
    parser = commands.add_parser(
        "sim",
        help="run a simulated Kraken exchange",
        description="Run a Kraken spot exchange in a box: the same WebSocket v2 and REST, on one\n"
        "port of this machine. The first line of output is a JSON object with its\n"
        "addresses and an API key. It runs until it is stopped.",
        epilog="example: kracked sim --port 8800 --seed 7\n"
        "         kracked-tui BTC/USD --endpoint http://127.0.0.1:8800",
        formatter_class=arguments.ExampleHelpFormatter,
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


def add_paper(commands: arguments.Commands) -> None:
    """Add the parser of `kracked paper`."""
    parser = commands.add_parser(
        "paper",
        help="run a local Kraken with the real market and a paper account",
        description="Serve the real market, verified, with an account of play money in it: orders\n"
        "stand in the real queue. Any Kraken v2 client can be pointed at it. The first\n"
        "line of output is a JSON object with its addresses and an API key of its own.\n"
        "The queue needs level 3, and that needs KRAKEN_API_KEY and KRAKEN_API_SECRET;\n"
        "without them places are bounded by level 2, and orders fill as from the worst.",
        epilog=_UNMODELLED,
        formatter_class=arguments.ExampleHelpFormatter,
    )
    several = "a pair such as BTC/USD; several are separated by blanks or commas"
    arguments.add_several(parser, "symbols", arguments.symbols, "SYMBOL", help=several)
    parser.add_argument("--port", type=arguments.port, default=0, help="port; 0 is a free one")
    arguments.add_endpoint(parser)
    add_terms(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--account",
        type=Path,
        metavar="FILE",
        help="file of the account, which goes on where it was left; by default one in the\n"
        "folder of this user's state",
    )
    where.add_argument("--memory", action="store_true", help="begin anew and write nothing")
    parser.set_defaults(run=_paper)


def add_terms(parser: argparse.ArgumentParser) -> None:
    """Add the options of a paper account."""
    parser.add_argument(
        "--balances",
        type=arguments.balances,
        metavar="ASSET=AMOUNT,...",
        help="balances of a new account; by default 10000 of each quote currency",
    )
    parser.add_argument(
        "--fee",
        type=arguments.fees,
        default=(25, 40),
        metavar="MAKER,TAKER",
        help="fees of a new account in per cent of the cost (0.25,0.40)",
    )
    parser.add_argument(
        "--latency",
        type=arguments.seconds,
        default=0.0,
        metavar="TIME",
        help="how long a request about orders takes, there and back: 20ms (none)",
    )
    parser.add_argument(
        "--tier",
        choices=("starter", "intermediate", "pro"),
        default="pro",
        help="verification level of the account: its rate limits (%(default)s)",
    )


def paper_terms(given: argparse.Namespace) -> PaperTerms:
    """Return the terms of a paper account that were given."""
    from kracked.paper import FeeRates
    from kracked.paper_exchange.opening import PaperTerms
    from kracked.protocol.limits import tier_named

    maker, taker = given.fee
    return PaperTerms(
        balances=given.balances,
        rates=FeeRates(maker=maker, taker=taker),
        tier=tier_named(given.tier),
        latency_ns=int(given.latency * 1e9),
    )


def _paper(given: argparse.Namespace) -> int:
    from kracked.cli.exchanges.paper import paper

    return paper(
        given.symbols,
        port=given.port,
        endpoint=given.endpoint,
        account=given.account,
        memory=given.memory,
        terms=paper_terms(given),
    )
