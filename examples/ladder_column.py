"""A ladder column of your own: cancels per minute beside the age of each row's oldest order.

Copy this file to ~/.config/kracked/columns/ and start the monitor. `facts` gets what happened to
every order of the pair since the last frame, `cell` is asked for the text of each row.
"""

from collections import Counter, deque


class Restless:
    """`14 2m05`: orders cancelled here within a minute, and how long the oldest one stands."""

    head, width = "cancels", 9

    def __init__(self):
        self.recent, self.count = deque(), Counter()

    def facts(self, facts):
        for fact in facts:
            if fact.what == "cancelled":
                self.recent.append(fact)
                self.count[fact.price] += 1

    def cell(self, row, market):
        while self.recent and self.recent[0].time < market.now - 60_000_000_000:
            self.count[self.recent.popleft().price] -= 1
        cancels = sum(self.count[price] for price in range(row.price, row.price + row.step))
        orders = market.orders(row)
        oldest = market.age_text(min(order.exchange_time for order in orders)) if orders else ""
        return f"{cancels or ''} {oldest}"


COLUMN = Restless()

if __name__ == "__main__":
    print(f"copy {__file__} to ~/.config/kracked/columns/ and start kracked-tui")
