"""EmbeddingGemma-300M as Pixels2Play uses it: the mean of the last hidden states over at most 128 tokens, and no more: no
prompt, no dense layers, no normalisation.

The weights are Google's, under its own terms, so they are taken from where `hf download` put them and never fetched. Pixels2Play
pads to 128 and leaves the padding out of the mean; one sentence at a time needs no padding, and has the same bits
in any company.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from playtape.clips.encoders import NotHere, without
from playtape.errors import BadInput

WEIGHTS = "google/embeddinggemma-300m"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
TOKENS = 128


class Encoder:
    name = "embeddinggemma"
    width = 768

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, 768]. Raises NotHere if `transformers` or one of FILES is not on this machine, BadInput if they
        cannot be read."""
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts):
            tokenizer, body = self._loaded
            tokens = tokenizer(text, truncation=True, max_length=TOKENS, return_tensors="pt")
            hidden = body(
                input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
            ).last_hidden_state  # [1, N, 768]
            row[:] = hidden[0].mean(0).numpy()
        return rows

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        # Else its library asks the network once, even for local files.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        try:
            from transformers import AutoModel, AutoTokenizer
        except ModuleNotFoundError as error:
            raise without(self.name, "transformers") from error
        if not all(map(_is_here, FILES)):
            raise NotHere(
                f"the text encoder {self.name} needs the weights of {WEIGHTS}, which are not on this machine: accept "
                f"their licence at huggingface.co/{WEIGHTS}, then run `hf download {WEIGHTS}`"
            )
        here = {"local_files_only": True, "trust_remote_code": False}
        with torch.random.fork_rng(devices=[]):  # a run must not depend on whether a cache was there
            try:
                tokenizer = AutoTokenizer.from_pretrained(WEIGHTS, **here)
                body = AutoModel.from_pretrained(WEIGHTS, dtype=torch.float32, use_safetensors=True, **here)
            except Exception as error:  # half a dozen kinds, by which file is damaged
                raise BadInput(
                    f"the weights of {WEIGHTS} on this machine cannot be read: {error!r}; "
                    f"`hf download --force-download {WEIGHTS}` brings them anew"
                ) from error
        if body.config.hidden_size != self.width:
            raise BadInput(f"{WEIGHTS} has width {body.config.hidden_size} on this machine; it must be {self.width}")
        return tokenizer, body.eval()


def _is_here(file: str) -> bool:
    """Asked before loading: `from_pretrained` looks for missing weights on the network even if told not to, and makes do with an
    empty vocabulary where there is none."""
    from transformers.utils import cached_file

    try:
        return cached_file(WEIGHTS, file, local_files_only=True) is not None
    except OSError:
        return False
