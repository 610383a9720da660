"""The instrument list of a served recording, entry by entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.format.cells import time_cell
from kracked.format.session_info import SessionInfo
from kracked.record.read.recording import open_recording
from kracked.record.write.session import record_into
from kracked.replay_server.recorded_state import instrument_list
from tests.record.seeded_market import START

ASSETS = (
    '{{"channel":"instrument","type":"snapshot","data":{{"pairs":[],"assets":'
    '[{},{{"id":"BTC","status":"enabled","precision":10,"precision_display":5}}]}}}}'
)


@pytest.mark.parametrize("odd", ["7", "null", '{"id":7}', '{"id":"ETH","precision":"many"}', "{}"])
def test_an_entry_that_cannot_be_read_costs_no_other(tmp_path: Path, odd: str) -> None:
    path, info = tmp_path / "session", SessionInfo(start=time_cell(START))
    with record_into(path, info, clock=lambda: START) as session:
        session.ingest.take_message("public", START, ASSETS.format(odd).encode())
    listing = instrument_list(open_recording(path))
    assert [asset.id for asset in listing.decoded.assets] == ["BTC"]
