"""What a checkpoint refuses, each with one sentence."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from playtape.actions import ActionSpace
from playtape.actions.games import DOOM
from playtape.errors import BadInput
from playtape.models import idm, video_tokenizer
from playtape.training import checkpoint
from playtape.training.tensors import read_tensors, write_tensors
from playtape.training.words import parse
from tests.untrained import save_untrained


@pytest.fixture
def run(tmp_path: Path) -> Path:
    model = idm.build(idm.tiny(), DOOM)
    return checkpoint.save(tmp_path / "run", "idm", model, model.state_dict(), {"steps": 0})


@pytest.mark.parametrize("file", checkpoint.FILES)
def test_a_missing_file_is_named(run: Path, file: str) -> None:
    (run / file).unlink()
    with pytest.raises(BadInput, match=f"lacks {file}"):
        checkpoint.load(run)


def test_another_action_space_is_told_apart(run: Path) -> None:
    with pytest.raises(BadInput, match="another action space.*key.7"):
        checkpoint.load(run, space=ActionSpace(DOOM.buttons[:-1], DOOM.axes))


def test_it_is_loaded_to_do_what_it_can(run: Path, tmp_path: Path) -> None:
    policy = save_untrained(tmp_path / "policy")
    assert checkpoint.load(run, to="label").name == "idm"
    assert checkpoint.load(policy, to="play").name == "pixels2play"
    with pytest.raises(BadInput, match="is of model idm, which cannot play; give the checkpoint of a policy"):
        checkpoint.load(run, to="play")
    with pytest.raises(
        BadInput, match="is of model pixels2play, which cannot label; give the checkpoint of an inverse"
    ):
        checkpoint.load(policy, to="label")


def test_it_is_described_without_its_weights(run: Path) -> None:
    whole = checkpoint.load(run)
    (run / "model.safetensors").write_bytes(b"no weights")
    told = checkpoint.described(run, to="label")
    assert (told.name, told.config, told.space, told.train) == ("idm", whole.model.config, DOOM, {"steps": 0})
    assert {p.device.type for p in told.bare().state_dict().values()} == {"meta"}
    with pytest.raises(BadInput, match="is of model idm, which cannot play; give the checkpoint of a policy"):
        checkpoint.described(run, to="play")
    with pytest.raises(BadInput, match=r"model.safetensors"):
        checkpoint.load(run)


def test_a_world_models_words_need_no_weights_of_its_tokenizer(tmp_path: Path) -> None:
    model = video_tokenizer.build(video_tokenizer.tiny(), DOOM)
    folder = checkpoint.save(tmp_path / "tok", "video_tokenizer", model, model.state_dict(), {})
    (folder / "model.safetensors").write_bytes(b"no weights")
    _, _, run = parse(["world-tiny", "data", "--tokenizer", str(folder), "--out", str(tmp_path / "world")])
    assert run.model.tokenizer == video_tokenizer.tiny()


@pytest.mark.parametrize("name", ["weights.pt", "weights.ckpt", "weights.bin"])
def test_a_pickle_is_refused_unopened(tmp_path: Path, name: str) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"w": Trap()}, tmp_path / name)
    with pytest.raises(BadInput, match="convert them once"):
        checkpoint.load(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_inside_the_folder_is_not_looked_at(run: Path) -> None:
    (run / "model.safetensors").rename(run / "model.pt")
    with pytest.raises(BadInput, match="lacks model.safetensors"):
        checkpoint.load(run)


def test_weights_of_another_size(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "width": 24}))
    with pytest.raises(BadInput, match=r"does not fit model idm: \S+ is \[.*\] and must be \["):
        checkpoint.load(run)


W = "appearance.maps.0.weight"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.pop(W), f"{W} is missing"),
        (lambda w: w.update(more=torch.zeros(1)), "more is not of this model"),
        (lambda w: w[W][0].fill_(float("nan")), f"{W} is not finite"),
        (lambda w: w[W][0, 0, 0, :1].fill_(float("inf")), f"{W} is not finite"),
        (lambda w: w.update({W: w[W].to(torch.complex64)}), f"{W} is torch.complex64 and must be torch.float32"),
        (lambda w: w.update({W: w[W].to(torch.int32)}), f"{W} is torch.int32 and must be torch.float32"),
    ],
)
def test_weights_that_do_not_fit_are_named(
    run: Path, change: Callable[[dict[str, torch.Tensor]], object], sentence: str
) -> None:
    weights = read_tensors(run / "model.safetensors")
    change(weights)
    write_tensors(run / "model.safetensors", weights)
    with pytest.raises(BadInput, match=f"does not fit model idm: {sentence}"):
        checkpoint.load(run)


def test_a_huge_model_is_refused_before_it_is_made(tmp_path: Path) -> None:
    policy = save_untrained(tmp_path / "policy")
    config = json.loads((policy / "config.json").read_text())
    (policy / "config.json").write_text(json.dumps({**config, "width": 16384, "layers": 256}))  # 3 TB
    with pytest.raises(BadInput, match="and must be"):
        checkpoint.load(policy)


@pytest.mark.parametrize(
    "said",
    [
        {"window": "abc"},
        {"window": 0},
        {"window": None},
        {"trained_on": 5},
        {"trained_on": [["a"]]},
        {"text_encoder": 3},
        {"hz": "3"},
        {"hz": -1},
    ],
)
def test_a_report_that_cannot_be_is_told(run: Path, said: dict) -> None:
    (run / "train.json").write_text(json.dumps(said))
    with pytest.raises(BadInput, match=f"train.json says that {next(iter(said))} is"):
        checkpoint.load(run)


@pytest.mark.parametrize(
    ("file", "text"),
    [("config.json", "{"), ("actions.json", "[]"), ("train.json", "\x00"), ("config.json", "[" * 200_000)],
)
def test_broken_json(run: Path, file: str, text: str) -> None:
    (run / file).write_text(text)
    with pytest.raises(BadInput, match=file):
        checkpoint.load(run)


def test_cut_weights(run: Path) -> None:
    whole = (run / "model.safetensors").read_bytes()
    for length in (0, 7, len(whole) // 2, len(whole) - 1):
        (run / "model.safetensors").write_bytes(whole[:length])
        with pytest.raises(BadInput, match="model.safetensors is not a whole safetensors file"):
            checkpoint.load(run)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        {"fps": None},
        {"fps": 0},
        {"width": 0},
        {"hidden": 1.5},
        {"dropout": -1},
        {"kernel": 0},
        {"height": -1},
        {"limit": -1},
    ],
)
def test_impossible_sizes(run: Path, change: dict) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(BadInput, match=next(iter(change))):
        checkpoint.load(run)


@pytest.mark.parametrize("name", ["os.path", 1.5, None, "idn", [1], {}])
def test_a_checkpoint_does_not_say_what_is_imported(run: Path, name: object) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "model": name}))
    with pytest.raises(BadInput, match="legal are event_idm, idm"):
        checkpoint.load(run)


def test_weights_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot write"):
        write_tensors(tmp_path / "no" / "such" / "folder.safetensors", {"x": torch.zeros(3)})
    assert list(tmp_path.iterdir()) == []
