"""What is checked where there are no recordings: videos, and the same files that are labelled."""

from pathlib import Path

import pytest

from playtape.check.opening import found
from playtape.errors import BadInput
from playtape.label import inputs
from playtape.recordings.video import VIDEOS


def test_a_video_is_one_for_check_and_for_label(tmp_path: Path) -> None:
    videos = sorted(tmp_path / f"film{ending}" for ending in VIDEOS)
    for path in (*videos, tmp_path / "notes.txt", tmp_path / ".hidden.mp4"):
        path.touch()
    assert found(tmp_path, videos=True) == videos
    with pytest.raises(BadInput, match="film"):
        inputs.find([str(tmp_path)])  # all would be labelled into one place
    assert [found(path, videos=True) for path in videos] == [[path] for path in videos]
    assert [inputs.find([str(path)])[0].path for path in videos] == videos
