"""The claim: frame by frame, the video tokenizer codes and draws at least twice as fast as in the published way, and a clip in
one go no slower, at equal weights and equal answers.

    python benchmarks/tokenizer.py [--recipe tokenizer-64] [--later 14] [--batch 1] [--rounds 1] [--device cpu] [--threads 1]

The published way, written here from its description: what was seen of a context is repeated for each later frame, and becomes
keys and values anew for each; attention forms all its weights, to give them back; whoever asks for a frame has the context coded
and drawn again with it. Two uses. `clip`: a clip in one go, coded and drawn once. `frames`: a world that is looked at frame by
frame, so that each frame is coded and drawn when it comes. Both take turns in one process, and must answer alike. Prints
medians in seconds as JSON, on a CPU those of the processor, which others' work does not lengthen much.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.actions import ActionSpace
from playtape.models import video_tokenizer
from playtape.models.video_tokenizer import VideoTokenizer
from playtape.nets.autoencoder import CrossAttention, Decoder, Encoder

Clip = tuple[Tensor, Tensor]
"""Codes of later frames [N, F, J], and those frames drawn from them [N, F, 3, H, W]."""


class Plain:
    """The published way, of the weights of ours."""

    def __init__(self, model: VideoTokenizer):
        self.model, self.patch = model, model.config.patch

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [N, K + F, 3, H, W] to codes [N, K, I] and [N, F, J]."""
        model, k, (n, t) = self.model, self.model.config.context, frames.shape[:2]
        x, features = half(model.encoder, frames[:, :k].flatten(0, 1) / 255, [])
        codes = model.quantize.index(model.quant_conv(x).flatten(2).transpose(1, 2).unflatten(0, (n, k)))
        z, _ = half(model.cond_encoder, frames[:, k:].flatten(0, 1) / 255, repeated(features, k, t - k))
        rows = z.unflatten(3, (-1, self.patch)).unflatten(2, (-1, self.patch)).permute(0, 2, 4, 3, 5, 1)
        return codes, model.dynamics_quantize.index(
            model.quant_linear(rows.flatten(3).flatten(1, 2)).unflatten(0, (n, -1))
        )

    def decode(self, codes: Tensor, later: Tensor) -> Tensor:
        """To all frames [N, K + F, 3, H, W] in 0 to 1."""
        model, grid, (n, k), f = self.model, self.model.config.grid, codes.shape[:2], later.shape[1]
        cells = model.quantize.vector(codes).flatten(0, 1).transpose(1, 2).unflatten(2, (grid, grid)).contiguous()
        context, features = half(model.decoder, model.post_quant_conv(cells), [])
        p, rows = self.patch, grid // self.patch
        x = model.post_quant_linear(model.dynamics_quantize.vector(later).flatten(0, 1))
        x = x.unflatten(2, (p, p, -1)).unflatten(1, (rows, rows)).permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)
        drawn, _ = half(model.cond_decoder, x, repeated(features, k, f))
        return torch.cat([context.unflatten(0, (n, k)), drawn.unflatten(0, (n, f))], 1).clamp(0, 1)


def repeated(features: list[Tensor], context: int, later: int) -> list[Tensor]:
    """What levels gave of contexts, [N * K, C, R, R] each, once for each later frame: [N * F, K, C, R, R]."""
    return [each.unflatten(0, (-1, context)).repeat_interleave(later, 0) for each in features]


def half(part: Encoder | Decoder, x: Tensor, seen: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """One of the four halves, its pictures laid out as they come."""
    first: nn.Module = part.conv_in
    down = isinstance(part, Encoder)
    x, given = first(functional.pixel_unshuffle(x, part.stem) if down else x), []
    blocks = iter(part.cross_att_blocks)
    levels = [*part.down_blocks] if isinstance(part, Encoder) else [part.mid_block, *part.up_blocks]
    for number, (level, attends) in enumerate(zip(levels, part.attends, strict=True)):
        x = level(x)
        if attends:
            x = crossed(next(blocks), x, seen[number])
        given.append(x)
    x = part.mid_block(x) if down else x
    x = part.conv_out(functional.silu(part.conv_norm_out(x)))
    return x if down else functional.pixel_shuffle(x, part.stem), given


def crossed(block: nn.Module, x: Tensor, context: Tensor) -> Tensor:
    """x [M, C, R, R] looks at its own context [M, K, C, R, R]; torch's own attention, which gives its weights back."""
    assert isinstance(block, CrossAttention)
    q = block.q_norm(x).flatten(2).permute(2, 0, 1) + block.q_pos_emb[:, None]
    kv = block.kv_norm(context.transpose(1, 2).flatten(2)).permute(2, 0, 1) + block.kv_pos_emb[:, None]
    mixed, _ = block.att(q, kv, kv, need_weights=True)
    return functional.silu(x + mixed.permute(1, 2, 0).unflatten(2, x.shape[2:]))


def ours(model: VideoTokenizer, frames: Tensor) -> dict[str, Callable[[], Clip]]:
    """Both uses of a clip in our way."""
    k = model.config.context

    def clip() -> Clip:
        codes, later = model.encode(frames)
        return later, model.decode(later, model.draw(codes))

    def one_by_one() -> Clip:
        latents, seen = model.look(frames[:, :k])
        drawn, parts = model.draw(model.quantize.index(latents)), []
        for t in range(k, frames.shape[1]):
            frame = frames[:, t : t + 1]
            later = model.dynamics_quantize.index(model.code(frame, seen, model.beside(frame, frame)))
            parts.append((later, model.decode(later, drawn)))
        return torch.cat([later for later, _ in parts], 1), torch.cat([drawn for _, drawn in parts], 1)

    return {"clip": clip, "frames": one_by_one}


def published(model: VideoTokenizer, frames: Tensor) -> dict[str, Callable[[], Clip]]:
    """Both uses in theirs."""
    plain, k = Plain(model), model.config.context

    def clip() -> Clip:
        codes, later = plain.encode(frames)
        return later, plain.decode(codes, later)[:, k:]

    def one_by_one() -> Clip:
        parts = []
        for t in range(k, frames.shape[1]):
            codes, later = plain.encode(torch.cat([frames[:, :k], frames[:, t : t + 1]], 1))
            parts.append((later, plain.decode(codes, later)[:, k:]))
        return torch.cat([later for later, _ in parts], 1), torch.cat([drawn for _, drawn in parts], 1)

    return {"clip": clip, "frames": one_by_one}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="tokenizer-64", choices=[*video_tokenizer.RECIPES])
    parser.add_argument("--device", default="cpu")
    for name, value in (("later", 14), ("batch", 1), ("rounds", 1), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.process_time if args.device == "cpu" else time.perf_counter
    torch.manual_seed(0)
    config = replace(video_tokenizer.RECIPES[args.recipe].model, moves=False)  # the published way draws every frame
    model = video_tokenizer.build(config, ActionSpace(("key.w",), ())).eval().to(args.device)
    for name, weight in model.named_parameters():
        if "pos_emb" in name or "embedding" in name:
            nn.init.normal_(weight, std=0.3)  # else all frames have one code
    size = (args.batch, config.context + args.later, 3, config.side, config.side)
    frames = torch.randint(0, 256, size, dtype=torch.uint8, device=args.device)
    ways = {"ours": ours(model, frames), "published": published(model, frames)}
    times: dict[str, dict[str, list[float]]] = {use: {way: [] for way in ways} for use in ways["ours"]}
    alike, worst = 1.0, 0.0
    with torch.inference_mode():
        for number in range(args.rounds + 1):
            for use, by_way in times.items():
                found = {}
                for way, uses in ways.items():
                    begin = clock()
                    found[way] = uses[use]()
                    if args.device != "cpu":
                        torch.cuda.synchronize()
                    if number:  # the first is for warmth
                        by_way[way].append(clock() - begin)
                (codes, drawn), (said, shown) = found["ours"], found["published"]
                alike = min(alike, float((codes == said).float().mean()))
                worst = max(worst, float((drawn - shown).abs().max()) if bool((codes == said).all()) else worst)
    seconds = {use: {way: round(statistics.median(t), 3) for way, t in by.items()} for use, by in times.items()}
    ratios = {use: round(by["published"] / by["ours"], 2) for use, by in seconds.items()}
    said = {"recipe": args.recipe, "device": args.device, "threads": args.threads, "seconds": seconds}
    print(
        json.dumps(said | {"published_over_ours": ratios, "same_codes": alike, "largest_difference": worst}, indent=1)
    )


if __name__ == "__main__":
    main()
