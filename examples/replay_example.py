"""A running feed recorded for a while, then played again: at its pace, from any instant.

python examples/replay_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken
"""

import asyncio
import sys

import kracked
from kracked import events

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()
SESSION = "sessions/replayed"


async def record() -> None:
    async with kracked.FeedManager(["BTC/USD"], book=25, trade=True, endpoints=ENDPOINTS) as feed:
        await feed.ready()
        async with kracked.recording(feed, SESSION) as recorder:  # the feed may be shared
            await asyncio.sleep(4)
            print(f"{recorder.progress().status.messages} messages recorded")


async def play() -> None:
    player = kracked.Player(kracked.open_recording(SESSION))
    replay = kracked.Replay(player, speed=10)  # pause, resume, seek, step and back any time
    replay.seek((player.start + player.end) // 2)
    updates = 0
    async for moment in replay:
        updates += sum(isinstance(event, events.BookUpdate) for event in moment.events)
    book = player.keeper.l2["BTC/USD"]
    print(f"{updates} updates of the second half; verified at the end: {book.verified}")


asyncio.run(record())
asyncio.run(play())
