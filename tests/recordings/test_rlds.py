"""Episodes as TensorFlow Datasets keep them: what is read, and what is refused. Their own writer: test_rlds_theirs.py."""

import io
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.recordings import Recording, Span
from playtape.recordings.convert import convert
from playtape.recordings.formats import _tfrecord as tfrecord
from playtape.recordings.formats import rlds
from playtape.recordings.proto import example_pb2

SECOND = 10**9
NAME = "ball-train.tfrecord-00000-of-00001"


def tensor(dtype: str, *shape: int) -> dict:
    return {"tensor": {"dtype": dtype, "encoding": "none", "shape": {"dimensions": [str(n) for n in shape]}}}


def nested(**inside: dict) -> dict:
    return {"featuresDict": {"features": inside}}


def png(grey: int, side: int = 16) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


IMAGE = {"image": {"dtype": "uint8", "encodingFormat": "png", "shape": {"dimensions": ["16", "16", "3"]}}}


def episode(**lists: list) -> bytes:
    one = example_pb2.Example()
    for name, values in lists.items():
        held = one.features.feature["steps/" + name.replace("__", "/")]
        first = values[0]
        part = (
            held.bytes_list
            if isinstance(first, bytes)
            else held.float_list
            if isinstance(first, float)
            else held.int64_list
        )
        part.value.extend(values)
    return one.SerializeToString()


def data_set(folder: Path, step: dict, *episodes: bytes, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features.json").write_text(json.dumps(nested(steps={"sequence": {"feature": step}})))
    return tfrecord.write(folder / name, episodes)


STEP = nested(observation=nested(image=IMAGE), action=tensor("float32", 1))
PICTURES = [png(40 * t) for t in range(4)]
ACTION = [0.1, 0.2, 0.3, 0.4]


def test_pictures_and_actions_belong_together(tmp_path):
    shard = data_set(tmp_path, STEP, episode(observation__image=PICTURES, action=ACTION))
    found = rlds.read(shard)
    assert [round(float(frame.mean()) / 40) for frame in found.video.stream()] == [0, 1, 2, 3]
    assert np.diff(found.time_ns).tolist() == [SECOND // 10] * 3
    rows = ActionSpace((), (Axis("arm.0", "state"),)).actions(
        found.events, np.append(found.time_ns, found.video.end_ns)
    )
    assert rows.axes[:4, 0].tolist() == pytest.approx(ACTION)
    assert (found.info.game, found.info.split, found.info.licence) == ("ball", "train", "not told")


def test_what_it_earned_and_how_it_ended(tmp_path):
    step = nested(
        observation=nested(image=IMAGE),
        reward=tensor("float32"),
        discount=tensor("float32"),
        is_terminal=tensor("bool"),
    )
    shard = data_set(
        tmp_path,
        step,
        episode(
            observation__image=PICTURES,
            reward=[0.0, 0.0, 0.0, 1.5],
            discount=[1.0, 0.0, 1.0, 1.0],
            is_terminal=[0, 0, 0, 1],
        ),
    )
    found = rlds.read(shard)
    t = [*found.time_ns.tolist(), found.video.end_ns]
    assert found.spans == (
        Span(t[1], t[2], "end", ""),
        Span(t[2], t[3], "end", ""),
        Span(t[3], t[4], "reward", "1.5"),
    )
    assert found.warnings == ("no action is told",)


@pytest.mark.parametrize("of_numbers", [False, True])
def test_instructions_change_on_the_way(tmp_path, of_numbers):
    said = [b"push", b"push", "s\u00fc\u00df".encode(), b""]
    codes = [code for text in said for code in text.ljust(8, b"\0")]
    step = nested(
        observation=nested(image=IMAGE, instruction=tensor("int32", 8))
        if of_numbers
        else nested(image=IMAGE, natural_language_instruction={"text": {}})
    )
    lists = {"observation__instruction": codes} if of_numbers else {"observation__natural_language_instruction": said}
    found = rlds.read(data_set(tmp_path, step, episode(observation__image=PICTURES, **lists)))
    t = found.time_ns.tolist()
    assert found.spans == (Span(t[0], t[2], "text", "push"), Span(t[2], t[3], "text", "s\u00fc\u00df"))


def test_parts_of_an_action_in_the_order_of_their_names(tmp_path):
    step = nested(
        observation=nested(image=IMAGE, state=tensor("float32", 2)),
        action=nested(turn=tensor("float32", 2), open=tensor("bool"), note={"text": {}}),
    )
    shard = data_set(
        tmp_path,
        step,
        episode(
            observation__image=PICTURES,
            action__turn=[float(n) for n in range(1, 9)],
            action__open=[1, 0, 1, 0],
            action__note=[b"x"] * 4,
        ),
    )
    found = rlds.read(shard)
    assert found.info.extra["actions"] == "action/open action/turn"
    assert found.info.extra["left_out"] == "action/note observation/state"
    assert found.events.of("arm.0").value.tolist() == [1, 0, 1, 0]
    assert found.events.of("arm.2").value.tolist() == [2, 4, 6, 8]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (tensor("float16", 1), "float16[1], none"),
        (tensor("float32", 3) | {"tensor": {**tensor("float32", 3)["tensor"], "encoding": "zlib"}}, "float32[3], zlib"),
        (tensor("float32", -1), "float32[None], none"),
        ({"sequence": {}}, "sequence"),
    ],
)
def test_half_an_action_is_none(tmp_path, part, said):
    step = nested(observation=nested(image=IMAGE), action=nested(gripper=part, turn=tensor("float32", 1)))
    shard = data_set(tmp_path, step, episode(observation__image=PICTURES, action__turn=ACTION))
    with pytest.raises(BadInput, match=re.escape(f"action/gripper in episode 0 of {shard} is {said}; legal are whole")):
        rlds.read(shard)


def test_what_cannot_be_read_is_named_as_left_out(tmp_path):
    depth = {"image": {"dtype": "uint16", "encodingFormat": "png", "shape": {"dimensions": ["16", "16", "1"]}}}
    step = nested(
        observation=nested(image=IMAGE, depth=depth, sound=tensor("bfloat16", 4)), action=tensor("float32", 1)
    )
    found = rlds.read(data_set(tmp_path, step, episode(observation__image=PICTURES, action=ACTION)))
    assert found.info.extra["left_out"] == "observation/depth observation/sound"


def test_pictures_of_sixteen_bits_are_refused(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16), 30_000, np.uint16)).save(file, "PNG")
    shard = data_set(tmp_path, STEP, episode(observation__image=[file.getvalue()] * 4, action=ACTION))
    with pytest.raises(BadInput, match="a picture of more than 8 bits a colour .* legal are 8"):
        rlds.read(shard)


def test_a_shard_is_looked_through_once_for_all_its_episodes(tmp_path, monkeypatch):
    one = episode(observation__image=PICTURES, action=ACTION)
    shard = data_set(tmp_path, STEP, *[one] * 3)
    opened, summed = [], tfrecord._checksum
    monkeypatch.setattr(tfrecord, "_checksum", lambda data: opened.append(len(data)) or summed(data))
    for path in rlds.find(tmp_path):
        rlds.read(path)
    assert opened.count(8) == 3  # the checksum of each length, once
    tfrecord.write(shard, [one])
    assert len(rlds.find(tmp_path)) == 1  # and again when it has changed


def test_the_published_camera_and_rate_of_a_known_data_set(tmp_path):
    step = nested(observation=nested(hand=IMAGE, image=IMAGE, rgb_static=IMAGE))
    lists = {
        f"observation__{name}": [png(grey)] * 4 for name, grey in (("hand", 10), ("image", 100), ("rgb_static", 200))
    }
    known = rlds.read(data_set(tmp_path / "a", step, episode(**lists), name=NAME.replace("ball", "taco_play")))
    other = rlds.read(data_set(tmp_path / "b", step, episode(**lists), name=NAME.replace("train", "val")))
    assert (known.info.extra["picture"], known.info.extra["hz"]) == ("observation/rgb_static", "15")
    assert np.diff(known.time_ns)[0] == pytest.approx(SECOND / 15, abs=1e5)
    assert abs(float(known.video[0].mean()) - 200) < 4
    assert (other.info.extra["picture"], other.info.split) == ("observation/image", "validation")
    assert abs(float(other.video[0].mean()) - 100) < 4


def test_the_licence_where_it_is_told(tmp_path):
    shard = data_set(tmp_path, STEP, episode(observation__image=PICTURES, action=ACTION))
    for told, licence in (
        ({"redistributionInfo": {"license": "CC BY-NC 4.0"}}, "CC BY-NC 4.0"),
        ({"redistributionInfo": 7}, "not told"),
        ([], "not told"),
    ):
        (tmp_path / "dataset_info.json").write_text(json.dumps(told))
        assert rlds.read(shard).info.licence == licence


def test_shards_of_which_some_are_missing(tmp_path):
    episodes = [episode(observation__image=PICTURES[k:] + PICTURES[:k], action=ACTION) for k in range(3)]
    data_set(tmp_path / "0.1.0", STEP, *episodes[:2], name="ball-train.tfrecord-00002-of-00009")
    data_set(tmp_path / "0.1.0", STEP, episodes[2], name="ball-test.tfrecord-00000-of-00001")
    paths = rlds.find(tmp_path)
    assert [f"{path.parent.name[5:22]}/{path.name}" for path in paths] == [
        "test.tfrecord-000/episode_000000",
        "train.tfrecord-00/episode_000000",
        "train.tfrecord-00/episode_000001",
    ]
    assert abs(float(rlds.read(paths[2]).video[0].mean()) - 40) < 4
    made = convert(tmp_path, tmp_path / "out", "rlds", progress=False)
    assert len(made["outputs"]) == 3


def refused(path: Path, *words: str) -> None:
    with pytest.raises(BadInput) as refusal:
        found: Recording = rlds.read(path)
        _ = found.events
    said = str(refusal.value)
    assert all(word in said for word in words), said
    assert "\n" not in said


def test_damaged_files(tmp_path):
    shard = data_set(tmp_path, STEP, *[episode(observation__image=PICTURES, action=ACTION)] * 2)
    whole = shard.read_bytes()
    for cut in (0, 5, 11, 13, len(whole) // 2 + 3, len(whole) - 2):
        shard.write_bytes(whole[:cut])
        found = rlds.find(tmp_path)
        assert shard in found, cut
        refused(shard, "ends" if cut else "has 0 episodes")
        assert [path for path in found if path != shard] == [shard / "episode_000000"] * (cut > len(whole) // 2)
    for at, words in ((3, ["wrong checksum"]), (40, ["is damaged"]), (9, ["wrong checksum"])):
        hurt = bytearray(whole)
        hurt[at] ^= 255
        shard.write_bytes(hurt)
        refused(shard / "episode_000000", *words)
    length = struct.pack("<Q", 2**63)
    shard.write_bytes(length + struct.pack("<I", tfrecord._checksum(length)) + b"x" * 50)
    refused(shard, "ends within record 0", str(2**63))
    tfrecord.write(shard, [b"\xff\xff\xff\xff no message"])
    refused(shard, "tf.train.Example")


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({}, "has 0 pictures"),
        ({"observation__image": PICTURES[:1]}, "has 1 pictures"),
        ({"observation__image": PICTURES}, "has no action"),
        ({"observation__image": PICTURES, "action": ACTION[:3]}, "has 3 numbers"),
        ({"observation__image": PICTURES, "action": [1, 2, 3, 4]}, "has 0 numbers"),
        ({"observation__image": PICTURES, "action": [0.1, 0.2, 0.3, float("nan")]}, "not finite"),
        ({"observation__image": [*PICTURES[:3], b"GIF89a"], "action": ACTION}, "PNG or JPEG"),
        ({"observation__image": [*PICTURES[:3], png(1, 18)], "action": ACTION}, "one size"),
    ],
)
def test_episodes_that_are_not_what_is_told_of_them(tmp_path, lists, words):
    refused(data_set(tmp_path, STEP, episode(**lists)), words)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "has no features.json"),
        ("{", "no readable JSON"),
        ("[" * 100_000, "no readable JSON"),
        ("[]", "tells of no steps"),
        (json.dumps(nested(steps=IMAGE)), "tells of no steps"),
        (json.dumps(nested(steps={"sequence": {"feature": nested(action=tensor("float32", 2))}})), "has no pictures"),
        (json.dumps(nested(steps={"sequence": {"feature": nested(image=IMAGE, action=tensor("float32", 40))}})), "40"),
    ],
)
def test_features_that_tell_of_no_episodes(tmp_path, told, words):
    shard = data_set(tmp_path, STEP, episode(image=PICTURES, action=[0.5] * 160))
    if told is None:
        (tmp_path / "features.json").unlink()
    else:
        (tmp_path / "features.json").write_text(told)
    refused(shard, words)


def test_names_that_are_no_episodes(tmp_path):
    shard = data_set(tmp_path, STEP, *[episode(observation__image=PICTURES, action=ACTION)] * 2)
    refused(shard, "has 2 episodes", "episode_000000")
    refused(shard / "episode_000002", "has 2 records")
    refused(shard / "episode_2", "is no episode")
    refused(tmp_path / "features.json", "is no episode")
    refused(tmp_path / "nothing-train.tfrecord-00000-of-00001", "is no episode")


def test_the_rate_is_told_known_or_guessed_and_that_is_said(tmp_path):
    shard = data_set(tmp_path / "in", STEP, episode(observation__image=PICTURES, action=ACTION))
    guess = convert(tmp_path / "in", tmp_path / "guess", "rlds", progress=False)
    assert rlds.read(shard).info.extra["rate"] == "assumed"
    (said,) = next(iter(guess["warnings"].values()))
    assert "10 are assumed (--option fps=N" in said
    told = convert(tmp_path / "in", tmp_path / "told", "rlds", options={"fps": "4"}, progress=False)
    assert not told["warnings"]
    assert np.diff(rlds.read(shard, fps="4").time_ns).tolist() == [SECOND // 4] * 3
    for wrong in ("fast", "0", "nan", "1e9"):
        with pytest.raises(BadInput, match="pictures a second, from 0.01 to 1000"):
            rlds.read(shard, fps=wrong)
    with pytest.raises(BadInput, match="--option fps=5"):
        convert(tmp_path / "in", tmp_path / "x", "rlds", fps=5, progress=False)


def test_without_features_a_shard_fails_as_one(tmp_path):
    shard = data_set(tmp_path, STEP, *[episode(observation__image=PICTURES, action=ACTION)] * 3)
    (tmp_path / "features.json").unlink()
    assert rlds.find(tmp_path) == [shard]
    refused(shard, "has no features.json")
