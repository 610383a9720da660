"""The command line of `kracked paper`. Parsing only, like `kracked.cli.main`."""

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
    from kracked.cli.paper import paper

    return paper(
        given.symbols,
        port=given.port,
        endpoint=given.endpoint,
        account=given.account,
        memory=given.memory,
        terms=paper_terms(given),
    )
