"""The train-to-play gap: how much a policy's outputs change when frames come from the stored file instead of from the game.

    python benchmarks/gap.py RUN GAME [--episodes 3] [--seed 900] [--crf 6 20 32]

A scripted player plays; its frames are kept as the game gave them, and as a recording gives them back, for each CRF of the
stored h264 (`play --record` writes 20). Both go through the one resize and through the policy, which is told the same past.
Prints, as JSON: the divergence KL(straight || stored) in nats a frame, summed over the action's slots; the share of frames
whose likeliest action differs; and for scale the entropy of the outputs and the same numbers for frames that come one step late.
Pixels2Play measured its gap so and lost play to two resizers (arXiv 2601.04575).
"""

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playtape import envs
from playtape.actions import Actions, ActionSpace
from playtape.clips import resize
from playtape.models.pixels2play import Pixels2Play
from playtape.play.policy import load
from playtape.recordings import Video, write_video


def episode(env: Any, player: Any, seed: int) -> tuple[np.ndarray, Actions]:
    """Frames uint8 [T, H, W, 3] as the game shows them, and what was done."""
    obs, info = env.reset(seed=seed)
    player.start(seed)
    frames, buttons, axes, over = [], [], [], False
    while not over:
        action = player.act(obs, info)
        frames.append(obs)
        buttons.append(np.asarray(action["buttons"], bool))
        axes.append(np.asarray(action["axes"], np.float32))
        obs, _, ended, cut, info = env.step(action)
        over = ended or cut
    return np.stack(frames), Actions(np.stack(buttons), np.stack(axes))


def known(actions: Actions, here: ActionSpace, mine: ActionSpace) -> Actions:
    """The game's columns to the policy's, as tensors [1, T, ...]."""
    names = [axis.name for axis in here.axes]
    buttons = actions.buttons[:, [here.buttons.index(name) for name in mine.buttons]]
    axes = actions.axes[:, [names.index(axis.name) for axis in mine.axes]]
    return Actions(torch.from_numpy(buttons)[None], torch.from_numpy(axes)[None])


@torch.no_grad()
def outputs(model: Pixels2Play, frames: Iterable[np.ndarray], actions: Actions) -> list[Tensor]:
    """Log-probabilities [T, classes] of each slot, told the true past; 200 frames at a time."""
    size = (model.config.height, model.config.width_px)
    small = torch.stack([resize(frame, size) for frame in frames])
    parts = []
    for start in range(0, len(small), 200):
        rows = slice(start, start + 200)
        told = Actions(actions.buttons[:, rows], actions.axes[:, rows])
        parts.append([logits[0].log_softmax(-1) for logits in model(small[None, rows], told)])
    return [torch.cat(slot) for slot in zip(*parts, strict=True)]


def difference(straight: list[Tensor], stored: list[Tensor]) -> dict[str, Tensor]:
    """Of each frame: the divergence in nats, and whether the likeliest class of any slot differs."""
    pairs = list(zip(straight, stored, strict=True))
    divergence = sum((one.exp() * (one - other)).sum(-1) for one, other in pairs)
    differs = torch.stack([one.argmax(-1) != other.argmax(-1) for one, other in pairs]).any(0)
    return {"divergence": torch.as_tensor(divergence), "differs": differs.float()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("game")
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=900)
    parser.add_argument("--crf", type=int, nargs="+", default=[6, 20, 32])
    asked = parser.parse_args()
    loaded = load(asked.run)
    model = loaded.model
    assert isinstance(model, Pixels2Play)
    name, _, scenario = asked.game.partition(":")
    module = envs.find_env(name)
    env = module.make(scenario or None)
    player = module.ScriptedPlayer(env)
    found: dict[str, dict[str, list[float]]] = {}
    entropies = []
    for seed in range(asked.seed, asked.seed + asked.episodes):
        frames, actions = episode(env, player, seed)
        actions = known(actions, env.actions, loaded.space)
        straight = outputs(model, frames, actions)
        entropies.append(float(-sum((one.exp() * one).sum(-1) for one in straight).mean()))  # type: ignore[union-attr]
        others = {"one step late": np.concatenate([frames[:1], frames[:-1]])}
        with tempfile.TemporaryDirectory() as folder:
            for crf in asked.crf:
                path = write_video(Path(folder) / f"{crf}.mp4", frames, fps=env.hz, crf=crf)
                others[f"h264 crf {crf}"] = np.stack(list(Video(path)))
        for label, pictures in others.items():
            for key, value in difference(straight, outputs(model, pictures, actions)).items():
                found.setdefault(label, {}).setdefault(key, []).append(float(value.mean()))
    rows = {
        label: {
            key: {"mean": round(float(np.mean(v)), 5), "episodes": [round(x, 5) for x in v]} for key, v in row.items()
        }
        for label, row in found.items()
    }
    print(json.dumps({"run": asked.run, "game": asked.game, "entropy": round(float(np.mean(entropies)), 4), **rows}))


if __name__ == "__main__":
    main()
