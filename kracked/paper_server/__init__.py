"""A local Kraken with the real market and a paper account: `async with PaperServer(...)`."""

from kracked.paper_exchange.opening import AccountMisfit, PaperTerms
from kracked.paper_server.market import NotTraded
from kracked.paper_server.server import PaperOptions, PaperServer

__all__ = [
    "AccountMisfit",
    "NotTraded",
    "PaperOptions",
    "PaperServer",
    "PaperTerms",
]
