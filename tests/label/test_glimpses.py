"""The report's pictures: the right frames with the right keys, few of them, and none that costs a run."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playtape.actions import Actions
from playtape.label import glimpses as module
from playtape.label import label
from playtape.label.glimpses import ACTIVE, FAR, IDLE, MASKED, Shown, _near, glimpses
from playtape.label.ledger import DONE, Line
from playtape.label.pictures import key, motions, strip, timelines
from playtape.recordings import Confidence, Recording, Span, Video, save_recording, write_video
from playtape.recordings import video as videos
from playtape.recordings.nouns import Info
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from tests.label.films import film, lines, save_model
from tests.view.conftest import BITS, BLOCK, numbered

FRAMES = 240


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return checkpoint.load(save_model(tmp_path_factory.mktemp("model")))


def play(loaded: Loaded, active: np.ndarray) -> Actions:
    """[FRAMES] rows; in the active ones keys that change every ten rows."""
    buttons = np.zeros((FRAMES, len(loaded.space.buttons)), bool)
    buttons[active, active // 10 % 5] = True
    axes = np.zeros((FRAMES, len(loaded.space.axes)), np.float32)
    axes[active[::2]] = -12
    return Actions(buttons, axes)


def labelled(out: Path, name: str, loaded: Loaded, active: np.ndarray, spans: tuple[Span, ...] = ()) -> Line:
    """A label with that play, of a film whose pictures are numbered."""
    video = Video(write_video(out.parent / f"{name}.mp4", map(numbered, range(FRAMES)), fps=35))
    names = (*loaded.space.buttons, *(axis.name for axis in loaded.space.axes))
    known = Confidence(video.time_ns[:-1], names, np.full((FRAMES - 1, len(names)), 0.75, np.float32))
    events = loaded.space.events(play(loaded, active), video.time_ns)
    save_recording(Recording(video, events, spans, Info(), known, {"kind": "pseudo"}), out / f"{name}.mcap")
    size = video.signature[0]
    return Line(name, DONE, str(video.path), size, video_seconds=video.end_ns / 1e9, output=f"{name}.mcap")


def pictures(shown: list[Shown]) -> list[np.ndarray]:
    images = [Image.open(io.BytesIO(base64.b64decode(one.jpeg))) for each in shown for one in each.glimpses]
    assert all(image.format == "JPEG" and max(image.size) <= 160 for image in images)
    return [np.asarray(image) for image in images]


def test_a_picture_is_of_the_interval_that_its_keys_are_of(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    active = np.arange(60, 180)
    shown = glimpses(tmp_path / "out", [labelled(tmp_path / "out", "a", loaded, active)], loaded)
    truth, time_ns = play(loaded, active), Video(tmp_path / "a.mp4").time_ns
    found = shown[0].glimpses
    assert len(found) == 12
    assert {one.state for one in found} == {"active", "idle"}
    for one, picture in zip(found, pictures(shown)):
        tops = [picture[BLOCK // 2, BLOCK * bit + BLOCK // 2].mean() > 128 for bit in range(BITS)]
        row = sum(1 << bit for bit, top in enumerate(tops) if top)
        assert one.time_ns == time_ns[row]
        held = np.flatnonzero(truth.buttons[row])
        assert one.held == tuple((loaded.space.buttons[k], 0.75) for k in held)
        assert list(one.moved.values()) == truth.axes[row][truth.axes[row] != 0].tolist()
        assert (one.state == "active") == bool(len(held) or one.moved)
    assert len({one.held for one in found}) >= 5, "different inputs are shown"


@pytest.mark.parametrize("active", [np.arange(5, 9), np.setdiff1d(np.arange(FRAMES), np.arange(100, 103))])
def test_what_is_rare_is_shown_too(loaded: Loaded, tmp_path: Path, active: np.ndarray) -> None:
    (tmp_path / "out").mkdir()
    shown = glimpses(tmp_path / "out", [labelled(tmp_path / "out", "a", loaded, active)], loaded)
    assert {one.state for one in shown[0].glimpses} == {"active", "idle"}
    times = [one.time_ns for one in shown[0].glimpses]
    assert times == sorted({*times})


def test_shares_are_those_of_the_label(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    time_ns = np.arange(FRAMES) * 1_000_000_000 // 35
    mask = Span(int(time_ns[200]) + 1, int(time_ns[220]), "masked", "a test")
    line = labelled(tmp_path / "out", "a", loaded, np.arange(60, 180), (mask,))
    shown = glimpses(tmp_path / "out", [line], loaded)
    shares = shown[0].shares * (FRAMES - 1)
    assert abs(shares[MASKED] - 20) <= 1
    assert (shares[ACTIVE], shares.sum()) == (120, FRAMES - 1)
    assert np.allclose(shown[0].timeline.sum(1), 1)
    middle = shown[0].timeline[len(shown[0].timeline) // 2]
    assert middle[ACTIVE] == 1
    assert shown[0].timeline[0][IDLE] == 1
    page = timelines(shown, 1)
    assert f"active {120 / (FRAMES - 1):.1%}" in page
    assert "6.9 seconds" in page


def test_six_videos_are_opened_of_however_many(loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    line = labelled(tmp_path / "out", "a", loaded, np.arange(60, 180))
    opened: list[str] = []
    drawn: list[int] = []
    before, rgb = module.open_recording, videos._Decoder.rgb
    monkeypatch.setattr(module, "open_recording", lambda path: [opened.append(path.name), before(path)][1])
    monkeypatch.setattr(videos._Decoder, "rgb", lambda *args: [drawn.append(1), rgb(*args)][1])
    many = [replace(line, name=f"v{number:04}") for number in range(1000)]
    shown = glimpses(tmp_path / "out", many[::-1], loaded)
    assert len(opened) == 6
    assert len(drawn) == 12
    assert [each.name for each in shown] == ["v0000", "v0200", "v0400", "v0599", "v0799", "v0999"]
    assert {one.state for each in shown for one in each.glimpses} == {"active", "idle"}
    assert "12 moments of 6 of 1,000 videos" in strip(shown, 1000)
    assert glimpses(tmp_path / "out", many, loaded)[0].glimpses == shown[0].glimpses


def test_what_is_gone_or_another_is_left_out(loaded: Loaded, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    found = [labelled(out, name, loaded, np.arange(60, 180)) for name in "abcde"]
    (tmp_path / "a.mp4").unlink()
    (out / "b.mcap").unlink()
    (out / "c.mcap").write_bytes(b"\x89MCAP0\r\n")
    film(tmp_path / "d.mp4", 50)
    assert [each.name for each in glimpses(out, found, loaded)] == ["e"]
    (tmp_path / "e.mp4").write_bytes((tmp_path / "e.mp4").read_bytes()[:3000])
    assert glimpses(out, found, loaded) == []
    assert strip([], 5) == timelines([], 5) == ""


def test_a_run_ends_well_though_a_video_is_gone(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    film(tmp_path / "in" / "a.mp4", 60)
    label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    (tmp_path / "in" / "a.mp4").unlink()
    film(tmp_path / "in" / "b.mp4", 60, 1)
    result = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    page = Path(result["report"]).read_text()
    assert "1 of 2 videos" in page
    assert "b at 0:0" in page
    assert "a at 0:0" not in page


def test_a_labels_own_shares_agree_with_the_ledger(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    film(tmp_path / "a.mp4", 90)
    label(tmp_path / "a.mp4", tmp_path / "out", model=model, progress=False)
    line = lines(tmp_path / "out")["a"]
    shown = glimpses(tmp_path / "out", [line], checkpoint.load(model))
    assert round(shown[0].shares[IDLE] * line.intervals) == line.stats["idle"]


def test_noise_fits_too(loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (FRAMES, 200, 200, 3), np.uint8)
    monkeypatch.setattr("tests.label.test_glimpses.numbered", lambda frame: noise[frame])
    shown = glimpses(tmp_path / "out", [labelled(tmp_path / "out", "a", loaded, np.arange(60, 180))], loaded)
    pictures(shown)
    assert sum(len(one.jpeg) for one in shown[0].glimpses) <= 300_000


def test_nothing_is_decoded_for_long() -> None:
    """Where keyframes are rare, pictures are taken near them."""
    near = _near(np.arange(5000), np.array([0, 3000]))
    assert np.flatnonzero(near).tolist() == [*range(FAR + 1), *range(3000, 3000 + FAR + 1)]
    assert np.flatnonzero(_near(np.arange(5000), np.array([], np.int64))).tolist() == [*range(FAR + 1)]


def test_keys_and_motions_in_words() -> None:
    names = ["key.w", "key.left_shift", "mouse.left", "pad.south"]
    assert [key(name) for name in names] == ["W", "left shift", "mouse left", "pad south"]
    assert motions({"mouse.dx": -12.0}) == ["mouse ← 12"]
    assert motions({"mouse.dx": 3.0, "mouse.dy": 4.0, "pad.left_x": 0.5}) == ["mouse ↘ 5", "pad left x +0.5"]
    assert motions({"mouse.dy": -0.1}) == ["mouse ↑ 1"]
    assert motions({}) == []
