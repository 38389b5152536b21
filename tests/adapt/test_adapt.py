"""A labeller learns another game, and it is told how well."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape import models
from playtape.actions import ActionSpace, Axis
from playtape.adapt import Wanted, adapt
from playtape.adapt.adapt import _lacking, _needed
from playtape.adapt.gain import gain
from playtape.adapt.stretches import GAP_NS, LEAST_S, divide, shared, written
from playtape.clips import observed_space, store
from playtape.errors import BadInput
from playtape.models import idm
from playtape.models.beliefs import inherited
from playtape.play import play
from playtape.recordings import Recording, open_recording
from playtape.training import checkpoint

A_COUNT = 0.0012  # of the picture's width, by which a mouse count moves the hovercraft's
DOOM = ActionSpace(("key.w", "mouse.left"), (Axis("mouse.dx", "sum", 25.0),))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Fifty seconds of the hovercraft in two drives."""
    folder = tmp_path_factory.mktemp("play")
    play("scripted", "hovercraft", episodes=2, seed=3, record=folder, max_steps=500, progress=False)
    return folder


@pytest.fixture(scope="module")
def recordings(data: Path) -> list[Recording]:
    return [open_recording(path) for path in sorted(data.glob("*.mcap"))]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("runs") / "doom"
    built = idm.build(replace(idm.tiny(), fps=20.0), DOOM)
    return checkpoint.save(folder, "idm", built, built.state_dict(), {"recipe": "idm-tiny", "licences": ["MIT"]})


def test_a_few_recordings_are_divided_and_nothing_is_in_two_parts(recordings: list[Recording], tmp_path: Path) -> None:
    stretches = divide(recordings, 0)
    assert shared(stretches, recordings)
    assert {one.role for one in stretches} == {"learn", "fit", "judge"}
    assert sum(one.minutes for one in stretches) == pytest.approx(sum(r.video.end_ns for r in recordings) / 6e10)
    assert divide(recordings, 0) == stretches
    assert divide(recordings, 1) != stretches
    open_rows = {}
    for role in ("learn", "fit", "judge"):
        for path in written([one for one in stretches if one.role == role], tmp_path / role):
            one = open_recording(path)
            open_rows.setdefault(one.video.path.name, []).append(~one.masked(one.time_ns))
    for name, rows in open_rows.items():
        assert np.sum(rows, 0).max() == 1, f"an interval of {name} is in two parts"
    judged = [one for one in stretches if one.role == "judge"]
    seen = sum(
        float(np.diff(one.time_ns)[~one.masked(one.time_ns)].sum())
        for one in map(open_recording, sorted((tmp_path / "judge").glob("*.mcap")))
    )
    most = sum(one.end_ns - one.start_ns for one in judged)
    assert most - 2 * GAP_NS * len(judged) - 2e8 < seen < most


def test_many_recordings_stay_whole(recordings: list[Recording]) -> None:
    many = [recordings[k % 2] for k in range(12)]
    stretches = divide(many, 0)
    assert len(stretches) == len(many)
    assert not shared(stretches, many)
    assert [sum(one.role == role for one in stretches) for role in ("learn", "fit", "judge")] == [8, 1, 3]


def test_too_little_play_is_told(data: Path, model: Path, tmp_path: Path) -> None:
    play("scripted", "hovercraft", seed=9, record=tmp_path / "short", max_steps=60, progress=False)
    with pytest.raises(BadInput, match=f"there are 3 s of play; .* takes {LEAST_S * 8:.0f} s"):
        adapt(model, tmp_path / "short", tmp_path / "out", progress=False)


def test_how_far_the_mouse_turns_is_measured(recordings: list[Recording]) -> None:
    """The hovercraft's camera turns by so many degrees a count, whatever anybody was told before."""
    space = observed_space(recordings, 20)
    at = [axis.name for axis in space.axes].index("mouse.dx")
    found = gain([store(one, space, (96, 96), 20) for one in recordings], at, space.axes[at].scale, "rows")
    assert found / space.axes[at].scale == pytest.approx(A_COUNT, rel=0.1)
    backwards = [store(one, space, (96, 96), 20) for one in recordings]
    for one in backwards:
        one.actions.axes[:] *= -1
    assert gain(backwards, at, space.axes[at].scale, "rows") is None


def test_inputs_are_taken_over_by_name() -> None:
    torch.manual_seed(0)
    old = idm.build(idm.tiny(), DOOM)
    space = ActionSpace(("key.a", "key.w"), (Axis("mouse.dy", "sum", 5.0), Axis("mouse.dx", "sum", 9.0)))
    new = idm.build(idm.tiny(), space)
    fresh = {name: value.clone() for name, value in new.state_dict().items()}
    got, had = inherited(new, old), old.state_dict()
    assert torch.equal(got["join.weight"], had["join.weight"])
    assert torch.equal(got["held.weight"][1], had["held.weight"][0])  # key.w
    assert torch.equal(got["held.weight"][0], fresh["held.weight"][0])  # key.a is not known
    assert torch.equal(got["change.bias"][2:], had["change.bias"][:2])
    bins = idm.tiny().bins
    assert torch.equal(got["axis.weight"][bins:], had["axis.weight"][:bins])
    assert torch.equal(got["axis.weight"][:bins], fresh["axis.weight"][:bins])
    assert torch.equal(got["cameras.1.belief.bias"], had["cameras.0.belief.bias"])
    had["cameras.0.log_gain"].fill_(3.0)
    assert inherited(new, old)["cameras.1.log_gain"] == 3
    new.state_dict()["cameras.1.log_gain"].fill_(0.0)
    assert inherited(new, old, anew=True)["cameras.1.log_gain"] == 0


def test_the_whole_way(data: Path, model: Path, tmp_path: Path) -> None:
    told = adapt(model, data, tmp_path / "mine", Wanted(steps=3, batch=1), device="cpu", progress=False)
    assert set(told["metrics"]) == {"keys held, F1", "presses within one interval, F1", "mouse.dx, Pearson"}
    assert all(leaf["low"] <= leaf["value"] <= leaf["high"] for leaf in told["metrics"].values())
    assert not told["good_enough"]
    assert all("wanted is 0.8" in text for text in told["because"])
    assert [point["minutes"] for point in told["curve"]] == sorted(point["minutes"] for point in told["curve"])
    assert told["split"].startswith("by stretches of 5 s, of 2 recordings")
    assert told["before"] is not None
    mine = checkpoint.load(tmp_path / "mine", to="label")
    assert told["turn"]["mouse.dx"] / mine.space.axes[0].scale == pytest.approx(A_COUNT, rel=0.1)
    assert "key.w" in mine.space.buttons
    assert "mouse.left" not in mine.space.buttons  # which nobody presses here
    assert "calibration" in mine.train
    assert "MIT" in mine.licences
    assert models.model(mine.name) is idm


def test_what_is_good_enough_and_what_more_would_bring() -> None:
    def leaf(value: float, low: float | None) -> dict:
        return {"value": value, "low": low, "high": 1.0}

    good = {"keys held, F1": leaf(0.9, 0.85), "presses within one interval, F1": leaf(0.1, 0.05)}
    assert _lacking(good, 0.8) == []
    assert _lacking({"keys held, F1": leaf(0.9, 0.7)}, 0.8) == ["keys held, F1 is 0.90, and may be 0.70; wanted is 0.8"]
    assert _lacking({"mouse.dx, Pearson": leaf(0.9, None)}, 0.8) == ["mouse.dx, Pearson is 0.90; wanted is 0.8"]
    assert _lacking({}, 0.8) == ["nothing could be judged"]
    curve = [{"minutes": m, "score": s} for m, s in ((1, 0.5), (2, 0.6), (4, 0.65))]
    steps = np.diff([point["score"] for point in curve])
    poor = {"keys held, F1": leaf(0.65, 0.6)}
    assert _needed(curve, steps, good, 0.8) == 4.0
    assert _needed(curve, steps, poor, 0.62) == 8.0  # which brings 0.025
    assert _needed(curve, steps, poor, 0.635) == 16.0  # and that half of it
    assert _needed(curve, steps, poor, 0.9) is None  # never, at this rate
    assert _needed(curve, np.array([0.1, 0.0]), poor, 0.8) is None
