"""The loop. Knows no game, no data set and no model by name: batches in, losses down, a log line now and then."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models.recipe import Optimiser
from playtape.training.processes import share
from playtape.training.state import load_state, save_state

LOG_EVERY = 20  # steps


class Step(nn.Module):
    """`losses` as a forward pass, which is what data-parallel wrappers know how to wrap."""

    model: Any  # an nn.Module that is Trainable; the language has no type for both

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, clip: Clip) -> dict[str, Tensor]:
        return self.model.losses(clip)


def run_loop(
    run: Path,
    model: nn.Module,
    batches: Callable[[int], Iterable[Clip]],
    steps: int,
    settings: Optimiser,
    *,
    seed: int,
    save_every: int,
    resume: bool,
    progress: bool,
    cpu: bool = False,
    after: Callable[[int, Mapping[str, Tensor]], None] = lambda done, ema: None,
    where: Callable[[int], Sequence[str]] = lambda step: (),
) -> dict[str, Tensor]:
    """Train `model` up to `steps` and return its averaged weights. `batches(first)` yields the clips of steps first, first+1, ...

    `after(done, averaged weights)` is called after every step, by the first process alone. `where(step)` says what the clips of
    a step were cut from. Raises BadInput, which has it, for a loss or gradient that is not finite; nothing was learned from it.
    Leaves `state.safetensors` and a line of JSON each LOG_EVERY steps, and for the last one, in `log.jsonl` in `run`.
    """
    # Precision is our own business: accelerate fixes it for a whole process, in which another run may want another.
    accelerator, mixed = Accelerator(cpu=cpu, mixed_precision="no"), settings.precision != "float32"
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay
    )
    done, ema = load_state(run, model, optimiser) if resume else (0, _copy(model))
    stepper, optimiser = accelerator.prepare(Step(model), optimiser)
    ema = {key: value.to(accelerator.device) for key, value in ema.items()}
    number = share()
    log = _Log(run / "log.jsonl", done) if accelerator.is_main_process else None
    shown = tqdm(total=steps, initial=done, desc="train", unit="step", disable=not progress)
    model.train()
    for step, clip in zip(range(done, steps), batches(done), strict=False):
        torch.manual_seed(seed * 1_000_003 + number(step))  # dropout of a step is the same after a resume
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, settings)
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=mixed):
            losses = stepper(clip.to(accelerator.device))
        accelerator.backward(losses["loss"])
        norm = accelerator.clip_grad_norm_(model.parameters(), settings.clip_norm)
        if not torch.isfinite(losses["loss"].detach() + norm):
            raise _not_finite(run, step, losses | {"gradient_norm": norm}, where(step))
        learned = bool(norm != 0)  # else no process had a label: moments and decay alone would move the weights
        if learned:
            optimiser.step()
        optimiser.zero_grad()
        _average(ema, model, min(settings.ema, (1 + step) / (10 + step)))
        if log:
            rate = learning_rate(step, steps, settings)
            values = {**losses, "gradient_norm": norm, "lr": rate, "without_label": not learned}
            log.add(step + 1, values, shown, last=step + 1 == steps)
        if accelerator.is_main_process and ((step + 1) % save_every == 0 or step + 1 == steps):
            save_state(run, step + 1, model, ema, optimiser.optimizer)
        if accelerator.is_main_process:
            after(step + 1, ema)
        shown.update()
    shown.close()
    return {key: value.cpu() for key, value in ema.items()}


def learning_rate(step: int, steps: int, settings: Optimiser) -> float:
    """Linear up over the warm-up, linear down to `final_lr` at the last step."""
    rising = min(1.0, (step + 1) / max(1, settings.warmup))
    return settings.final_lr + (settings.lr - settings.final_lr) * rising * (1 - step / max(1, steps))


def _not_finite(run: Path, step: int, values: Mapping[str, Tensor], clips: Sequence[str]) -> BadInput:
    said = ", ".join(f"{key} is {float(each.detach()):g}" for key, each in values.items() if not torch.isfinite(each))
    return BadInput(
        f"{said} at step {step + 1}, and must be finite; what {run} had saved stays, so leave out what is wrong in the clips of "
        f"this step, or resume with a lower --optimiser.lr: {', '.join(clips) or 'they are not told'}"
    )


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


@torch.no_grad()
def _average(ema: dict[str, Tensor], model: nn.Module, decay: float) -> None:
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            ema[key].lerp_(value, 1 - decay)
        else:
            ema[key].copy_(value)


class _Log:
    """Means of the logged values since the last line, and how many steps were skipped for want of any label.

    A resumed run first drops lines of steps that were lost, and what is no line of a log: it is there to be looked at, no more.
    """

    def __init__(self, path: Path, done: int):
        self.path, self.since, self.values = path, time.perf_counter(), defaultdict[str, list[float]](list)
        kept = [row for row in _rows(path) if row["step"] <= done]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept))

    def add(self, step: int, values: dict[str, Tensor | float], shown: tqdm, *, last: bool) -> None:
        for key, value in values.items():
            self.values[key].append(float(torch.as_tensor(value).detach()))  # not everything is there at every step
        if step % LOG_EVERY and not last:
            return
        now = time.perf_counter()
        means = {key: round(sum(each) / len(each), 6) for key, each in self.values.items()}
        means["without_label"] = int(sum(self.values["without_label"]))
        row = {"step": step, **means, "steps_per_s": round(len(self.values["loss"]) / (now - self.since), 3)}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        shown.set_postfix(loss=f"{means['loss']:.3f}")
        self.since = now
        self.values.clear()


def _rows(path: Path) -> Iterator[dict[str, float]]:
    """The lines of a log that are an object of numbers with a loss and a whole step."""
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        numbers = isinstance(row, dict) and all(map(_is_number, row.values()))
        if numbers and "loss" in row and isinstance(row.get("step"), int):
            yield row


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)
