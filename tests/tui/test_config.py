"""Every value of the configuration is checked at the start, with file, key and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.errors import ConfigError
from kracked_tui import config
from kracked_tui.__main__ import main
from kracked_tui.config import Settings
from kracked_tui.options import Options

WRONG = {
    "[monitor]\nfps = 900": "[monitor] fps: 900 is not a number of frames from 1 to 60",
    "[monitor]\nfps = 0": "[monitor] fps: 0 is not",
    "[monitor]\nfps = true": "[monitor] fps:",
    "[monitor]\ntheme = 'noon'": "[monitor] theme: no theme is called noon; choose one of night",
    "[monitor]\nmouse = 'perhaps'": "[monitor] mouse:",
    "[trading]\nmax_notional = nan": "[trading] max_notional: NaN bounds nothing",
    "[trading]\nmax_notional = inf": "[trading] max_notional: Infinity bounds nothing",
    "[trading]\nmax_notional = -4": "[trading] max_notional: -4 is not above 0",
    "[trading]\nmax_notional = 0": "[trading] max_notional: 0 is not above 0",
    "[trading]\nmax_notional = 1e15": "[trading] max_notional: ",
    "[trading]\nmax_open_notional = 'nan'": "[trading] max_open_notional: NaN bounds nothing",
    "[trading]\nmax_qty = '-1'": "[trading] max_qty: -1 is not above 0",
    "[trading]\nmax_distance_percent = 101": "[trading] max_distance_percent: 101 is not",
    "[trading]\narmed_min = 0": "[trading] armed_min: 0 is not a number of minutes from 1 to 480",
    "[trading]\narmed_min = 100000000": "[trading] armed_min:",
    "[trading]\nwhen_lost = 'pray'": "[trading] when_lost:",
    "[trading.sizes]\n'BTC/USD' = ['x']": "[trading] sizes.'BTC/USD': 'x' is no quantity",
    "[trading.sizes]\n'BTC/USD' = ['nan']": "[trading] sizes.'BTC/USD': NaN bounds nothing",
    "[trading.sizes]\n'BTC/USD' = ['0']": "[trading] sizes.'BTC/USD': 0 is not above 0",
    "[trading.sizes]\n'BTC/USD' = []": "[trading] sizes.'BTC/USD': there are 0 sizes",
    "[trading.sizes]\n'BTC/USD' = [1]": "[trading] sizes",
    "[trading.sizes]\n'btcusd' = ['1']": "[trading] sizes.'btcusd': this is no symbol",
    "[keys]\nzoom = 'c'": "has two meanings, recentre and zoom",
    "[keys]\nzoom = ''": "[keys] zoom: '' is no key",
    "[keys]\nzoom = 'x y'": "[keys] zoom: 'x y' is no key",
    "[keys]\nzoom = ['x']": "[keys] zoom:",
    "[keys]\nsend = 'b'\nto-buy = 'B'": "[keys] send: b is the key of buy",
    "[tradin]\narmed_min = 5": "the file has no tradin; did you mean trading?",
    "[moniter]\nfps = 5": "the file has no moniter; did you mean monitor?",
    "[trading]\narmed_mins = 5": "[trading] has no armed_mins; did you mean armed_min?",
    "fps = 5": "fps belongs below [monitor]",
    "trading = 5": "trading is no table",
    "a = " + "[" * 5000 + "]" * 5000: "config.toml: ",
    "\udcff": "config.toml: ",
}


def written(folder: Path, text: str) -> dict[str, str]:
    """Write a configuration. Returns the environment that finds it."""
    (folder / "kracked").mkdir()
    (folder / "kracked" / "config.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    return {"XDG_CONFIG_HOME": str(folder)}


@pytest.mark.parametrize("text", WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_a_value_that_cannot_work_is_refused_with_its_key_and_reason(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config.settings(Options(), written(tmp_path, text))
    assert WRONG[text] in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "kracked" / "config.toml"))


@pytest.mark.parametrize("arguments", [["keys"], ["--demo", "--snapshot", "x.txt"]])
def test_the_monitor_and_the_list_of_keys_refuse_the_same(
    tmp_path: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in written(tmp_path, "[trading]\nmax_notional = nan").items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    assert "[trading] max_notional: NaN bounds nothing" in capsys.readouterr().err


def test_a_value_of_the_environment_is_named_by_its_variable(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "KRACKED_FPS": "900"}
    with pytest.raises(ConfigError, match="KRACKED_FPS: "):
        config.settings(Options(), environment)


def test_the_defaults_and_what_the_readme_shows_pass(tmp_path: Path) -> None:
    text = """
[monitor]
fps = 30
theme = "textual-dark"

[keys]
zoom = "x"
cancel = "z"

[trading]
armed_min = 30
max_notional = 2500.5

[trading.sizes]
"BTC/USD" = ["0.01", "0.05"]
"""
    assert config.settings(Options(), {"XDG_CONFIG_HOME": str(tmp_path / "none")}) == Settings()
    assert config.settings(Options(), written(tmp_path, text)).trading.armed_min == 30
