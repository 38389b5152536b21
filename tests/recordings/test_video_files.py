"""A recording's video as another format's: copied where it can be, and pictures of another size in their order."""

from pathlib import Path

import numpy as np

from playtape.recordings import Video, write_video
from playtape.recordings.formats import _video_files
from tests.recordings.pictures import assert_numbered, numbered


def test_a_plain_video_is_copied_to_the_byte_and_another_coded(tmp_path: Path) -> None:
    plain, other = (write_video(tmp_path / name, numbered(5), fps=10) for name in ("a.mp4", "b.mkv"))
    for source in (plain, other):
        _video_files.put(Video(source), tmp_path / "out" / f"{source.stem}.mp4")
    assert (tmp_path / "out" / "a.mp4").read_bytes() == plain.read_bytes()
    assert_numbered(Video(tmp_path / "out" / "b.mp4").stream(), range(5))
    before = plain.stat()
    _video_files.put(Video(plain), plain)
    assert plain.stat() == before  # it lies there already


def test_pictures_keep_their_order_whatever_their_sizes() -> None:
    sizes = [(4, 6)] * 70 + [(8, 8)] * 3 + [(2, 2)] * 2 + [(4, 6)]
    frames = [np.full((*size, 3), number, np.uint8) for number, size in enumerate(sizes)]
    asked = []

    def resize(batch: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        asked.append(len(batch))
        return np.broadcast_to(batch[:, :1, :1], (len(batch), *size, 3))

    found = list(_video_files.sized(frames, (8, 8), resize))
    assert [frame[0, 0, 0] for frame in found] == list(range(len(sizes)))
    assert {frame.shape for frame in found} == {(8, 8, 3)}
    assert asked == [64, 6, 2, 1]
