"""`playtape evaluate policy`: what a policy would have done in recordings of others, beside what they did.

Twice: told at each step what was truly done before (teacher-forced), as in training; and left with its own past (free-running),
which shows how much it merely copies. Neither is play: pictures do not answer to its actions. For that, `playtape play`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from playtape.actions import Actions
from playtape.clips import Stored
from playtape.errors import BadInput
from playtape.evaluate.bootstrap import Bootstrap, units_of
from playtape.evaluate.honest import board, honest
from playtape.evaluate.rows import Pair, Rows
from playtape.models.protocols import Player
from playtape.recordings import find_recordings, open_recording
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.device import seat
from playtape.training.losses import losses
from playtape.training.memory import keep_freed_memory

WAYS = ("teacher_forced", "free_running", "chance")


def evaluate_policy(run: Path, data: Path, *, seed: int = 0, progress: bool = True) -> dict[str, Any]:
    """Judge the policy of checkpoint `run` on recordings. Returns a JSON dictionary.

    `losses`: mean nats of each part of the loss over learnable frames, and `perplexity`, their exponentials ("key" is the
    published "test loss"; most slots are empty, so 1.1 is not near perfect). `teacher_forced`, `free_running` and `chance`
    (actions of other moments): the honest block of `evaluate actions`, beside never-pressed, copy-previous and mean. Raises
    BadInput for what is no policy, or no recording.
    """
    keep_freed_memory()
    loaded = checkpoint.load(run, to="play")
    seat(loaded.model, "cpu")
    if seed < 0:
        raise BadInput(f"the seed is {seed}; 0 and above are legal")
    paths = find_recordings(data)
    recordings = [open_recording(path) for path in tqdm(paths, desc="open", unit="recording", disable=not progress)]
    stored = [loaded.stored(recording) for recording in recordings]
    shown = tqdm(stored, desc="losses", unit="recording", disable=not progress)
    lost = losses(loaded.model, shown, loaded.train.get("window", 64)).means()
    result: dict[str, Any] = {
        "policy": str(run),
        "data": str(data),
        "frames": sum(map(len, stored)),
        "losses": lost,
        "perplexity": {kind: float(np.exp(value)) for kind, value in lost.items() if kind != "loss"},
        "warnings": loaded.knows(recordings),
    }
    draw = np.random.default_rng(seed)
    for way in WAYS:
        with tqdm(total=result["frames"], desc=way.replace("_", " "), unit="frame", disable=not progress) as shown:
            pairs = [_pair(loaded, one, way, draw, shown) for one in stored]
        units, number, unit = units_of([p.time_ns for p in pairs], [p.covered for p in pairs])
        bootstrap = Bootstrap.of(number, unit, seed)
        result[way] = honest(board(loaded.space, pairs, units, bootstrap)) | {"bootstrap": bootstrap.describe()}
    return result


def _pair(loaded: Loaded, one: Stored, way: str, draw: np.random.Generator, shown: tqdm) -> Pair:
    if way == "chance":
        said = _by_chance(one.actions, draw)
        shown.update(len(one))
    else:
        said = _said(loaded, one, teach=way == "teacher_forced", draw=draw, shown=shown)
    truth, predicted = (_rows(actions) for actions in (one.actions, said))
    return Pair(one.name, one.time_ns, truth, predicted, one.mask[:-1].copy())


def _rows(actions: Actions) -> Rows:
    buttons = np.asarray(actions.buttons)[:-1]
    return Rows(buttons, np.asarray(actions.axes)[:-1].astype(np.float64), np.full(buttons.shape, np.nan))


def _said(loaded: Loaded, one: Stored, *, teach: bool, draw: np.random.Generator, shown: tqdm) -> Actions:
    """What the policy says at each frame of a recording: the likeliest when it is taught the past, drawn when it has its own."""
    model = loaded.model
    assert isinstance(model, Player)
    state, buttons, axes = model.start(1), [], []
    generator = torch.Generator().manual_seed(int(draw.integers(2**31)))
    for t in range(len(one)):
        frame = torch.from_numpy(np.array(one.frames[t : t + 1]))
        text = torch.from_numpy(one.text.vectors[one.text.row[t : t + 1]])  # [1, E], zeros for no instruction
        actions, state = model.act(state, frame, text, temperature=0.0 if teach else 1.0, generator=generator)
        shown.update()
        buttons.append(actions.buttons[0].numpy())
        axes.append(actions.axes[0].numpy())
        if teach:
            truth = (torch.from_numpy(part[t : t + 1].copy()) for part in (one.actions.buttons, one.actions.axes))
            state = model.told(state, Actions(*truth))
    return Actions(np.stack(buttons), np.stack(axes))


def _by_chance(actions: Actions, draw: np.random.Generator) -> Actions:
    """Actions of other moments of the same recording."""
    order = draw.permutation(len(actions.buttons))
    return Actions(actions.buttons[order], actions.axes[order])


def policy_table(result: dict[str, Any]) -> str:
    """The few numbers that tell most, as text."""
    lines = [f"{result['policy']} on {result['frames']} frames of {result['data']}"]
    for kind, value in result["perplexity"].items():
        lines.append(f"  {kind:<22} {result['losses'][kind]:.4f} nats, perplexity {value:.4f}")
    for way in WAYS:
        block = result[way]
        lines.append(f"{way.replace('_', ' ')}:")
        if block["all_buttons"]:
            lines.append(f"  {'buttons, state F1':<22} {_leaf(block['all_buttons']['state_f1_micro'])}")
            lines.append(f"  {'presses, onset F1':<22} {_leaf(block['all_buttons']['onset_f1_collar_1_micro'])}")
        for name, axis in block["axes"].items():
            lines.append(f"  {name + ', Pearson':<22} {_leaf(axis['pearson'])}")
    note = result["teacher_forced"]["bootstrap"]["note"]
    lines.append("presses count within one interval, and copy previous is given the true interval before")
    return "\n".join([*lines, *(f"note: {text}" for text in (*result["warnings"], note))])


def _leaf(leaf: dict[str, float | None]) -> str:
    def number(name: str) -> str:
        value = leaf.get(name)
        return "-" if value is None else f"{value:.3f}"

    return f"{number('value')} ({number('low')} to {number('high')}); copy previous {number('copy_previous')}"
