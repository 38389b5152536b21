"""LeRobot's own reader over what is written here, and its own writer's data sets here. Skipped where lerobot is not installed."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a data set that is not there is not looked for elsewhere
lerobot_dataset = pytest.importorskip("lerobot.datasets.lerobot_dataset", reason="lerobot is not installed")

from playtape.actions import ActionSpace, Axis, Events  # noqa: E402
from playtape.recordings import Recording, Span, Video, write_video  # noqa: E402
from playtape.recordings.formats import lerobot  # noqa: E402
from tests.recordings.pictures import assert_numbered, numbered  # noqa: E402

SCREEN, FRONT, WRIST = (f"observation.images.{name}" for name in ("screen", "front", "wrist"))
KEYS = ("key.a", "key.w", "mouse.left")
SPACE = ActionSpace(KEYS, (Axis("mouse.dx"), Axis("mouse.dy"), Axis("pad.left_x", "state")))


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def played(path: Path, fps: float, count: int, seed: int, *spans: Span) -> Recording:
    video = Video(write_video(path, numbered(count), fps=fps))
    rng, edges = np.random.default_rng(seed), np.append(video.time_ns, video.end_ns)
    actions = SPACE.zeros(len(edges))
    actions.buttons[:-1] = rng.random((count, 3)) < 0.4
    actions.axes[:-1, :2] = rng.integers(-9, 10, (count, 2))
    actions.axes[:-1, 2] = rng.random(count)
    return Recording(video, SPACE.events(actions, edges), spans)


def pictures(row: dict, key: str) -> np.ndarray:
    """uint8 [H, W, 3] of what their reader gives."""
    return (row[key].numpy().transpose(1, 2, 0) * 255).round().astype(np.uint8)


@pytest.mark.parametrize("fps", [20, 30000 / 1001])
def test_their_reader_reads_what_is_written(tmp_path, fps):
    second = 10**9
    made = [
        played(tmp_path / "a.mp4", fps, 45, 0, Span(0, second, "text", "go"), Span(second, 9 * second, "text", "stop")),
        played(tmp_path / "b.mp4", fps, 33, 1, Span(0, 10**8, "reward", "1.5"), Span(0, 9, "end", "")),
    ]
    one = lerobot.gather(tmp_path / "out")
    for number, recording in enumerate(made):
        one.add(recording, str(number))
    one.finish()
    theirs = lerobot_dataset.LeRobotDataset("somebody/something", root=tmp_path / "out")
    assert (len(theirs), theirs.meta.total_episodes, theirs.fps) == (78, 2, pytest.approx(fps))
    assert list(theirs.meta.episodes["dataset_from_index"]) == [0, 45]
    assert list(theirs.meta.episodes["dataset_to_index"]) == [45, 78]
    assert theirs.meta.names["action"] == [*KEYS, "mouse.dx", "mouse.dy", "pad.left_x"]
    index = 0
    for number, recording in enumerate(made):
        edges = np.append(recording.time_ns, recording.video.end_ns)
        want = SPACE.actions(recording.events, edges)
        for t, frame in enumerate(recording.video.stream()):
            row = theirs[index]
            assert np.array_equal(row["action"].numpy(), np.append(want.buttons[t], want.axes[t]).astype(np.float32))
            assert float(row["timestamp"]) == pytest.approx(t / fps, abs=1e-6)
            assert (int(row["episode_index"]), int(row["frame_index"]), int(row["index"])) == (number, t, index)
            assert row["task"] == ("" if number else "go" if recording.time_ns[t] < second else "stop")
            assert (float(row["next.reward"]), bool(row["next.done"])) == (
                (1.5, True) if number and not t else (0, False)
            )
            assert np.abs(pictures(row, SCREEN).astype(int) - frame).max() <= 3  # two converters to RGB
            index += 1
    times = {"action": [0, 1 / fps, 2 / fps]}
    three = lerobot_dataset.LeRobotDataset("somebody/something", root=tmp_path / "out", delta_timestamps=times)
    assert np.array_equal(three[3]["action"].numpy(), np.stack([theirs[k]["action"].numpy() for k in (3, 4, 5)]))


@pytest.mark.parametrize(("codec", "videos"), [("libsvtav1", True), ("h264", True), ("h264", False)])
def test_what_their_writer_writes_is_read(tmp_path, codec, videos):
    camera = {"dtype": "video" if videos else "image", "shape": (48, 64, 3), "names": ["height", "width", "channels"]}
    features = {
        FRONT: camera,
        WRIST: camera,
        "observation.state": {"dtype": "float32", "shape": (2,), "names": ["x", "y"]},
        "action": {"dtype": "float32", "shape": (3,), "names": ["x.pos", "y.pos", "z.pos"]},
        "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
        "next.done": {"dtype": "bool", "shape": (1,), "names": None},
    }
    root, rng = tmp_path / "theirs", np.random.default_rng(0)
    made = lerobot_dataset.LeRobotDataset.create(
        "me/theirs", 10, features, root=root, robot_type="so101", use_videos=videos, vcodec=codec
    )
    lengths, actions = (12, 9, 15), []
    for episode, length in enumerate(lengths):
        actions.append(rng.normal(size=(length, 3)).astype(np.float32))
        for t, picture in enumerate(numbered(40)[10 * episode :][:length]):
            last = t == length - 1
            told = {
                "next.reward": np.array([last], np.float32),
                "next.done": np.array([last]),
                "task": f"do {episode % 2}",
            }
            seen = {FRONT: picture, WRIST: 255 - picture, "observation.state": np.zeros(2, np.float32)}
            made.add_frame(seen | told | {"action": actions[-1][t]})
        made.save_episode()
    made.finalize()
    arm = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(3)))
    for episode, (path, length) in enumerate(zip(lerobot.find(root), lengths, strict=True)):
        recording = lerobot.read(path)
        assert_numbered(recording.video.stream(), range(10 * episode, 10 * episode + length))
        edges = np.append(recording.time_ns, recording.video.end_ns)
        assert np.array_equal(arm.actions(recording.events, edges).axes[:-1], actions[episode])
        last = (int(edges[-2]), int(edges[-1]))
        assert recording.spans == (
            Span(0, last[1], "text", f"do {episode % 2}"),
            Span(*last, "end", ""),
            Span(*last, "reward", "1"),
        )
        assert recording.info.extra["left_out"] == f"{WRIST}, observation.state"
    if videos:  # the very pictures that their file holds, not coded again
        whole = Video(root / f"videos/{FRONT}/chunk-000/file-000.mp4")
        assert np.array_equal(lerobot.read(lerobot.find(root)[1]).video[4], whole[16])


def test_nothing_done_and_their_reader(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(10), fps=10))
    lerobot.write(Recording(video, Events.empty()), tmp_path / "out")
    assert len(lerobot_dataset.LeRobotDataset("somebody/something", root=tmp_path / "out")) == 10
