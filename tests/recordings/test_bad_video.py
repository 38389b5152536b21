"""Files that are no good video, and writing that cannot succeed: each one clear sentence, nothing half-written."""

import errno
import os

import av
import numpy as np
import pytest

from playtape.errors import BadInput, Truncated
from playtape.recordings import Video, repair, write_video
from tests.recordings.pictures import assert_numbered, numbered


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"This is not a video at all, it only says so.\n" * 20, "is not a video"),
        ("noise.mkv", np.random.default_rng(0).bytes(5000), "is not a video"),
        ("playlist.m3u8", b"#EXTM3U\n#EXTINF:10,\nhttp://localhost/a.ts\n#EXT-X-ENDLIST\n", "is not a video"),
        ("list.txt", b"ffconcat version 1.0\nfile /etc/hostname\n", "is not a video"),
    ],
)
def test_not_a_video(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=sentence) as error:
        Video(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_folder(tmp_path):
    with pytest.raises(BadInput, match="no video file"):
        Video(tmp_path / "none.mp4")
    with pytest.raises(BadInput, match="no video file"):
        Video(tmp_path)


def test_still_picture(tmp_path):
    path = tmp_path / "picture.png"
    with av.open(str(path), "w", format="image2") as out:
        stream = out.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(1)[0], format="rgb24")))
        out.mux(stream.encode(None))
    with pytest.raises(BadInput, match="is not a video"):
        Video(path)


def test_only_sound(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44100), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 44100, 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(BadInput, match="has only audio"):
        Video(path)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_truncated(encode, tmp_path, name, part):
    """Index first, so that a cut file still opens: it must be refused with the number of frames that are left."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    whole = encode(name, noise, container={"movflags": "+faststart"} if name == "v.mp4" else {})
    data = whole.read_bytes()
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(Truncated, match=r"ends early: \d+ of .* frames are there; `playtape repair"):
        Video(cut)
    fixed = tmp_path / f"fixed-{name}"
    result = repair(cut, fixed)
    assert result["frames"] == len(Video(fixed))
    assert abs(result["frames"] / 40 - part) < 0.2
    assert not result["complete"]
    reference = list(Video(whole).stream(stop=result["frames"]))
    assert np.array_equal(Video(fixed)[:], np.stack(reference))


def test_truncated_before_its_index(encode, tmp_path):
    data = encode("v.mp4", numbered(40)).read_bytes()  # the index comes last
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(Truncated, match="ends before its index"):
        Video(cut)
    with pytest.raises(Truncated):
        repair(cut, tmp_path / "fixed.mp4")
    assert not (tmp_path / "fixed.mp4").exists()


def test_cut_before_its_first_frame(encode, tmp_path):
    data = encode("v.mp4", numbered(40), container={"movflags": "+faststart"}).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: data.index(b"mdat") + 8])
    for use in (Video, lambda path: repair(path, tmp_path / "fixed.mp4")):
        with pytest.raises(Truncated, match="ends before its first frame, so nothing of it can be kept"):
            use(cut)
    assert not (tmp_path / "fixed.mp4").exists()


def test_a_codec_that_nobody_knows(encode, tmp_path):
    path = encode("v.mp4", numbered(4))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    for use in (Video, lambda path: repair(path, tmp_path / "fixed.mp4")):
        with pytest.raises(BadInput, match="v.mp4 has a codec that cannot be decoded; give an mp4"):
            use(path)
    assert not (tmp_path / "fixed.mp4").exists()


def test_damage_in_the_middle(encode, tmp_path):
    """Bytes overwritten inside a picture: the frames before can be read, then a typed error says where it stopped."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    data = bytearray(encode("v.mp4", noise).read_bytes())
    middle = len(data) * 6 // 10
    data[middle : middle + 4000] = bytes(4000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    video, read = Video(path), 0
    with pytest.raises(Truncated, match=r"frame (\d+) of 40 cannot be decoded") as error:
        for _ in video.stream():
            read += 1
    assert f"frame {read} of 40" in str(error.value)
    assert 5 < read < 35
    result = repair(path, tmp_path / "fixed.mp4")
    assert 0 < result["frames"] <= read
    assert sum(1 for _ in Video(tmp_path / "fixed.mp4").stream()) == result["frames"]


def test_grows_while_being_read(video):
    frames = video.stream()
    next(frames)
    with video.path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(BadInput, match="changed while it was being read"):
        list(frames)
    with pytest.raises(BadInput, match="changed while it was being read"):
        video[5]


def test_shrinks_while_being_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (90, 96, 128, 3), dtype=np.uint8)
    video = Video(write_video(tmp_path / "v.mp4", noise, fps=30))
    frames = video.stream()
    next(frames)
    os.truncate(video.path, video.path.stat().st_size // 2)
    with pytest.raises(BadInput, match="changed while it was being read"):
        list(frames)


def test_removed_while_being_read(video):
    frames = video.stream()
    next(frames)
    video.path.unlink()
    with pytest.raises(BadInput, match="was removed while it was being read"):
        list(frames)


@pytest.mark.parametrize(
    ("frames", "keywords", "sentence"),
    [
        ([], {"fps": 30}, "at least one frame"),
        (numbered(2), {}, "either fps or time_ns"),
        (numbered(2), {"fps": 30, "time_ns": [0, 1]}, "either fps or time_ns"),
        (numbered(2), {"fps": 0}, "fps is 0"),
        (numbered(2), {"time_ns": [5_000_000, 5_000_000]}, "must be >= 0 and rise"),
        (numbered(2), {"time_ns": [-5_000_000, 5_000_000]}, "must be >= 0 and rise"),
        (numbered(2), {"time_ns": [0, 10**6, 10**7]}, "only 2 frames for the 3 times"),
        (numbered(2), {"time_ns": [0]}, "more frames than the 1 times"),
        (numbered(2).astype(float), {"fps": 30}, "must be uint8"),
        ([numbered(1)[0], numbered(1, 50)[0]], {"fps": 30}, r"frame 1 is \[50, 64, 3\]"),
    ],
)
def test_frames_that_cannot_be_written(tmp_path, frames, keywords, sentence):
    with pytest.raises(BadInput, match=sentence):
        write_video(tmp_path / "v.mp4", frames, **keywords)
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffix(tmp_path):
    with pytest.raises(BadInput, match=r"must end in .mp4"):
        write_video(tmp_path / "v.gifv", numbered(2), fps=30)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the game crashed")])
def test_interrupted_writing_leaves_the_old_file(tmp_path, error):
    path = write_video(tmp_path / "v.mp4", numbered(5), fps=30)
    before = path.read_bytes()

    def frames():
        yield from numbered(20)
        raise error

    with pytest.raises(type(error)):
        write_video(path, frames(), fps=30)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("playtape.recordings.atomic.sync", full)
    with pytest.raises(BadInput, match="no space left on the disk"):
        write_video(tmp_path / "v.mp4", numbered(5), fps=30)
    assert list(tmp_path.iterdir()) == []


def test_still_writes_where_nothing_is_wrong(tmp_path):
    path = write_video(tmp_path / "new" / "folder" / "v.mkv", iter(numbered(5)), fps=59.94)
    assert_numbered(Video(path).stream(), range(5))
    assert list(path.parent.iterdir()) == [path]


def test_a_picture_that_changes_its_size(tmp_path):
    parts = []
    for number, (width, height) in enumerate([(64, 48), (96, 80)]):
        parts.append(tmp_path / f"{number}.ts")
        with av.open(str(parts[-1]), "w") as container:
            stream = container.add_stream("h264", rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for i in range(30):
                frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 5 * i, np.uint8), format="rgb24")
                frame.pts = 30 * number + i
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(
        Truncated, match=r"the picture's size changes from 64x48 to 96x80 at \d\.\d+ s; legal is one size"
    ):
        Video(path)
