"""Trading on paper: an account whose orders stand in the real queue and are filled by its truth.

The engine opens no socket and reads no clock: market events and requests come in with their
times, answers and rows of the `executions` channel come out. ::

    log = PaperLog(path)
    account = PaperAccount.replay(log.events)
    engine = PaperEngine(account, OrderFlow(), now=now, verified=is_verified, record=log.record)
    ticket = engine.submit(request, now)
    async for event in feed:
        for news in engine.apply(event):
            ...

Not modelled: nobody reacts to paper orders, hidden quantity, index prices, margin, rate limits.
With `levels` the engine works from level 2, with bounds of each place.
"""

from kracked.paper.account import ImpossibleEvent, PaperAccount
from kracked.paper.account_events import (
    Accepted,
    AccountEvent,
    Carried,
    Ended,
    Filled,
    Listed,
    Obscured,
    Opened,
    PaperOrder,
    Started,
    SwitchSet,
    TermsChanged,
    TriggerMet,
    TriggerMoved,
)
from kracked.paper.engine import PaperEngine
from kracked.paper.journal import DamagedLog, LogInUse, PaperLog, decode_lines, encode_line
from kracked.paper.money import Money, Overdrawn
from kracked.paper.reports import snapshot
from kracked.paper.requests import Answer, Report
from kracked.paper.terms import (
    FeeRates,
    Latency,
    PaperAmend,
    PaperRefusal,
    PaperRequest,
    PaperState,
    PlaceBounds,
)

__all__ = [
    "Accepted",
    "AccountEvent",
    "Answer",
    "Carried",
    "DamagedLog",
    "Ended",
    "FeeRates",
    "Filled",
    "ImpossibleEvent",
    "Latency",
    "Listed",
    "LogInUse",
    "Money",
    "Obscured",
    "Opened",
    "Overdrawn",
    "PaperAccount",
    "PaperAmend",
    "PaperEngine",
    "PaperLog",
    "PaperOrder",
    "PaperRefusal",
    "PaperRequest",
    "PaperState",
    "PlaceBounds",
    "Report",
    "Started",
    "SwitchSet",
    "TermsChanged",
    "TriggerMet",
    "TriggerMoved",
    "decode_lines",
    "encode_line",
    "snapshot",
]
