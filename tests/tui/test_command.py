"""The command line: cheap help, one sentence for each misuse, pictures without a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kracked.errors import ConfigError
from kracked_tui import config, options
from kracked_tui.__main__ import main
from kracked_tui.export import snapshot
from kracked_tui.options import Options
from tests.patience import PATIENCE_S


def test_help_loads_argparse_and_nothing_heavy() -> None:
    code = (
        "import sys\nfrom kracked_tui.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'asyncio', 'textual', 'rich', 'pandas', 'plotext', 'aiohttp', 'websockets'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--demo" in ran.stdout
    assert ran.stderr.strip() == "[]"


def test_without_a_terminal_one_line_says_what_to_do_instead() -> None:
    command = [sys.executable, "-m", "kracked_tui", "--demo"]
    ran = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "--snapshot" in ran.stderr


def test_keys_prints_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys"]) == 0
    assert "recentre" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5.0), ("500ms", 0.5), ("2m", 120.0), ("1.5", 1.5)]
)
def test_times_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert options.parsed(["--after", text]).after_s == seconds


@pytest.mark.parametrize(
    "arguments",
    [["--size", "big"], ["--after", "soon"], ["--fps", "0"], ["--replay", "/no/such/file"],
     ["--demo", "--endpoint", "http://127.0.0.1:1"]],
)  # fmt: skip
def test_misuse_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        options.parsed(arguments)
    assert left.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_symbols_may_stand_apart_by_commas() -> None:
    assert options.parsed(["BTC/USD,ETH/USD"]).symbols == ("BTC/USD", "ETH/USD")


def test_symbols_may_be_typed_small() -> None:
    assert options.parsed(["btc/usd", "eth/usd"]).symbols == ("BTC/USD", "ETH/USD")


def test_a_flag_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "kracked"
    folder.mkdir()
    (folder / "config.toml").write_text('[monitor]\nfps = 5\ntheme = "day"\n[keys]\nzoom = "Q"\n')
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "KRACKED_FPS": "10"}
    assert config.settings(Options(), environment).fps == 10
    assert config.settings(Options(fps=30), environment).fps == 30
    assert config.settings(Options(), environment).theme == "day"
    assert config.settings(Options(), environment).keys == {"zoom": "Q"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[monitor]\nthem = 1", "did you mean theme?"), ("[keys]\nzom = 'x'", "did you mean zoom?"),
     ("[monitor]\nfps = 'many'", "fps"), ("[monitor", "config.toml")],
)  # fmt: skip
def test_a_wrong_file_is_named_with_the_nearest_right_name(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "kracked").mkdir()
    (tmp_path / "kracked" / "config.toml").write_text(text)
    with pytest.raises(ConfigError, match=sentence.replace("?", r"\?")):
        config.settings(Options(), {"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_picture_of_an_unknown_kind_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match=r"ends in \.svg, \.png, \.txt"):
        snapshot.check(Path("screen.gif"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--theme", "nope"], "no theme is called nope"),
        (["--snapshot", "/no/such/folder/x.svg"], "is no folder that can be written to"),
        (["--size", "0x0"], "is not a size"),
    ],
)
def test_misuse_is_one_line_and_ends_with_2(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    picture = [] if "--snapshot" in words else ["--snapshot", str(tmp_path / "x.txt")]
    done = subprocess.run(
        [sys.executable, "-m", "kracked_tui", "--demo", *words, *picture],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("variable", ["KRACKED_ENGINE", "KRACKED_TRANSPORT"])
def test_an_engine_or_transport_that_there_is_not_is_told_before_the_screen_opens(
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, "rust")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["--demo", "--snapshot", str(tmp_path / "now.txt")]) == 2
    assert f"{variable} is 'rust'" in capsys.readouterr().err
