"""The claim: a step of play here is at least 1.8 times as fast as in the original, at equal weights and equal answers.

    python benchmarks/policy_original.py PATH [--layers 4] [--width 256] [--window 32] [--steps 40]

PATH is a checkout of `open-p2p`, whose policy is run as it is, uncompiled and in float32, its sampler told to take the likeliest
class; nothing of it is here. The picture's encoder is ours on both sides, since theirs needs torchvision. Both take turns in one
process after the window is full, see the same pictures and are told the same actions. Prints medians in milliseconds as JSON.
"""

import argparse
import json
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from playtape.models import pixels2play as p2p
from playtape.models.pixels2play_weights import PUBLISHED, from_original
from playtape.nets.picture import Picture

TABLES = {"key_action": "keyboard", "mouse_button": "mouse_button", "mouse_delta_x": "", "mouse_delta_y": ""}
CLASSES = (20, 4, 23, 17)
KIND_OF_SLOT = (0, 0, 0, 0, 1, 1, 2, 3)


def modules(path: Path) -> tuple[Any, Any]:
    """Their two files, with stand-ins for packages of theirs that these only take a base class from."""
    pydantic = import_module("pydantic")
    sys.path.insert(0, str(path))
    for name, base, kind in (
        ("config", "ConfigBase", pydantic.BaseModel),
        ("im_tokenizer", "ImageBaseTokenizer", nn.Module),
    ):
        sys.modules[f"elefant.{name}"] = stand_in = ModuleType(f"elefant.{name}")
        setattr(stand_in, base, kind)
    return import_module("elefant.policy_model.policy_transformer"), import_module(
        "elefant.policy_model.action_decoder"
    )


class Tokenizer(nn.Module):
    """Our picture encoder under their names."""

    def __init__(self, config: p2p.Config):
        super().__init__()
        ours = Picture("efficientnet", (config.height, config.width_px), config.width)
        self.efficientnet_preprocess, self.mlp = ours.features, ours.mlp

    def get_n_img_tokens(self) -> int:
        return 1

    def forward(self, frames: Tensor) -> Tensor:
        lead = frames.shape[:2]
        return self.mlp(self.efficientnet_preprocess(frames.flatten(0, 1)).flatten(1)).unflatten(0, lead)[:, :, None]


class Original(nn.Module):
    """Their policy, played as their server plays it."""

    def __init__(self, path: Path, config: p2p.Config):
        super().__init__()
        transformer, decoder = modules(path)
        width, heads = config.width, config.heads
        self.image_tokenizer = Tokenizer(config)
        speaks = decoder.ActionDecoderConfig(embed_dim=width, n_action_tokens=9, input_action_token_dim=width)
        sizes = transformer.PolicyCausalTransformerConfig(
            embed_dim=width, n_steps=config.window, n_transformer_layers=config.layers, n_q_head=heads, n_kv_head=heads,
            attention_history_len=[config.window] * config.layers, action_decoder=speaks, n_kv_sink_tokens=0,
            n_action_tokens=8, text_token_size=1, text_tokenizer_embed_dim=config.text_width,
        )  # fmt: skip
        self.bc_transformer = transformer.PolicyCausalTransformer(sizes, self.image_tokenizer)
        for (table, head), classes in zip(TABLES.items(), CLASSES, strict=True):
            setattr(self, f"{table}_embedding", nn.Embedding(classes, width))
            setattr(self, f"{head or table}_out_logits", nn.Linear(width, classes))

    def start(self) -> None:
        body: Any = self.bc_transformer
        body.rebuild_rope_cache(100_000)
        body.setup_kv_cache(1, "cpu", torch.float32)
        self.cache, self.at = body.init_kv_cache_state(), torch.tensor(0)
        sample = body.action_decoder.autogressive_sample

        def overheard(answer: Tensor, *rest: object, **more: object) -> Tensor:
            self.answer = answer[:, 0]
            return sample(answer, *rest, **more)

        body.action_decoder.autogressive_sample = overheard

    def act(self, frame: Tensor, text: Tensor) -> Tensor:
        """uint8 [1, 3, H, W] and [1, E] to the likeliest classes [1, 8]."""
        body: Any = self.bc_transformer
        chosen, self.at, self.cache = body.online_forward(
            frame[None] / 255, text, self.at, self.cache, action_sampler=self._likeliest,
            empty_sampled_action_fn=lambda count: torch.zeros(count, 8, dtype=torch.int64), action_in_to_tokens_fn=self._embedded,
        )  # fmt: skip
        return chosen

    def _likeliest(self, h: Tensor, slot: int, chosen: Tensor) -> Tensor:
        table, head = list(TABLES.items())[KIND_OF_SLOT[slot]]
        chosen[:, slot] = getattr(self, f"{head or table}_out_logits")(h[:, 0]).argmax(-1)
        return getattr(self, f"{table}_embedding")(chosen[:, slot : slot + 1])

    def _embedded(self, classes: Tensor) -> Tensor:
        tables = [getattr(self, f"{list(TABLES)[kind]}_embedding") for kind in KIND_OF_SLOT]
        return torch.stack([table(classes[..., slot]) for slot, table in enumerate(tables)], -2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    for name, value in (("layers", 4), ("width", 256), ("window", 32), ("side", 96), ("steps", 40), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = p2p.Config(
        args.side, args.side, width=args.width, layers=args.layers, heads=8, window=args.window, text_width=768
    )
    theirs = Original(args.path, config).eval()
    ours = p2p.build(config, PUBLISHED).eval()
    ours.load_state_dict(from_original(theirs.state_dict(), config))
    theirs.start()
    state = ours.start(1)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    worst = 0.0
    with torch.inference_mode():
        for number in range(args.window + args.steps):
            frame = torch.randint(0, 256, (1, 3, args.side, args.side), dtype=torch.uint8)
            text = torch.randn(1, 768)
            begin = time.perf_counter()
            said = theirs.act(frame, text)
            middle = time.perf_counter()
            answer, state = ours.see(state, frame, text)
            ours.actions.choose(answer, 0.0)
            end = time.perf_counter()
            state = p2p.replace(state, did=said)
            worst = max(worst, float((answer - theirs.answer).abs().max()))
            if number >= args.window:
                times["theirs"].append(middle - begin)
                times["ours"].append(end - middle)
    median = {name: round(1000 * statistics.median(values), 3) for name, values in times.items()}
    print(
        json.dumps(
            {
                "parameters": sum(p.numel() for p in ours.parameters()),
                "threads": args.threads,
                "milliseconds": median,
                "theirs_over_ours": round(median["theirs"] / median["ours"], 2),
                "largest_difference": worst,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
