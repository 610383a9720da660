"""Planted patterns of takers: one size again and again, sweeps, bursts, absorption."""

from __future__ import annotations

from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.planter import Pattern, Planter, price_of
from kracked.sim.engine.orders import EngineBatch, OrderFilled
from kracked.times import NS_PER_S


class TakerPatterns(Planter):
    """Plants what takers do."""

    def _same_size(self, _: str) -> None:
        context, random, side = self._context, self._random, self._side()
        size = int(context.sizes.typical * random.uniform(0.5, 2))
        size = max(size, 10_000 * 10) // 10 * 10 + random.choice((1, 3, 7, 9))
        row = self._row(Pattern.SAME_SIZE, side, context.best(side.opposite))
        left = random.randint(8, 20)
        times: list[int] = []

        def take(_: str) -> EngineBatch | None:
            if context.matcher.best_price(side.opposite) is None:
                return None
            times.append(context.now)
            if len(times) < left:
                context.after(random.uniform(2, 8), take)
            else:
                self._tell(row, qty=size, count=len(times), times=tuple(times))
            return context.take(side, size)

        context.after(0.0, take)

    def _sweep(self, _: str) -> EngineBatch | None:
        context, side = self._context, self._side()
        levels = [
            level
            for place in range(self._random.randint(2, 9))
            if (level := context.matcher.level_at(side.opposite, place)) is not None
        ]
        if not levels:
            return None
        row = self._row(Pattern.SWEEP, side, levels[0].price)
        batch = context.take(side, sum(level.qty for level in levels), levels[-1].price)
        fills = [step for step in batch.steps if type(step) is OrderFilled]
        prices = list(dict.fromkeys(step.price for step in fills))
        self._told(
            row.grown(
                start=batch.time,
                end=batch.time,
                price=prices[0],
                count=len(prices),
                qty=sum(step.qty for step in fills),
                last_price=prices[-1],
            )
        )
        return batch

    def _burst(self, _: str) -> None:
        """Let several large takers of one side come within a second of the clock."""
        context, random, side = self._context, self._random, self._side()
        row = self._row(Pattern.BURST, side, context.best(side.opposite))
        left = random.randint(4, 8)
        times: list[int] = []
        fills: list[OrderFilled] = []

        def take(last: str) -> EngineBatch | None:
            batch = None
            if context.matcher.best_price(side.opposite) is not None:
                times.append(context.now)
                batch = context.take(side, self._qty(5, 15))
                fills.extend(step for step in batch.steps if type(step) is OrderFilled)
            if last:
                qty, price = sum(fill.qty for fill in fills), fills[-1].price if fills else 0
                self._tell(row, qty=qty, count=len(times), times=tuple(times), last_price=price)
            return batch

        # From the first tenth of the next second on: a burst of two seconds would be two.
        begin = 1.1 - context.now % NS_PER_S / NS_PER_S
        delays = sorted(random.uniform(0, 0.6) for _ in range(left))
        for place, delay in enumerate(delays, 1):
            context.after(begin + delay, take, "last" if place == left else "")

    def _absorption(self, _: str) -> EngineBatch:
        context, random, side = self._context, self._random, self._side()
        typical = context.sizes.typical
        batch = context.quote(side, self._near(side), 200 * typical, 6 * typical)
        order_id = batch.steps[0].order_id
        price = price_of(batch)
        row = self._row(Pattern.ABSORPTION, side, price)
        hits = random.randint(12, 20)
        traded: list[int] = []

        def hit(_: str) -> EngineBatch | None:
            qty = self._qty(4, 12)
            taken = context.take(side.opposite, qty, price, TimeInForce.IOC)
            traded.append(
                sum(
                    step.qty
                    for step in taken.steps
                    if type(step) is OrderFilled and step.price == price
                )
            )
            return taken

        for at in sorted(random.uniform(0.2, 10) for _ in range(hits)):
            context.after(at, hit)

        def end(_: str) -> EngineBatch | None:
            self._tell(row, ids=(order_id,), qty=sum(traded), count=sum(map(bool, traded)))
            return context.cancel(order_id)

        context.after(11.0, end)
        return batch
