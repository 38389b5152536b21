"""NitroGen's chunks with their videos: which row is which frame's, what is seen of it, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from playtape import cli
from playtape.actions.nitrogen import NITROGEN
from playtape.errors import BadInput
from playtape.recordings import Info, Span, open_recording, save_recording, write_video
from playtape.recordings.convert import convert
from playtape.recordings.formats import _nitrogen_videos as seen
from playtape.recordings.formats import nitrogen
from playtape.recordings.formats._nitrogen_leak import leak
from tests.recordings.nitrogen_files import ID, OVERLAY, TWITCH, columns, files, film, held, metadata, one, unpacked


def light(frame: np.ndarray) -> int:
    """Which frame of `film` it is."""
    return round((float(frame[:20].mean()) - 40) / 2)


@pytest.mark.parametrize(("how", "rows"), [({}, [4, 5, 9]), ({"alignment": "identity"}, [5, 6, 10])])
def test_a_row_is_what_led_to_its_frame(tmp_path: Path, how: dict, rows: list[int]) -> None:
    film(tmp_path)
    recording = nitrogen.read(one(tmp_path, south=[5, 6, 10]), **how)
    assert held(recording) == rows
    assert len(recording.video) == 30
    assert recording.warnings == ()
    assert recording.spans == ()


def test_a_video_may_lag_behind(tmp_path: Path) -> None:
    film(tmp_path)
    path = one(tmp_path, south=[5, 6, 10])
    (tmp_path / "lags.json").write_text(json.dumps({ID: 3, "other": 9}))
    for offset in (3, "3", tmp_path / "lags.json"):
        recording = nitrogen.read(path, offset=offset)
        assert held(recording) == [1, 2, 6]
        assert dict(recording.provenance) == {
            "format": "NitroGen v1.0",
            "labels": "actions_raw.parquet",
            "alignment": "causal: actions[t] = row[t + 4]",
            "label_offset": "3",
            "video": f"{ID}.mp4",
        }
        time = recording.time_ns
        assert recording.spans == (Span(time[26], time[29], "masked", "no row tells it"),)
    early = nitrogen.read(path, offset=-3)
    assert held(early) == [7, 8, 12]
    assert early.spans == (Span(0, early.time_ns[2], "masked", "no row tells it"),)
    (tmp_path / "lags.json").write_text("[3")
    for offset in (tmp_path / "lags.json", "much", 500, "²", "+-5", "--3", "٣", "500", "9" * 5000, ""):
        with pytest.raises(BadInput, match="offset"):
            nitrogen.read(path, offset=offset)


def test_a_chunk_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path)
    monkeypatch.chdir(one(tmp_path, south=[5, 6, 10]))
    assert [held(nitrogen.read(path)) for path in nitrogen.find(Path())] == [[4, 5, 9]]


def test_sticks_and_triggers(tmp_path: Path) -> None:
    film(tmp_path)
    raw = columns(30, right_trigger=[3, 4])
    raw["j_left"] = [[0, 0]] * 3 + [[-1, 1]] * 26 + [[0, 3]]
    raw["j_right"] = [[0.25, -0.5]] * 30
    recording = nitrogen.read(one(tmp_path, raw=raw))
    axes = NITROGEN.actions(recording.events, recording.time_ns).axes
    assert axes[:4].tolist() == [[0, 0, 0.25, -0.5, 0, 0]] * 2 + [[-1, 1, 0.25, -0.5, 0, 1]] * 2
    assert axes[28].tolist() == [0, 1, 0.25, -0.5, 0, 0]  # cut off, and counted
    assert recording.clipped == 1
    assert recording.warnings == ("1 numbers of sticks are beyond -1 to 1 and were cut off",)


def test_processed_labels_are_preferred(tmp_path: Path) -> None:
    film(tmp_path)
    path = one(tmp_path, south=[5], processed=columns(30, south=[15]))
    assert held(nitrogen.read(path)) == held(nitrogen.read(path, labels="processed")) == [14]
    raw = nitrogen.read(path, labels="raw")
    assert held(raw) == [4]
    assert raw.provenance["labels"] == "actions_raw.parquet"
    (path / "actions_processed.parquet").unlink()
    assert held(nitrogen.read(path)) == [4]
    with pytest.raises(
        BadInput, match=r"has no actions_processed\.parquet; it holds actions_raw\.parquet, metadata\.json"
    ):
        nitrogen.read(path, labels="processed")
    with pytest.raises(BadInput, match="labels is 'all'; legal are best, processed, raw"):
        nitrogen.read(path, labels="all")


def test_a_later_chunk_is_of_later_frames(tmp_path: Path) -> None:
    film(tmp_path, "Some title [dQw4w9WgXcQ] 1080p.mkv", 100)
    recording = nitrogen.read(one(tmp_path, number=2, south=[1]))
    strayed = np.array([light(frame) for frame in recording.video.stream()]) - np.arange(60, 90)
    assert np.abs(strayed).max() <= 1  # the picture is coded anew
    assert np.median(strayed) == 0
    assert held(recording) == [0]
    assert recording.time_ns[0] == 0
    assert recording.info.extra["start_time"] == "2"


def test_frames_are_found_by_when_they_are_shown(tmp_path: Path) -> None:
    """A source that says 60 and has 33.9: two or one rows a frame, none of them lost."""
    count = 68
    film(tmp_path, frames=count, fps=33.9)
    raw = columns(60, south=[30], east=[31], west=[32])
    path = one(tmp_path, number=1, rows=60, rate=60, raw=raw)
    recording = nitrogen.read(path)
    assert len(recording.video) == 34
    first = light(recording.video[0])
    assert first == 34
    for name, row in (("south", 30), ("east", 31), ("west", 32)):
        pressed, released = (
            1 + (row - share) / 60 for share in (0.75, 0.25)
        )  # quarters of the time in which it was done
        assert held(recording, name) == sorted({int(pressed * 33.9) - first, int(released * 33.9) - first})
    assert recording.warnings == ("60 rows at 60 Hz are laid on 34 frames at 34 Hz, by their times",)
    assert [f"{recording.info.extra[key]}" for key in ("hz", "session")] == ["60", ID]


def test_a_frame_of_half_the_rate_has_both_rows(tmp_path: Path) -> None:
    film(tmp_path, frames=30, fps=30)
    raw = columns(60, south=[2], east=[3], west=[4])
    recording = nitrogen.read(one(tmp_path, rows=60, rate=60, raw=raw))
    assert [held(recording, name) for name in ("south", "east", "west")] == [[0], [1], [1]]


def test_clocks_may_round(tmp_path: Path) -> None:
    """Frames up to a third of a row away from their rows, as in a container that counts milliseconds."""
    rng = np.random.default_rng(0)
    stamps = np.rint(np.arange(60) / 60 * 1e9 + rng.uniform(-5e6, 5e6, 60)).astype(np.int64)
    pictures = np.full((60, 72, 96, 3), 90, np.uint8)
    write_video(tmp_path / "videos" / f"{ID}.mp4", pictures, time_ns=stamps - stamps[0])
    recording = nitrogen.read(one(tmp_path, rows=60, rate=60, south=[1, 7, 8, 40]))
    assert len(recording.video) == 60
    assert held(recording) == [0, 6, 7, 39]


def test_origin(tmp_path: Path) -> None:
    film(tmp_path, f"{TWITCH}.mp4")
    path = unpacked(tmp_path, files(TWITCH)) / "actions" / "SHARD_0000" / TWITCH / f"{TWITCH}_chunk_0000"
    info = nitrogen.read(path).info
    assert info == Info(
        game="celeste",
        source=f"twitch {TWITCH}",
        licence="CC BY-NC 4.0 (non-commercial)",
        screen=(96, 72),
        extra={
            "session": TWITCH,
            "chunk": f"{TWITCH}_chunk_0000",
            "url": f"https://example.test/{TWITCH}",
            "controller": "xboxone",
            "start_time": "0",
            "end_time": "1",
            "hz": "30",
            "blacked_out": "44,24,96,72",
        },
    )
    saved = open_recording(save_recording(nitrogen.read(path), tmp_path / "out" / "a.mcap", video="copy"))
    assert saved.attachments["metadata.json"].read() == (path / "metadata.json").read_bytes()


def test_the_controller_is_blacked_out_with_a_margin(tmp_path: Path) -> None:
    film(tmp_path)
    frame = nitrogen.read(one(tmp_path)).video[3]
    assert frame.shape == (72, 96, 3)
    x, y, width, height = OVERLAY
    assert frame[y - 14 : y + height + 3, x - 14 : x + width + 4].max() < 12
    assert frame[: y - 18].min() > 30
    assert frame[y : y + height, : x - 18].min() > 30


def test_what_is_blacked_out_fits_a_video_of_another_size(tmp_path: Path) -> None:
    film(tmp_path, size=(144, 192))
    recording = nitrogen.read(one(tmp_path, bbox_others=[[0, 0, 10, 10]]))
    assert recording.info.extra["blacked_out"] == "104,64,192,136 0,0,36,36"
    frame = recording.video[3]
    assert frame[80:120, 115:185].max() < 12
    assert frame[:20, :20].max() < 12
    assert frame[40:60].min() > 30


def test_only_the_games_part_is_left(tmp_path: Path) -> None:
    film(tmp_path)
    area = {"xtl": 0.25, "ytl": 0, "xbr": 1, "ybr": 0.625}
    recording = nitrogen.read(one(tmp_path, bbox_game_area=area, bbox_controller_overlay=[80, 40, 60, 60]))
    assert recording.video[0].shape == (45, 72, 3)
    assert recording.info.extra["blacked_out"] == "40,24,72,45"  # the overlay overflows
    assert recording.video[0][26:, 42:].max() < 12
    assert recording.video[0][:22].min() > 30
    saved = open_recording(save_recording(recording, tmp_path / "out" / "a.mcap", video="copy"))
    assert saved.video[0].shape == (45, 72, 3)


def test_the_overlay_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pad that shines two pixels over what was told of it, in a film of low quality; 4 pixels of margin are too few."""
    rng = np.random.default_rng(0)
    rows, (x, y, width, height) = 400, (170, 101, 120, 60)
    south = np.repeat(rng.random(rows // 4) < 0.5, 4)
    ground = rng.integers(60, 160, (30, 54, 3)).repeat(6, 0).repeat(6, 1)[:, :320].astype(np.uint8)
    place = (np.arange(rows) * 3 + rng.integers(0, 9, rows)) % 290

    def pictures():
        for t in range(rows):
            frame = ground.copy()
            frame[5:25, place[t] : place[t] + 12] = 220  # play, which has nothing to do with it
            frame[y - 2 : y + height + 2, x - 2 : x + width + 2] = 250 if south[t] else 20
            yield frame

    write_video(tmp_path / "videos" / f"{ID}.mp4", pictures(), fps=30, crf=32)
    held_in = np.flatnonzero(south).tolist()
    where = {"resolution": [180, 320], "bbox_controller_overlay": [x, y, width, height]}
    path = one(tmp_path, rows=rows, south=held_in, **where)
    covered = leak(nitrogen.read(path))
    assert abs(covered.beside["south"] - 0.5) < 0.1
    assert abs(covered.elsewhere["south"] - 0.5) < 0.1
    assert covered.worst() == ("south", covered.beside["south"], covered.elsewhere["south"])
    grown = seen.grown
    monkeypatch.setattr(seen, "grown", lambda box, size: grown(box, size, 0, 4))
    assert leak(nitrogen.read(path)).beside["south"] > 0.85


def test_who_does_not_say_where_the_controller_is_is_refused(tmp_path: Path) -> None:
    film(tmp_path)
    with pytest.raises(BadInput, match=r"dQw4w9WgXcQ_chunk_0000 does not say where the controller is drawn"):
        nitrogen.read(one(tmp_path, bbox_controller_overlay=None))


def test_without_a_video_there_is_no_recording(tmp_path: Path) -> None:
    path = one(tmp_path)
    with pytest.raises(BadInput, match=rf"no video of {ID}_chunk_0000 on this disk: a file whose name holds '{ID}'"):
        nitrogen.read(path)
    film(tmp_path, f"{ID}_chunk_0000.mp4")  # a piece, which may begin anywhere
    film(tmp_path, f"x{ID}.mp4")
    with pytest.raises(BadInput, match="there is no video of"):
        nitrogen.find(tmp_path)
        nitrogen.read(path)


def test_where_the_videos_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = one(tmp_path / "labels")
    film(tmp_path / "far", f"deep/er/A title-{ID}.webm".replace("webm", "mkv"))
    far = tmp_path / "far"
    assert len(nitrogen.read(path, videos=far).video) == 30
    monkeypatch.setenv("PLAYTAPE_VIDEOS", str(far))
    assert len(nitrogen.read(path).video) == 30
    with pytest.raises(BadInput, match="there is no folder .*nowhere with videos"):
        nitrogen.read(path, videos=tmp_path / "nowhere")


def test_of_two_videos_the_better_is_taken(tmp_path: Path) -> None:
    film(tmp_path, f"a {ID}.mp4", size=(18, 24))
    film(tmp_path, f"b {ID}.f299.mp4", 600)
    (tmp_path / "videos" / f"c {ID}.mp4").touch()
    assert nitrogen.read(one(tmp_path)).video[0].shape == (72, 96, 3)


UNFIT = {
    "short": ({"frames": 20}, {}, r"ends at 0\.67 s, and the labels go on to 1\.00 s"),
    "shape": ({"size": (72, 72)}, {}, "is 72x72, and 96x72 was labelled; legal is the same shape"),
    "slow": (
        {"frames": 20, "fps": 10},
        {},
        r"has 10 frames from 0\.00 to 1\.00 s, where 30 were labelled; legal are half",
    ),
    "area": (
        {},
        {"bbox_game_area": {"xtl": 0.5, "ytl": 0, "xbr": 0.6, "ybr": 1}},
        r"the game's part of the picture is \(48, 0, 58, 72\) of 96x72; legal is 16 and more",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_video_that_does_not_fit_is_told(tmp_path: Path, case: str) -> None:
    video, labels, said = UNFIT[case]
    film(tmp_path, **video)
    with pytest.raises(BadInput, match=said):
        nitrogen.read(one(tmp_path, **labels))


LIES = {
    "rows": ({"raw": columns(29)}, "has 29 rows, and its metadata.json says 30"),
    "frames": ({"end_frame": 599}, "says 30 rows, and frames 0 to 599"),
    "times": ({"end_time": 20}, "says 0 to 20 s, and a duration of 1 s"),
    "rate": ({"duration": 0.001, "end_time": None}, r"says 30 rows in 0\.001 s; legal are 1 to 1000 a second"),
    "other": ({"video_id": "another"}, f"is of the video 'another', and lies in {ID}_chunk_0000"),
    "negative": ({"start_time": -1}, "has a start_time -1; legal is a number from 0"),
    "size": ({"resolution": [0, 96]}, r"has a resolution \[0, 96\]; it must be \[height, width\]"),
    "box": ({"bbox_controller_overlay": [500, 0, 9, 9]}, "of which nothing is in the picture of 96x72"),
    "box words": ({"bbox_controller_overlay": "left"}, "has a bbox_controller_overlay 'left'; legal is"),
    "others": ({"bbox_others": [[1, 2]]}, r"has a bbox_others \[1, 2\]; legal is"),
    "area": ({"bbox_game_area": {"xtl": 0.9, "ytl": 0, "xbr": 0.1, "ybr": 1}}, "legal are xtl < xbr and ytl < ybr"),
    "twos": ({"raw": columns(30) | {"west": [2] * 30}}, "has a column west that holds 2; legal are 0 and 1"),
    "nothing": ({"raw": columns(30) | {"west": [None] * 30}}, "has a column west with 30 rows that say nothing"),
    "words": ({"raw": columns(30) | {"west": ["up"] * 30}}, "has a column west that holds string; legal are 0 and 1"),
    "threes": ({"raw": columns(30) | {"j_left": [[0.0] * 3] * 30}}, "j_left whose lists are not all of two numbers"),
    "one by three": (
        {"raw": columns(30) | {"j_left": [[0.0], [0.0, 0.0, 0.0]] * 15}},
        "j_left whose lists are not all of two numbers",
    ),
    "flat": ({"raw": columns(30) | {"j_left": [0.0] * 30}}, "has a column j_left of double; legal are lists of two"),
    "endless": ({"raw": columns(30) | {"j_left": [[np.nan, 0.0]] * 30}}, "j_left with a number that is not finite"),
    "columns": ({"raw": {k: v for k, v in columns(30).items() if k != "west"}}, "lacks the columns west"),
}


@pytest.mark.parametrize("case", LIES)
def test_what_contradicts_itself_is_told(tmp_path: Path, case: str) -> None:
    film(tmp_path)
    more, said = LIES[case]
    with pytest.raises(BadInput, match=said):
        nitrogen.read(one(tmp_path, **more))


def test_damaged_files_are_told(tmp_path: Path) -> None:
    film(tmp_path)
    path = one(tmp_path)
    whole = (path / "actions_raw.parquet").read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        (path / "actions_raw.parquet").write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"actions_raw\.parquet is (not a readable parquet table|empty \(0 bytes\))"):
            nitrogen.read(path)
    for said in (b"", b"{", b"[]", b"{}", b'{"original_video": 3}', b"[" * 100_000, b"\xff"):
        (path / "metadata.json").write_bytes(said)
        with pytest.raises(BadInput, match=r"metadata\.json (is (empty|no)|has)"):
            nitrogen.read(path)
    (tmp_path / "videos" / f"{ID}.mp4").write_bytes(b"")
    (path / "metadata.json").write_text(json.dumps(metadata()))
    (path / "actions_raw.parquet").write_bytes(whole)
    with pytest.raises(BadInput, match=r"\.mp4 is empty \(0 bytes\)"):
        nitrogen.read(path)


def test_a_chunk_without_a_video_does_not_lose_the_others(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    film(tmp_path)
    unpacked(tmp_path, files() | files(TWITCH) | files(number=1))
    result = convert(tmp_path, tmp_path / "out", "nitrogen", progress=False)
    assert [Path(path).name for path in result["outputs"]] == [f"{ID}_chunk_000{k}.mcap" for k in (0, 1)]
    (failed,) = result["failed"].items()
    assert failed[0].endswith(f"{TWITCH}_chunk_0000")
    assert f"there is no video of {TWITCH}_chunk_0000 in {tmp_path / 'videos'}" in failed[1]
    assert "not converted" in capsys.readouterr().err


def test_options_reach_the_reader(tmp_path: Path) -> None:
    film(tmp_path / "far")
    one(tmp_path / "labels", south=[5])
    options = {"videos": tmp_path / "far", "alignment": "identity"}
    (path,) = convert(tmp_path / "labels", tmp_path / "out", "nitrogen", options=options, progress=False)["outputs"]
    assert held(open_recording(path)) == [5]
    with pytest.raises(
        BadInput, match="the format 'nitrogen' has no option 'colour'; legal are alignment, labels, offset"
    ):
        convert(tmp_path, tmp_path / "out", "nitrogen", options={"colour": 1}, progress=False)
    with pytest.raises(BadInput, match="the format 'p2p' has no option 'videos'; it takes none"):
        convert(tmp_path, tmp_path / "out", "p2p", options={"videos": "x"}, progress=False)


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    film(tmp_path / "far")
    one(tmp_path / "labels", south=[5])
    monkeypatch.chdir(tmp_path)
    words = ["convert", "labels", "--format", "nitrogen", "--out", "out", "--videos", "far/videos"]
    assert cli.main([*words, "--option", "alignment=identity", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == [f"out/actions/SHARD_0000/{ID}/{ID}_chunk_0000.mcap"]
    for wrong, said in (("alignment", "must be NAME=VALUE"), ("alignment=left", "legal are causal, identity")):
        assert cli.main([*words, "--replace", "--option", wrong]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err
