"""What is shown, who played it, and what is left out with a sentence."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.evaluate.human.episodes import UNKNOWN, find_episodes
from playtape.recordings import Recording, Video, open_recording, save_recording
from playtape.recordings.encode import write_video
from tests.evaluate.human.conftest import WHO, record


def found(folder: Path) -> dict[str, str]:
    """{file: player}"""
    return {one.path.name: one.player for one in find_episodes(folder, progress=False)[0]}


def test_a_sub_folder_is_who_played(episodes: Path) -> None:
    assert found(episodes) == {f"{name}_run{number}.mcap": name for name in WHO for number in (1, 2)}


def test_without_sub_folders_the_recording_tells(tmp_path: Path) -> None:
    record(tmp_path / "x.mcap", player="policy fps")
    record(tmp_path / "y.mcap")
    assert found(tmp_path) == {"x.mcap": "policy fps", "y.mcap": UNKNOWN}
    assert found(tmp_path / "x.mcap") == {"x.mcap": "policy fps"}


def test_what_an_episode_knows(tmp_path: Path) -> None:
    (one,), notes = find_episodes(record(tmp_path / "x.mcap", frames=30), progress=False)
    assert (one.game, one.map, one.seconds, notes) == ("maze", "map1", 1.5, [])
    assert one.frame_s == pytest.approx(0.05)
    assert one.video == tmp_path / "x.mp4"


def test_an_id_tells_nothing_and_stays_when_folders_are_renamed(episodes: Path, tmp_path: Path) -> None:
    before = {one.path.name: one.id for one in find_episodes(episodes, progress=False)[0]}
    shutil.copytree(episodes / WHO[0], tmp_path / "other name")
    after = {one.path.name: one.id for one in find_episodes(tmp_path, progress=False)[0]}
    assert len(set(before.values())) == 4
    assert after == {name: before[name] for name in after}
    assert all(len(name) == 20 and set(name) <= set("0123456789abcdef") for name in before.values())


def test_the_same_recording_twice_is_refused(episodes: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(episodes / WHO[0], tmp_path / name)
    with pytest.raises(BadInput, match=r"run1\.mcap and .*run1\.mcap are the same recording"):
        find_episodes(tmp_path, progress=False)


def test_a_recording_without_its_video_is_left_out_and_told(tmp_path: Path) -> None:
    record(tmp_path / "x.mcap").with_suffix(".mp4").unlink()
    with pytest.raises(BadInput, match=r"can be shown: .*x\.mcap refers to the video 'x\.mp4', but there is no file"):
        find_episodes(tmp_path, progress=False)
    record(tmp_path / "y.mcap")
    shown, notes = find_episodes(tmp_path, progress=False)
    assert [one.path.name for one in shown] == ["y.mcap"]
    assert notes[0].startswith("left out: ")
    assert "x.mcap refers to the video" in notes[0]


def test_a_video_that_browsers_do_not_play_is_left_out_and_told(tmp_path: Path) -> None:
    frames = np.zeros((20, 48, 64, 3), np.uint8)
    video = Video(write_video(tmp_path / "x.mkv", frames, fps=20))
    save_recording(Recording(video, open_recording(record(tmp_path / "y.mcap")).events), tmp_path / "x.mcap")
    shown, notes = find_episodes(tmp_path, progress=False)
    assert [one.path.name for one in shown] == ["y.mcap"]
    assert "x.mcap, whose video browsers do not play (h264 in .mkv); legal is h264 in .mp4" in notes[0]


def test_a_folder_without_recordings_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no recording \(\.mcap\) in "):
        find_episodes(tmp_path, progress=False)
    with pytest.raises(BadInput, match="there is no recording or folder"):
        find_episodes(tmp_path / "nowhere", progress=False)
