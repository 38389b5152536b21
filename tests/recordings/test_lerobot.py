"""LeRobot's data sets as recordings: which row is whose, which picture, which name, and what an old layout has."""

import gc
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.recordings import Span, Video
from playtape.recordings.formats import lerobot
from tests.recordings import lerobot_sets as sets
from tests.recordings.pictures import assert_numbered

ARM = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(3)))
STARTS = (0, 12, 27)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sets.v3(tmp_path / "pusher")


def done(recording, space: ActionSpace) -> np.ndarray:
    """float32 [T, n] of all rows, the last of which goes on until the video's end."""
    found = space.actions(recording.events, np.append(recording.time_ns, recording.video.end_ns))
    return np.concatenate([found.buttons, found.axes], 1)[:-1].astype(np.float32)


def test_episodes_of_one_video_and_one_table(root):
    paths = lerobot.find(root.parent)
    assert paths == [root / f"episode_00000{k}" for k in range(3)]
    for path, start, length in zip(paths, STARTS, sets.LENGTHS):
        recording = lerobot.read(path)
        assert_numbered(recording.video.stream(), range(start, start + length))
        assert recording.time_ns.tolist() == [t * 10**8 for t in range(length)]
        assert np.array_equal(done(recording, ARM), sets.actions()[start : start + length])


def test_row_t_is_the_interval_after_frame_t(root):
    """The convention: another action of row 5 changes the interval from frame 5 to frame 6, and no other."""
    was = lerobot.read(root / "episode_000001")
    found = sets.actions()
    found[STARTS[1] + 5] += 1
    other = lerobot.read(sets.v3(root.parent / "other", found=found) / "episode_000001")
    rows = [ARM.actions(one.events, one.time_ns).axes for one in (was, other)]
    assert np.flatnonzero((rows[0] != rows[1]).any(1)).tolist() == [5]


@pytest.mark.parametrize(("gop", "copied"), [(3, True), (100, False)])
def test_a_part_is_copied_where_it_begins_with_a_key_frame(root, tmp_path, gop, copied):
    """Copied pictures are the very same; those that need others before them are coded anew, and are all there."""
    one = sets.v3(tmp_path / f"gop{gop}", gop=gop)
    whole = Video(one / "videos" / sets.FRONT / "chunk-000" / "file-000.mp4")[12:27]
    part = lerobot.read(one / "episode_000001").video
    same = [np.array_equal(a, b) for a, b in zip(part.stream(), whole, strict=True)]
    assert all(same) == copied
    assert_numbered(part.stream(), range(12, 27))


def test_a_part_lives_as_long_as_its_video(root):
    recording = lerobot.read(root / "episode_000001")
    path = recording.video.path
    assert path.is_file()
    del recording
    gc.collect()
    assert not path.parent.exists()


def test_tasks_rewards_and_the_end(root):
    tenth = 10**8
    assert lerobot.read(root / "episode_000001").spans == (
        Span(0, 15 * tenth, "text", "put it down"),
        Span(14 * tenth, 15 * tenth, "end", ""),
        Span(14 * tenth, 15 * tenth, "reward", "0.5"),
    )
    texts = [span for span in lerobot.read(root / "episode_000002").spans if span.kind == "text"]
    assert texts == [Span(0, 5 * tenth, "text", "pick it up"), Span(5 * tenth, 9 * tenth, "text", "wave")]


def test_where_it_comes_from(root):
    info = lerobot.read(root / "episode_000002").info
    assert (info.game, info.licence, info.screen, info.split) == ("pusher", "cc-by-4.0", (64, 48), "")
    assert info.extra == {
        "episode": "2",
        "picture": sets.FRONT,
        "hz": "10",
        "robot": "so101",
        "left_out": f"observation.state, {sets.WRIST}",
        "session": "pusher/episode_000002",
    }
    (root / "README.md").unlink()
    assert lerobot.read(root / "episode_000002").info.licence == "not told"


@pytest.mark.parametrize(
    ("inside", "path"), [(".", "."), ("meta", ".."), (".", "meta/.."), ("..", "link"), ("..", "pusher/.")]
)
def test_a_data_set_where_one_is_has_its_folder_s_name(root, monkeypatch, inside, path):
    (root.parent / "link").symlink_to(root)
    monkeypatch.chdir(root / inside)
    recording = lerobot.read(lerobot.find(Path(path))[0])
    named = "link" if path == "link" else "pusher"
    assert recording.info.game == named
    assert recording.info.source == f"LeRobot data set {named}"
    assert recording.info.extra["session"] == f"{named}/episode_000000"


def test_a_split_is_one_of_several(root):
    sets.tell(root, splits={"train": "0:2", "val": "2:3"})
    assert [lerobot.read(path).info.split for path in lerobot.find(root)] == ["train", "train", "validation"]


def test_another_camera_by_its_folder(root):
    paths = lerobot.find(root / "videos" / sets.WRIST)
    assert paths[1] == root / "videos" / sets.WRIST / "episode_000001"
    recording = lerobot.read(paths[1])
    assert_numbered(recording.video.stream(), range(sets.TOTAL - 1 - 12, sets.TOTAL - 1 - 27, -1))
    assert recording.info.extra["picture"] == sets.WRIST
    with pytest.raises(BadInput, match=r"has no camera 'data'; its cameras are .*front, .*wrist"):
        lerobot.read(root / "data" / "episode_000001")


def test_names_of_ours_are_what_they_say(tmp_path):
    names = ["mouse.dx", "key.w", "pad.left_x"]
    found = np.zeros((sets.TOTAL, 3), np.float32)
    found[:, 0] = np.arange(sets.TOTAL) % 5 - 2
    found[:, 1] = np.arange(sets.TOTAL) % 3 == 0
    found[:, 2] = (np.arange(sets.TOTAL) % 7) / 8
    recording = lerobot.read(sets.v3(tmp_path / "game", names, found) / "episode_000000")
    space = ActionSpace(("key.w",), (Axis("mouse.dx"), Axis("pad.left_x", "state")))
    assert np.array_equal(done(recording, space), found[:12, [1, 0, 2]])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"motors": ["x", "y", "z"]}, "x, y, z"),
        ({"dz": 2, "dx": 0, "dy": 1}, "dx, dy, dz"),
        (["key.w", "x", "y"], "key.w, x, y"),
        (None, None),
        ({"motors": ["x"]}, None),
    ],
)
def test_names_of_others_are_told_and_become_an_arm(tmp_path, names, said):
    recording = lerobot.read(sets.v3(tmp_path / "arm", names) / "episode_000000")
    assert recording.info.extra.get("actions") == said
    assert set(recording.events.counts()) == {"arm.0", "arm.1", "arm.2"}


def test_an_action_of_one_number(tmp_path):
    found = sets.actions(1)
    recording = lerobot.read(sets.v3(tmp_path / "one", ["x"], found) / "episode_000002")
    assert np.array_equal(done(recording, ActionSpace((), (Axis("arm.0", "state"),))), found[27:])


def test_no_action_is_told(root):
    told = sets.features(None)
    del told["action"]
    sets.tell(root, features=told)
    recording = lerobot.read(root / "episode_000000")
    assert (len(recording.events), recording.warnings) == (0, ("no action is told",))


@pytest.mark.parametrize("dtype", ["video", "image"])
def test_the_older_layout(tmp_path, dtype):
    root = sets.v21(tmp_path / "old", dtype)
    assert len(lerobot.find(tmp_path)) == 3
    for path, start, length in zip(lerobot.find(root), STARTS, sets.LENGTHS):
        recording = lerobot.read(path)
        assert_numbered(recording.video.stream(), range(start, start + length))
        assert np.array_equal(done(recording, ARM), sets.actions()[start : start + length])
        assert recording.info.extra["actions"] == "x, y, z"
    assert recording.spans[-1] == Span(8 * 10**8, 9 * 10**8, "reward", "0.5")


def test_an_episode_by_the_data_set(root, tmp_path):
    with pytest.raises(BadInput, match=r"has 3 episodes; give one of them, as .*/episode_000000"):
        lerobot.read(root)
    with pytest.raises(BadInput, match="has no episode 3; its 3 are from 0 on"):
        lerobot.read(root / "episode_000003")
    with pytest.raises(BadInput, match="is no episode of a LeRobot data set"):
        lerobot.read(tmp_path / "episode_000003")
    assert lerobot.find(root / "meta" / "info.json") == lerobot.find(root)
    assert lerobot.find(root / "README.md") == []
