"""A release of iVideoGPT, two folders, becomes one checkpoint."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from playtape.actions import Actions, ActionSpace
from playtape.errors import BadInput
from playtape.models import video_tokenizer as coder
from playtape.models import world_model as world
from playtape.models.recipe import Data, Recipe
from playtape.training import checkpoint
from playtape.training.foreign import import_weights

CONFIG = replace(world.tiny(), parallel=0.0)


@pytest.fixture(autouse=True)
def recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.RECIPES, "world-test", Recipe(CONFIG, steps=1, batch=1, data=Data(fps=20, window=14)))


def body(acts: int) -> dict[str, Tensor]:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": CONFIG.width, "num_hidden_layers": CONFIG.layers, "num_attention_heads": CONFIG.heads}
    llama = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(vocab_size=66, intermediate_size=CONFIG.hidden, **sizes)
    )
    if not acts:
        return llama.state_dict()
    told = {"action_linear.weight": torch.randn(CONFIG.width, acts), "action_linear.bias": torch.randn(CONFIG.width)}
    return {f"llm.{name}": weight for name, weight in llama.state_dict().items()} | told


def released(folder: Path, context: int, acts: int) -> Path:
    torch.manual_seed(0)
    tokenizer = coder.build(replace(CONFIG.tokenizer, context=context), ActionSpace(("key.w",), ()))
    for name, state in (("tokenizer", tokenizer.state_dict()), ("transformer", body(acts))):
        (folder / name).mkdir(parents=True)
        save_file(
            {key: value.contiguous().clone() for key, value in state.items()}, folder / name / "model.safetensors"
        )
    return folder


@pytest.mark.parametrize(("context", "acts"), [(1, 4), (2, 0)])
def test_a_release_says_how_long_its_context_is_and_what_it_is_told(tmp_path: Path, context: int, acts: int) -> None:
    result = import_weights(released(tmp_path / "theirs", context, acts), "world-test", tmp_path / "ours")
    loaded = checkpoint.load(tmp_path / "ours", to="foretell")
    model, config = loaded.model, loaded.model.config
    assert result["parameters"] == sum(p.numel() for p in model.parameters())
    assert (config.tokenizer.context, config.acts, len(loaded.space.axes)) == (context, acts > 0, acts)
    assert isinstance(model, world.WorldModel)
    state = model.start(torch.zeros(1, context, 3, 16, 16, dtype=torch.uint8))
    state = model.step(state, Actions(torch.zeros(1, 0) > 0, torch.ones(1, acts)), temperature=0)
    assert model.frames(state, 1).shape == (1, 1, 3, 16, 16)


def test_what_is_no_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"must hold tokenizer and transformer, .*; tokenizer has 0"):
        import_weights(tmp_path, "world-test", tmp_path / "ours")
    folder = released(tmp_path / "theirs", 2, 0)
    (folder / "transformer" / "model.safetensors").unlink()
    save_file({"x": torch.zeros(1)}, folder / "transformer" / "model.safetensors")
    with pytest.raises(BadInput, match="these weights lack 'model.embed_tokens.weight'; the recipe is of 2 layers"):
        import_weights(folder, "world-test", tmp_path / "ours")
    wrong = released(tmp_path / "other", 2, 0)
    save_file(
        {"cond_encoder.cross_att_blocks.0.kv_pos_emb": torch.zeros(2, 2)}, wrong / "tokenizer" / "model.safetensors"
    )
    with pytest.raises(BadInput, match="these weights lack 'cond_encoder.cross_att_blocks.0.q_pos_emb'"):
        import_weights(wrong, "world-test", tmp_path / "ours")
    torn = released(tmp_path / "torn", 2, 0)
    torch.manual_seed(0)
    small = coder.build(replace(CONFIG.tokenizer, codes=8), ActionSpace(("key.w",), ()))
    save_file(
        {k: v.contiguous().clone() for k, v in small.state_dict().items()}, torn / "tokenizer" / "model.safetensors"
    )
    with pytest.raises(
        BadInput, match=r"does not fit recipe world-test: tokenizer\.quantize\S+ is \[8, 8\] and must be \[32, 8\]"
    ):
        import_weights(torn, "world-test", tmp_path / "ours")


POSITIONS = "cond_encoder.cross_att_blocks.0."
Q = "model.layers.0.self_attn.q_proj.weight"
WRONG = {
    "no cells": (
        {f"{POSITIONS}q_pos_emb": torch.zeros(0, 8)},
        "context is 128; it must be a whole number from 1 to 64",
    ),
    "a number": (
        {f"{POSITIONS}kv_pos_emb": torch.tensor(1.0)},
        r"kv_pos_emb of these weights is \[\]; .* \[any, any\]",
    ),
    "one action": (
        {"action_linear.weight": torch.zeros(4)},
        r"action_linear.weight of these weights is \[4\]; it must be",
    ),
    "odd heads": ({Q: torch.zeros(34, 32)}, r"q_proj.weight of these weights is \[34, 32\]; it must be \[32, 32\]"),
    "one head": ({Q: torch.zeros(32)}, r"q_proj.weight of these weights is \[32\]; it must be \[32, 32\]"),
    "wide": ({Q.replace("q_", "v_"): torch.zeros(32, 5)}, r"v_proj.weight of these weights is \[32, 5\]; it must be"),
    "low": ({"model.layers.1.mlp.up_proj.weight": torch.zeros(4, 5)}, r"up_proj.weight of .* it must be \[64, 32\]"),
    "headless": (
        {"lm_head.weight": torch.tensor(1.0)},
        r"lm_head.weight of these weights is \[\]; it must be \[66, 32\]",
    ),
    "endless": ({Q: torch.full((32, 32), torch.nan)}, r"does not fit recipe .* line.blocks.0\S+ is not finite"),
    "huge": ({"model.norm.weight": torch.full((32,), 1e300, dtype=torch.float64)}, r"line.norm.scale is not finite"),
    "whole": ({"model.norm.weight": torch.ones(32, dtype=torch.int64)}, r"line.norm.scale is torch.int64 and must be"),
}


@pytest.mark.parametrize("case", WRONG)
def test_weights_of_another_shape_are_named_and_nothing_is_written(tmp_path: Path, case: str) -> None:
    theirs = released(tmp_path / "theirs", 2, 0)
    wrong, said = WRONG[case]
    (name,) = wrong
    file = theirs / ("tokenizer" if name.startswith("cond_") else "transformer") / "model.safetensors"
    save_file(load_file(file) | wrong, file)
    with pytest.raises(BadInput, match=said):
        import_weights(theirs, "world-test", tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
