"""What the page's server says to a browser, to several, and to who is none."""

import copy
import http.client
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from playtape.imagine.env import World, open_world
from playtape.play.dream.page import SEATS
from playtape.play.dream.sleeper import AHEAD
from playtape.recordings import RecordingWriter, open_recording
from tests.play.dream.conftest import Guest, asleep
from tests.untrained import save_untrained_world


def begun(guest: Guest) -> dict[str, Any]:
    """The hello; the first picture is drawn."""
    hello = guest.told()
    guest.picture()
    return hello


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_dream_is_played_paused_and_begun_again(world: World) -> None:
    with asleep(world) as (address, dreams), Guest(address) as guest:
        hello = guest.told()
        assert (hello["world"], hello["width"], hello["fps"], hello["fast"]) == ("dreamt", 16, 20.0, True)
        assert [one["codes"] for one in hello["buttons"][:2]] == [["KeyW"], ["KeyS"]]
        assert [axis["name"] for axis in hello["axes"]] == ["mouse.dx", "mouse.dy"]
        number, first = guest.picture()
        assert number == 0
        assert any(np.array_equal(first, start[-1].permute(1, 2, 0)) for start in world.starts.frames)
        guest.say("play")
        shown = [guest.picture()[1] for _ in range(8)]
        assert len({picture.tobytes() for picture in shown}) == 8
        guest.say("pause")
        late = 0
        with pytest.raises(TimeoutError):  # all that come are drawn, and then none comes
            while late < 20:
                guest.picture(patience=1)
                late += 1
        count = dreams.frames
        guest.say("restart")
        while (found := guest.picture()[0]) < count:
            pass
        assert (found, dreams.episodes) == (count, 2)


def test_nothing_is_computed_that_nobody_draws(world: World) -> None:
    with asleep(world) as (address, dreams), Guest(address) as guest:
        begun(guest)
        guest.say("play")
        until(lambda: dreams.frames == 1 + AHEAD)
        time.sleep(0.3)
        assert dreams.frames == 1 + AHEAD
        for _ in range(5):
            guest.picture()
        assert dreams.frames >= 6


def test_the_rate_is_the_worlds(world: World) -> None:
    with asleep(world) as (address, _), Guest(address) as guest:
        begun(guest)
        guest.say("play")
        guest.picture()
        start = time.monotonic()
        for _ in range(10):
            guest.picture()
        assert time.monotonic() - start > 0.4


def test_what_hands_did_is_in_the_recording(world: World, tmp_path: Path) -> None:
    """A tap between two steps counts, motion adds up, and what is still held when the browser goes is let go."""
    with asleep(world, tmp_path) as (address, dreams):
        with Guest(address) as guest:
            begun(guest)
            guest.say("hands", held=["key.w"], axes={"mouse.dx": 5})
            guest.say("hands", held=[], axes={"mouse.dx": 7.5})
            guest.say("play")  # lets go of what was before
            guest.say("hands", held=["key.s"])
            guest.say("hands", held=[], axes={"mouse.dx": 2})
            guest.say("hands", held=["key.d"], axes={"mouse.dx": 3})
            for _ in range(4):
                guest.picture()
            guest.say("restart")
            until(lambda: dreams.episodes == 2)
            for _ in range(4):
                guest.picture()
        until(lambda: len(list(tmp_path.glob("*.mcap"))) == 2)
    first, second = (open_recording(path) for path in sorted(tmp_path.glob("*.mcap")))
    assert (first.info.game, first.info.player, first.name) == ("world dreamt", "human", "world_dreamt_human_seed0")
    assert first.info.extra["imagined"] == world.hash
    found = world.space.actions(first.events, first.time_ns)
    names = world.space.buttons
    assert found.buttons[:, names.index("key.d")][:3].all()
    assert not found.buttons[:, names.index("key.w")].any()
    assert found.buttons[:2, names.index("key.s")].any()
    assert found.axes[:, 0].sum() == 5
    assert second.info.extra["seed"] == "1"
    assert not list(tmp_path.glob("*.part"))


def test_what_is_earned_is_in_the_recording(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.model), "outcome", lambda *_: (torch.tensor([0.5]), torch.tensor([0.0])))
    rich = replace(world, model=copy.copy(world.model))
    rich.model.earns = True
    with asleep(rich, tmp_path) as (address, _), Guest(address) as guest:
        begun(guest)
        guest.say("play")
        for _ in range(4):
            guest.picture()
    until(lambda: len(list(tmp_path.glob("*.mcap"))) == 1)
    recording = open_recording(next(tmp_path.glob("*.mcap")))
    rewards = [span for span in recording.spans if span.kind == "reward"]
    assert rewards
    assert {float(span.value) for span in rewards} == {0.5}


def test_recordings_that_are_there_are_not_replaced(world: World, tmp_path: Path) -> None:
    for _ in range(2):
        with asleep(world, tmp_path) as (address, _), Guest(address) as guest:
            begun(guest)
    assert sorted(path.name for path in tmp_path.glob("*.mcap")) == [
        "world_dreamt_human_seed0.mcap",
        "world_dreamt_human_seed1.mcap",
    ]


def test_everybody_has_a_dream_of_their_own(world: World) -> None:
    with asleep(world) as (address, dreams):
        guests = [Guest(address) for _ in range(SEATS)]
        for guest in guests:
            begun(guest)
        with Guest(address) as late:
            assert late.told() == {"type": "taken", "error": "4 play here already; close another page first"}
        guests[0].say("play")
        guests[1].say("play")
        for _ in range(3):
            guests[0].picture()
            guests[1].picture()
        guests[0].socket.socket.close()  # without a goodbye
        until(lambda: len(dreams.open) == SEATS - 1)
        assert guests[1].picture()[0] >= 3
        with Guest(address) as next_one:
            assert begun(next_one)["type"] == "hello"
            for guest in guests[1:]:
                guest.close()


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1", "https://{host}"])
def test_only_the_page_itself_may_talk(world: World, origin: str | None) -> None:
    from websockets.exceptions import InvalidStatus

    with asleep(world) as (address, dreams):
        host = address.removeprefix("http://").strip("/")
        with pytest.raises(InvalidStatus) as refused:
            Guest(address, origin and origin.format(host=host))
        assert refused.value.response.status_code == 403
        assert dreams.open == []


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "a message's type is None; legal are hands, seen, play"),
        ('{"type": "fly"}', "type is 'fly'"),
        (b"\x00\x01", "a binary message came"),
        ('{"type": "hands", "held": ["key.q"]}', "'key.q' is not known in this world; legal are key.w"),
        ('{"type": "hands", "held": [["key.w"]]}', "is not known in this world"),
        ('{"type": "hands", "held": "key.w"}', "hands have held, a list of names"),
        ('{"type": "hands", "axes": {"mouse.dx": "1"}}', "mouse.dx is '1'; it must be a number"),
        ('{"type": "hands", "axes": {"mouse.dx": 1e300}}', "mouse.dx is 1e+300"),
        ('{"type": "hands", "axes": {"mouse.dx": NaN}}', "is not JSON"),
        ('{"type": "seen", "frame": -1}', "frame is -1"),
        ('{"type": "way", "passes": 1000000}', "passes is 1000000"),
        ("[" * 10_000, "is not JSON"),
    ],
)
def test_nonsense_is_a_sentence_and_the_dream_goes_on(world: World, message: str | bytes, sentence: str) -> None:
    with asleep(world) as (address, _), Guest(address) as guest:
        begun(guest)
        guest.socket.send(message)
        told = guest.told()
        assert told["type"] == "refused"
        assert sentence in told["error"]
        guest.say("play")
        assert guest.picture()[0] == 1


def test_a_giant_message_ends_its_own_talk_alone(world: World) -> None:
    from websockets.exceptions import ConnectionClosed

    with asleep(world) as (address, dreams), Guest(address) as other:
        begun(other)
        with Guest(address) as guest:
            begun(guest)
            with pytest.raises(ConnectionClosed) as closed:
                guest.socket.send("x" * 10_000_000)
                guest.told()
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        until(lambda: len(dreams.open) == 1)
        other.say("play")
        assert other.picture()[0] == 1


def test_the_way_can_be_chosen(world: World, tmp_path: Path) -> None:
    exact = save_untrained_world(tmp_path / "exact", parallel=0.0)
    with asleep(world, passes=2) as (address, dreams), Guest(address) as guest:
        assert begun(guest)["passes"] == 2
        guest.say("way", passes=0)
        guest.say("play")
        guest.picture()
        assert (dreams.open[0].env.way.passes, dreams.episodes) == (0, 1)
    with asleep(open_world(exact)) as (address, _), Guest(address) as guest:
        assert begun(guest)["fast"] is False
        guest.say("way", passes=1)
        assert "exact has not learned the fast way" in guest.told()["error"]
    with asleep(world, tmp_path / "r") as (address, dreams), Guest(address) as guest:
        begun(guest)
        guest.say("way", passes=4)
        until(lambda: dreams.episodes == 2)  # a recording was made in one way
        guest.picture()
    modes = [open_recording(path).info.extra["mode"] for path in sorted((tmp_path / "r").glob("*.mcap"))]
    assert modes == ["exact", "fast 4"]


def test_a_mistake_in_the_model_ends_its_talk_alone(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    with asleep(world) as (address, dreams), Guest(address) as other, Guest(address) as guest:
        begun(other)
        begun(guest)
        dreams.open[1].env._state = "nonsense"
        guest.say("play")
        assert guest.told()["type"] == "error"
        until(lambda: len(dreams.open) == 1)
        other.say("play")
        assert other.picture()[0] == 1
    assert "AttributeError" in capfd.readouterr().err


def test_a_disk_that_is_full_ends_the_dream_and_says_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with asleep(world, tmp_path) as (address, dreams), Guest(address) as guest:
        begun(guest)
        with monkeypatch.context() as patched:
            patched.setattr(RecordingWriter, "_mux", full)
            guest.say("play")
            told = guest.told()
            assert told["type"] == "error"
            assert "no space left" in told["error"].lower()
            until(lambda: not dreams.open)
        assert {path.suffix for path in tmp_path.iterdir()} == {".part"}  # for `playtape repair`
        with Guest(address) as other:
            begun(other)
            other.say("play")
            other.picture()


@pytest.mark.parametrize("host", ["evil.example:{port}", "127.0.0.1:1"])
def test_a_strangers_name_that_leads_here_may_not_talk(world: World, host: str) -> None:
    with asleep(world) as (address, dreams):
        real = address.removeprefix("http://").strip("/")
        said = host.format(port=real.split(":")[1])
        asked = {"Host": said, "Origin": f"http://{said}", "Connection": "Upgrade", "Upgrade": "websocket"}
        connection = http.client.HTTPConnection(real, timeout=20)
        connection.request(
            "GET",
            "/dream",
            headers=asked | {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"},
        )
        assert connection.getresponse().status == 403
        connection.close()
        assert dreams.episodes == 0
