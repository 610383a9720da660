"""Record most of an hour of a simulated market within seconds: no server, no wall clock.

    python examples/simulated_hour.py

The notebook about odds needs forty minutes at least. Your own recording is made by
`kracked record BTC/USD --channels level3=100 trade --out sessions/monday`.
A recording that is there already stays as it is.
"""

from __future__ import annotations

from pathlib import Path

from kracked import BookKeeper, times
from kracked.format.session_info import SessionInfo
from kracked.gateway.channels import Topic
from kracked.record.write.session import record_into
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.listings import listings
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher

FOLDER = Path("sessions/hour")
SYMBOL, DEPTH, SEED = "BONK/USD", 100, 11
START = times.parse_ns("2026-01-05T12:00:00Z")


def simulated_hour(minutes: int = 45) -> Path:
    """Return the folder of the recording; make it first if there is none."""
    if (FOLDER / "session.json").exists():
        return FOLDER
    [listing] = listings([SYMBOL])
    market = SimulatedMarket([listing], seed=SEED)
    market.opened(START)
    publisher = MarketDataPublisher(
        listing, market.matcher(SYMBOL), market.histories[SYMBOL], START
    )
    level3, trades = Topic("level3", SYMBOL, DEPTH), Topic("trade", SYMBOL)
    publisher.watch(level3)
    publisher.watch(trades)
    keeper = BookKeeper(precisions={SYMBOL: listing.instrument.precision})
    now = START
    with record_into(
        FOLDER, SessionInfo(start=times.to_rfc3339(START)), clock=lambda: now
    ) as session:

        def take(connection: str, message: str) -> None:
            session.ingest.take_message(connection, now, message.encode())
            for event in keeper.receive(message.encode(), now):
                session.ingest.take_event(event)

        take("level3", _acknowledged())
        take("level3", publisher.snapshot(level3, START))
        for second in range(minutes * 60):
            end = START + (second + 1) * times.NS_PER_S
            for _, batch in market.advance(end):
                for topic, message in publisher.apply(batch):
                    now = max(now + 1, batch.time)
                    take("level3" if topic.channel == "level3" else "public", message)
            session.hand_over([*keeper.l3.values()], now)
    return FOLDER


def _acknowledged() -> str:
    """Return the exchange's answer to the request for level 3."""
    time = times.to_rfc3339(START)
    return (
        f'{{"method":"subscribe","result":{{"channel":"level3","depth":{DEPTH},"snapshot":true,'
        f'"symbol":"{SYMBOL}"}},"success":true,"time_in":"{time}","time_out":"{time}"}}'
    )


if __name__ == "__main__":
    print(simulated_hour())
