"""An exchange in memory: requests in, frames out, books with right checksums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from zlib import crc32

from kracked.protocol.client.session import Session
from kracked.protocol.events import Event

S = 1_000_000_000
LEVELS = 12


class Market:
    """The book of one symbol with one order a level; only quantities change."""

    def __init__(self) -> None:
        self.qty = {price: 100_000_000 + price for price in range(1000, 1000 + 2 * LEVELS)}

    def bids(self, depth: int) -> list[tuple[int, int]]:
        return [(p, self.qty[p]) for p in range(999 + LEVELS, 999, -1)][:depth]

    def asks(self, depth: int) -> list[tuple[int, int]]:
        return [(p, self.qty[p]) for p in range(1000 + LEVELS, 1000 + 2 * LEVELS)][:depth]

    def checksum(self) -> int:
        best = [*self.asks(10), *self.bids(10)]
        return crc32("".join(f"{price}{qty}" for price, qty in best).encode())


class Exchange:
    """An exchange that answers like Kraken, and withholds what a test tells it to."""

    def __init__(self) -> None:
        self.markets = {symbol: Market() for symbol in ("BTC/USD", "ETH/USD", "SOL/USD")}
        self.granted: dict[tuple[str, str | None], dict[str, object]] = {}
        self.log: list[dict] = []
        self.sequence = 0

    # --- frames ---

    def status(self, system: str = "online") -> bytes:
        data = [{"system": system, "version": "2", "api_version": "v2", "connection_id": 2**63}]
        return _frame(channel="status", type="update", data=data)

    def heartbeat(self) -> bytes:
        return _frame(channel="heartbeat")

    def instruments(self) -> bytes:
        pairs = [
            {
                "symbol": symbol,
                "base": symbol[:3],
                "quote": "USD",
                "status": "online",
                "price_precision": 1,
                "qty_precision": 8,
                "price_increment": 0.1,
                "qty_increment": 1e-08,
                "qty_min": 0.0001,
            }
            for symbol in self.markets
        ]
        return _frame(channel="instrument", type="snapshot", data={"assets": [], "pairs": pairs})

    def snapshot(self, symbol: str, channel: str = "book", depth: int = 10) -> bytes:
        market = self.markets[symbol]
        return self._book(
            symbol, channel, "snapshot", market.bids(depth), market.asks(depth), market.checksum()
        )

    def update(self, symbol: str, channel: str = "book", *, level: int = 0) -> bytes:
        market = self.markets[symbol]
        price = 999 + LEVELS - level
        market.qty[price] += 1
        changed = [(price, market.qty[price])]
        return self._book(symbol, channel, "update", changed, [], market.checksum())

    def wrong_update(self, symbol: str, channel: str = "book") -> bytes:
        market = self.markets[symbol]
        changed = [(999 + LEVELS, market.qty[999 + LEVELS])]
        return self._book(symbol, channel, "update", changed, [], market.checksum() ^ 1)

    def _book(self, symbol, channel, kind, bids, asks, checksum) -> bytes:
        row = _level if channel == "book" else _order(kind)
        sides = ",".join(
            f'"{name}":[{",".join(row(p, q) for p, q in side)}]'
            for name, side in (("bids", bids), ("asks", asks))
        )
        return (
            f'{{"channel":"{channel}","type":"{kind}","data":[{{"symbol":"{symbol}",{sides},'
            f'"checksum":{checksum},"timestamp":"2026-01-01T00:00:00.000000Z"}}]}}'
        ).encode()

    def account(self, channel: str, kind: str = "update", data: Sequence[dict] = ()) -> bytes:
        self.sequence = 1 if kind == "snapshot" else self.sequence + 1
        return _frame(channel=channel, type=kind, data=data, sequence=self.sequence)

    # --- answers ---

    def answer(self, requests: list[bytes]) -> list[bytes]:
        """Return the answers and snapshots to these requests."""
        frames: list[bytes] = []
        for request in requests:
            frames += self._answer(json.loads(request))
        return frames

    def _answer(self, request: dict) -> list[bytes]:
        self.log.append(request)
        if request["method"] == "ping":
            now = "2026-01-01T00:00:00.000000Z"
            return [_frame(method="pong", req_id=request["req_id"], time_in=now, time_out=now)]
        frames: list[bytes] = []
        params = request["params"]
        for symbol in params.get("symbol", [None]):
            frames += self._one(request["method"], request["req_id"], params, symbol)
        return frames

    def _one(self, method: str, req_id: int, params: dict, symbol: str | None) -> list[bytes]:
        key = (params["channel"], symbol)
        ack = {"method": method, "req_id": req_id, "success": True}
        if symbol is not None and symbol not in self.markets:
            error = f"Currency pair not supported {symbol}"
            return [self.refusal(error, req_id, method=method, symbol=symbol)]
        if method == "unsubscribe":
            if self.granted.pop(key, None) is None:
                return [self.refusal("Subscription Not Found", req_id, method=method)]
            return [_frame(**ack, result=_result(params, symbol))]
        if key in self.granted:
            return [self.refusal("Already subscribed", req_id, symbol=symbol)]
        self.granted[key] = params
        return [_frame(**ack, result=_result(params, symbol)), *self._first(params, symbol)]

    def _first(self, params: dict, symbol: str | None) -> list[bytes]:
        channel = params["channel"]
        if channel == "instrument":
            return [self.instruments()]
        if channel in ("book", "level3"):
            return [self.snapshot(symbol, channel, params["depth"])]
        if channel in ("executions", "balances"):
            return [self.account(channel, "snapshot")]
        return []

    def refusal(self, error, req_id, *, method="subscribe", symbol=None) -> bytes:
        body = {"error": error, "method": method, "success": False}
        if req_id is not None:
            body["req_id"] = req_id
        return _frame(**body, **({"symbol": symbol} if symbol else {}))


def _frame(**body: object) -> bytes:
    return json.dumps(body).encode()


def _result(params: dict, symbol: str | None) -> dict:
    kept = {name: params[name] for name in ("channel", "depth", "interval") if name in params}
    return {**kept, "symbol": symbol} if symbol else kept


def _digits(value: int, places: int) -> str:
    text = str(value).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}"


def _level(price: int, qty: int) -> str:
    return f'{{"price":{_digits(price, 1)},"qty":{_digits(qty, 8)}}}'


def _order(kind: str):
    event = "" if kind == "snapshot" else '"event":"modify",'

    def row(price: int, qty: int) -> str:
        return (
            f'{{{event}"order_id":"O{price}","limit_price":{_digits(price, 1)},'
            f'"order_qty":{_digits(qty, 8)},"timestamp":"2026-01-01T00:00:00.000000000Z"}}'
        )

    return row


class Talk:
    """A session and an exchange in conversation; `happened` has all events of the session."""

    def __init__(self, session: Session, exchange: Exchange) -> None:
        self.session, self.exchange = session, exchange
        self.now = 0
        self.happened: list[Event] = []

    @property
    def wall(self) -> int:
        return 1_700_000_000 * S + self.now

    def connect(self, token: str | None = None) -> None:
        self.exchange.granted.clear()
        self.session.open(self.now, token)
        self.hear(self.exchange.status())

    def hear(self, *frames: bytes) -> list[Event]:
        """Let the session receive these frames, and return its events."""
        happened = []
        for frame in frames:
            happened += self.session.receive(frame, self.wall, self.now)
        self.happened += happened
        return happened

    def asks(self) -> list[dict]:
        """Return the session's requests without pings; they are not answered."""
        sent = [json.loads(request) for request in self.session.to_send(self.now)]
        return [request for request in sent if request["method"] != "ping"]

    def settle(self) -> list[Event]:
        """Send and answer requests until there are none at this instant."""
        happened = []
        while requests := self.session.to_send(self.now):
            happened += self.hear(*self.exchange.answer(requests))
        return happened

    def wait(self, seconds: float) -> list[Event]:
        """Let time pass in tenths of a second, without frames."""
        happened = []
        for _ in range(round(seconds * 10)):
            self.now += S // 10
            happened += self.session.elapse(self.wall, self.now)
        self.happened += happened
        return happened

    def live(self, seconds: float) -> list[Event]:
        """Let time pass with heartbeats and answers."""
        happened = []
        for tenth in range(round(seconds * 10)):
            happened += self.wait(0.1)
            if tenth % 10 == 9:
                happened += self.hear(self.exchange.heartbeat())
            happened += self.settle()
        return happened
