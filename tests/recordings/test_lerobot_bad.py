"""LeRobot data sets that are cut, empty or lie: one sentence each, and no other episode is lost by it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from playtape import cli
from playtape.errors import BadInput
from playtape.recordings.convert import convert
from playtape.recordings.formats import lerobot
from tests.recordings import lerobot_sets as sets

DATA, LIST, TASKS = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet", "meta/tasks.parquet"
FILM = f"videos/{sets.FRONT}/chunk-000/file-000.mp4"


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return sets.v3(tmp_path_factory.mktemp("good") / "pusher")


@pytest.fixture
def root(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "pusher"))


def cut(file: Path, share: float) -> None:
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
@pytest.mark.parametrize("name", [DATA, LIST, TASKS, FILM])
def test_files_that_are_cut(root, name, share):
    cut(root / name, share)
    with pytest.raises(BadInput, match=Path(name).name) as raised:
        lerobot.read(root / "episode_000001")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", [DATA, LIST, FILM])
def test_files_that_are_missing(root, name):
    (root / name).unlink()
    with pytest.raises(BadInput, match=r"there is no (table|video)|does not list its episodes"):
        lerobot.read(root / "episode_000001")


@pytest.mark.parametrize("name", [DATA, LIST, TASKS, FILM])
@pytest.mark.parametrize("seed", range(3))
def test_files_with_damage_are_read_or_told(root, name, seed):
    """Bytes anywhere else: never anything but a recording or one sentence."""
    data = bytearray((root / name).read_bytes())
    for place in np.random.default_rng(seed).integers(0, len(data), 40).tolist():
        data[place] ^= 0x5A
    (root / name).write_bytes(data)
    said = ""
    try:
        list(lerobot.read(root / "episode_000001").video.stream())
    except BadInput as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"codebase_version": "v4.0"}, r"version 'v4.0'; legal are v2.0, v2.1 and v3.0"),
        ({"codebase_version": None}, r"version 'None'; legal"),
        ({"fps": 0}, "says 0 frames a second"),
        ({"fps": "30"}, "says 30 frames a second"),
        ({"fps": True}, "says True frames a second"),
        ({"fps": 1e9}, "frames a second; legal is above 0, up to 1000"),
        ({"fps": 20}, r"row 1 of episode 1 .* is frame 1 at 0.1 s; .* legal is frame 1 at 0.05 s"),
        ({"features": []}, "must name its features"),
        ({"features": {"action": {"dtype": "float32"}}}, "must name its features"),
        ({"features": {"action": {"dtype": "float32", "shape": [-1]}}}, "must name its features"),
        ({"features": {"action": {"dtype": "float32", "shape": [3]}}}, "has no camera, only action"),
        ({"chunks_size": 0}, "chunks_size 0"),
        ({"data_path": "/etc/passwd"}, "its files must lie inside the data set"),
        ({"data_path": "../{chunk_index}"}, "its files must lie inside the data set"),
        ({"data_path": "data/{file_index.__class__}"}, "there is no table"),
        ({"data_path": "data/{file_index:0999999999d}"}, "there is no table"),
        ({"data_path": "data/{secret}"}, "no whole number for {secret}"),
        ({"video_path": "../{video_key}.mp4"}, "its files must lie inside the data set"),
    ],
)
def test_an_info_that_lies(root, changes, said):
    sets.tell(root, **changes)
    with pytest.raises(BadInput, match=said):
        lerobot.read(root / "episode_000001")


@pytest.mark.parametrize("said", ["", "{", "[]", "3", "[" * 100_000, "\x00\xff"])
def test_an_info_that_is_none(root, said):
    (root / "meta" / "info.json").write_text(said)
    with pytest.raises(BadInput, match=r"info.json (is not readable JSON|must be a JSON object)"):
        lerobot.read(root / "episode_000001")
    assert lerobot.find(root.parent) == [root]  # so that who converts it is told


def test_features_of_another_table(root):
    told = sets.features(None)
    told["action"]["shape"] = [4]
    sets.tell(root, features=told)
    with pytest.raises(BadInput, match=r"action in episode 1 .* has 45 values; it must have \[4\] finite numbers"):
        lerobot.read(root / "episode_000001")


def rows(**changes: object):
    return changes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (rows(frame_index=pa.array([0] * sets.TOTAL)), "is frame 0 at"),
        (rows(timestamp=pa.array([np.nan] * sets.TOTAL, pa.float32())), "timestamp .* finite"),
        (rows(timestamp=pa.array([1e30] * sets.TOTAL, pa.float32())), "row 0 of .* at 1e\\+30 s"),
        (rows(action=None), "lacks action, of which the data set tells"),
        (rows(action=pa.array(["x"] * sets.TOTAL)), "action .* is string; it must be numbers"),
        (rows(action=pa.array([[1.0, 2.0]] * sets.TOTAL)), "action .* has 30 values"),
        (rows(action=pa.array([[1.0, None, 2.0]] * sets.TOTAL)), "action .* finite"),
        (rows(action=pa.array([[1e300, 1.0, 2.0]] * sets.TOTAL)), "beyond what float32 can hold"),
        (rows(task_index=pa.array([9] * sets.TOTAL)), "is of task 9, which is not among the 3"),
        (rows(task_index=pa.array([0.5] * sets.TOTAL)), "task_index .* whole numbers"),
        (rows(episode_index=pa.array([0] * sets.TOTAL)), "has 0 rows, but the list of episodes says 15"),
        (rows(episode_index=pa.array([1] * sets.TOTAL)), "has 36 rows, but the list of episodes says 15"),
        (rows(episode_index=pa.array(["1"] * sets.TOTAL)), "BadInput|readable|rows"),
    ],
)
def test_a_table_that_lies(root, changes, said):
    sets.change(root / DATA, **changes)
    with pytest.raises(BadInput, match=said):
        lerobot.read(root / "episode_000001")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"length": pa.array([12, 14, 9])}, "has 15 rows, but the list of episodes says 14"),
        ({"length": pa.array([12, -1, 9])}, "episode 1 of -1 rows"),
        ({"length": pa.array([12, 2**60, 9])}, "both must be whole numbers"),
        ({"episode_index": pa.array([0, 1, 1])}, "tells of episode 1 twice"),
        ({"episode_index": None}, "tells of episode None"),
        ({"data/file_index": pa.array([0, 7, 0])}, "there is no table .*file-007.parquet"),
        ({"data/chunk_index": None}, r"no whole number for {chunk_index:03d}"),
        ({f"videos/{sets.FRONT}/from_timestamp": pa.array([0, 2.9, 0])}, "shows no frame at 3.6 s, where frame 7"),
        ({f"videos/{sets.FRONT}/from_timestamp": pa.array([0, np.inf, 0])}, "begin at inf s"),
        ({f"videos/{sets.FRONT}/from_timestamp": None}, "has no video of observation.images.front for episode 1"),
        ({f"videos/{sets.FRONT}/file_index": pa.array([0, 3, 0])}, "there is no video .*file-003.mp4"),
    ],
)
def test_a_list_of_episodes_that_lies(root, changes, said):
    sets.change(root / LIST, **changes)
    with pytest.raises(BadInput, match=said):
        lerobot.read(root / "episode_000001")


def test_a_film_that_is_another(root):
    sets.write_video(root / FILM, sets.numbered(sets.TOTAL), fps=4)
    with pytest.raises(BadInput, match=r"has fewer than 10 frames a second|shows no frame"):
        lerobot.read(root / "episode_000001")


def test_too_many_numbers_for_an_arm(tmp_path):
    root = sets.v3(tmp_path / "human", found=np.zeros((sets.TOTAL, 33), np.float32))
    told = sets.features(None)
    told["action"]["shape"] = [33]
    sets.tell(root, features=told)
    with pytest.raises(BadInput, match="has 33 numbers; 1 to 32 are legal"):
        lerobot.read(root / "episode_000000")


@pytest.mark.parametrize("dtype", ["video", "image"])
def test_the_older_layout_lies_too(tmp_path, dtype):
    root = sets.v21(tmp_path / "old", dtype)
    file = root / "data" / "chunk-000" / "episode_000001.parquet"
    if dtype == "image":
        sets.change(file, **{sets.FRONT: pa.array([{"bytes": b"no picture"}] * 15)})
        with pytest.raises(BadInput, match="no readable PNG or JPEG"):
            lerobot.read(root / "episode_000001")
    else:
        (root / "videos" / "chunk-000" / sets.FRONT / "episode_000001.mp4").unlink()
        with pytest.raises(BadInput, match="there is no video"):
            lerobot.read(root / "episode_000001")
    assert len(lerobot.read(root / "episode_000000").video) == 12
    for said in ("{", "[]", json.dumps({"episode_index": 0}), json.dumps({"episode_index": 0, "length": "x"})):
        (root / "meta" / "episodes.jsonl").write_text(said)
        with pytest.raises(BadInput, match=r"episodes.jsonl"):
            lerobot.read(root / "episode_000000")


def test_one_bad_episode_does_not_lose_the_others(root, tmp_path, capsys):
    sets.change(root / LIST, length=pa.array([12, 14, 9]))
    result = convert(root.parent, tmp_path / "out", "lerobot", progress=False)
    assert [Path(path).stem for path in result["outputs"]] == ["episode_000000", "episode_000002"]
    assert list(result["failed"]) == [str(root / "episode_000001")]
    assert "not converted" in capsys.readouterr().err


def test_the_command_says_one_sentence(root, tmp_path, capsys):
    (root / "meta" / "info.json").write_text("{")
    words = ["convert", str(root), "--format", "lerobot", "--out", str(tmp_path / "out"), "--json"]
    assert cli.main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "is not readable JSON" in told.err
    assert "Traceback" not in told.err
