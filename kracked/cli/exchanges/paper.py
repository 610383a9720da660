"""`kracked paper`: a local Kraken with the real market and a paper account."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from kracked.cli import DONE, FAILED
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.credentials import KEY_VARIABLE, Credentials
from kracked.endpoints import Endpoints
from kracked.gateway.auth import new_key
from kracked.paper import PaperState
from kracked.paper_exchange.opening import PaperTerms
from kracked.paper_server.own_account import account_file, account_key
from kracked.paper_server.server import HOST, PaperOptions, PaperServer, serve

_NO_LEVEL3 = (
    f"no {KEY_VARIABLE} in the environment, so there is no level 3 and no queue: an order's place "
    "is bounded by level 2, and it fills as from the worst: what is cancelled stood behind it"
)


def paper(
    symbols: list[str],
    *,
    port: int,
    endpoint: str | None,
    account: Path | None,
    memory: bool,
    terms: PaperTerms,
) -> int:
    """Serve until SIGINT or SIGTERM; the first line on stdout has the addresses.

    Args:
        symbols: Pairs such as ``BTC/USD``.
        port: Port of this machine; 0 for a free one.
        endpoint: REST address of another exchange than Kraken.
        account: File of the account; None for the default.
        memory: Keep the account in memory alone.
        terms: Balances and fees of a new account, its limits and its latency.

    Returns:
        Exit code 1 when the address cannot be served.
    """
    endpoints = Endpoints.at(endpoint) if endpoint else Endpoints.kraken()
    file = None if memory else account or account_file(endpoints)
    key, secret = new_key() if file is None else account_key(file)
    options = PaperOptions(
        port=port,
        account=file,
        terms=terms,
        api_key=key,
        api_secret=secret,
    )
    server = PaperServer(
        symbols, options, credentials=Credentials.from_environment(), endpoints=endpoints
    )
    try:
        asyncio.run(serve(server, partial(print, flush=True), _say, ready=_describe))
    except OSError as error:
        if error.filename is not None:
            raise
        print(
            f"kracked paper: cannot serve {HOST}:{port}: {error.strerror or error}; "
            "choose another --port, or 0 for any free one",
            file=sys.stderr,
        )
        return FAILED
    return DONE


def _say(text: str) -> None:
    print(f"kracked paper: {text}", file=sys.stderr, flush=True)


def _describe(server: PaperServer) -> None:
    """Say what the account goes on with, and what cannot be done."""
    if not server.has_level3:
        _say(_NO_LEVEL3)
    account = server.exchange.broker.engine.account
    if server.options.account is not None and account.orders:
        unknown = sum(one.state is PaperState.UNKNOWN for one in account.open.values())
        _say(
            f"the account in {server.options.account} goes on with {len(account.open)} open "
            f"orders; the outcome of {unknown} is unknown, they can only be cancelled"
        )
