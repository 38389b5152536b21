"""Published weights become a checkpoint, and a pickle that holds more than tensors does not."""

import os
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.models import pixels2play as p2p
from playtape.models.pixels2play_weights import PUBLISHED, from_original
from playtape.models.recipe import Data, Recipe
from playtape.training import checkpoint
from playtape.training.foreign import import_weights
from tests.models import plain_pixels2play as plain

CONFIG = p2p.Config(32, 32, width=32, layers=2, heads=2, window=4, decoder_heads=4, text_width=6)


@pytest.fixture(autouse=True)
def recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(p2p.RECIPES, "p2p-test", Recipe(CONFIG, steps=1, batch=1, data=Data(fps=20, window=4)))


@pytest.fixture(scope="module")
def state() -> plain.State:
    return plain.random_state(plain.shapes(2, 32, 88, 32, 6, 4))


class Trap:
    """What a pickle can do to who opens it: this one makes a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_lightning_file_becomes_a_checkpoint(state: plain.State, tmp_path: Path) -> None:
    file, plainer = tmp_path / "epoch=0-step=500000.ckpt", tmp_path / "weights.safetensors"
    twice = {f"bc_transformer.{name}": state[name] for name in state if name.startswith("image_tokenizer.")}
    loops = {"fit_loop": {"state_dict": {}, "epoch_progress": {"current": {"ready": 1}}}}
    torch.save(
        {"epoch": 0, "global_step": 500_000, "pytorch-lightning_version": "2.5.1", "state_dict": state | twice,
         "loops": loops, "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}]},
        file,
    )  # fmt: skip
    save_file(state, plainer)
    expected = from_original(state, CONFIG)
    for source in (file, plainer):
        out = tmp_path / source.suffix[1:]
        result = import_weights(source, "p2p-test", out)
        loaded = checkpoint.load(out)
        assert result == {"output": str(out), "parameters": sum(p.numel() for p in loaded.model.parameters())}
        assert (loaded.name, loaded.space) == ("pixels2play", PUBLISHED)
        assert isinstance(loaded.space, ActionSpace)
        assert loaded.train["text_encoder"] == "embeddinggemma"
        assert loaded.train["history"][0]["command"].startswith(f"playtape import-weights {source}")
        found = loaded.model.state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    with pytest.raises(BadInput, match="already holds a checkpoint"):
        import_weights(file, "p2p-test", tmp_path / "ckpt")


def test_nothing_in_a_pickle_is_run(state: plain.State, tmp_path: Path) -> None:
    file, made = tmp_path / "trap.ckpt", tmp_path / "made"
    torch.save({"state_dict": state, "hyper_parameters": Trap(made)}, file)
    with pytest.raises(BadInput, match=r"without running code .* safetensors"):
        import_weights(file, "p2p-test", tmp_path / "out")
    assert not made.exists()
    assert not (tmp_path / "out").exists()
    with zipfile.ZipFile(file) as archive:  # the trap is in there, and works
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        words = [said for _, said, _ in pickletools.genops(archive.read(name))]
    assert str(made) in words
    call, arguments = Trap(made).__reduce__()
    assert f"{call.__module__} {call.__qualname__}" in words
    call(*arguments)
    assert made.exists()


def test_bad_files_are_one_sentence(state: plain.State, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    with pytest.raises(BadInput, match="there is no file"):
        import_weights(file, "p2p-test", tmp_path / "out")
    file.write_bytes(b"no zip")
    with pytest.raises(BadInput, match="cannot be read without running code"):
        import_weights(file, "p2p-test", tmp_path / "out")
    torch.save([1, 2], file)
    with pytest.raises(BadInput, match="holds no state dict"):
        import_weights(file, "p2p-test", tmp_path / "out")
    torch.save({**state, "more": torch.zeros(1)}, file)
    with pytest.raises(BadInput, match="unexpected: more"):
        import_weights(file, "p2p-test", tmp_path / "out")
    with pytest.raises(BadInput, match="nobody else published"):
        import_weights(file, "idm-tiny", tmp_path / "out")
    with pytest.raises(BadInput, match="there is no recipe"):
        import_weights(file, "p2p-15m", tmp_path / "out")
