"""`kracked verify`: its counts, its output and its exit code."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.book.checksum import checksum
from kracked.cli.main import main
from kracked.format import line as raw_log
from kracked.protocol.events import Reconnected
from kracked.verify import verify_lines

ASKS, BIDS = [(1010, 7)], [(1000, 5)]


def message(kind: str, bids: list, asks: list, stated: int) -> bytes:
    def rows(levels: list) -> str:
        return ",".join(
            f'{{"price":{p / 10:.1f},"qty":{q // 10**8}.{q % 10**8:08d}}}' for p, q in levels
        )

    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{rows(bids)}],'
        f'"asks":[{rows(asks)}],"checksum":{stated}}}]}}\n'
    ).encode()


SNAPSHOT = message("snapshot", BIDS, ASKS, checksum(ASKS, BIDS))
GRANTED = (
    b'{"method":"subscribe","success":true,"result":{"channel":"book","symbol":"BTC/USD",'
    b'"depth":25,"snapshot":true}}'
)
UPDATE = message("update", [(1000, 4)], [], checksum(ASKS, [(1000, 4)]))
WRONG = message("update", [(1000, 3)], [], 1)


def status(connection: int) -> bytes:
    return (
        b'{"channel":"status","type":"update","data":[{"system":"online","connection_id":%d}]}'
        % connection
    )


def test_a_sound_log_verifies_whole() -> None:
    report = verify_lines("log", [SNAPSHOT, UPDATE])
    [book] = report.books
    assert (book.symbol, book.channel, book.depth) == ("BTC/USD", "book", 10)
    assert (book.messages, book.updates, book.verified, book.mismatched) == (2, 1, 2, 0)
    assert report.sound


def test_nothing_counts_as_verified_after_a_mismatch_until_a_snapshot() -> None:
    [book] = verify_lines("log", [SNAPSHOT, WRONG, UPDATE, SNAPSHOT, UPDATE]).books
    assert (book.verified, book.mismatched, book.ignored) == (3, 1, 1)


def test_an_unreadable_line_is_reported_with_its_number() -> None:
    report = verify_lines("log", [SNAPSHOT, b"{torn\n"])
    assert report.unreadable == 1
    assert report.first_unreadable.startswith("line 2:")
    assert not report.sound


def test_the_proxy_s_notice_is_no_damage() -> None:
    assert verify_lines("log", [SNAPSHOT, b"CloudFlare WebSocket proxy restarting\n"]).sound


def test_a_log_without_a_snapshot_is_not_sound() -> None:
    report = verify_lines("log", [UPDATE, UPDATE])
    assert report.books[0].ignored == 2
    assert not report.sound


def test_a_broken_message_of_a_book_is_unreadable_and_no_mismatch() -> None:
    report = verify_lines("log", [SNAPSHOT, UPDATE[:-20] + b"\n"])
    [book] = report.books
    assert (book.unreadable, book.mismatched) == (1, 0)
    assert report.first_unreadable.startswith("line 2:")


def test_the_first_mismatch_is_named_by_its_line() -> None:
    report = verify_lines("log", [SNAPSHOT, UPDATE, WRONG])
    assert report.first_mismatch.startswith("line 3: BTC/USD book: stated 1,")


def test_the_depth_of_a_connection_ends_with_it() -> None:
    [book] = verify_lines("log", [status(1), GRANTED, SNAPSHOT, status(2), SNAPSHOT]).books
    assert book.depth == 10


def test_a_recorded_connection_that_greets_ends_no_other() -> None:
    lines = map(as_recorded, [status(1), GRANTED, status(2), SNAPSHOT])
    [book] = verify_lines("log", lines).books
    assert book.depth == 25


def log(folder: Path, *lines: bytes) -> str:
    file = folder / "log.jsonl"
    file.write_bytes(b"".join(lines))
    return str(file)


def test_json_is_one_object_per_symbol_and_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--json", log(tmp_path, SNAPSHOT, UPDATE)]) == 0
    [row] = json.loads(capsys.readouterr().out)
    wanted = {"symbol", "channel", "depth", "messages", "updates", "verified", "mismatched"}
    assert wanted | {"seconds"} <= row.keys()
    assert row["verified"] == 2


def test_a_mismatch_ends_with_1(tmp_path: Path) -> None:
    assert main(["verify", log(tmp_path, SNAPSHOT, WRONG)]) == 1


def test_a_file_that_is_not_there_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "/no/such/log"]) == 2
    assert "cannot read /no/such/log: No such file" in capsys.readouterr().err


def test_misuse_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", "log", "--precision", "BTC/USD"])
    assert ended.value.code == 2
    assert "is not like BTC/USD=1,8" in capsys.readouterr().err


def test_a_stated_precision_overrules_the_digits(tmp_path: Path) -> None:
    bare = (
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD",'
        b'"bids":[{"price":100,"qty":1}],"asks":[],"checksum":%d}]}\n'
        % checksum([], [(1000, 10**8)])
    )
    assert main(["verify", log(tmp_path, bare)]) == 1
    assert main(["verify", log(tmp_path, bare), "--precision", "BTC/USD=1,8"]) == 0


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    assert "example: kracked verify" in capsys.readouterr().out


def as_recorded(line: bytes) -> bytes:
    return raw_log.pack(1, 1, "public", line.strip())


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\n\n"),
        lambda text: text.rstrip(),
        lambda text: b"".join(map(as_recorded, text.splitlines())),
        gzip.compress,
        zstandard.compress,
    ],
)
def test_a_log_may_be_spelled_and_packed_in_many_ways(
    tmp_path: Path, spelled: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "log"
    file.write_bytes(spelled(SNAPSHOT + UPDATE))
    assert main(["verify", str(file)]) == 0


@pytest.mark.parametrize("spoil", [gzip.compress, zstandard.compress])
def test_a_packed_log_that_is_torn_ends_with_2(
    tmp_path: Path, spoil: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log"
    file.write_bytes(spoil(SNAPSHOT)[:20])
    assert main(["verify", str(file)]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_a_folder_ends_with_2_and_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "kracked check" in capsys.readouterr().err


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_with_0_1_or_2(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log"
    file.write_bytes(content)
    assert main(["verify", str(file)]) in (0, 1, 2)


def test_keyframes_and_events_of_a_raw_log_are_no_messages_of_the_exchange() -> None:
    keyframe = SNAPSHOT.replace(b'"type":"snapshot"', b'"type":"keyframe"')
    reconnected = raw_log.pack_event(2, "public", Reconnected(3, "public", "wss://example", 5))
    lines = [as_recorded(SNAPSHOT), as_recorded(keyframe), reconnected, as_recorded(UPDATE)]
    [book] = verify_lines("log", lines).books
    assert (book.messages, book.verified) == (2, 2)


def test_a_level_that_goes_without_having_come_does_no_harm_where_the_checksum_sees() -> None:
    unknown = message("update", [(9, 0)], [], checksum(ASKS, BIDS))
    report = verify_lines("log", [SNAPSHOT, unknown], depth=10)
    assert (report.books[0].verified, report.sound) == (2, True)


REQUEST = b'{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]},"req_id":1}\n'


def test_a_client_s_own_requests_are_told_and_no_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = b'{"method":"subscribe","success":true,"req_id":1}\n'
    assert main(["verify", log(tmp_path, REQUEST, bare, SNAPSHOT)]) == 0
    assert "2 lines are a client's requests, or bare answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'[{"channel":"heartbeat"}]\n', "a JSON array"),
        (b'{\n  "channel": "heartbeat"\n}\n', "printed over several lines"),
        (b'{"time":1,"msg":{"channel":"heartbeat"}}\n', "an envelope, with the message under msg"),
        (b'12:00:01 {"channel":"heartbeat"}\n', "text before the message (12:00:01)"),
        (b"hello\n", "no JSON"),
    ],
)
def test_what_is_no_message_is_named_with_what_was_expected(
    text: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", log(tmp_path, SNAPSHOT, text)]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert "expected one message of the exchange a line" in said


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (SNAPSHOT.decode().encode("utf-16"), "UTF-16 text"),
        (SNAPSHOT.decode().encode("utf-16-le"), "UTF-16 without its mark"),
        (b"PK\x03\x04" + b"x" * 60, "a ZIP archive"),
        (b"\x04\x22\x4d\x18" + b"x" * 60, "packed by lz4"),
    ],
)
def test_a_form_that_is_not_read_is_named(
    data: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", log(tmp_path, data)]) == 2
    assert told in capsys.readouterr().err


SMALL_BLOCKS = partial(bz2.compress, compresslevel=1)
DEEP_BIDS = [(1000 - at, 5) for at in range(12)]
DEEP = message("snapshot", DEEP_BIDS, ASKS, checksum(ASKS, DEEP_BIDS))
REMOVAL = message("update", [(989, 0), (988, 1)], [], checksum(ASKS, DEEP_BIDS))


def test_every_checksum_that_matches_counts_and_a_doubt_is_a_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--json", log(tmp_path, GRANTED, b"\n", DEEP, REMOVAL, REMOVAL)]) == 0
    said = capsys.readouterr()
    [row] = json.loads(said.out)
    assert (row["verified"], row["mismatched"], row["doubts"]) == (3, 0, 1)
    assert "1 verified messages contradict the book, first line 4: BTC/USD book" in said.err


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, SMALL_BLOCKS, lzma.compress])
def test_a_log_that_is_cut_is_read_up_to_the_cut_and_its_end_told(
    pack: Callable[[bytes], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeded = random.Random(3)
    lines = [message("update", [(1000, seeded.randrange(10**9))], [], 1) for _ in range(9_000)]
    packed = pack(b"".join([SNAPSHOT, *lines]))
    assert main(["verify", "--json", log(tmp_path, packed[: len(packed) * 3 // 4])]) == 1
    said = capsys.readouterr()
    [row] = json.loads(said.out)
    assert 1_000 < row["messages"] < 9_000
    assert row["unreadable"] == 0
    assert "the packed file ends early, after" in said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [(b"", "it is empty"), (b'{"channel":"heartbeat"}\n', "no book and no level3")],
)
def test_a_log_that_proves_nothing_ends_with_1(
    text: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", log(tmp_path, text)]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("symbol", [r"\u001b]52;c;eA==\u0007", "\u202eDSU/CTB", r"A\nforged: 0"])
def test_a_symbol_that_a_terminal_would_obey_is_printed_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], symbol: str
) -> None:
    log = tmp_path / "log\x1b[2J.jsonl"
    log.write_bytes(SNAPSHOT.replace(b"BTC/USD", symbol.encode()) + b"{odd\x1b[2J\n")
    for options in ([], ["--json"]):
        main(["verify", str(log), *options])
        said = capsys.readouterr()
        for text in (said.out, said.err):
            assert not {"\x1b", "\x07", "\u202e"} & set(text)
            assert not any(line.startswith("forged") for line in text.splitlines())
