"""Random keys on an armed monitor at a faulty exchange: no order without a press of its own.

    python -m tests.benchmarks.keys --keys 20000 --seed 1

Keys come one by one, held, pasted and between changes of the window's size, often faster than
the screen is painted. Afterwards every order the exchange has received must belong to one press
of `y`, whose preview was on the terminal word by word, or to one press of `B` or `S`, with the
size that stood in the header; and every answer to a question must have found it on the terminal.
The palette is left out: there an action is chosen by its name, and no key is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from kracked.protocol.events import Side
from kracked.sim.faults.order_faults import OrderFault, OrderFaultRule, OrderFaults
from kracked_tui import keys
from kracked_tui.config import Settings
from kracked_tui.widgets.panels.prompt import Question
from tests.benchmarks.random_keys import SIZES, Pressed, RandomKeys, Shares
from tests.tui.painted import PaintedScreen
from tests.tui.trading_monitor import Trading, trading

FAULTS = (
    (OrderFault.REPLY_LOST, 0.04),
    (OrderFault.REQUEST_LOST, 0.03),
    (OrderFault.GATEWAY_AFTER, 0.03),
    (OrderFault.GATEWAY_BEFORE, 0.03),
    (OrderFault.THROTTLED, 0.03),
    (OrderFault.NONCE, 0.03),
)
OFTEN = ("b", "s", "enter", "y", "B", "S", "escape", "n", "l", "c", "a")
SHARES = Shares(often=0.5, typed=0.6)
CHECK_EVERY = 100
Order = tuple[Side, int]


@dataclass
class Figures(Pressed):
    """What was pressed, and what came of it."""

    answers: int = 0
    orders: int = 0
    presses: Counter[Order] = field(default_factory=Counter)
    """Presses that may have sent an order, by the side and quantity on the terminal."""
    breaches: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the figures as lines."""
        done = (
            f"{self.told}\n"
            f"{self.answers} questions answered, {self.presses.total()} presses that may send, "
            f"{self.orders} orders received"
        )
        return "\n".join((done, *self.breaches, f"{len(self.breaches)} breaches"))


class Fuzzer(RandomKeys):
    """Presses keys on one monitor and watches what its terminal shows meanwhile."""

    def __init__(self, found: Trading, seed: int) -> None:
        super().__init__(found, Random(f"{seed}/keys"), table=keys.KEYS, often=OFTEN)
        self.figures: Figures = Figures()
        self._painted = PaintedScreen(found.monitor)
        found.screen.panels.place()
        self._watch_questions()

    def _watch_questions(self) -> None:
        prompt = self.found.screen.questions.prompt
        ask = prompt.ask

        def asked(question: Question) -> None:
            """Look at the terminal when the question is answered."""
            ask(question._replace(on_answer=self._looked(question)))

        prompt.ask = asked  # type: ignore[method-assign]

    def _looked(self, question: Question) -> Callable[[str], None]:
        def answered(answer: str) -> None:
            self.figures.answers += 1
            shown = self._painted.words(self.found.screen.questions.prompt)
            for sentence in question.sentences:
                if " ".join(sentence.split()) not in shown:
                    self.figures.breaches.append(f"{question.title}: {sentence!r} not in {shown!r}")
            question.on_answer(answer)

        return answered

    # --- pressing -------------------------------------------------------------------------

    async def run(self, count: int) -> Figures:
        """Press this many keys."""
        checked = 0
        while self.figures.pressed < count:
            await self._act(SHARES)
            await self._rest()
            if self.figures.pressed - checked >= CHECK_EVERY:
                checked = self.figures.pressed
                await self._settle()
        await self._settle()
        return self.figures

    async def _press(self, name: str, after_s: float | None = None) -> bool:
        """Press a key once the ones before have acted, or while they still act."""
        event = self._event(name, after_s)
        if name in ("y", "B", "S"):
            await self._acted()
            if after_s is None:
                self._note(name)
        self.found.monitor.post_message(event)
        if name in ("y", "B", "S"):
            await self._acted()
        return True

    async def _acted(self) -> None:
        """Let the keys so far act: what is on the terminal then is what a person sees."""
        for _ in range(20):
            await asyncio.sleep(0)

    def _note(self, name: str) -> None:
        """Note an order that this press may send, as the terminal shows it."""
        screen = self.found.screen
        if name == "y":
            ticket, view = screen.ticket_keys.ticket, screen.ticket_keys.view()
            if ticket is None or view is None or not ticket.previewed or ticket.amends:
                return
            shown = self._painted.words(screen.ticket_keys.panel)
            if " ".join(view.words.split()[:8]) in shown:
                self.figures.presses[ticket.side, ticket.qty] += 1
            return
        header = self._painted.rows[0]
        _, _, size = header.partition(" SIZE ")
        if size:
            qty = self.found.monitor.store.instruments["BTC/USD"].precision.qty
            scaled = int(float(size.split()[0]) * 10**qty + 0.5)
            self.figures.presses[Side.BID if name == "B" else Side.ASK, scaled] += 1

    # --- checking -------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Compare the exchange's orders with the presses, then arm again."""
        await asyncio.sleep(0.05)
        received = self.found.received
        self.figures.orders = len(received)
        # As it was placed: an amend changes the quantity of the record.
        orders = Counter((order.side, order.request.qty) for order in received)
        for which, count in (orders - self.figures.presses).items():
            like = [order for order in received if (order.side, order.request.qty) == which]
            kind = like[-1].request.order_type
            log = " / ".join(each.text for each in [*self.found.monitor.store.log_entries][:8])
            self.figures.breaches.append(
                f"{count} orders without a press of their own, like {kind} {which}; the log: {log}"
            )
        self.figures.presses |= orders  # each breach is told once
        if not self.found.trader.armed:
            await self._arm()

    async def _arm(self) -> None:
        self._resize(SIZES[0])
        names = ("escape", "escape", "escape", "escape", "1", "A")
        for name in names:
            await self._press(name, 2.0)
            await asyncio.sleep(0.01)
        question = self.found.screen.questions.prompt.question
        if question is not None and question.title == "Arm":
            answer = ("y",) if question.answers else (*"btc/usd", "enter")
            for name in answer:
                await self._press(name, 2.0)
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.2)


async def fuzz(count: int, seed: int, folder: Path) -> Figures:
    """Press `count` random keys on a monitor of its own, whose state is in the folder."""
    settings = Settings(fps=60)
    async with trading(folder, rate=1.0, settings=settings) as found:
        await found.armed()
        rules = tuple(OrderFaultRule(kind=kind, chance=chance) for kind, chance in FAULTS)
        found.server.exchange.order_faults = OrderFaults(rules, seed)
        return await Fuzzer(found, seed).run(count)


def main() -> int:
    """Press keys as the command line says. Returns 1 after a breach."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        figures = asyncio.run(fuzz(given.keys, given.seed, Path(folder)))
    print(figures.text())
    return 1 if figures.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
