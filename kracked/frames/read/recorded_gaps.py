"""The gaps that a recorder has noted in its raw log: when each began and ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kracked.errors import RecordError
from kracked.format import frame, layout, line
from kracked.format.frame import Frame, FrameKind, mapped
from kracked.frames.read.table_files import Source, paths
from kracked.protocol.events import Gap


def gaps_of(source: Source, symbol: str, channel: str) -> list[tuple[int, int]] | None:
    """Return when the gaps of a symbol's channel began and ended, ns since the Unix epoch.

    After the end of a recording is a gap too, if another follows. Returns None for tables
    apart from their recording: they tell of none.
    """
    found: list[tuple[int, int]] = []
    for path in paths(source):
        logs = layout.logs(path) if path.is_dir() else []
        if not logs:
            return None
        for log in logs:
            gaps = (gap for gap in _gaps(log) if gap.channel in ("", channel))
            mine = (gap for gap in gaps if not gap.symbols or symbol in gap.symbols)
            found += [(gap.start, gap.end) for gap in mine]
        end = _last_received(logs[-1])
        found.append((end, end + 1))
    return found


def _last_received(log: Path) -> int:
    with mapped(log) as data:
        frames = frame.scan(data, verify=False)
        return max((one.last_received for one in frames if isinstance(one, Frame)), default=0)


def _gaps(log: Path) -> Iterator[Gap]:
    with mapped(log) as data:
        for found in frame.scan(data, verify=False):
            if not isinstance(found, Frame) or found.kind is not FrameKind.EVENT:
                continue
            try:
                events = [line.decode_event(line.unpack(one)) for one in frame.unpack(data, found)]
            except RecordError:
                continue  # a damaged frame, which `kracked check` tells of
            yield from (event for event in events if isinstance(event, Gap))
