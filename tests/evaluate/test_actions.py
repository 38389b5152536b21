"""The whole of `evaluate_actions` on small recordings."""

import json
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput
from playtape.evaluate import evaluate_actions, table
from playtape.recordings.encode import write_video
from playtape.recordings.recording import Confidence, Info, Recording, save_recording
from playtape.recordings.video import Video

SPACE = ActionSpace(("key.a", "key.w", "mouse.left"), (Axis("mouse.dx"),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 12 s at 20 fps, and three truths with predictions that err in 8 % of the intervals."""
    root = tmp_path_factory.mktemp("evaluate")
    frame = np.zeros((32, 32, 3), np.uint8)
    write_video(root / "v.mp4", (frame for _ in range(240)), fps=20)
    generator = np.random.default_rng(5)
    for name in ("one", "two", "three"):
        buttons, axes = play(generator, 240)
        save(root, "truth", name, buttons, axes)
        wrong = generator.random(buttons.shape) < 0.08
        side = buttons ^ wrong
        side[-1] = False
        probability = np.where(side, 0.9, 0.1) * generator.uniform(0.8, 1.1, side.shape)
        save(root, "predicted", name, side, axes * 2, probability)
    return root


def play(generator: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray]:
    buttons = np.repeat(generator.random((frames // 8, 3)) < 0.4, 8, axis=0)
    axes = generator.integers(-20, 21, (frames, 1)).astype(np.float32)
    buttons[-1], axes[-1] = False, 0
    return buttons, axes


def save(root: Path, kind: str, name: str, buttons: np.ndarray, axes: np.ndarray, probability=None) -> Path:
    (root / kind).mkdir(exist_ok=True)
    video = Video(root / "v.mp4")
    events = SPACE.events(Actions(buttons, axes.astype(np.float32)), video.time_ns)
    known = None
    if probability is not None:
        known = Confidence(video.time_ns[:-1], SPACE.buttons, probability[:-1].astype(np.float32))
    recording = Recording(video=video, events=events, info=Info(game="toy"), confidence=known)
    return save_recording(recording, root / kind / f"{name}.mcap")


def test_a_perfect_prediction_is_perfect(folder: Path) -> None:
    found = evaluate_actions(folder / "truth" / "one.mcap", folder / "truth" / "one.mcap")
    for button in found["honest"]["buttons"].values():
        for key in ("state_f1", "onset_f1_collar_0", "onset_f1_collar_1", "release_f1_collar_0"):
            assert (button[key]["value"], button[key]["low"], button[key]["high"]) == (1, 1, 1)
    assert found["d2e"]["key_accuracy"]["value"] == 1
    assert found["d2e"]["pearson_x"]["value"] == pytest.approx(1)
    assert found["honest"]["axes"]["mouse.dx"]["r2"]["value"] == pytest.approx(1)
    assert found["honest"]["idle"]["false_positive_rate"]["value"] == 0
    assert found["honest"]["calibration"] is None
    assert found["warnings"] == []


def test_folders_match_by_stem_and_everything_stands_beside_baselines(folder: Path) -> None:
    found = evaluate_actions(folder / "truth", folder / "predicted")
    assert [one["name"] for one in found["recordings"]] == ["one", "three", "two"]
    assert found["honest"]["intervals"] == 3 * 239
    assert found["bootstrap"]["unit"] == "recording"
    movement = found["honest"]["movement"]["state_f1_micro"]
    assert 0.8 < movement["low"] < movement["value"] < movement["high"] < 1
    assert movement["never_pressed"] == 0
    assert found["honest"]["buttons"]["key.w"]["onset_f1_collar_1"]["copy_previous"] > 0.95
    assert found["honest"]["buttons"]["key.w"]["onset_f1_collar_0"]["copy_previous"] == 0
    assert found["honest"]["axes"]["mouse.dx"]["signed_scale"]["value"] == pytest.approx(2)
    assert found["d2e"]["scale_ratio_x"]["value"] == pytest.approx(2)
    ranked = found["honest"]["buttons"]["key.w"]["average_precision"]
    prevalence = found["honest"]["buttons"]["key.w"]["prevalence"]["value"]
    assert ranked["never_pressed"] == pytest.approx(prevalence)
    assert ranked["low"] <= ranked["value"] <= ranked["high"]
    assert found["honest"]["risk_coverage"]["all"]["intervals"] == 3 * 239


def test_the_result_is_json_without_nan_and_repeats_under_a_seed(folder: Path) -> None:
    found = evaluate_actions(folder / "truth", folder / "predicted", seed=3)
    text = json.dumps(found, allow_nan=False)
    assert text == json.dumps(evaluate_actions(folder / "truth", folder / "predicted", seed=3))
    assert text != json.dumps(evaluate_actions(folder / "truth", folder / "predicted", seed=4))


def test_d2e_per_recording_is_what_the_protocol_gives(folder: Path) -> None:
    from playtape.evaluate import d2e

    files = folder / "truth" / "two.mcap", folder / "predicted" / "two.mcap"
    found = evaluate_actions(*files)
    exact = d2e.compare(*files)
    assert found["recordings"][0]["d2e"]["keyboard"] == exact["keyboard"]
    assert found["d2e"]["key_accuracy"]["value"] == exact["keyboard"]["key_accuracy"]
    assert found["d2e"]["mean_over_recordings"]["pearson_x"] == pytest.approx(exact["mouse_move"]["pearson_x"])


def test_the_table_shows_every_row(folder: Path) -> None:
    found = evaluate_actions(folder / "truth", folder / "predicted")
    text = table(found)
    assert "copy previous" in text
    assert "key.w  (held" in text
    assert sum(row["title"] in text for row in found["rows"]) == len(found["rows"])
    assert max(map(len, text.splitlines())) <= 110


def test_the_picture_is_a_png_and_nothing_else_is_left(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "timeline.png"
    found = evaluate_actions(folder / "truth" / "one.mcap", folder / "predicted" / "one.mcap", picture=path)
    assert found["picture"] == str(path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [file.name for file in path.parent.iterdir()] == ["timeline.png"]


def test_a_shifted_prediction_is_noticed(folder: Path, tmp_path: Path) -> None:
    buttons, axes = play(np.random.default_rng(9), 240)
    (tmp_path / "v.mp4").write_bytes((folder / "v.mp4").read_bytes())
    truth = save(tmp_path, "truth", "late", buttons, axes)
    late = np.roll(buttons, 4, axis=0), np.roll(axes, 4, axis=0)
    late[0][-1], late[1][-1] = False, 0
    found = evaluate_actions(truth, save(tmp_path, "predicted", "late", *late))
    assert found["recordings"][0]["lag"]["intervals"] == 4
    assert any("4 intervals later" in text for text in found["warnings"])


def test_a_prediction_at_another_rate_is_put_on_the_truths_grid(folder: Path, tmp_path: Path) -> None:
    frame = np.zeros((32, 32, 3), np.uint8)
    write_video(tmp_path / "v.mp4", (frame for _ in range(120)), fps=10)
    buttons, axes = play(np.random.default_rng(5), 120)
    slow = save(tmp_path, "predicted", "one", buttons, axes)
    (tmp_path / "fast").mkdir()
    write_video(tmp_path / "fast" / "v.mp4", (frame for _ in range(240)), fps=20)
    doubled = np.repeat(buttons, 2, axis=0)
    fast = save(tmp_path / "fast", "truth", "one", doubled, np.repeat(axes, 2, axis=0))
    found = evaluate_actions(fast, slow)
    assert found["honest"]["all_buttons"]["state_f1_micro"]["value"] > 0.95
    assert found["honest"]["all_buttons"]["onset_f1_collar_1_micro"]["value"] == 1


def test_what_has_no_partner_is_named(folder: Path, tmp_path: Path) -> None:
    buttons, axes = play(np.random.default_rng(9), 240)
    (tmp_path / "v.mp4").write_bytes((folder / "v.mp4").read_bytes())
    for name in ("one", "extra"):
        save(tmp_path, "truth", name, buttons, axes)
    found = evaluate_actions(tmp_path / "truth", folder / "predicted")
    assert any("extra" in text for text in found["warnings"])
    assert any("three" in text and "two" in text for text in found["warnings"])
    with pytest.raises(BadInput, match=r"no recording in .* extra"):
        (tmp_path / "truth" / "one.mcap").unlink()
        evaluate_actions(tmp_path / "truth", folder / "predicted")


@pytest.mark.parametrize("with_buttons", [True, False])
def test_buttons_alone_and_axes_alone(folder: Path, tmp_path: Path, with_buttons: bool) -> None:
    (tmp_path / "v.mp4").write_bytes((folder / "v.mp4").read_bytes())
    buttons, axes = play(np.random.default_rng(9), 240)
    truth = save(tmp_path, "truth", "half", buttons * with_buttons, axes * (not with_buttons))
    found = evaluate_actions(truth, truth, picture=tmp_path / "p.svg")
    assert bool(found["honest"]["buttons"]) == with_buttons
    assert bool(found["honest"]["axes"]) != with_buttons
    assert found["honest"]["intervals"] == 239
    assert "idle" in table(found)


def test_a_picture_of_another_kind_is_refused_before_any_work(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"must end in \.png"):
        evaluate_actions(folder / "missing", folder / "missing", picture=Path("timeline.jpeg"))


def test_nothing_to_compare_is_bad_input(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes((folder / "v.mp4").read_bytes())
    nothing = save(tmp_path, "truth", "none", np.zeros((240, 3), bool), np.zeros((240, 1)))
    with pytest.raises(BadInput, match="single input event"):
        evaluate_actions(nothing, nothing)
    with pytest.raises(BadInput):
        evaluate_actions(tmp_path / "missing", folder / "truth")


def test_a_negative_seed_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="the seed is -1; 0 and above are legal"):
        evaluate_actions(folder / "truth", folder / "predicted", seed=-1)
