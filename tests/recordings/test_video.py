"""Videos as sequences: exact times, exact random access, every kind of file."""

import copy
import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.errors import BadInput
from playtape.recordings import Video, write_video
from playtape.recordings.timeline import _nanoseconds
from tests.recordings.pictures import assert_numbered, levels, numbered


def test_frames_come_in_order_with_exact_times(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(70), fps=35))
    assert len(video) == 70
    assert (video.width, video.height, video.codec) == (64, 48, "h264")
    assert video.time_ns.dtype == np.int64
    assert video.time_ns.tolist() == [-(-k * 10**9 // 35) for k in range(70)]
    assert video.end_ns == 2_000_000_000
    assert video.fps == pytest.approx(35, rel=1e-9)
    assert not video.vfr
    frames = list(video.stream())
    assert frames[0].shape == (48, 64, 3)
    assert frames[0].dtype == np.uint8
    assert_numbered(frames, range(70))


@given(st.lists(st.integers(0, 2**50), min_size=1, max_size=5), st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_nanoseconds_are_the_first_whole_one_at_which_a_frame_shows(ticks, numerator, denominator):
    base = Fraction(numerator, denominator)
    if ticks and max(ticks) * base > 2**32:
        return
    for tick, time in zip(ticks, _nanoseconds(np.array(ticks), base, Fraction(0)).tolist(), strict=True):
        assert time - 1 < tick * base * 10**9 <= time


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.avi"])
def test_random_access_gives_the_frames_of_forward_decoding(encode, name, bframes):
    video = Video(encode(name, numbered(50), bframes=bframes))
    forward = list(video.stream())
    assert_numbered(forward, range(50))
    order = np.random.default_rng(0).permutation(50)
    for i in order.tolist():
        assert np.array_equal(video[i], forward[i]), i
    assert np.array_equal(video[-1], forward[-1])


def test_slices(video):
    assert_numbered(video[3:9], range(3, 9))
    assert_numbered(video[50:3:-7], range(50, 3, -7))
    assert video[5:5].shape == (0, 48, 64, 3)
    assert_numbered(iter(video), range(60))
    with pytest.raises(IndexError, match="it has frames 0 to 59"):
        video[60]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_stream_of_chosen_frames(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "chosen.mp4"
    if not path.exists():
        write_video(path, numbered(150), fps=30, gop=10)
    chosen = sorted(data.draw(st.sets(st.integers(0, 149), max_size=12)))
    assert_numbered(Video(path).stream(indices=chosen), chosen)


def test_stream_between(video):
    assert_numbered(video.stream(10, 14), range(10, 14))
    assert_numbered(video.stream(55), range(55, 60))
    with pytest.raises(BadInput, match="must rise within 0 to 59"):
        list(video.stream(indices=[4, 3]))
    with pytest.raises(BadInput, match="must rise within 0 to 59"):
        list(video.stream(indices=[59, 60]))


def test_long_gaps_are_skipped_not_decoded(tmp_path, monkeypatch):
    video = Video(write_video(tmp_path / "v.mp4", numbered(400), fps=30, gop=20))
    decoded = []
    original = av.container.InputContainer.decode

    class Counting:
        def __init__(self, container):
            self.container = container

        def __getattr__(self, name):
            return getattr(self.container, name)

        def decode(self, stream):
            for frame in original(self.container, stream):
                decoded.append(frame.pts)
                yield frame

    import playtape.recordings.video as module

    opened = module.demuxer

    class Demuxer:
        def __init__(self, path):
            self.inner = opened(path)

        def __enter__(self):
            container, stream = self.inner.__enter__()
            return Counting(container), stream

        def __exit__(self, *error):
            return self.inner.__exit__(*error)

    monkeypatch.setattr(module, "demuxer", Demuxer)
    assert_numbered(video.stream(indices=[0, 390]), [0, 390])
    assert len(decoded) < 60


def test_variable_frame_rate_and_dropped_frames(encode):
    stamps = [0, 20, 60, 320, 340, 420, 1000]
    video = Video(encode("v.mkv", numbered(7), pts=stamps, base=Fraction(1, 1000)))
    assert video.time_ns.tolist() == [s * 1_000_000 for s in stamps]
    assert video.vfr
    assert_numbered(video.stream(), range(7))
    assert video.index_at([0, 19_999_999, 20_000_000, 59_999_999, 999_999_999]).tolist() == [0, 0, 1, 1, 5]
    assert int(video.index_at(330_000_000)) == 3
    with pytest.raises(BadInput, match="no frame .* is on screen at -1 ns"):
        video.index_at(-1)
    with pytest.raises(BadInput, match=f"its frames span .0, {video.end_ns}"):
        video.index_at([0, video.end_ns])


def test_milliseconds_of_matroska_are_not_called_variable(encode):
    video = Video(encode("v.mkv", numbered(30), base=Fraction(1, 60)))
    assert set(np.diff(video.time_ns).tolist()) == {16_000_000, 17_000_000}
    assert not video.vfr


def test_write_video_at_given_times(tmp_path):
    times = [0, 33_000_000, 50_000_500, 4_000_000_000, 90_000_000_000]
    video = Video(write_video(tmp_path / "v.mp4", numbered(5), time_ns=times))
    assert video.time_ns.tolist() == [0, 33_000_000, 50_001_000, 4_000_000_000, 90_000_000_000]
    assert_numbered(video.stream(), range(5))


def test_a_picture_is_one_slice_however_many_cores_write_it(tmp_path):
    path = write_video(tmp_path / "v.mp4", numbered(3), fps=30)
    assert b"sliced_threads=0" in path.read_bytes()


def test_first_frame_after_the_sound(encode):
    """The container's start is time 0: a picture that comes 200 ms after the sound is at 200 ms."""
    video = Video(encode("v.mkv", numbered(10), pts=range(6, 16), audio=True))
    assert video.time_ns[0] == 200_000_000
    assert_numbered([video[0], video[9]], [0, 9])


def test_start_of_a_transport_stream_is_zero(encode):
    video = Video(encode("v.ts", numbered(20), bframes=2))
    assert video.time_ns[0] == 0
    assert video.origin_ns > 0
    assert np.abs(video.time_ns - np.arange(20) * 1e9 / 30).max() < 12_000


def test_edit_list_hides_frames(encode, tmp_path):
    source = encode("v.mp4", numbered(60), bframes=2)
    path = tmp_path / "cut.mp4"
    ffmpeg = subprocess.run(["ffmpeg", "-v", "error", "-ss", "1", "-i", source, "-c", "copy", path], check=False)
    if ffmpeg.returncode:
        pytest.skip("no ffmpeg program to cut with")
    video = Video(path)
    assert video.time_ns[0] == 0
    forward = list(video.stream())
    assert len(forward) == len(video) == 30
    assert_numbered(forward, range(30, 60))
    assert np.array_equal(video[17], forward[17])


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation(encode, rotation):
    frames = np.zeros((4, 48, 64, 3), np.uint8)
    frames[:, :16, :16] = 255  # a mark in the top left corner
    video = Video(encode("v.mp4", frames, rotation=rotation))
    assert (video.width, video.height) == ((48, 64) if rotation % 180 else (64, 48))
    turned = np.rot90(frames[0], rotation // 90)
    assert np.abs(video[0].astype(int) - turned).mean() < 8


def test_odd_sizes_are_padded_and_cropped_again(tmp_path):
    frames = numbered(5, height=49, width=65)
    frames[:, :, 60:] = 255 - frames[:, :, 60:]
    path = write_video(tmp_path / "v.mp4", frames, fps=30)
    assert Video(path)[0].shape == (50, 66, 3)
    video = Video(path, crop=(65, 49))
    assert (video.width, video.height) == (65, 49)
    assert np.abs(video[2].astype(int) - frames[2]).mean() < 6


def test_ten_bits(encode):
    video = Video(encode("v.mkv", numbered(12), codec="libx264", pix_fmt="yuv420p10le"))
    assert video[3].dtype == np.uint8
    assert_numbered(video.stream(), range(12))


@pytest.mark.parametrize("audio", [False, True])
def test_with_and_without_sound(encode, audio):
    video = Video(encode("v.mp4", numbered(12), audio=audio))
    assert_numbered(video.stream(), range(12))


def test_packets_without_times_are_counted(encode, tmp_path):
    source = encode("v.mp4", numbered(25), bframes=2)
    path = tmp_path / "v.h264"
    with av.open(str(source)) as box, av.open(str(path), "w", format="h264") as out:
        copy = out.add_stream_from_template(box.streams.video[0])
        for packet in box.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    video = Video(path)
    assert len(video) == 25
    assert "no presentation times" in video.warnings[0]
    assert (np.diff(video.time_ns) > 0).all()
    forward = list(video.stream())
    assert_numbered(forward, range(25))
    assert np.array_equal(video[20], forward[20])
    assert np.array_equal(video[4], forward[4])


def test_recorders_that_call_every_packet_a_keyframe(encode, tmp_path):
    """OWAMcap 0.3.2 does: a seek there lands where the decoder has nothing to go by."""
    source = encode("v.mkv", numbered(60), codec="libx265", options={"x265-params": "log-level=0:bframes=0:keyint=20"})
    path = tmp_path / "lies.mkv"
    with av.open(str(source)) as box, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(box.streams.video[0])
        for packet in box.demux(video=0):
            if packet.dts is not None:
                packet.stream, packet.is_keyframe = copy, True
                out.mux(packet)
    video = Video(path)
    assert len(video.keyframes) == 60
    for i in (59, 30, 31, 7, 0):
        assert_numbered([video[i]], [i])


def test_colours_survive(tmp_path):
    frames = np.zeros((4, 48, 64, 3), np.uint8)
    frames[0, ..., 0] = frames[1, ..., 1] = frames[2, ..., 2] = 255
    video = Video(write_video(tmp_path / "v.mp4", frames, fps=30, crf=1))
    assert np.abs(video[:].astype(int) - frames).max() <= 4


def test_videos_travel_to_other_processes(video):
    first = video[3]
    twin = copy.deepcopy(video)  # by the same protocol as a trip to a worker; open decoders stay at home
    assert np.array_equal(twin[3], first)
    child = os.fork()
    if child == 0:
        same = np.array_equal(video[4], twin[4])
        del video, twin
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert_numbered([video[4]], [4])


def test_streams_side_by_side(video):
    one, two = video.stream(), video.stream(30)
    pairs = [(next(one), next(two)) for _ in range(20)]
    assert_numbered([a for a, _ in pairs], range(20))
    assert_numbered([b for _, b in pairs], range(30, 50))


def test_opening_decodes_nothing(video, monkeypatch):
    def refuse(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr("playtape.recordings.video._Decoder._from_keyframe", refuse)
    again = Video(video.path)
    assert (len(again), again.fps, again.end_ns, again.codec) == (60, 30.0, 2_000_000_000, "h264")
    assert "60 frames, 30.000 fps cfr, 2.000 s, h264" in repr(again)
    with pytest.raises(AssertionError, match="decoded"):
        again[0]


def test_memory_of_streaming_does_not_grow(tmp_path):
    """Ten minutes of frames, 30 times what the limit could hold at once, pass through a process that may not grow."""
    path = write_video(tmp_path / "v.mp4", (np.full((180, 320, 3), k % 250, np.uint8) for k in range(3000)), fps=5)
    script = (
        "import resource, sys\n"
        "from playtape.recordings import Video\n"
        "video = Video(sys.argv[1])\n"
        "frames = video.stream()\n"
        "for _ in range(300): next(frames)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(1 for _ in frames)\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, cwd=root)
    count, grown_kib = map(int, run.stdout.split())
    assert count == 2700
    assert grown_kib < 15_000  # 2,700 frames would be 455,000


def test_levels_differ():
    """The other tests would see a frame too early or too late: neighbours differ by far more than encoding moves them."""
    grey = levels(numbered(150))
    assert min(abs(a - b) for a, b in pairwise(grey)) > 20
