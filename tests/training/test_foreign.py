"""Published weights become a checkpoint, and a pickle that holds more than tensors does not."""

import os
import pickle
import pickletools
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.models import pixels2play as p2p
from playtape.models.pixels2play_weights import PUBLISHED, from_original
from playtape.models.recipe import Data, Recipe
from playtape.training import checkpoint
from playtape.training.foreign import import_weights, published
from tests.models import plain_pixels2play as plain

CONFIG = p2p.Config(32, 32, width=32, layers=2, heads=2, window=4, decoder_heads=4, text_width=6)

MKDIR = f"{os.mkdir.__module__}.mkdir"
DAMAGED = "is damaged, or is not what torch.save writes by default; it must be that, or a .safetensors file$"


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
    with pytest.raises(
        BadInput, match=rf"without running code: it asks for {MKDIR}; write its tensors with safetensors"
    ):
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


def with_pickle(file: Path, change: Callable[[bytes], bytes]) -> None:
    """A torch file whose pickle is changed."""
    torch.save({"a": torch.zeros(2)}, file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)


@pytest.mark.parametrize(
    "change",
    [lambda _: b"", lambda _: b"\x80\x02", lambda said: said[:20], lambda said: said[:-5], lambda _: b"hello world"],
)
def test_a_damaged_pickle_in_a_whole_file_is_one_sentence(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    with_pickle(tmp_path / "x.pt", change)
    with pytest.raises(BadInput, match=DAMAGED):
        published(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"no zip", b"\x93" * 1000, b"PK\x03\x04", pickle.dumps({"a": 1})])
def test_what_is_no_torch_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(BadInput, match=DAMAGED):
        published(tmp_path / "x.pt")


def test_a_file_of_old_is_read_and_nothing_in_it_is_run(state: plain.State, tmp_path: Path) -> None:
    file, made = tmp_path / "x.pt", tmp_path / "made"
    torch.save(state, file, _use_new_zipfile_serialization=False)
    found = published(file)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(BadInput, match=DAMAGED):
        published(file)
    torch.save({**state, "more": Trap(made)}, file, _use_new_zipfile_serialization=False)
    with pytest.raises(BadInput, match=f"it asks for {MKDIR}"):
        published(file)
    assert not made.exists()


@pytest.mark.filterwarnings("ignore")
def test_programs_and_tar_files_are_called_so(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "script.pt")
    with tarfile.open(tmp_path / "tar.pt", "w") as archive:
        archive.add(tmp_path / "script.pt", "storages")
    for name, said in (("script.pt", "is a TorchScript program"), ("tar.pt", "is a tar file")):
        with pytest.raises(BadInput, match=f"{name} {said}") as caught:
            published(tmp_path / name)
        assert "weights_only" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("sparse_coo", lambda t: t.to_sparse()),
        ("sparse_csr", lambda t: t.to_sparse_csr()),
        ("meta", lambda t: t.to("meta")),
        ("quantised", lambda t: torch.quantize_per_tensor(t.float(), 1.0, 0, torch.qint8)),
        ("nested", lambda t: torch.nested.nested_tensor([t, t])),
    ],
)
def test_a_tensor_of_another_kind_is_named(
    state: plain.State, tmp_path: Path, kind: str, change: Callable[[Tensor], Tensor]
) -> None:
    name = "key_action_embedding.weight"
    torch.save({**state, name: change(state[name])}, tmp_path / "x.pt")
    with pytest.raises(BadInput, match=rf"^{name} in .*x.pt is a {kind} tensor; it must be a plain one"):
        import_weights(tmp_path / "x.pt", "p2p-test", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [[1, 2], {1: torch.zeros(1)}, {(1, 2): torch.zeros(1)}, {"state_dict": {"a": 1}}])
def test_what_is_no_state_dict_is_said_to_be_none(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(BadInput, match="holds no state dict"):
        published(tmp_path / "x.pt")


def test_a_shape_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    header = b'{"a":{"dtype":"F32","shape":[0,9223372036854775808],"data_offsets":[0,0]}}'
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(BadInput, match=r"^[^\n]* is not a whole safetensors file: [^\n]*$"):
        published(tmp_path / "x.safetensors")


def test_bad_words_are_one_sentence(state: plain.State, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    with pytest.raises(BadInput, match="there is no file"):
        import_weights(file, "p2p-test", tmp_path / "out")
    torch.save({**state, "more": torch.zeros(1)}, file)
    with pytest.raises(BadInput, match="unexpected: more"):
        import_weights(file, "p2p-test", tmp_path / "out")
    with pytest.raises(BadInput, match="nobody else published"):
        import_weights(file, "idm-tiny", tmp_path / "out")
    with pytest.raises(BadInput, match="there is no recipe"):
        import_weights(file, "p2p-15m", tmp_path / "out")
