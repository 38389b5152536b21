"""A published folder becomes a checkpoint that says what it said; one without event words is given them, in and out alike."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from playtape.errors import BadInput
from playtape.models import event_idm
from playtape.models.event_idm_weights import PUBLISHED, said
from playtape.models.recipe import Data, Recipe
from playtape.nets.internvl import whole
from playtape.training import checkpoint
from playtape.training.foreign import import_weights

OTHERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>")
SIZES = {"words": 400, "first_word": 70, "picture_words": (63, 64, 65, 60)}
CONFIG = replace(event_idm.tiny(), **SIZES)


@pytest.fixture(autouse=True)
def recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    # As the recipe of the published size: its numbers are not those of this release.
    config = replace(CONFIG, words=500, first_word=100, picture_words=(1, 2, 3, 4))
    monkeypatch.setitem(event_idm.RECIPES, "event-test", Recipe(config, steps=1, batch=1, data=Data(fps=20, window=8)))


def folder(path: Path, words: tuple[str, ...], rows: int, rename: dict[str, str] | None = None) -> event_idm.EventIDM:
    """A release with `words` behind the others, from number 66 on, and a tokenizer that knows letters."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    path.mkdir()
    letters = {chr(code): code - 65 for code in range(65, 123)} | {"+": 58, "-": 59}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in OTHERS])
    tokenizer.add_tokens([AddedToken(word) for word in words])
    tokenizer.save(str(path / "tokenizer.json"))
    torch.manual_seed(5)
    first = tokenizer.token_to_id(words[-291]) if len(words) >= 291 else 0
    others = tuple(tokenizer.token_to_id(word) for word in ("<img>", "</img>", "<IMG_CONTEXT>", "<|endoftext|>"))
    size = {"words": max(rows, 400), "first_word": first, "picture_words": others}
    model = event_idm.build(replace(CONFIG, **size) if first else CONFIG, PUBLISHED).eval()
    state = {name.removeprefix("body."): value for name, value in model.state_dict().items()}
    for name in ("model.language_model.embed_tokens.weight", "lm_head.weight"):
        state[name] = state[name][:rows].contiguous()
    for ours, theirs in (rename or {}).items():
        state = {theirs + name.removeprefix(ours) if name.startswith(ours) else name: state[name] for name in state}
    save_file(state, path / "model.safetensors")
    return model


OLD = {
    "model.language_model.": "language_model.model.",
    "lm_head.": "language_model.lm_head.",
    "model.vision_tower.": "vision_tower.",
    "model.multi_modal_projector.": "multi_modal_projector.",
}


@pytest.mark.parametrize("rename", [None, OLD], ids=["new names", "old names"])
def test_a_published_folder_becomes_a_checkpoint(tmp_path: Path, rename) -> None:
    names = CONFIG.codec.names
    model = folder(tmp_path / "theirs", ("other", *names), 400, rename)
    result = import_weights(tmp_path / "theirs", "event-test", tmp_path / "ours")
    loaded = checkpoint.load(tmp_path / "ours", to="label")
    assert result["parameters"] == sum(p.numel() for p in model.parameters())
    assert (loaded.name, loaded.space) == ("event_idm", PUBLISHED)
    config = loaded.model.config
    assert (config.words, config.first_word, config.picture_words) == (400, 67, (63, 64, 65, 60))
    frames = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8)
    for name, value in vars(model.follow([frames])).items():
        assert torch.equal(value, vars(loaded.model.follow([frames]))[name])
    line = loaded.model.table[[0, 5, *[config.codec.picture] * 4]]
    assert torch.equal(whole(model.body, line, frames[:1]), whole(loaded.model.body, line, frames[:1]))
    again = import_weights(tmp_path / "theirs" / "model.safetensors", "event-test", tmp_path / "file")
    assert again["parameters"] == result["parameters"]


@pytest.mark.parametrize("rows", [66, 80])
def test_new_words_begin_as_what_says_the_same(tmp_path: Path, rows: int) -> None:
    """In what goes in and in what comes out; rows of the old table that no word has are dropped."""
    folder(tmp_path / "theirs", (), rows)
    import_weights(tmp_path / "theirs", "event-test", tmp_path / "ours")
    config = checkpoint.load(tmp_path / "ours").model.config
    assert (config.first_word, config.words) == (66, 66 + 291)
    old, new = load_file(tmp_path / "theirs" / "model.safetensors"), load_file(tmp_path / "ours" / "model.safetensors")
    for name in ("model.language_model.embed_tokens.weight", "lm_head.weight"):
        before, after = old[name], new[f"body.{name}"]
        assert torch.equal(after[:66], before[:66])
        row = {word: after[66 + number] for number, word in enumerate(config.codec.names)}
        assert torch.equal(row["<EVENT_START>"], before[61])  # <|im_start|>
        assert torch.equal(row["<SIGN_PLUS>"], before[58])
        assert torch.equal(row["<VK_87>"], before[ord("W") - 65])
        press = before[[ord(letter) - 65 for letter in "press"]].mean(0)
        torch.testing.assert_close(row["<press>"], press)
        assert torch.equal(row["<VK_7>"], row["<VK_255>"])  # nothing says the same
        assert after.isfinite().all()
    assert not torch.equal(new["body.lm_head.weight"], new["body.model.language_model.embed_tokens.weight"])


def test_what_is_no_release_is_one_sentence(tmp_path: Path) -> None:
    folder(tmp_path / "theirs", ("other", *CONFIG.codec.names), 400)

    def broken(name: str, change) -> Path:
        path = tmp_path / name
        shutil.copytree(tmp_path / "theirs", path)
        change(path)
        return path

    def without_image(path: Path) -> None:
        content = json.loads((path / "tokenizer.json").read_text())
        content["added_tokens"] = [each for each in content["added_tokens"] if each["content"] != "<img>"]
        (path / "tokenizer.json").write_text(json.dumps(content))

    def swapped(path: Path) -> None:
        text = (path / "tokenizer.json").read_text()
        (path / "tokenizer.json").write_text(
            text.replace('"<0>"', '"<?>"').replace('"<1>"', '"<0>"').replace('"<?>"', '"<1>"')
        )

    def lacking(path: Path) -> None:
        state = load_file(path / "model.safetensors")
        save_file(
            {name: value for name, value in state.items() if "layers.1.mlp" not in name}, path / "model.safetensors"
        )

    for name, change, said_ in (
        ("a", lambda path: (path / "tokenizer.json").unlink(), "tokenizer.json cannot be read"),
        ("b", lambda path: (path / "tokenizer.json").write_text("[1]"), "must hold a vocabulary"),
        ("c", without_image, "has no <img>"),
        ("d", swapped, "one after the other"),
        ("e", lacking, "missing: model.language_model.layers.1.mlp"),
        ("f", lambda path: (path / "model.safetensors").unlink(), "there is no file"),
    ):
        with pytest.raises(BadInput, match=said_):
            import_weights(broken(name, change), "event-test", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_the_texts_are_of_words_that_are_there() -> None:
    for scheme in ("factorized", "hierarchical"):
        codec = replace(event_idm.Config(), scheme=scheme).codec if scheme == "factorized" else replace(
            event_idm.tiny(), scheme=scheme, words=267, picture_words=(263, 264, 265, 266)
        ).codec  # fmt: skip
        texts = said(codec)
        assert {*texts} & {*codec.names} == {*texts} & {*codec.words}
        assert texts["<KEYBOARD>"] == "keyboard"
    assert said(event_idm.Config().codec)["<MB_1>"] == "left button down"
