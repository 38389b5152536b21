"""What annotate refuses before any work."""

from typing import Any

import pytest

from playtape.annotate import Settings, find_key
from playtape.errors import BadInput


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:8000/v1", "https://api.example.org/v1/", "http://[::1]:80", "https://h/v1/chat/completions"],
)
def test_a_plain_address_will_do(endpoint: str):
    url = Settings("m", endpoint).url
    assert url.endswith("/chat/completions")
    assert url.count("/chat/completions") == 1
    assert "//chat" not in url


@pytest.mark.parametrize(
    "endpoint",
    ["ftp://h/v1", "file:///etc/passwd", "127.0.0.1:8000", "http://", "http:///v1", "http://h:99999/v1", "http://h:x/v1",
     "http://h/v1?key=1", "http://h/v1#x", "http://h h/v1", "http://h/v1\n", "http://h:0/v1", "http://[::1/v1", "unix:/tmp/x"],
)  # fmt: skip
def test_any_other_address_is_refused(endpoint: str):
    with pytest.raises(BadInput, match="--endpoint is .*legal is http://127.0.0.1:8000/v1 or the like"):
        Settings("m", endpoint)


def test_a_key_has_no_place_in_the_address():
    with pytest.raises(BadInput, match=r"--endpoint holds a user or a password.*--key-env") as error:
        Settings("m", "https://me:secret@h/v1")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": " "}, "--model is empty"),
        ({"model": "m\udcff"}, "--model is 'm\\\\xff', which is no UTF-8 text"),
        ({"game": "g\ud800"}, "--game is 'g\\\\ud800', which is no UTF-8 text"),
        ({"frames_per_second": 0}, "--frames-per-second is 0; it must be a number from 0.01 to 30"),
        ({"frames_per_second": float("nan")}, "--frames-per-second is nan"),
        ({"height": 20}, "--height is 20; it must be a whole number from 64 to 2160"),
        ({"chunk_s": 1}, "--chunk is 1; it must be a number from 5 to 3600"),
        ({"overlap_s": 31}, "--overlap is 31; it must be a number from 0 to 30"),
        (
            {"frames_per_second": 10},
            "60 s at 10 frames a second are 600 frames a request, and --most-frames is 128; give",
        ),
        ({"parallel": 0}, "--parallel is 0"),
        ({"timeout_s": 0}, "--timeout is 0"),
        ({"tries": 0}, "--tries is 0"),
        ({"asks": 0}, "--asks is 0"),
        ({"max_tokens": 0}, "--max-tokens is 0"),
        ({"price_in": -1}, "--price-in is -1"),
        ({"tokens_per_frame": 0}, "--tokens-per-frame is 0"),
        ({"picture": "gif"}, "--picture is 'gif'; legal are jpeg and png"),
        ({"extra": {"messages": []}}, "--extra sets 'messages', which annotate sets itself"),
        ({"extra": {"stream": True}}, "--extra sets 'stream'"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(change: dict[str, Any], sentence: str):
    with pytest.raises(BadInput, match=sentence.replace(".", r"\.")):
        Settings(**{"model": "m", **change})


HERE, THERE = "http://127.0.0.1:1/v1", "http://10.0.0.9/v1"


def test_the_key_comes_from_the_environment():
    assert find_key({}, None, HERE) is None
    assert find_key({"OPENAI_API_KEY": " sk-1 \n"}, None, HERE) == "sk-1"
    assert find_key({"OPENAI_API_KEY": "sk-1", "MINE": "sk-2"}, "MINE", HERE) == "sk-2"
    assert find_key({"OPENAI_API_KEY": "sk-1"}, None, "https://api.example.org/v1") == "sk-1"


@pytest.mark.parametrize("environment", [{}, {"MINE": ""}, {"MINE": "  "}])
def test_a_key_that_was_named_must_be_there(environment: dict[str, str]):
    with pytest.raises(BadInput, match="--key-env says MINE, but the environment has no such variable"):
        find_key(environment, "MINE", HERE)


@pytest.mark.parametrize("key", ["two words", "schlüssel", "a\nb", "a\x00b"])
def test_a_key_is_one_word(key: str):
    with pytest.raises(BadInput, match="the key in MINE must be one word of ASCII") as error:
        find_key({"MINE": key}, "MINE", HERE)
    assert key not in str(error.value)


def test_a_key_that_nobody_named_does_not_travel_unencrypted():
    with pytest.raises(
        BadInput, match="OPENAI_API_KEY would travel unencrypted to http://10.0.0.9/v1; give an https address"
    ):
        find_key({"OPENAI_API_KEY": "sk-1"}, None, THERE)
    assert find_key({"OPENAI_API_KEY": "sk-1"}, "OPENAI_API_KEY", THERE) == "sk-1"
