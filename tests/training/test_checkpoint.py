"""What a checkpoint refuses, each with one sentence."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from playtape.actions import ActionSpace
from playtape.actions.games import DOOM
from playtape.errors import BadInput
from playtape.models import idm, modules, video_tokenizer
from playtape.training import checkpoint
from playtape.training.about import about
from playtape.training.fields import check_fields
from playtape.training.tensors import read_tensors, write_tensors
from playtape.training.words import parse, spelled
from tests.untrained import save_untrained, save_untrained_world


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
    words = ["world-tiny", "data", "--tokenizer", str(folder), "--out", str(tmp_path / "world")]
    with pytest.raises(BadInput, match=r"tok is taken as it is; leave out --model\.tokenizer\.codes"):
        parse([*words, "--model.tokenizer.codes", "1024"])
    again = parse([*words, *spelled("world-tiny", run)])[2]
    assert again.model == run.model


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *(({"tokenizer": said}, "tokenizer is .*; it must be an object") for said in (5, None, "x", [])),
        ({"goal": "yes"}, "goal is 'yes'; it must be true or false"),
        ({"goal": 2}, "goal is 2; it must be true or false"),
        ({"acts": "false"}, "acts is 'false'; it must be true or false"),
        ({"outcomes": None}, "outcomes is None; it must be true or false"),
        ({"embodiments": "ab"}, "embodiments is 'ab'; it must be a list, each a text"),
        ({"embodiments": [1]}, r"embodiments is \[1\]; it must be a list, each a text"),
        ({"heads": 2.0}, "heads is 2.0; it must be a whole number"),
        ({"dropout": True}, "dropout is True; it must be a number"),
        ({"tokenizer.crop": "false"}, "tokenizer.crop is 'false'; it must be true or false"),
        ({"tokenizer.channels": 5}, "tokenizer.channels is 5; it must be a list, each a whole number"),
        ({"tokenizer.quantiser": ["vq"]}, r"tokenizer.quantiser is \['vq'\]; it must be 'vq' or 'fsq'"),
        ({"tokenizer.adversary_from": "x"}, "tokenizer.adversary_from is 'x'; it must be a whole number or null"),
    ],
)
def test_a_config_is_of_its_types(tmp_path: Path, change: dict[str, object], sentence: str) -> None:
    run = save_untrained_world(tmp_path / "world")
    config = json.loads((run / "config.json").read_text())
    for name, value in change.items():
        outer, _, inner = name.rpartition(".")
        (config[outer] if outer else config)[inner] = value
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match=f"world does not fit model world_model: {sentence}"):
        checkpoint.load(run)


def test_a_number_may_be_whole_and_every_model_reads_its_own(tmp_path: Path) -> None:
    run = save_untrained_world(tmp_path / "world")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"dropout": 0, "noise": 1}))
    assert checkpoint.load(run).model.config.noise == 1
    for module in modules().values():
        for config in (module.tiny(), *(recipe.model for recipe in module.RECIPES.values())):
            check_fields(module.Config, json.loads(json.dumps(asdict(config))))


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
        {"held_out": 5},
        {"held_out": [5]},
        {"held_out": "ab"},
        {"steps": "x"},
        {"steps": -1},
        {"steps": True},
        {"seed": 0.5},
        {"parameters": []},
        {"frames": None},
        {"fps": "fast"},
        {"fps": float("inf")},
        {"history": 5},
        {"history": ["train"]},
        {"recipe": 5},
        {"playtape_version": {}},
        {"hz": "3"},
        {"hz": -1},
        {"hz": 1e-9},
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


def test_cut_weights_are_told_without_reading_them(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = run / "model.safetensors"
    whole = weights.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    lies = [(n).to_bytes(8, "little") + whole[8:] for n in (0, length - 1, length + 1, len(whole), 2**40, 2**64 - 1)]
    cuts = [whole[:n] for n in (0, 7, 8, length, len(whole) // 2, len(whole) - 1)]
    monkeypatch.setattr("playtape.training.checkpoint.read_tensors", None)
    assert about(run)["model"] == "idm"
    for content in (*cuts, *lies, whole + b"more", b"version https://git-lfs.github.com/spec/v1\n"):
        weights.write_bytes(content)
        with pytest.raises(BadInput, match="model.safetensors is not a whole safetensors file"):
            about(run)


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


def test_it_is_judged_by_what_it_did_not_learn_from(run: Path) -> None:
    loaded = replace(checkpoint.load(run), train={"trained_on": ["a", "b"]})
    paths = [Path("x/a.mcap"), Path("x/c.mcap"), Path("x/b.mcap")]
    assert loaded.unseen(paths) == ([paths[1]], ["2 of 3 recordings are left out: it was trained on them"])
    assert loaded.unseen(paths[:1]) == (paths[:1], [])  # asked for by name
    assert loaded.unseen(paths[1:2]) == (paths[1:2], [])


def test_its_pace_is_what_it_learned_from(run: Path) -> None:
    loaded = checkpoint.load(run)
    assert replace(loaded, train={}).hz == loaded.model.config.fps
    assert replace(loaded, train={"hz": 5.0}).hz == 5
    assert replace(loaded, train={"hz": 5.0, "pace": 4.0}).hz == 4
