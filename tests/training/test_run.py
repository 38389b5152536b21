"""`playtape train` from words to a checkpoint, stopped and resumed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from playtape.clips import encoders
from playtape.errors import BadInput
from playtape.recordings import Span, open_recording, save_recording
from playtape.recordings.convert import convert
from playtape.recordings.formats import doom_demo
from playtape.training import checkpoint, sources
from playtape.training.run import train
from playtape.training.words import parse


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of two players of one session, and the same as a second session."""
    root = tmp_path_factory.mktemp("data")
    example = doom_demo.example(root / "source")
    convert(example, root / "doom", "doom_demo", progress=False)
    return root / "doom"


def words(data: Path, out: Path, *more: str) -> list[str]:
    small = ["--batch", "2", "--workers", "0", "--data.held-out", "nothing-matches*"]
    return ["idm-tiny", str(data), "--out", str(out), *small[:4], *more]


def test_a_run_leaves_a_checkpoint_a_log_and_curves(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = train(words(data, out, "--steps", "40"), progress=False)
    assert result["output"] == str(out)
    assert result["steps"] == 40
    assert {file.name for file in out.iterdir()} == {
        *checkpoint.FILES, "run.json", "log.jsonl", "curves.png", "state.safetensors",
    }  # fmt: skip
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [20, 40]
    assert rows[1]["loss"] < rows[0]["loss"]
    assert checkpoint.load(out).train["history"][0]["command"].startswith("playtape train idm-tiny")


def test_checkpoints_on_the_way_are_kept_if_asked(data: Path, tmp_path: Path) -> None:
    """Each is what a run of so many steps would have left, at the learning rates of this one."""
    out, stopped = tmp_path / "run", tmp_path / "stopped"
    train(words(data, out, "--steps", "10", "--keep-every", "4", "--save-every", "5"), progress=False)
    kept = sorted((out / "kept").iterdir())
    assert [folder.name for folder in kept] == ["000000004", "000000008"]
    assert [checkpoint.load(folder).train["steps"] for folder in kept] == [4, 8]
    assert checkpoint.load(out).train["steps"] == 10
    one, two, last = (load_file(folder / "model.safetensors") for folder in (*kept, out))
    assert any((one[key] != two[key]).any() for key in one)
    assert any((two[key] != last[key]).any() for key in two)

    shutil.copytree(out, stopped)
    train(["--resume", str(stopped), "--steps", "12"], progress=False)
    assert [folder.name for folder in sorted((stopped / "kept").iterdir())] == ["000000004", "000000008", "000000012"]
    end, twelfth = (load_file(folder / "model.safetensors") for folder in (stopped, stopped / "kept" / "000000012"))
    assert all((end[key] == twelfth[key]).all() for key in end)


def test_resume_is_bit_exact(data: Path, tmp_path: Path) -> None:
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    train(words(data, straight, "--steps", "30", "--save-every", "10"), progress=False)

    with pytest.MonkeyPatch.context() as patch:  # the power goes out in step 17: saved at 10, seven steps are lost
        from playtape.training import loop

        average = loop._average
        calls = []

        def cut(*args: object) -> None:
            calls.append(1)
            if len(calls) == 17:
                raise KeyboardInterrupt
            average(*args)

        patch.setattr(loop, "_average", cut)
        with pytest.raises(KeyboardInterrupt):
            train(words(data, stopped, "--steps", "30", "--save-every", "10"), progress=False)
    assert not (stopped / "model.safetensors").exists()
    train(["--resume", str(stopped)], progress=False)
    for file in ("model.safetensors", "state.safetensors"):
        one, two = load_file(straight / file), load_file(stopped / file)
        assert one.keys() == two.keys()
        assert all((one[key] == two[key]).all() for key in one), file
    history = checkpoint.load(stopped).train["history"]
    assert [entry["from_step"] for entry in history] == [0, 10]
    logs = [[json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (straight, stopped)]
    assert [row["step"] for row in logs[0]] == [row["step"] for row in logs[1]]


def test_a_run_can_begin_from_a_checkpoint(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train(words(data, first, "--steps", "20"), progress=False)
    held = load_file(first / "model.safetensors")
    again = words(
        data, second, "--steps", "1", "--init", str(first), "--optimiser.lr", "0", "--optimiser.final-lr", "0"
    )
    train(again, progress=False)
    begun = load_file(second / "model.safetensors")
    assert all((held[key] == begun[key]).all() for key in held)
    history = checkpoint.load(second).train["history"]
    assert [f"--out {run}" in entry["command"] for run, entry in zip((first, second), history, strict=True)] == [
        True,
        True,
    ]
    assert checkpoint.load(second).space == checkpoint.load(first).space
    with pytest.raises(BadInput, match="cannot begin from"):
        train(
            words(data, tmp_path / "third", "--steps", "1", "--init", str(first), "--model.width", "48"), progress=False
        )


def test_a_copied_run_goes_on_by_itself(data: Path, tmp_path: Path) -> None:
    small = ["--batch", "2", "--workers", "0"]
    train(["idm-tiny", str(data), f"--out={tmp_path / 'first'}", "--steps", "2", *small], progress=False)
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    train(["--resume", str(tmp_path / "copy"), "--steps", "3"], progress=False)
    steps = [json.loads((tmp_path / name / "train.json").read_text())["steps"] for name in ("first", "copy")]
    assert steps == [2, 3]


@pytest.mark.parametrize(
    "form", [["--resume", "RUN", "--steps", "30"], ["idm-tiny", "DATA", "--out", "RUN", "--steps", "30", "--resume"]]
)
def test_both_forms_of_resume_go_on(data: Path, tmp_path: Path, form: list[str]) -> None:
    out = tmp_path / "run"
    base = ["--batch", "2", "--workers", "0"]
    train(["idm-tiny", str(data), "--out", str(out), "--steps", "20", *base], progress=False)
    filled = [{"RUN": str(out), "DATA": str(data)}.get(word, word) for word in form]
    result = train([*filled, *base], progress=False)
    assert result["steps"] == 30
    assert int(load_file(out / "state.safetensors")["step"]) == 30


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "needs a recipe first"),
        (["idm-tny", "x"], "did you mean idm-tiny"),
        (["idm-tiny"], "needs recordings to learn from and --out"),
        (["idm-tiny", "x", "--out", "y", "--stepps", "3"], "--steps"),
        (["idm-tiny", "x", "--out", "y", "--steps", "0"], "steps is 0; it must be a whole number from 1 to"),
        (["idm-tiny", "x", "--out", "y", "--steps", str(10**30)], f"steps is {10**30}; it must be"),
        (["idm-tiny", "x", "--out", "y", "--save-every", "0"], "--save-every is 0; it must be"),
        (["idm-tiny", "x", "--out", "y", "--keep-every", "-1"], "--keep-every is -1; it must be"),
        (["idm-tiny", "x", "--out", "y", "--keep-every", str(10**30)], f"--keep-every is {10**30}; it must be"),
        (["idm-tiny", "x", "--out", "y", "--workers", "-1"], "--workers is -1; it must be"),
        (
            ["idm-tiny", "x", "--out", "y", "--seed", str(2**64)],
            f"--seed is {2**64}; it must be a whole number from 0 to",
        ),
        (["idm-tiny", "x", "--out", "y", "--seed", "-1"], "--seed is -1; it must be a whole number from 0 to"),
        (
            ["idm-tiny", "x", "--out", "y", "--optimiser.betas", "2", "3"],
            "betas is 2.0 3.0; both must be from 0 to below 1",
        ),
        (["idm-tiny", "x", "--out", "y", "--optimiser.betas", "nan", "0.9"], "betas is nan 0.9; both must be"),
        (["idm-tiny", "x", "--out", __file__], "cannot write a run into .*test_run.py: .* is not a folder"),
        (["idm-tiny", "x", "--out", f"{__file__}/y"], "test_run.py is not a folder that can be written to"),
        (["idm-tiny", "x", "--out", "y", "--data.fps", "0"], "data.fps is 0"),
        (["idm-tiny", "x", "--out", "y", "--data.text", "minlm"], "no text encoder 'minlm'; did you mean minilm"),
        (["idm-tiny", "x", "--out", "y", "--model.height", "7"], "height is 7"),
        (["idm-tiny", "x", "--out", "y", "--model.kernel", "4"], "must be odd"),
        (["idm-tiny", "x", "--out", "y", "--optimiser.lr", "nan"], "optimiser.lr is nan"),
        (
            ["idm-tiny", "x", "--out", "y", "--data.augmentation.shift", "1000000000"],
            "augmentation.shift is 1000000000",
        ),
        (["idm-tiny", "x", "--out", "y", "--data.augmentation.shift", "-3"], "augmentation.shift is -3"),
        (["idm-tiny", "x", "--out", "y", "--data.augmentation.brightness", "nan"], "augmentation.brightness is nan"),
        (["idm-tiny", "x", "--out", "y", "--data.augmentation.mirror", "foo", "bar"], "unknown input name 'foo'"),
        (["idm-tiny", "x:-1", "--out", "y"], "the weight of 'x:-1'"),
        (["idm-tiny", "x", "--resume", "--out"], "--out needs the run's folder"),
        (["--resume", "nowhere"], "no run to resume"),
    ],
)
def test_bad_words_are_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        train(argv, progress=False)


def test_flags_reach_every_field() -> None:
    words = "--steps 20_000 --data.fps 20 --model.width 64 --optimiser.lr 1e-3 --out runs/x"
    argv = ["idm", "data", *words.split()]
    name, recipe, run = parse(argv)
    assert (name, recipe, run.steps, run.data.fps, run.model.width, run.optimiser.lr) == (
        "idm",
        "idm",
        20_000,
        20.0,
        64,
        1e-3,
    )


def test_a_finished_run_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(words(data, out, "--steps", "2"), progress=False)
    for file in ("nothing", *checkpoint.FILES):  # a run that was stopped has a state and nothing else
        (out / file).unlink(missing_ok=True)
        with pytest.raises(BadInput, match="already holds a run"):
            train(words(data, out, "--steps", "2"), progress=False)


def test_held_out_patterns_must_match(data: Path, tmp_path: Path) -> None:
    argv = [*words(data, tmp_path / "run", "--steps", "2"), "--data.held-out", "nothing-matches*"]
    with pytest.raises(BadInput, match="no recording matches --data.held-out nothing-matches"):
        train(argv, progress=False)
    assert not (tmp_path / "run").exists()


def test_data_that_nothing_may_be_learned_from(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "played"
    folder.mkdir()
    for path in data.glob("*.mcap"):
        recording = open_recording(path)
        spans = (Span(0, recording.video.end_ns, "control", "policy runs/x"),)
        save_recording(replace(recording, spans=spans), folder / path.name)
    with pytest.raises(BadInput, match="no frame of these recordings may be learned from"):
        train(words(folder, tmp_path / "run", "--steps", "2"), progress=False)
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_asked_for_help_is_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"argv": ["idm-tiny", "--help"]}))
    with pytest.raises(BadInput, match="--help starts no run"):
        train(["--resume", str(tmp_path)], progress=False)


def test_data_too_short_for_a_window_is_told_before_anything_is_decoded(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playtape.training.sources.store", lambda *_: pytest.fail("a recording was decoded"))
    with pytest.raises(BadInput, match="no recording is as long as one window of 500 frames"):
        train([*words(data, tmp_path / "run", "--steps", "2"), "--data.window", "500"], progress=False)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"argv": 5}', '{"argv": [1]}', '{"argv": ["idm-tiny"], "history": 5}']
)
def test_a_broken_run_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(BadInput, match=r"run.json"):
        train(["--resume", str(tmp_path)], progress=False)


def test_a_broken_or_foreign_state_is_one_sentence_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(words(data, out, "--steps", "4"), progress=False)
    before = (out / "run.json").read_text()
    with pytest.raises(BadInput, match="another model"):
        train(["--resume", str(out), "--steps", "6", "--model.width", "32"], progress=False)
    with pytest.raises(BadInput, match="has done 4 steps already"):
        train(["--resume", str(out), "--steps", "2"], progress=False)
    (out / "state.safetensors").write_bytes(b"junk")
    with pytest.raises(BadInput, match="not a whole safetensors file"):
        train(["--resume", str(out), "--steps", "6"], progress=False)
    assert (out / "run.json").read_text() == before


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train(words(data, out, "--steps", "3"), progress=False)
    return out


Tensors = dict[str, torch.Tensor]


def without(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda found: {key: value for key, value in found.items() if not key.startswith(prefix)}


def first(prefix: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Tensors], Tensors]:
    def changed(found: Tensors) -> Tensors:
        key = min(key for key in found if key.startswith(prefix))
        return {**found, key: change(found[key])}

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: {}, "step is absent and must be int64"),
        (without("step"), "step is absent and must be int64"),
        (first("step", lambda _: torch.tensor([1, 2])), r"step is int64 \[2\] and must be int64 \[\]"),
        (first("step", lambda _: torch.tensor(float("nan"))), "step is float32 .* and must be int64"),
        (first("step", lambda _: torch.tensor(-5)), "step of .* is -5; it must be a whole number from 0 to"),
        (first("step", lambda _: torch.tensor(2**62)), f"step of .* is {2**62}; it must be a whole number from 0 to"),
        (without("model."), "is the state of another model"),
        (first("model.", lambda t: t.double()), "is the state of another model"),
        (without("ema."), r"ema\..* is absent and must be float32"),
        (first("ema.", lambda t: t[None]), r"ema\..* is float32 \[1, .* and must be float32"),
        (without("optimiser."), r"optimiser\..* is absent and must be float32"),
        (without("optimiser.exp_avg."), r"optimiser.exp_avg\..* is absent and must be float32"),
        (without("optimiser.step."), r"optimiser.step\..* is absent and must be float32"),
        (lambda found: found | {"optimiser.foo": torch.zeros(1)}, r"optimiser.foo is float32 \[1\] and must be absent"),
        (lambda found: found | {"more": torch.zeros(1)}, r"more is float32 \[1\] and must be absent"),
        (first("optimiser.exp_avg.", lambda t: t.int()), r"optimiser.exp_avg\..* is int32 .* and must be float32"),
        (first("optimiser.step.", lambda _: torch.tensor(-1.0)), "optimiser.step.* is -1; it must be a whole number"),
        (first("optimiser.step.", lambda _: torch.tensor(0.5)), "optimiser.step.* is 0.5; it must be a whole number"),
        (first("optimiser.step.", lambda _: torch.tensor(4.0)), "optimiser.step.* is 4; .* from 0 to 3"),
        (first("optimiser.step.", lambda _: torch.tensor(float("nan"))), "optimiser.step.* is nan; it must be"),
    ],
)
def test_a_state_that_no_run_saved_is_one_sentence_and_changes_nothing(
    finished: Path, tmp_path: Path, change: Callable[[Tensors], Tensors], message: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    save_file(change(load_file(finished / "state.safetensors")), out / "state.safetensors")
    with pytest.raises(BadInput, match=message):
        train(["--resume", str(out), "--steps", "4"], progress=False)
    for file in ("run.json", "log.jsonl"):
        assert (out / file).read_bytes() == (finished / file).read_bytes()


@pytest.mark.parametrize(
    "line",
    [b"{nope}", b'{"a":1}', b"[3]", b"3}", b'{"step": 2}', b'{"step": "2", "loss": 1}', b'{"step": NaN, "loss": 1}',
     b'{"step": 2, "loss": {}}', b'{"step": true, "loss": 1}', b'{"step": 2, "loss": 1' + b"0" * 400 + b"}",
     b"\xff\xfe}", b"[" * 100_000 + b"}", b'{"step": 9, "loss": 1}'],
)  # fmt: skip
def test_what_is_no_line_of_a_log_is_dropped_on_resume(finished: Path, tmp_path: Path, line: bytes) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    before = (out / "log.jsonl").read_bytes()
    (out / "log.jsonl").write_bytes(line + b"\n" + before + line)
    train(["--resume", str(out), "--steps", "4"], progress=False)
    after = (out / "log.jsonl").read_bytes()
    assert after.startswith(before)
    assert [json.loads(row)["step"] for row in after.splitlines()] == [3, 4]


def test_lines_of_other_losses_are_drawn_as_well(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / "log.jsonl").write_text('{"step": 1, "loss": 2.0, "other": NaN}\n')
    train(["--resume", str(out), "--steps", "4"], progress=False)
    assert (out / "curves.png").stat().st_size != (finished / "curves.png").stat().st_size


def test_a_run_stopped_before_its_first_save_starts_afresh(data: Path, tmp_path: Path) -> None:
    out, straight = tmp_path / "run", tmp_path / "straight"
    for folder in (out, straight):
        train(words(data, folder, "--steps", "6"), progress=False)
    for file in ("state.safetensors", "model.safetensors"):
        (out / file).unlink()
    train(["--resume", str(out)], progress=False)
    one, two = load_file(out / "model.safetensors"), load_file(straight / "model.safetensors")
    assert all((one[key] == two[key]).all() for key in one)


def test_instructions_go_through_the_encoder_that_the_checkpoint_names(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vowels", "consonants"):  # the folder is the registry: a file more is an encoder more
        (tmp_path / f"{name}.py").write_text(
            "import numpy as np\n\n\nclass Encoder:\n"
            f"    name = {name!r}\n    width = 5\n\n    def encode(self, texts):\n"
            "        return np.ones((len(texts), 5), np.float32)\n"
        )
    monkeypatch.setattr(encoders, "__path__", [*encoders.__path__, str(tmp_path)])
    seen = []
    prepare = sources.store
    monkeypatch.setattr(sources, "store", lambda *args, **more: seen.append(prepare(*args, **more)) or seen[-1])
    out, plain = tmp_path / "run", tmp_path / "plain"
    train(words(data, out, "--steps", "1", "--data.text", "vowels"), progress=False)
    assert all(stored.text.vectors.shape == (1, 5) for stored in seen)
    assert checkpoint.load(out).train["text_encoder"] == "vowels"
    assert json.loads((out / "run.json").read_text())["config"]["data"]["text"] == "vowels"
    train(words(data, plain, "--steps", "1"), progress=False)
    assert checkpoint.load(plain).train["text_encoder"] == ""
    begin = ["--steps", "1", "--data.text", "consonants", "--init"]
    with pytest.raises(BadInput, match="it knows instructions by vowels, and the run has --data.text consonants"):
        train([*words(data, tmp_path / "next", *begin), str(out)], progress=False)
    train([*words(data, tmp_path / "next", *begin), str(plain)], progress=False)
