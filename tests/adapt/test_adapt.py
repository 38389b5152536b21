"""A labeller learns another game, and it is told how well."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape import models
from playtape.actions import Actions, ActionSpace, Axis
from playtape.adapt import Wanted, adapt
from playtape.adapt.adapt import _begin, _helps, _lacking, _needed
from playtape.adapt.gain import gain
from playtape.adapt.judge import deciding, gained, judge
from playtape.adapt.stretches import GAP_NS, LEAST_S, divide, shared, written
from playtape.cli.adapting import Adapt
from playtape.clips import observed_space, store
from playtape.errors import BadInput
from playtape.label import label_video
from playtape.models import idm
from playtape.models.beliefs import inherited
from playtape.play import play
from playtape.recordings import Recording, open_recording, save_recording
from playtape.training import checkpoint

adapting = sys.modules["playtape.adapt.adapt"]  # which the function of that name hides
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


def test_what_lies_in_out_stays_as_it_was(data: Path, model: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in model.iterdir()}
    with pytest.raises(BadInput, match=r"holds \S+ already; an adaptation begins in a new folder"):
        adapt(model, data, model, progress=False)
    assert {path: path.read_bytes() for path in model.iterdir()} == before


def test_recordings_that_are_kept_for_testing_are_not_learned_from(
    recordings: list[Recording], model: Path, tmp_path: Path
) -> None:
    for number, one in enumerate(recordings):
        save_recording(replace(one, info=replace(one.info, split="test")), tmp_path / "test" / f"{number}.mcap")
    with pytest.raises(BadInput, match="all 2 recordings in .* are of the split test"):
        adapt(model, tmp_path / "test", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


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
    assert all((leaf["low"], leaf["high"]) == (None, None) for leaf in told["metrics"].values())
    assert not told["good_enough"]
    seconds = told["minutes"]["judge"] * 60
    assert re.fullmatch(
        r"only (\d+) s were held out, too little to know: about [4-9] minutes of play would do", told["because"][0]
    )
    assert 0.3 * seconds < int(re.findall(r"\d+", told["because"][0])[0]) < seconds
    assert all("wanted is 0.8" in text for text in told["because"][1:])
    assert told["more_minutes_would_help"] is None
    assert told["minutes_for_good"] is None
    value = told["curve"][2]["score"] - told["curve"][1]["score"]
    assert told["last_doubling"] == {"value": pytest.approx(value), "low": None, "high": None}
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


def test_how_far_the_mouse_turns_is_measured_on_what_is_learned_from(
    data: Path, recordings: list[Recording], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else is masked, and so the judged stretches might be anything."""
    learn = [one for one in divide(recordings, 0) if one.role == "learn"]
    rows = []
    monkeypatch.setattr(adapting, "gain", lambda stored, *_: rows.extend(stored))
    _begin(checkpoint.load(model), recordings, written(learn, tmp_path / "learn"), tmp_path / "begun")
    assert rows
    by_name = {one.name.split("-", 1)[1]: one for one in rows}
    for recording in recordings:
        seen, time = by_name[recording.name].mask, recording.time_ns
        mine = [one for one in learn if one.recording is recording]
        inside = [any(one.start_ns <= at < one.end_ns for one in mine) for at in time]
        assert 0 < seen.sum() <= sum(inside)
        assert not seen[~np.array(inside)].any()


def test_a_labeller_of_a_slower_game_gets_its_rate(recordings: list[Recording], tmp_path: Path) -> None:
    fast = idm.build(replace(idm.tiny(), fps=35.0), DOOM)
    base = checkpoint.save(tmp_path / "fast", "idm", fast, fast.state_dict(), {"recipe": "idm-tiny"})
    learn = written([one for one in divide(recordings, 0) if one.role == "learn"], tmp_path / "learn")
    begun, _ = _begin(checkpoint.load(base), recordings, learn, tmp_path / "begun")
    assert checkpoint.described(begun).config.fps == 20


def test_what_the_old_one_knows_nothing_of_is_not_judged_and_a_fault_is_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(steps=1, batch=1)

    def label(video: Path, loaded: checkpoint.Loaded, **more: object) -> Recording:
        if loaded.space in (space, DOOM):
            raise BadInput("the old one fails")
        return label_video(video, loaded, **more)

    monkeypatch.setattr(adapting, "label_video", label)
    for space in (ActionSpace(("key.q",), (Axis("pad.left_x", "state"),)), DOOM):
        old = idm.build(replace(idm.tiny(), fps=20.0), space)
        base = checkpoint.save(tmp_path / "old", "idm", old, old.state_dict(), {"recipe": "idm-tiny"})
        if space != DOOM:
            assert adapt(base, data, tmp_path / "one", wanted, device="cpu", progress=False)["before"] is None
            continue
        with pytest.raises(BadInput, match="the old one fails"):
            adapt(base, data, tmp_path / "two", wanted, device="cpu", progress=False)


def labels(recordings: list[Recording], folder: Path, late: int) -> Path:
    """What somebody says who is always some intervals late."""
    for number, one in enumerate(recordings):
        space = observed_space([one], 20)
        actions = space.actions(one.events, one.time_ns)
        moved = Actions(np.roll(actions.buttons, late, 0), np.roll(actions.axes, late, 0))
        said = replace(one, events=space.events(moved, one.time_ns), spans=())
        save_recording(said, folder / f"{number}.mcap")
    return folder


def test_what_is_known_of_how_much_play(recordings: list[Recording], tmp_path: Path) -> None:
    """Fifty seconds are five blocks: enough for an interval, which has a width. Of half a minute there is none."""
    truth = labels(recordings, tmp_path / "truth", 0)
    poor, good = (judge(truth, labels(recordings, tmp_path / f"{late}", late), 0, whole=False) for late in (6, 1))
    assert (good.units, good.known) == (5, True)
    assert good.seconds == pytest.approx(50, abs=0.5)
    for name, leaf in deciding(good.leaves).items():
        assert leaf["low"] < leaf["value"] < leaf["high"], name
        low, high = np.quantile(good.drawn[name], [0.025, 0.975])
        assert (low, high) == pytest.approx((leaf["low"], leaf["high"]))
    step, back = gained(poor, good), gained(good, poor)
    assert 0 < step["low"] < step["value"] < step["high"]
    assert step["value"] == pytest.approx(good.score - poor.score)
    assert back["high"] == pytest.approx(-step["low"])
    assert gained(good, good) == {"value": 0, "low": 0, "high": 0}  # the same draws for both
    little = labels(recordings[:1], tmp_path / "little", 0)
    short = judge(little, labels(recordings[:1], tmp_path / "short", 1), 0, whole=False)
    assert (short.units, short.known, short.drawn) == (2, False, {})
    assert {(leaf["low"], leaf["high"]) for leaf in short.leaves.values()} == {(None, None)}
    assert short.score > 0
    assert gained(short, short) == {"value": 0, "low": None, "high": None}


def test_recordings_held_out_whole_are_resampled_where_there_are_enough(
    recordings: list[Recording], tmp_path: Path
) -> None:
    for count, units in ((3, 7), (4, 4)):
        some = [recordings[k % 2] for k in range(count)]
        truth = labels(some, tmp_path / f"{count}", 0)
        assert judge(truth, labels(some, tmp_path / f"late{count}", 1), 0, whole=True).units == units


@pytest.mark.parametrize(
    ("scores", "low", "high", "helps"),
    [
        ((0.5, 0.6, 0.65), 0.02, 0.08, True),
        ((0.703, 0.665, 0.688), -0.01, 0.05, None),
        ((0.703, 0.665, 0.688), 0.01, 0.04, None),  # it is no better than with a quarter
        ((0.5, 0.6, 0.601), -0.004, 0.006, False),
        ((0.5, 0.6, 0.55), -0.08, -0.02, False),
        ((0.5, 0.6, 0.603), 0.001, 0.005, False),  # surely something, and next to nothing
        ((0.5, 0.6, 0.7), None, None, None),
    ],
)
def test_whether_more_would_help_is_decided_by_what_is_known(
    scores: tuple[float, ...], low: float | None, high: float | None, helps: bool | None
) -> None:
    curve = [{"minutes": m, "score": s} for m, s in zip((1, 2, 4), scores, strict=True)]
    assert _helps(curve, {"value": scores[2] - scores[1], "low": low, "high": high}) is helps


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


def test_an_interval_that_nobody_knows_is_not_shown() -> None:
    leaf = {"value": 0.52, "low": None, "high": None, "never_pressed": 0.0, "copy_previous": 0.9}
    told = {
        "minutes": {"learn": 0.5, "judge": 0.2},
        "split": "by recording",
        "before": None,
        "metrics": {"keys held, F1": leaf},
        "curve": [{"minutes": 0.5, "score": 0.52}],
        "good_enough": False,
        "because": ["too little"],
        "last_doubling": {"value": 0.02, "low": None, "high": None},
        "more_minutes_would_help": None,
        "minutes_for_good": None,
        "output": "mine",
    }
    text = Adapt("idm", Path("play"), Path("mine")).text(told)
    assert re.search(r"keys held, F1 +0\.52 +- +0\.00 +0\.90\n", text)
    assert "whether more play would help cannot be told: the last doubling brought 0.020\n" in text
    known = {**told, "last_doubling": {"value": 0.02, "low": -0.01, "high": 0.05}}
    assert "brought 0.020 (-0.010 to 0.050)\n" in Adapt("idm", Path("play"), Path("mine")).text(known)
