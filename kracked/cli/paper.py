"""`kracked paper`: a local Kraken with the real market and a paper account."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from kracked.cli import DONE, FAILED
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.credentials import KEY_VARIABLE, Credentials
from kracked.endpoints import Endpoints
from kracked.gateway.auth import new_key
from kracked.paper import PaperState
from kracked.paper_exchange.opening import PaperTerms
from kracked.paper_server.server import HOST, PaperOptions, PaperServer, serve
from kracked.state_files import state_folder

_NO_LEVEL3 = (
    f"no {KEY_VARIABLE} in the environment, so there is no level 3 and no queue: "
    "the market is passed on, orders are refused"
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
    file = None if memory else account or _default_file(endpoints)
    key, secret = new_key() if file is None else _own_key(file)
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


def _default_file(endpoints: Endpoints) -> Path:
    """Return the account's file for an exchange; make its folder."""
    folder = state_folder() / "paper"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{urlsplit(endpoints.rest).hostname}.log"


def _own_key(account: Path) -> tuple[str, str]:
    """Return the key of an account, which stands beside its file; make one for a new account."""
    file = account.with_name(f"{account.name}.key")
    if file.exists():
        known = Credentials.from_file(file)
        return known.key, known.secret
    key, secret = new_key()
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as lines:
        lines.write(f"{key}\n{secret}\n")
    return key, secret
