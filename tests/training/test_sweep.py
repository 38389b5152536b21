"""`playtape sweep`: which runs it makes of sizes and shares, that it goes on, and that it stays one sweep."""

import shutil
from pathlib import Path

import pytest

from playtape.errors import BadInput
from playtape.models import pixels2play
from playtape.play import play
from playtape.recordings import find_recordings
from playtape.recordings.lock import locked
from playtape.training import checkpoint
from playtape.training import sweep as sweeping
from playtape.training.sweep import MANIFEST, Cell, read_manifest, row, sweep
from playtape.training.words import parse

SMALL = ("--batch", "1", "--workers", "0", "--data.window", "8", "--model.window", "4", "--model.height", "32")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    play("scripted", "simple_fps", episodes=5, seed=0, record=folder, max_steps=30, progress=False)
    return folder


def words(data: Path, out: Path, *more: str) -> list[str]:
    return ["p2p-tiny", str(data), "--out", str(out), "--steps", "2", *SMALL, *more]


def test_runs_of_two_sizes_on_two_shares(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    result = sweep(words(data, out, "--sizes", "XS,S", "--fractions=0.25,1"), progress=False)
    rows = {(row["size"], row["fraction"]): row for row in result["runs"]}
    assert list(rows) == [("XS", 0.25), ("XS", 1.0), ("S", 0.25), ("S", 1.0)]
    learned = {key: checkpoint.load(Path(row["folder"])).train for key, row in rows.items()}
    assert {tuple(one["held_out"]) for one in learned.values()} == {("simple_fps_scripted_seed1",)}
    assert len(learned["S", 0.25]["trained_on"]) == 1
    assert len(learned["S", 1.0]["trained_on"]) == 4
    assert set(learned["S", 0.25]["trained_on"]) < set(learned["S", 1.0]["trained_on"])
    for share in (0.25, 1.0):
        assert learned["XS", share]["trained_on"] == learned["S", share]["trained_on"]
        assert rows["XS", share]["parameters"] < rows["S", share]["parameters"]
        assert rows["XS", share]["frames"] == rows["S", share]["frames"] == 31 * len(learned["S", share]["trained_on"])


def test_the_manifest_s_words_are_the_runs(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    asked = words(
        data, out, "--sizes", "S,p2p-tiny", "--fractions", "0.5", "--seed", "3", "--optimiser.betas", "0.8", "0.9"
    )
    sweep(asked, progress=False)
    small, named = read_manifest(out).runs
    for cell, heads in ((small, 3), (named, 6)):
        _, recipe, run = parse([*cell.words, "--out", str(out / cell.name)])
        assert recipe == "p2p-tiny"
        assert (run.model.heads, run.model.height, run.seed, run.optimiser.betas) == (heads, 32, 3, (0.8, 0.9))
        assert checkpoint.load(out / cell.name).model.config == run.model


def test_what_was_cut_off_goes_on_and_what_is_done_stays(data: Path, tmp_path: Path, monkeypatch) -> None:
    out, trained = tmp_path / "sweep", []
    train = sweeping.train

    def counted(argv: list[str], *, progress: bool) -> dict:
        trained.append(argv)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(argv, progress=progress)

    monkeypatch.setattr(sweeping, "train", counted)
    asked = words(data, out, "--sizes", "XS", "--fractions", "0.25,0.5,1")
    with pytest.raises(KeyboardInterrupt):
        sweep(asked, progress=False)
    done = out / "XS-0.25" / "model.safetensors"
    before = done.stat().st_mtime_ns
    (out / "XS-0.5").mkdir()
    argv = [*read_manifest(out).runs[1].words, "--out", str(out / "XS-0.5")]
    checkpoint.write_json(out / "XS-0.5" / "run.json", {"argv": argv})  # begun, and never saved
    assert len(sweep(asked, progress=False)["runs"]) == 3
    assert trained[2] == ["--resume", str(out / "XS-0.5")]
    assert len(trained) == 4
    assert done.stat().st_mtime_ns == before


def test_a_sweep_may_grow_and_not_change(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    sweep(words(data, out, "--sizes", "XS", "--fractions", "0.5"), progress=False)
    assert len(sweep(words(data, out, "--sizes", "XS", "--fractions", "0.5,1"), progress=False)["runs"]) == 2
    assert [cell.name for cell in read_manifest(out).runs] == ["XS-0.5", "XS-1"]
    with pytest.raises(BadInput, match="holds another sweep: sweep.json has other words for XS-1; give another --out"):
        sweep(words(data, out, "--sizes", "XS", "--fractions", "1", "--seed", "1"), progress=False)
    assert len(read_manifest(out).runs) == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--sizes", "S,Q"), "--sizes S,Q has 'Q'; legal are XS, S, M, L, XL, p2p-tiny"),
        (("--sizes", "S,S"), "has 'S' twice"),
        (("--sizes", "idm-tiny"), "has 'idm-tiny'; legal are XS"),
        (("--sizes",), "--sizes is empty"),
        (("--sizes", "--fractions", "1"), "--sizes is empty; give a list such as S,M,L"),
        (("--fractions=",), "--fractions is empty"),
        (("--fractions", "0"), "--fractions is 0; it must be a list of different numbers from 1e-06 to 1, such as"),
        (("--fractions", "1e-320"), "--fractions is 1e-320; it must be a list of different numbers from 1e-06 to 1"),
        (("--fractions", "0.5,2"), "from 1e-06 to 1"),
        (("--fractions", "nan"), "from 1e-06 to 1"),
        (("--fractions", "0.5,0.5"), "different numbers"),
        (("--fractions", "x"), "--fractions is x"),
        (("--stepps", "3"), "did you mean --steps"),
        (("--resume",), "`playtape sweep` goes on by itself: give the words that it was begun with, without --resume"),
        (("--resume=x",), "without --resume"),
    ],
)
def test_what_makes_no_sweep(data: Path, tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        sweep(words(data, tmp_path / "sweep", *more), progress=False)
    assert not (tmp_path / "sweep").exists()


def test_one_session_leaves_nothing_to_judge_by(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="one session alone leaves nothing to hold out"):
        sweep(words(find_recordings(data)[0], tmp_path / "sweep"), progress=False)


def test_a_run_of_other_words_is_not_gone_on_with(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    asked = words(data, out, "--sizes", "XS", "--fractions", "0.5,1")
    sweep(asked, progress=False)
    shutil.rmtree(out / "XS-1")
    shutil.copytree(out / "XS-0.5", out / "XS-1")
    with pytest.raises(
        BadInput, match=f"{out}/XS-1 is not the run that sweep.json has under its name: .*; move it away"
    ):
        sweep(asked, progress=False)
    shutil.rmtree(out / "XS-1")
    assert len(sweep(asked, progress=False)["runs"]) == 2


def test_two_sweeps_at_once_are_one_too_many(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    out = tmp_path / "sweep"
    out.mkdir()
    said = f"{out} is being written by another `playtape sweep`; wait for it, or give another --out"
    with locked(out, "free"), pytest.raises(BadInput, match=said):
        sweep(words(data, out, "--fractions", "1"), progress=False)
    assert not any(out.iterdir())


def test_a_report_without_a_run_s_numbers(tmp_path: Path) -> None:
    (tmp_path / "S-1").mkdir()
    (tmp_path / "S-1" / "train.json").write_text('{"frames": "many", "steps": 1, "parameters": 1}')
    with pytest.raises(BadInput, match=r"frames in .*train.json is 'many'; it must be a whole number from 1 to"):
        row(tmp_path, Cell("S", 1.0, []))


@pytest.mark.parametrize(
    ("fraction", "said"),
    [("NaN", "nan"), ("0", "0.0"), ("-1", "-1.0"), ("1.5", "1.5"), ("1e-320", "1e-320"), ("Infinity", "inf")],
)
def test_a_manifest_s_fraction_is_a_share(tmp_path: Path, fraction: str, said: str) -> None:
    content = f'{{"runs": [{{"size": "S", "fraction": {fraction}, "words": []}}], "held_out": []}}'
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(BadInput, match=f"a fraction in .*{MANIFEST} is {said}; it must be a number from 1e-06 to 1"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"runs": 3}',
        f'{{"runs": [{{"size": "S", "fraction": {10**400}, "words": []}}], "held_out": []}}',
        '{"runs": [{"size": "S"}]}',
        '{"runs": [{"size": "../x", "fraction": 1, "words": []}], "held_out": []}',
        '{"runs": [{"size": "S", "fraction": 1, "words": []}, {"size": "S", "fraction": 1, "words": []}], "held_out": []}',
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(BadInput, match=MANIFEST):
        read_manifest(tmp_path)
    with pytest.raises(BadInput, match="is no sweep"):
        read_manifest(tmp_path / "elsewhere")


@pytest.mark.parametrize("recipe", ["p2p-tiny", "p2p-150m"])
def test_sizes_are_of_one_head_width(recipe: str) -> None:
    config = pixels2play.RECIPES[recipe].model
    sizes = [pixels2play.sized(config, size) for size in pixels2play.SIZES]
    assert {one.width // one.heads for one in sizes} == {config.width // config.heads}
    assert [one.width for one in sizes] == sorted({one.width for one in sizes})
    assert pixels2play.sized(config, "M") == config
