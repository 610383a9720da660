"""The alerts of a session: once, across restarts, in replay, for pairs that are not shown."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kracked.protocol import events
from kracked.protocol.events import Side, Trade
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.alerts.session_alerts import SessionAlerts
from kracked_tui.config import Alerting
from kracked_tui.remembered import Memory, recalled
from kracked_tui.sources.base import TimeJump
from kracked_tui.view.account.orders import Sent
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL, ScriptedSource, book


def trades(number: int, price: str, *, snapshot: bool = False) -> events.Trades:
    scaled, at = int(Decimal(price) * 10), NOW + number * NS_PER_S
    trade = Trade(Side.BID, scaled, 10**7, "market", number, to_rfc3339(at))
    return events.Trades(at, SYMBOL, PRECISION, (trade,), snapshot)


class Session:
    """One start of the program: alerts of a source, and what was said."""

    def __init__(self, memory: Memory, alerting: Alerting, last: str | None) -> None:
        self.said: list[str] = []
        self.heard: list[str] = []
        self.alerts = SessionAlerts(
            alerting,
            memory,
            tell=lambda text, _role: self.said.append(text),
            last=lambda _symbol: Decimal(last) if last else None,
        )
        self.alerts.on_fire = lambda _alert, text: self.heard.append(text)

    def add(self, text: str) -> str:
        return self.alerts.add(text, SYMBOL, (SYMBOL, "ETH/USD"))


async def started(
    memory: Memory | None = None,
    source: ScriptedSource | None = None,
    alerting: Alerting = Alerting(),  # noqa: B008  it is frozen
    last: str | None = None,
) -> Session:
    session = Session(memory or Memory(), alerting, last)
    source = source or ScriptedSource()
    await session.alerts.recall(source)
    session.alerts.open(source, [SYMBOL])
    return session


async def test_an_alert_fires_on_the_event_and_once() -> None:
    session = await started()
    assert session.add("price above 64250") == ""
    for number, price in enumerate(("64240", "64251", "64240", "64260"), 1):
        session.alerts.apply(trades(number, price))
    assert session.said == ["! BTC/USD last price 64251.0 is above 64250"]
    assert session.heard == ["BTC/USD last price 64251.0 is above 64250"]
    assert session.alerts.rows()[0].state.endswith(", off")


async def test_a_price_is_crossed_from_the_side_it_was_on_when_the_alert_was_set() -> None:
    session = await started(last="64240")
    session.add("64250")
    session.alerts.apply(trades(1, "64260"))
    assert session.said == ["! BTC/USD last price 64260.0 is above 64250"]


async def test_what_fired_does_not_fire_after_a_restart(tmp_path: Path) -> None:
    first = await started(recalled(tmp_path / "monitor.json"))
    first.add("price above 64250")
    first.alerts.apply(trades(1, "64251"))
    await first.alerts.keep()
    first.alerts._memory.save()
    again = await started(recalled(tmp_path / "monitor.json"))
    assert [row.text for row in again.alerts.rows()] == ["price above 64250"]
    again.alerts.apply(trades(2, "64252"))
    assert again.said == []


async def test_an_alert_that_was_told_waits_anew_when_it_is_set_again() -> None:
    session = await started()
    session.add("price above 64250")
    assert "is set already" in session.add("price above 64250")
    session.alerts.apply(trades(1, "64251"))
    assert session.add("price above 64250") == ""
    session.alerts.apply(trades(2, "64252"))
    assert len(session.said) == 2


async def test_an_alert_that_is_removed_is_not_remembered(tmp_path: Path) -> None:
    memory = recalled(tmp_path / "monitor.json")
    session = await started(memory)
    session.add("price above 64250")
    assert session.alerts.remove(1) == ""
    assert memory.choices.alerts["ws.example"] == ()
    assert session.alerts.remove(1) == "there is no alert 1"


async def test_an_alert_of_the_configuration_is_back_with_the_next_start() -> None:
    session = await started(alerting=Alerting(rules=("taker >= 5", "BTC/USD price above 64250")))
    assert [(row.pair, row.text) for row in session.alerts.rows()] == [
        ("all", "taker >= 5"),
        ("BTC/USD", "price above 64250"),
    ]
    session.alerts.remove(1)
    assert "comes back with the next start" in session.said[-1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("soon", "is no alert"),
        ("DOGE/USD 1", "the exchange does not list DOGE/USD"),
        ("all", "is no alert"),
        ("", "is no alert"),
    ],
)
async def test_what_cannot_be_set_is_refused_with_the_reason(text: str, why: str) -> None:
    assert why in (await started()).add(text)


async def test_alerts_of_other_pairs_are_subscribed_and_let_go_with_the_alert() -> None:
    source = ScriptedSource()
    session = await started(source=source)
    session.add("ETH/USD imbalance")
    await session.alerts.subscribe()
    assert source.requests[-1] == ("follow", {"ETH/USD": frozenset(("book",))})
    session.alerts.remove(1)
    await session.alerts.subscribe()
    assert source.requests[-1] == ("follow", {})


async def test_a_book_that_stands_already_is_evaluated_from_the_next_message_on() -> None:
    session = await started()
    session.add("ask price below 64300")
    assert session.said == ["! BTC/USD ask price 64210.5 is below 64300"]


async def test_a_book_is_joined_anew_after_it_was_lost() -> None:
    source = ScriptedSource()
    session = await started(source=source)
    session.add("bid price above 70000")
    session.alerts.apply(events.Overflow(NOW, 9))
    assert session.alerts.watch.missing() == [("book", SYMBOL)]
    source.books_held[SYMBOL] = book()
    session.alerts.look(NOW + NS_PER_S, [SYMBOL], ())
    assert session.alerts.watch.missing() == []


async def test_a_replay_tells_with_its_word_and_neither_rings_nor_keeps(tmp_path: Path) -> None:
    source, memory = ScriptedSource(), recalled(tmp_path / "monitor.json")
    source.mode = "REPLAY"
    session = await started(memory, source)
    session.add("price above 64250")
    session.alerts.apply(trades(1, "64251"))
    await session.alerts.keep()
    assert session.said == ["! REPLAY BTC/USD last price 64251.0 is above 64250"]
    assert session.heard == []
    assert not (tmp_path / "alerts").exists()
    assert memory.choices.alerts == {}


async def test_a_replay_that_jumps_tells_anew() -> None:
    source = ScriptedSource()
    source.mode = "REPLAY"
    session = await started(source=source, alerting=Alerting(rules=("price above 64250",)))
    for _ in range(2):
        session.alerts.apply(trades(1, "64251"))
        session.alerts.apply(TimeJump(NOW))
    assert len(session.said) == 2


async def test_a_disk_that_takes_nothing_is_said_once_and_alerts_go_on(tmp_path: Path) -> None:
    (tmp_path / "alerts").write_text("a file where the folder should be")
    session = await started(recalled(tmp_path / "monitor.json"))
    session.said.clear()
    session.add("price above 64250 always")
    for number in (1, 2):
        session.alerts.apply(trades(number, "64251"))
        await session.alerts.keep()
    assert sum("may be told again" in text for text in session.said) == 1
    assert session.heard


class WithAccount(ScriptedSource):
    """A source with a key; the account itself is not looked at."""

    class _Access:
        reports = None

    access: Any = _Access()


def report(**fields: object) -> events.Executions:
    named = {"order_id": "OABC", "symbol": SYMBOL, "timestamp": to_rfc3339(NOW), "side": "buy"}
    return events.Executions(NOW, (named | fields,), 1)


async def test_own_fills_are_told_without_being_asked_for_and_cannot_be_muted() -> None:
    session = await started(source=WithAccount())
    fill = {"exec_type": "trade", "exec_id": "T1", "last_qty": Decimal(1), "last_price": Decimal(9)}
    session.alerts.apply(report(order_status="filled", **fill))
    assert session.heard == ["BTC/USD own buy OABC filled: 1 at 9"]
    assert "not removed" in session.alerts.remove(1)


@pytest.mark.parametrize(("reason", "heard"), [("User requested", 0), ("Market closed", 1)])
async def test_a_cancel_is_heard_unless_its_owner_asked_for_it(reason: str, heard: int) -> None:
    session = await started(source=WithAccount())
    session.alerts.apply(report(exec_type="canceled", order_status="canceled", reason=reason))
    assert len(session.heard) == heard
    assert len(session.alerts.told) == 1


async def test_an_order_of_unknown_outcome_is_told_once() -> None:
    session = await started(source=WithAccount())
    sent = Sent("ours-9", SYMBOL, "add", Side.BID, "1", "9", "unknown", NOW)
    for _ in range(3):
        session.alerts.look(NOW, [SYMBOL], [sent])
    assert session.heard == [
        "BTC/USD own order ours-9: its outcome is UNKNOWN, no other order is sent"
    ]


async def test_a_pair_that_comes_later_has_the_alerts_of_every_pair() -> None:
    session = await started()
    session.add("all data")
    session.alerts.look(NOW, [SYMBOL, "ETH/USD"], ())
    session.alerts.apply(events.Resync(NOW, "ETH/USD", "book", "checksum"))
    assert session.said == ["! ETH/USD book is renewed: checksum"]


async def test_what_is_told_late_stands_at_its_time_the_newest_first() -> None:
    session = await started()
    session.add("taker >= 0.1")
    session.add("data")
    for number in (1, 20):
        session.alerts.apply(trades(number, "64240"))
    session.alerts.apply(events.Resync(NOW + 9 * NS_PER_S, SYMBOL, "book", "checksum"))
    times = [(one.time - NOW) // NS_PER_S for one in session.alerts.told]
    assert times == [20, 9, 1]
