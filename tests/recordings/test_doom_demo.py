"""Demo lumps: parsing, the mapping to keys and mouse counts, alignment with the pictures, and the split."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playtape.actions.games import DOOM
from playtape.errors import BadInput, Truncated
from playtape.recordings import desync, dsda
from playtape.recordings.formats import doom_demo
from playtape.recordings.formats.doom_demo import Lump
from playtape.recordings.video import write_video

SAMPLES = Path(__file__).parents[2] / "../shared/data/doom"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample data shared/data/doom is absent")


def lump(tics: list[tuple[int, int, int, int]], players: tuple[int, ...] = (0,)) -> Lump:
    columns = np.array(tics).reshape(-1, len(players), 4)
    signed = (columns[..., k].astype(np.int8) for k in range(3))
    return Lump(109, 2, 1, 3, players, *signed, columns[..., 3].astype(np.uint8))


def held(actions, row: int) -> set[str]:
    return {name for name, down in zip(DOOM.buttons, actions.buttons[row], strict=True) if down}


def test_encode_and_parse_are_inverse():
    made = lump([(25, -24, -128, 1), (-50, 40, 127, 2), (0, 0, 0, 0), (50, 1, -1, 28)], players=(0, 2))
    read = doom_demo.parse(doom_demo.encode(made))
    assert (read.players, read.map, read.skill, len(read)) == ((0, 2), 3, 2, 2)
    for name in ("forward", "side", "turn", "buttons"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))


def test_end_byte_ends_and_a_footer_is_ignored():
    data = doom_demo.encode(lump([(25, 0, 0, 0)] * 3))
    assert len(doom_demo.parse(data + b"PWAD, and more that is not tics")) == 3
    assert len(doom_demo.parse(data[:-1])) == 3  # no end byte
    # 0x80 inside a tic is a value, not the end
    assert len(doom_demo.parse(doom_demo.encode(lump([(25, -128, -128, 0x80)] * 3)))) == 3


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (b"", Truncated, "header of 13"),
        (bytes(5), Truncated, "5 bytes"),
        (b"not a demo lump at all", BadInput, "version 110"),
        (bytes([109, 9, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x80]), BadInput, "skill 9"),
        (bytes([109, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]), BadInput, "some 1"),
        (bytes([109, 2, 1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0x80]), BadInput, "players"),
        (bytes([109, 2, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x80]), BadInput, "no tics"),
        (bytes([109, 2, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 25, 0]), Truncated, "inside tic 0"),
    ],
)
def test_what_is_not_a_lump_is_told(data, error, sentence):
    with pytest.raises(error, match=sentence):
        doom_demo.parse(data, "x.lmp")


def test_actions_are_the_next_tic_with_the_signs_of_hands():
    tics = [
        (50, 40, 9, 1),  # tic 0 made frame 0: dropped
        (25, 0, 2, 0),  # forward walking, turn left
        (-50, 0, -2, 2),  # backward running, turn right, use
        (0, 24, 0, 1),  # right walking, fire
        (0, -40, 0, 4 | 2 << 3),  # left running, third weapon
        (0, 0, 0, 0x80 | 1),  # pause: not a hand
    ]
    actions = doom_demo.actions_of(lump(tics), 0)
    assert held(actions, 0) == {"key.w"}
    assert held(actions, 1) == {"key.s", "key.shift", "key.space"}
    assert held(actions, 2) == {"key.d", "mouse.left"}
    assert held(actions, 3) == {"key.a", "key.shift", "key.3"}
    assert held(actions, 4) == set()
    np.testing.assert_array_equal(actions.axes[:, 0], [-64, 64, 0, 0, 0, 0])
    assert len(actions.buttons) == len(tics)
    assert not actions.buttons[-1].any()


def test_players_present_take_the_columns_in_order():
    made = lump([(25, 0, 0, 0), (-25, 0, 0, 0)] * 3, players=(1, 3))
    assert held(doom_demo.actions_of(made, 1), 0) == {"key.w"}
    assert held(doom_demo.actions_of(made, 3), 0) == {"key.s"}
    with pytest.raises(BadInput, match="players 1, 3"):
        doom_demo.actions_of(made, 0)


def test_test_set_is_demo4_of_each_game_and_all_its_views(tmp_path):
    demos = [f"freedoom{n}_demo{m}" for n in (1, 2) for m in (1, 2, 3, 4)]
    assert [demo for demo in demos if doom_demo.split_of(demo) == "test"] == ["freedoom1_demo4", "freedoom2_demo4"]
    root = doom_demo.example(tmp_path)
    for file in list(root.iterdir()):
        file.rename(root / file.name.replace("example_demo1", "freedoom1_demo4"))
    assert {doom_demo.read(view).info.split for view in doom_demo.find(root)} == {"test"}


def test_reading_the_example_gives_back_the_lumps_actions(tmp_path):
    root = doom_demo.example(tmp_path)
    made = doom_demo.parse((root / "example_demo1.lmp").read_bytes())
    views = doom_demo.find(root)
    assert [view.name for view in views] == ["example_demo1_player0.mp4", "example_demo1_player2.mp4"]
    for view, player in zip(views, (0, 2), strict=True):
        recording = doom_demo.read(view)
        wanted = doom_demo.actions_of(made, player)
        found = DOOM.actions(recording.events, recording.time_ns)
        np.testing.assert_array_equal(found.buttons, wanted.buttons)
        np.testing.assert_array_equal(found.axes, wanted.axes)
        assert recording.info.licence == "BSD-3-Clause"
        shift = desync.horizontal_shift(recording.video.stream())
        correlation = desync.lag_correlation(wanted.axes[:, 0], shift)
        assert correlation[0] > 0.95
        assert max(correlation, key=correlation.__getitem__) == 0


def test_a_video_with_another_number_of_frames_is_refused(tmp_path):
    root = doom_demo.example(tmp_path)
    view = root / "example_demo1_player0.mp4"
    write_video(view, [np.zeros((32, 32, 3), np.uint8)] * 69, fps=35)
    with pytest.raises(BadInput, match="69 frames.* 70 tics"):
        doom_demo.read(view)


def test_names_and_missing_lumps_are_told(tmp_path):
    root = doom_demo.example(tmp_path)
    with pytest.raises(BadInput, match="DEMO_player0"):
        doom_demo.read(root / "example.mp4")
    with pytest.raises(BadInput, match="not in this demo"):
        doom_demo.read(root / "example_demo1_player1.mp4")
    (root / "example_demo1.lmp").unlink()
    with pytest.raises(BadInput, match="not beside"):
        doom_demo.read(root / "example_demo1_player0.mp4")
    with pytest.raises(BadInput, match="does not exist"):
        doom_demo.find(root / "nowhere")


def test_still_fraction_tells_a_stuck_player(tmp_path):
    root = doom_demo.example(tmp_path)
    recording = doom_demo.read(root / "example_demo1_player0.mp4")
    actions = DOOM.actions(recording.events, recording.time_ns)
    frames = recording.video[:]
    turning = replace(actions, buttons=np.zeros_like(actions.buttons))  # the striped wall only turns
    assert desync.still_fraction(frames, turning, DOOM) == 0.0
    stuck = np.concatenate([frames[:20], np.repeat(frames[19:20], 50, axis=0)])
    assert desync.still_fraction(stuck, turning, DOOM) > desync.OUT_OF_STEP
    idle = DOOM.zeros(len(frames))
    assert desync.still_fraction(stuck, idle, DOOM) == 0.0


def test_without_the_program_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    root = doom_demo.example(tmp_path)
    (root / "example_demo1.lmp").rename(root / "freedoom1_demo1.lmp")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dsda, "PLACES", ())
    with pytest.raises(BadInput, match="apt-get install dsda-doom"):
        doom_demo.read(root / "freedoom1_demo1_player0.mp4")


def test_wads_that_are_not(tmp_path):
    wad = tmp_path / "freedoom1.wad"
    wad.write_bytes(b"PNG")
    with pytest.raises(BadInput, match="not a WAD"):
        doom_demo.find(tmp_path)
    wad.write_bytes(b"IWAD" + (5000).to_bytes(4, "little") + (12).to_bytes(4, "little") + bytes(64))
    with pytest.raises(BadInput, match="cut off"):
        doom_demo.find(tmp_path)


@needs_samples
@pytest.mark.parametrize("name", ["freedoom1_demo2_player1", "freedoom2_demo1_player0", "freedoom2_demo2_player0"])
def test_turning_lies_over_the_pictures_of_people_at_lag_0(name):
    recording = doom_demo.read(SAMPLES / f"{name}.mp4")
    turn = DOOM.actions(recording.events, recording.time_ns).axes[:400, 0]
    shift = desync.horizontal_shift(recording.video.stream(0, 400))
    correlation = desync.lag_correlation(turn, shift)
    assert max(correlation, key=correlation.__getitem__) == 0, correlation
    assert correlation[0] > 0.7
    late = desync.lag_correlation(np.roll(turn, 1), shift)  # inputs that come a frame late are seen as such
    assert max(late, key=late.__getitem__) == 1, late


@needs_samples
def test_all_sixteen_views_have_a_frame_a_tic():
    views = doom_demo.find(SAMPLES)
    assert len(views) == 16
    recordings = [doom_demo.read(view) for view in views]
    assert sum(len(recording.time_ns) for recording in recordings) == 81537
    tests = {recording.video.path.name for recording in recordings if recording.info.split == "test"}
    assert len(tests) == 5
    assert all("demo4" in name for name in tests)


@needs_samples
def test_real_play_is_in_step():
    recording = doom_demo.read(SAMPLES / "freedoom2_demo1_player0.mp4")
    actions = DOOM.actions(recording.events, recording.time_ns)
    assert desync.still_fraction(recording.video.stream(0, 700), actions, DOOM) < 0.02


def installed() -> bool:
    try:
        dsda.find_program()
        return bool(dsda.iwad_for("freedoom2_demo1"))
    except BadInput:
        return False


@pytest.mark.skipif(not installed(), reason="dsda-doom or vizdoom's WADs are absent")
def test_a_lump_is_drawn_with_a_picture_a_tic(tmp_path):
    whole = doom_demo.parse(dsda.demo_lumps(dsda.iwad_for("freedoom2_demo1"))["DEMO1"])
    columns = {name: getattr(whole, name)[:200] for name in ("forward", "side", "turn", "buttons")}
    (tmp_path / "freedoom2_demo1.lmp").write_bytes(doom_demo.encode(replace(whole, **columns)))
    recording = doom_demo.read(tmp_path / "freedoom2_demo1_player0.mp4")
    assert len(recording.video) == 200
    assert recording.video[0].shape == (240, 320, 3)
    turn = DOOM.actions(recording.events, recording.time_ns).axes[:, 0]
    correlation = desync.lag_correlation(turn, desync.horizontal_shift(recording.video.stream()))
    assert max(correlation, key=correlation.__getitem__) == 0, correlation
    if SAMPLES.is_dir():
        shown = doom_demo.read(SAMPLES / "freedoom2_demo1_player0.mp4").video
        pairs = ((recording.video[k].astype(int), shown[k].astype(int)) for k in (0, 99, 198))
        assert all(np.abs(a - b).mean() < 9 for a, b in pairs)
