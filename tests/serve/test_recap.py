"""The recorder's protocol, byte for byte, over real sockets."""

import socket
import stat
import struct
import time
from pathlib import Path

import pytest

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.recordings.proto.video_inference_pb2 import Action
from playtape.serve import wire
from playtape.serve.guests import ANSWERS, Answer, Guest
from tests.serve.served import dial, message, received, wait


def frame(number: int, level: int) -> bytes:
    """Frame {width 2, height 1, data, id}, written by hand from the schema, with its length."""
    body = b"\x08\x02\x10\x01\x1a\x06" + bytes([level]) * 6 + b"\x20" + bytes([number])
    return struct.pack("<I", len(body)) + body


def ids(line: socket.socket, count: int) -> list[int]:
    return [Action.FromString(message(line)).id for _ in range(count)]


@pytest.mark.parametrize("where", ["tcp", "unix"])
def test_a_frame_is_answered_with_its_id(serve, tmp_path: Path, where) -> None:
    path = {"socket": tmp_path / "uds.recap"} if where == "unix" else {}
    with serve(protocol="recap", **path) as served, dial(served.address) as line:
        line.sendall(frame(7, 255))
        # keys "w", id 7, mouse_action {mouse_delta_px {x 1}, scroll_delta_px {y 1}}
        assert message(line) == b"\x0a\x01w" + b"\x10\x07" + b"\x1a\x08" + b"\x0a\x02\x08\x01" + b"\x1a\x02\x10\x01"
        line.sendall(frame(8, 0)[:9])
        line.sendall(frame(8, 0)[9:])
        assert message(line) == b"\x10\x08" + b"\x1a\x08" + b"\x0a\x02\x08\x02" + b"\x1a\x02\x10\x01"
    assert where == "tcp" or not (tmp_path / "uds.recap").exists()


def test_names_and_numbers_are_the_recorders() -> None:
    held = ("key.left_shift", "key.up", "key.shift", "mouse.left", "mouse.right", "mouse.middle")
    axes = {"mouse.dx": -3.4, "mouse.dy": 1e12, "mouse.wheel": 0.2}
    action = Action.FromString(wire.write_action(Answer(-5, held, axes, 0.0, 0)))
    assert (list(action.keys), action.id) == (["LeftShift", "UpArrow", "LeftShift"], -5)
    assert list(action.mouse_action.buttons_down) == ["0", "1", "2"]
    assert not action.mouse_action.HasField("scroll_delta_px")  # no scrolling
    assert (action.mouse_action.mouse_delta_px.x, action.mouse_action.mouse_delta_px.y) == (-3, 2**31 - 1)


def test_of_many_waiting_frames_only_the_newest_is_answered(serve) -> None:
    with serve(protocol="recap") as served, dial(served.address) as line:
        served.player.gate.clear()
        line.sendall(frame(1, 0))
        wait(served.player.asked)
        line.sendall(b"".join(frame(number, 0) for number in range(2, 9)))
        wait(served.shown, 8)
        served.player.gate.set()
        assert ids(line, 2) == [1, 8]
        assert served.server.table.summary() == "served 1 clients: 2 frames answered, 6 dropped for newer ones"


FALSE = {
    "4 GB": (struct.pack("<I", 0xFFFFFFFF), "4294967295 bytes is announced; up to 67108864"),
    "http": (b"GET / HTTP/1.1\r\n\r\n", "is announced; up to"),
    "size": (struct.pack("<I", 6) + b"\x08\x02\x10\x01\x1a\x00", "2 x 1 has 6 bytes of RGB, and 0 were sent"),
    "no frame": (struct.pack("<I", 0), "width is 0"),
    "huge": (struct.pack("<I", 9) + b"\x08\xff\xff\xff\xff\x07\x10\x01\x1a", "is not protobuf"),
    "negative": (struct.pack("<I", 11) + b"\x08" + b"\xff" * 9 + b"\x01", "width is -1"),
    "a number as data": (struct.pack("<I", 6) + b"\x08\x02\x10\x01\x18\x01", "data are bytes, not int"),
    "text as a number": (struct.pack("<I", 3) + b"\x0a\x01w", "width is b'w'"),
    "not protobuf": (struct.pack("<I", 12) + b"\xffnot a frame", "is not protobuf"),
    "no more": (frame(1, 0)[:9], "did not come within 0.2 s"),
    "no more of the length": (b"\x05", "did not come within 0.2 s"),
}


@pytest.mark.parametrize("what", FALSE)
def test_what_is_no_frame_closes_the_connection_and_nothing_else(serve, capfd, what) -> None:
    said, why = FALSE[what]
    options = {"protocol": "recap", "patience_s": 0.2, "clients": 2}
    with serve(**options) as served, dial(served.address) as line, dial(served.address) as other:
        line.sendall(said)
        assert received(line, 1) == b""
        other.sendall(frame(3, 0))
        assert ids(other, 1) == [3]
    (told,) = [line for line in capfd.readouterr().err.splitlines() if "closed" in line]
    assert told.startswith("playtape serve: closed a client's connection: ")
    assert why in told


def test_who_vanishes_in_the_middle_of_a_message_frees_the_seat(serve, capfd) -> None:
    with serve(protocol="recap", clients=1) as served:
        line = dial(served.address)
        line.sendall(frame(1, 0)[:9])
        line.close()
        wait(served.left)
        with dial(served.address) as line:
            line.sendall(frame(2, 0))
            assert ids(line, 1) == [2]
            with dial(served.address) as third:
                assert received(third, 1) == b""
    said = capfd.readouterr().err
    assert "it ended in the middle of a message" in said
    assert "all 1 seats are taken" in said


def test_who_leaves_while_its_frame_is_looked_at_leaves_nothing_behind(serve) -> None:
    with serve(protocol="recap", clients=1) as served:
        served.player.gate.clear()
        with dial(served.address) as line:
            line.sendall(frame(1, 0))
            wait(served.player.asked)
        wait(served.left)
        with dial(served.address) as line:
            line.sendall(frame(9, 0))
            wait(served.shown, 2)
            served.player.gate.set()
            answer = Action.FromString(message(line))
            assert answer.id == 9
            assert answer.mouse_action.mouse_delta_px.x == 1  # its first step, in the seat of the other


def test_of_answers_that_nobody_reads_the_newest_are_kept() -> None:
    guest = Guest(0, 1.0)
    for number in range(ANSWERS + 5):
        guest.hear(str(number))
    assert [guest.answers.get_nowait() for _ in range(ANSWERS)] == [str(number) for number in range(5, ANSWERS + 5)]


def test_a_socket_that_nobody_listens_at_is_replaced(serve, tmp_path: Path) -> None:
    path = tmp_path / "uds.recap"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    assert path.exists()
    with serve(protocol="recap", socket=path) as served:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(BadInput, match=f"somebody listens at {path} already"), serve(protocol="recap", socket=path):
            pass
        with dial(served.address) as line:  # the refused one took nothing away
            line.sendall(frame(1, 255))
            assert ids(line, 1) == [1]
    assert not path.exists()


def test_a_file_in_the_way_is_left_alone(serve, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(BadInput, match="exists and is no socket"), serve(protocol="recap", socket=path):
        pass
    assert path.read_text() == "mine"
    with pytest.raises(BadInput, match="cannot listen at"), serve(protocol="recap", socket=tmp_path / ("x" * 200)):
        pass


def test_a_message_of_millions_of_fields_is_not_read_to_its_end() -> None:
    began = time.monotonic()
    with pytest.raises(BadInput):
        wire.read_frame(b"\x08\x01" * (31 << 20))  # which would take a quarter of a minute
    assert time.monotonic() - began < 2


def test_what_recap_cannot_carry_is_told() -> None:
    wire.check(ActionSpace(("key.w", "key.control", "mouse.x1"), (Axis("mouse.dx"),)))
    with pytest.raises(BadInput, match="acts with pad.south, pad.left_x, which recap cannot carry"):
        wire.check(ActionSpace(("pad.south",), (Axis("pad.left_x", "state"),)))
