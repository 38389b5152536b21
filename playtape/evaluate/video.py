"""`playtape evaluate video RUN DATA`: does what a world model foretells look like what happened, and does it heed what is done?

The published protocol of iVideoGPT, and what it hides: scores over the future's frames alone, of all futures and not only of the
best of them, beside futures that need no model (the last frame held; the mean picture), with bootstrap intervals over recordings;
scores under the actions of other clips; and what an inverse dynamics model reads from the generated video. Weights that no
package carries are files that the user names; without them their score is left out, and `missing` says what to put where.

Pictures are judged as uint8, which is what anybody sees; the published scores are of floats, which differ by rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from playtape.actions import Actions
from playtape.clips import pixels
from playtape.errors import within
from playtape.evaluate.video_clips import Chosen, choose, exchanged, resampled
from playtape.evaluate.video_hands import Hands
from playtape.evaluate.video_losses import losses
from playtape.evaluate.video_panel import DISTANCES, Files, Panel
from playtape.evaluate.video_picture import draw
from playtape.evaluate.video_scores import MEASURES, SPANS, Shown, Tally
from playtape.imagine.futures import Moment, Way, able, futures, spread
from playtape.recordings import find_recordings, open_recording
from playtape.recordings.atomic import check_folder, make_folder
from playtape.training import checkpoint
from playtape.training.device import seat
from playtape.training.memory import keep_freed_memory

TOGETHER = 64  # futures that are drawn at once
COMPARED = 4  # futures of each clip that are drawn under other actions too, and read by an inverse dynamics model
PUBLISHED = Way()


@dataclass(frozen=True)
class Counts:
    """How many clips, futures of each, and frames of a future; no number is what a line of the model's tokens holds."""

    clips: int = 256
    samples: int = 100
    frames: int | None = None

    def __post_init__(self) -> None:
        for name, most in (("clips", 100_000), ("samples", 1000), ("frames", 10_000)):
            if (value := getattr(self, name)) is not None:
                within(f"--{name}", value, 1, most, whole=True)


def evaluate_video(
    run: Path,
    data: Path,
    counts: Counts,
    *,
    files: Files | None = None,
    way: Way = PUBLISHED,
    out: Path | None = None,
    device: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """Judge the world model of checkpoint `run` on recordings. Returns a JSON dictionary.

    `future` and `all` (frames): of each measure `mean` and `best` of the futures, `still`, `average`, `coded`, and `gain`, the
    mean's over `still`, above 0 if it is better. `frechet`: distances, smaller is better. `heeds` (None for a model that is told
    nothing): how much worse `psnr` and the `losses` are under other clips' actions, 0 for a model that does not heed them.
    `hands`: what `files.idm` reads. `by_frame`. What is left out is None. With `out`, the picture OUT/video.png. Raises BadInput
    for what is no world model, a way that it has not learned, recordings that are too short, and where nothing is done that the
    model is told.
    """
    files = files or Files()
    if out is not None:
        check_folder(out, "draw the picture")
    keep_freed_memory()
    loaded = checkpoint.load(run, to="foretell")
    model: Any = loaded.model
    config = model.config
    able(model, way, str(run))
    place = seat(model, device)
    hands = None if files.idm is None else Hands(checkpoint.load(files.idm, to="label"), loaded, place)
    panel, missing = Panel.of(files, place)
    recordings = [open_recording(path) for path in spread(find_recordings(data), counts.clips)]
    warnings = loaded.notes(run, recordings, data) if config.acts else loaded.knows(recordings)
    stored = [loaded.stored(one) for one in recordings]
    context = config.tokenizer.context
    frames = counts.frames or config.frames - context
    chosen = choose(stored, context, frames, counts.clips, goal=config.goal)
    units, bootstrap = resampled(chosen, stored, way.seed)
    bodies = [one.moment.embodiment for one in chosen]
    others = exchanged(bodies, way.seed) if config.acts and len(chosen) > 1 else None
    if out is not None:
        make_folder(out, "draw the picture")
    judge = _Judge(model, panel, hands, Tally(), way, place, counts.samples)
    judge.all(chosen, others, progress)
    for key, values in losses(model, stored, chosen, others, place).items():
        judge.tally.add(key, values)
    leaves = judge.tally.leaves(units, bootstrap)
    result: dict[str, Any] = {
        "world": str(run),
        "data": str(data),
        "clips": len(chosen),
        "recordings": len({one.recording for one in chosen}),
        "samples": counts.samples,
        "context": context,
        "frames": frames,
        "acts": config.acts,
        "passes": way.passes,
        "temperature": way.temperature,
        "seed": way.seed,
        **{span: {name: leaves[span].get(name) for name in MEASURES} for span in SPANS},
        "frechet": dict.fromkeys(DISTANCES) | {name: each.distances() for name, each in panel.features.items()},
        "heeds": leaves.get("heeds"),
        "losses": leaves.get("losses"),
        "hands": hands and hands.recovered(units, bootstrap),
        "by_frame": judge.tally.curves(),
        "missing": missing,
        "warnings": [*warnings, *_notes(len(stored), chosen)],
        "bootstrap": bootstrap.describe(),
    }
    if out is not None:
        result["picture"] = str(draw(result["by_frame"]["psnr"], counts.samples, out / "video.png"))
    return result


@dataclass(frozen=True, eq=False)
class _Judge:
    """Lets a world model foretell, and others judge, some clips after the other."""

    model: Any
    panel: Panel
    hands: Hands | None
    tally: Tally
    way: Way
    device: str
    samples: int

    def all(self, chosen: Sequence[Chosen], others: Sequence[int] | None, progress: bool) -> None:
        """Judge all clips, and if there are `others`, what comes of it if each is told the actions of that clip."""
        k, size = len(chosen[0].moment.frames) - len(chosen[0].mask), max(1, TOGETHER // self.samples)
        average = torch.stack([one.moment.frames[:k].float().mean(0) for one in chosen]).mean(0)
        with tqdm(total=len(chosen), desc="foretell and judge", unit="clip", disable=not progress) as bar:
            for start in range(0, len(chosen), size):
                part = chosen[start : start + size]
                shown = self._shown([one.moment for one in part], start, average.round().to(torch.uint8))
                scores = {name: self.tally.score(name, each, shown) for name, each in self.panel.measures.items()}
                self.panel.see(shown)
                told = [one.moment.actions for one in part]
                self._read(part, shown, {"generated": (shown.drawn[:, :COMPARED], told)})
                if others is not None:
                    told = [chosen[k].moment.actions for k in others[start : start + size]]
                    misled = self._misled(part, told, start)
                    self._heeds(scores["psnr"][:, :COMPARED], misled, shown)
                    self._read(part, shown, {"generated_told_others": (misled, told)})
                bar.update(len(part))

    def _shown(self, of: list[Moment], start: int, average: Tensor) -> Shown:
        happened = torch.stack([one.frames for one in of])
        k = happened.shape[1] - len(of[0].actions.buttons)
        bodies = torch.tensor([one.embodiment for one in of], device=self.device)
        context = self.model.frames(self.model.start(happened[:, :k].to(self.device), 1, bodies), k)
        coded = self.model.coded(happened.to(self.device))
        drawn = self._drawn(of, self.samples, start)
        return Shown.of(happened, pixels(context).cpu(), drawn, average, pixels(coded).cpu())

    def _drawn(self, of: list[Moment], count: int, start: int) -> Tensor:
        """`count` futures of each moment, of which the first is number `start`, so many at once as are well held: uint8 [n, S, F,
        3, H, W]."""
        drawn = []
        for first in range(0, count, TOGETHER):
            few = min(TOGETHER, count - first)
            drawn.append(futures(self.model, of, few, self.way, self.device, turn=(start, first), progress=False))
        return torch.cat(drawn, 1)

    def _misled(self, part: Sequence[Chosen], told: Sequence[Actions], start: int) -> Tensor:
        of = [replace(one.moment, actions=actions) for one, actions in zip(part, told, strict=True)]
        return self._drawn(of, min(self.samples, COMPARED), start)

    def _heeds(self, rightly: Tensor, misled: Tensor, shown: Shown) -> None:
        """How much less like what happened futures are that were told other actions; `rightly` [n, S, F] is of true ones."""
        worse = self.panel.measures["psnr"](misled, shown.future())
        self.tally.add(("heeds", "psnr"), rightly.mean((1, 2)) - worse.mean((1, 2)))
        self.tally.by_frame(("psnr", "told_others"), worse.mean(1))

    def _read(self, part: Sequence[Chosen], shown: Shown, videos: dict[str, tuple[Tensor, Sequence[Actions]]]) -> None:
        """Let an inverse dynamics model, if there is one, read futures after contexts that are true."""
        if self.hands is None:
            return
        k, mask = shown.context.shape[2], torch.from_numpy(np.stack([one.mask for one in part]))
        if "generated" in videos:
            true = videos["generated"][1]
            videos = videos | {"happened": (shown.future()[:, None], true), "still": (shown.still, true)}
        for who, (later, told) in videos.items():
            context = shown.happened[:, None, :k].expand(-1, later.shape[1], -1, -1, -1, -1)
            rows = Actions(torch.stack([a.buttons for a in told]), torch.stack([a.axes for a in told]))
            self.hands.add(who, torch.cat([context, later], 2), rows, mask)


def _notes(recordings: int, chosen: Sequence[Chosen]) -> list[str]:
    """What the numbers do not say of themselves."""
    used = len({one.recording for one in chosen})
    notes = []
    if used < recordings:
        notes.append(f"{recordings - used} of {recordings} recordings are left out, being too short or too many")
    if len(chosen) == 1:
        notes.append("there is but one clip, so nobody else's actions can be told, and no features have a spread")
    return notes
