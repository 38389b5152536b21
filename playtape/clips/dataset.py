"""Batches of clips, each a pure function of (seed, step): nothing to save, nothing to restore, any step can be asked for.

A clip's recording is drawn by mixture weight times length, its middle evenly within; a clip that would reach beyond the first or
last frame is moved inside. So the first frames, where a player decides what to do, are seen half as often as others and not
hardly ever, and recordings shorter than a clip are seen whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from playtape.actions import Actions, ActionSpace
from playtape.clips.augmentation import Augmentation
from playtape.clips.clip import Clip, stack
from playtape.clips.store import Stored
from playtape.errors import BadInput
from playtape.recordings.mixes import find_mix, folders

MOST_WEIGHT = 1e9  # of a source, and one divided by it the least


@dataclass(frozen=True)
class Source:
    """`PATH` or `PATH:WEIGHT` of the command line. The weight is relative, per frame: 1 draws every frame alike.

    Of a mix it is the share of the clips, whatever a recording's length, and they have about `hz` frames a second.
    """

    path: Path
    weight: float = 1.0
    shared: bool = False
    hz: float = 0.0  # 0 takes every frame

    @classmethod
    def parse(cls, text: str) -> "Source":
        path, colon, weight = text.rpartition(":")
        try:
            source = cls(Path(path), float(weight)) if colon else cls(Path(text))
        except ValueError:
            return cls(Path(text))
        if not 1 / MOST_WEIGHT <= source.weight <= MOST_WEIGHT:
            raise BadInput(
                f"the weight of {text!r} is {weight}; it must be from {1 / MOST_WEIGHT:g} to {MOST_WEIGHT:g}"
            )
        return source

    @staticmethod
    def of_mix(name: str, root: Path) -> "tuple[list[Source], list[str]]":
        """The data sets of a mix that are in `root`, at their shares, and the names of those that are not."""
        found = folders(find_mix(name), root)
        there = [Source(path, part.share, True, part.pace_hz) for part, path in found.items() if path is not None]
        return there, [part.name for part, path in found.items() if path is None]


@dataclass(frozen=True)
class Clips(Dataset):
    """`clips[step]` is the batch of that training step.

    Raises BadInput if no recording is as long as a window.
    """

    recordings: list[Stored]
    weights: list[float]  # one a recording
    space: ActionSpace
    window: int  # frames
    batch: int  # clips
    seed: int
    augmentation: Augmentation = field(default_factory=Augmentation)
    lose_begun_text: bool = False  # instructions that began before a clip are not in it

    def __post_init__(self) -> None:
        if not any(len(recording) >= self.window for recording in self.recordings):
            longest = max((len(recording) for recording in self.recordings), default=0)
            raise BadInput(f"no recording is as long as one window of {self.window} frames; the longest has {longest}")

    def __getitem__(self, index: int) -> Clip:
        return stack([clip for _, _, clip in self._drawn(index)])

    def where(self, index: int) -> list[str]:
        """What the clips of a step were cut from, each as "NAME frames [start, stop) from 1.25 s"; drawn once more to tell."""
        told = []
        for recording, start, _ in self._drawn(index):
            stop = min(start + recording.reach(self.window), len(recording))
            told.append(f"{recording.name} frames [{start}, {stop}) from {recording.time_ns[start] / 1e9:.2f} s")
        return told

    def _drawn(self, index: int) -> Iterator[tuple[Stored, int, Clip]]:
        """Recordings, the first frame, and the clip from there on."""
        draw = np.random.default_rng([self.seed, index])
        chance = np.array([len(recording) for recording in self.recordings]) * np.array(self.weights)
        for i in draw.choice(len(chance), self.batch, p=chance / chance.sum()):
            recording = self.recordings[i]
            start = self._start(recording, draw)
            yield recording, start, self._clip(recording, start, draw)

    def _start(self, recording: Stored, draw: np.random.Generator) -> int:
        reach = recording.reach(self.window)
        middle = int(draw.integers(len(recording)))
        return max(0, min(middle - reach // 2, len(recording) - reach))

    def _clip(self, recording: Stored, start: int, draw: np.random.Generator) -> Clip:
        stop = min(start + recording.reach(self.window), len(recording))
        part = slice(start, stop, recording.stride)
        sided = bool(recording.text.sided[recording.text.row[part]].any())
        clip = cut(recording, start, stop)
        if self.lose_begun_text:
            clip.text[torch.from_numpy(recording.text.began[part] < start)] = 0
        return _filled(self.augmentation(clip, self.space, draw, sided=sided), self.window)


def _filled(clip: Clip, window: int) -> Clip:
    """A clip of T frames with its last picture repeated up to `window`; nothing is learned from what is added."""
    frames, missing = len(clip.frames), window - len(clip.frames)
    if not missing:
        return clip
    index = torch.arange(window).clamp(max=frames - 1)
    none = Actions(
        *(
            torch.cat([part, part.new_zeros(missing, part.shape[-1])])
            for part in (clip.actions.buttons, clip.actions.axes)
        )
    )
    mask = torch.cat([clip.mask, clip.mask.new_zeros(missing)])
    reward = torch.cat([clip.reward, clip.reward.new_full((missing,), torch.nan)])
    ended = torch.cat([clip.ended, clip.ended.new_zeros(missing)])
    rest = (clip.confidence[index], clip.text[index], reward, ended, clip.embodiment)
    return Clip(clip.frames[index], none, mask, *rest)


def cut(recording: Stored, start: int, stop: int) -> Clip:
    """Frames [start, stop) of a stored recording, every stride-th of them, as a clip of tensors."""
    part = slice(start, stop, recording.stride)
    return Clip(
        torch.from_numpy(np.array(recording.frames[part])),
        Actions(
            torch.from_numpy(recording.actions.buttons[part].copy()),
            torch.from_numpy(recording.actions.axes[part].copy()),
        ),
        torch.from_numpy(recording.mask[part].copy()),
        torch.from_numpy(recording.confidence[part].copy()),
        torch.from_numpy(recording.text.vectors[recording.text.row[part]]),
        torch.from_numpy(recording.reward[part].copy()),
        torch.from_numpy(recording.ended[part].copy()),
        torch.tensor(recording.embodiment),
    )
