from __future__ import annotations

import pytest

from kracked.endpoints import BadAddress, Endpoints


def test_the_exchange_is_the_default() -> None:
    assert Endpoints.kraken().level3 == "wss://ws-l3.kraken.com/v2"


def test_a_simulator_is_known_by_its_rest_address() -> None:
    assert Endpoints.at("http://127.0.0.1:8000/") == Endpoints(
        public="ws://127.0.0.1:8000/public/v2",
        level3="ws://127.0.0.1:8000/level3/v2",
        private="ws://127.0.0.1:8000/private/v2",
        rest="http://127.0.0.1:8000",
    )


def test_an_encrypted_address_derives_encrypted_sockets() -> None:
    assert Endpoints.at("https://box.example").public == "wss://box.example/public/v2"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ws://127.0.0.1:1", "ftp://x", "http://"])
def test_what_is_no_rest_address_is_refused_with_the_right_form(url: str) -> None:
    with pytest.raises(BadAddress, match="https://HOST"):
        Endpoints.at(url)


def test_an_unencrypted_address_beyond_this_machine_is_refused() -> None:
    with pytest.raises(BadAddress, match="only wss://"):
        Endpoints(private="ws://ws-auth.kraken.com/v2")


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pa55word@127.0.0.1:8000",
        "https://pa55word@box.example",
        "user:pa55word@box.example",
        "https://box.example?token=pa55word",
        "https://box.example/#pa55word",
        "ftp://user:p@pa55word@box.example",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        Endpoints.at(url)
    assert "pa55word" not in f"{caught.value} {caught.value!r}"
