"""Market makers: layers of quotes around the fair price, moved when it moves.

Each maker has one order per layer and side. When the fair price jumps they hurry,
nearest layers first; that rush is what makes the feed's bursts. Between jumps they
refresh, shrink and pull single quotes.
"""

from __future__ import annotations

from kracked.protocol.events import Side
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import AmendTerms, EngineBatch

MAKERS = 5
LAYERS = 14
IDLE_SHARE = 0.6
"""The part of the makers' steps that is done between jumps; the rest answers jumps."""
RUSH_GAP_S = 0.0011
"""Mean time between two requotes of a rush."""


class MakerQuote:
    """One quote of a maker, and the order that rests for it now."""

    __slots__ = ("away", "order_id", "price", "qty", "side", "slack", "style")

    def __init__(self, side: Side, away: float, slack: float, qty: int, style: int) -> None:
        self.side = side
        self.away = away
        """Ticks from the fair price, negative for bids."""
        self.slack = slack
        """How many ticks off it may be before it is moved."""
        self.qty = qty
        self.style = style
        """The maker's number; even ones amend, odd ones cancel and quote anew."""
        self.order_id = ""
        self.price = 0


class MarketMakers:
    """All makers of one instrument, with their quotes in one list, nearest first."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._random = context.random
        self._quotes = [
            self._make_quote(side, layer, style)
            for style in range(MAKERS)
            for layer in range(LAYERS)
            for side in Side
        ]
        self._quotes.sort(key=lambda quote: abs(quote.away))
        self._idle_per_s = context.nature.makers_per_s * IDLE_SHARE
        self._rush_cursor = len(self._quotes)
        self._rush_end = 0
        self._rushing = False
        context.after(self._random.expovariate(self._idle_per_s), self._idle)

    def open(self) -> None:
        """Put every quote into the book."""
        for quote in self._quotes:
            self._place(quote)

    def rush(self, size: float) -> None:
        """Answer a jump of `size` typical ones: move the quotes that are off, nearest first."""
        reach = min(1.0, 0.12 + 0.3 * abs(size))
        end = int(len(self._quotes) * reach)
        self._rush_end = max(end, self._rush_end if self._rushing else 0)
        self._rush_cursor = 0
        if not self._rushing:
            self._rushing = True
            self._context.after(self._random.uniform(0.0005, 0.004), self._rush_on)

    def desert(self, side: Side) -> None:
        """Let all makers leave a side at once, nearest quotes first."""
        delay_s = 0.0
        for quote in self._quotes:
            if quote.side is side and quote.order_id:
                order_id, quote.order_id = quote.order_id, ""
                delay_s += 0.001
                self._context.after(delay_s, self._context.cancel, order_id)

    # --- steps ----------------------------------------------------------------------

    def _rush_on(self, _: str) -> EngineBatch | None:
        """Move the next quote that is off, and come back for the one after it."""
        quotes, end = self._quotes, self._rush_end
        while self._rush_cursor < end:
            quote = quotes[self._rush_cursor]
            batch = self._settle(quote)
            if batch is None or quote.order_id:
                self._rush_cursor += 1
            if batch is not None:
                self._context.after(self._random.expovariate(1 / RUSH_GAP_S), self._rush_on)
                return batch
        self._rushing = False
        return None

    def _idle(self, _: str) -> EngineBatch | None:
        """Refresh one quote, more often a near one."""
        random = self._random
        self._context.after(random.expovariate(self._idle_per_s), self._idle)
        nearness = random.random()
        quote = self._quotes[int(nearness**1.4 * len(self._quotes))]
        return self._settle(quote) or self._vary(quote)

    # --- one quote ------------------------------------------------------------------

    def _settle(self, quote: MakerQuote) -> EngineBatch | None:
        """Bring a quote to where it belongs, in one step; return None when it is there."""
        if quote.order_id not in self._context.matcher:
            return self._place(quote)
        price = self._target(quote)
        if abs(quote.price - price) <= quote.slack:
            return None
        if quote.style % 2:
            return self._pull(quote)
        quote.price = self._context.passive(quote.side, price)
        return self._context.requote(quote.order_id, quote.side, quote.price)

    def _place(self, quote: MakerQuote) -> EngineBatch:
        if self._random.random() < 0.25:
            quote.qty = self._qty(quote.style)
        quote.price = self._context.passive(quote.side, self._target(quote))
        batch = self._context.quote(quote.side, quote.price, quote.qty)
        quote.order_id = batch.steps[0].order_id
        return batch

    def _pull(self, quote: MakerQuote) -> EngineBatch | None:
        order_id, quote.order_id = quote.order_id, ""
        return self._context.cancel(order_id)

    def _vary(self, quote: MakerQuote) -> EngineBatch | None:
        """Change a quote that is where it belongs: shrink it, or take it out for a while."""
        if self._random.random() < 0.7:
            return self._pull(quote)
        order = self._context.matcher.order(quote.order_id)
        least = self._context.sizes.least
        if order is None or order.left < 2 * least:
            return self._pull(quote)
        part = self._random.uniform(0.5, 0.95)
        if self._context.now_and_then(0.3):
            part = 2 - part  # more, which costs the place
        qty = order.filled + max(least, int(order.left * part))
        return self._context.matcher.amend(AmendTerms(quote.order_id, qty), self._context.now)

    def _target(self, quote: MakerQuote) -> int:
        """Return the price where a quote belongs."""
        # Half a tick of rounding towards the far side keeps bids and asks apart.
        exact = self._context.fair.price + quote.away
        return int(exact) if quote.side is Side.BID else int(exact) + 1

    # --- setting up -----------------------------------------------------------------

    def _make_quote(self, side: Side, layer: int, style: int) -> MakerQuote:
        # Layers spread out with distance: about a hundred levels deep in all.
        steps = 0.3 + 0.5 * style + layer * (0.9 + 0.35 * style) * (1 + 0.1 * layer)
        away = steps * self._context.gap * self._random.uniform(0.85, 1.15)
        slack = max(0.5, away * 0.35)
        sign = -1 if side is Side.BID else 1
        return MakerQuote(side, sign * away, slack, self._qty(style), style)

    def _qty(self, style: int) -> int:
        """Return a maker's quantity: one of its own sizes, or one in three any size."""
        sizes = self._context.sizes
        if self._random.random() < 0.35:
            return sizes.heavy_tailed(1.5)
        return sizes.program(2 * style + (self._random.random() < 0.5))
