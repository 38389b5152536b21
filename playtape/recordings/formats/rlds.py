"""Episodes of robots as TensorFlow Datasets keep them (RLDS, arXiv 2111.02767), Open X-Embodiment's among them.

    DATASET/VERSION/features.json, perhaps dataset_info.json
    DATASET/VERSION/DATASET-train.tfrecord-00000-of-01024, ...

An episode is a recording; as a path it is SHARD/episode_000003, which is no file. A shard is read by itself, so those that one
has are enough. TensorFlow is not needed.

- Of several cameras the data set's published one is read (recordings/mixes.py), else the one in KEYS that comes first, else the
  first; pictures are PNG or JPEG, and coded anew.
- `actions[t]` is what step t tells: `action`, or where it has parts all of them, by their names' order, each number a state
  `arm.0`, ...; `actions` in the info says what they are called there. Of the last step nothing is learned: no picture follows.
- An instruction is a text over its steps, be it a text or numbers of UTF-8; what a step earned is a span "reward" of its
  interval, a discount of 0 a span "end", and so is the interval that leads to a terminal step.
- The files do not say how many pictures a second there are: it is what the option `fps` says, what recordings/mixes.py knows of
  the data set, or FPS (`rate` in the info is then "assumed").
- What else a step holds has no place; `left_out` in the info names it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput, first_line
from playtape.recordings.formats import _tfrecord as tfrecord
from playtape.recordings.formats._coded import coded, rate, still
from playtape.recordings.formats._rlds_features import FILE, Feature, features
from playtape.recordings.mixes import known, plain
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.proto import example_pb2

__all__ = ["example", "find", "read"]

FPS = 10.0
SHARD = re.compile(r"(?P<name>.+)-(?P<split>[^-]+)\.tfrecord-\d{5,}-of-\d{5,}")
NAMED = re.compile(r"episode_(\d{6,15})")
KEYS = ("image", "image_0", "rgb", "rgb_static", "front_rgb", "agentview_rgb", "image_1")
TEXTS = ("language_instruction", "natural_language_instruction", "instruction")
SPLITS = {"val": "validation", "valid": "validation"}
MOST_AXES = 32  # the vocabulary's arm.0 to arm.31
MOST_STEPS = 10**6


def find(root: Path) -> list[Path]:
    """The episodes of the shards at or below `root`, sorted.

    A shard that is damaged is there as itself too, so that whoever reads it is told.
    """
    root = Path(root)
    if root.is_file():
        shards = [root] if SHARD.fullmatch(root.name) else []
    else:
        shards = sorted(path for path in root.rglob("*.tfrecord-*") if path.is_file() and SHARD.fullmatch(path.name))
    found: list[Path] = []
    for shard in shards:
        records, wrong = (
            tfrecord.places(shard) if (shard.parent / FILE).is_file() else ([], "what is in it is not told")
        )
        found += [shard] if wrong or not records else []
        found += [shard / f"episode_{number:06}" for number in range(len(records))]
    return found


def read(path: Path, *, fps: float | str | None = None) -> Recording:
    """One episode, of so many pictures a second, where that is known; a shard stands for its only one. Its video is a temporary
    file that lives as long as the recording: save with video="copy".

    Raises BadInput for what is no shard, for damaged ones, and where an episode holds other things than features.json says.
    """
    path = Path(path)
    numbered = NAMED.fullmatch(path.name)
    shard = path.parent if numbered else path
    name = SHARD.fullmatch(shard.name)
    if name is None or not shard.is_file():
        raise BadInput(f"{path} is no episode of RLDS; give DATASET-train.tfrecord-00000-of-00001/episode_000000")
    told = features(shard.parent)
    if numbered is None:
        records, wrong = tfrecord.places(shard)
        if wrong or len(records) != 1:
            raise BadInput(wrong or f"{shard} has {len(records)} episodes; give one of them, as {shard}/episode_000000")
    number = int(numbered[1]) if numbered else 0
    steps = Steps.of(told, tfrecord.record(shard, number), f"episode {number} of {shard}")
    part = known(name["name"])
    camera = steps.camera(part.picture if part else None)
    size, pictures = steps.pictures(camera)
    hz, paced = rate(fps, part.hz if part else None, FPS)
    video = coded(f"{name['name']}_{shard.name[-14:-9]}_{number:06}", pictures, size, hz)
    edges = np.append(video.time_ns, video.end_ns)
    parts, actions = steps.actions()
    texts, outcomes = steps.texts(), steps.outcomes()
    said = [camera, *parts, *texts, *outcomes, "is_first", "is_last", "is_terminal"]
    left_out = [each for each in steps.told if each not in said]
    space = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(actions.shape[1])))
    last = np.concatenate([actions, np.zeros_like(actions[:1])])
    spans = [span for key in texts for span in steps.text(key, edges)] + steps.ends(outcomes, edges)
    extra = {"session": f"{shard.name}/{number}", "picture": camera, "actions": " ".join(parts)}
    extra |= {"left_out": " ".join(left_out)} | paced
    return Recording(
        video=video,
        events=space.events(Actions(np.zeros((len(edges), 0), bool), last), edges),
        spans=tuple(sorted(spans)),
        info=Info(
            game=plain(name["name"]),
            source=shard.name,
            licence=_licence(shard.parent),
            screen=(video.width, video.height),
            split=SPLITS.get(name["split"], name["split"]),
            extra={key: value for key, value in extra.items() if value},
        ),
        warnings=() if parts else ("no action is told",),
    )


@dataclass(frozen=True)
class Steps:
    """An episode of T steps: what it holds of what is `told` that each step has, by name."""

    told: dict[str, Feature]
    held: Mapping[str, example_pb2.Feature]
    length: int
    where: str

    @classmethod
    def of(cls, told: dict[str, Feature], data: bytes, where: str) -> "Steps":
        try:
            held = dict(example_pb2.Example.FromString(data).features.feature)
        except Exception as error:  # protobuf's DecodeError has no public base
            raise BadInput(f"{where} is no readable tf.train.Example: {first_line(error)[:120]}") from error
        cameras = [name for name, feature in told.items() if feature.kind == "picture"]
        if not cameras:
            raise BadInput(f"{where} has no pictures: a step has {', '.join(told)[:200] or 'nothing'}")
        lengths = {name: len(held[f"steps/{name}"].bytes_list.value) for name in cameras if f"steps/{name}" in held}
        length = max(lengths.values(), default=0)
        if not 2 <= length <= MOST_STEPS:
            raise BadInput(f"{where} has {length} pictures; 2 to {MOST_STEPS:,} are legal")
        return cls(told, {name.removeprefix("steps/"): each for name, each in held.items()}, length, where)

    def camera(self, published: str | None) -> str:
        """Which picture is read, by its whole name."""
        cameras = [name for name, feature in self.told.items() if feature.kind == "picture"]
        for key in (published, *KEYS):
            if found := next((name for name in cameras if name.rpartition("/")[2] == key), None):
                return found
        return cameras[0]

    def pictures(self, camera: str) -> tuple[tuple[int, int], Iterator[np.ndarray]]:
        """Their (width, height), and T pictures uint8 [H, W, 3] one by one: unpacked, an episode may be larger than memory."""
        data = self._bytes(camera)
        height, width = still(data[0], self.where).shape[:2]
        return (width, height), self._pictures(camera, data, (height, width, 3))

    def _pictures(self, camera: str, data: list[bytes], shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
        for each in data:
            found = still(each, self.where)
            if found.shape != shape or min(shape[:2]) < 2:
                raise BadInput(f"{camera} in {self.where} must have pictures of one size, 2 x 2 or more")
            yield found

    def actions(self) -> tuple[list[str], np.ndarray]:
        """What an action's parts are called, and float32 [T, A]."""
        parts = [name for name in self.told if name == "action" or name.startswith("action/")]
        for name in parts:
            if self.told[name].kind == "other":  # to leave it out would be to tell half an action
                raise BadInput(
                    f"{name} in {self.where} is {self.told[name].said}; legal are whole numbers, float32 and float64, not packed"
                )
        parts = [name for name in parts if self.told[name].kind in ("whole", "real")]
        width = sum(self.told[name].count for name in parts)
        if width > MOST_AXES:
            raise BadInput(f"an action in {self.where} has {width} numbers; up to {MOST_AXES} are legal")
        with np.errstate(over="ignore"):
            rows = [self.numbers(name).astype(np.float32) for name in parts]
        found = np.concatenate([*rows, np.zeros((self.length, 0), np.float32)], 1)
        if not np.isfinite(found).all():
            raise BadInput(f"action in {self.where} has a number that is not finite in float32")
        return parts, found

    def numbers(self, name: str) -> np.ndarray:
        """float64 [T, n]."""
        feature, held = self.told[name], self._of(name)
        values = held.int64_list.value if feature.kind == "whole" else held.float_list.value
        if len(values) != self.length * feature.count:
            raise BadInput(
                f"{name} in {self.where} has {len(values)} numbers; "
                f"{self.length} steps of {list(feature.shape)} have {self.length * feature.count}"
            )
        return np.array(values, np.float64).reshape(self.length, -1)

    def texts(self) -> list[str]:
        """The first that is named as an instruction."""
        for key in TEXTS:
            for name, feature in self.told.items():
                shaped = feature.count == 1 if feature.kind == "text" else len(feature.shape) == 1
                if name.rpartition("/")[2] == key and feature.kind in ("text", "whole") and shaped:
                    return [name]
        return []

    def text(self, name: str, edges: np.ndarray) -> list[Span]:
        """Of each stretch of steps that are told the same, unless that is nothing."""
        if self.told[name].kind == "text":
            said = self._bytes(name)
        else:
            said = [bytes(code for code in row if 0 < code < 256) for row in self.numbers(name).astype(int).tolist()]
        starts = [t for t in range(self.length) if not t or said[t] != said[t - 1]]
        found = []
        for start, end in zip(starts, [*starts[1:], self.length], strict=True):
            if text := said[start].decode("utf-8", "replace").strip():
                found.append(Span(int(edges[start]), int(edges[end]), "text", text))
        return found

    def outcomes(self) -> list[str]:
        """Which of `reward` and `discount` there are, one number a step."""
        return [
            name
            for name in ("reward", "discount")
            if name in self.told and self.told[name].kind != "text" and self.told[name].count == 1
        ]

    def ends(self, outcomes: list[str], edges: np.ndarray) -> list[Span]:
        """Rewards that are not 0, and ends, each of the interval that it was for."""
        found, ended = [], np.zeros(self.length, bool)
        for name in outcomes:
            values = self.numbers(name)[:, 0]
            if not (np.abs(values) <= np.finfo(np.float32).max).all():  # nor NaN
                raise BadInput(f"{name} in {self.where} has a number that is not finite in float32")
            if name == "discount":
                ended |= values == 0
                continue
            shown = np.flatnonzero(values)
            found += [Span(int(edges[t]), int(edges[t + 1]), "reward", f"{values[t]:.9g}") for t in shown]
            if not len(shown):  # told, and nothing was earned
                found.append(Span(0, int(edges[-1]), "reward", "0"))
        if "is_terminal" in self.told and self.told["is_terminal"].count == 1:
            ended[:-1] |= self.numbers("is_terminal")[1:, 0] != 0
        return found + [Span(int(edges[t]), int(edges[t + 1]), "end", "") for t in np.flatnonzero(ended)]

    def _bytes(self, name: str) -> list[bytes]:
        values = list(self._of(name).bytes_list.value)
        if len(values) != self.length:
            raise BadInput(f"{name} in {self.where} has {len(values)} values for {self.length} steps")
        return values

    def _of(self, name: str) -> example_pb2.Feature:
        if name not in self.held:
            raise BadInput(f"{self.where} has no {name}, of which {FILE} tells")
        return self.held[name]


def _licence(folder: Path) -> str:
    """As dataset_info.json tells."""
    about = folder / "dataset_info.json"
    if not about.is_file():  # nor a pipe, which would be waited for
        return "not told"
    try:
        told = json.loads(about.read_bytes())["redistributionInfo"]["license"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return "not told"
    return told if isinstance(told, str) and told.strip() else "not told"


def example(tmp: Path) -> Path:
    """A folder with two episodes of a second and a half, of a ball that goes where it is pushed."""
    import io

    from PIL import Image

    tmp, length = Path(tmp), 16
    tmp.mkdir(parents=True, exist_ok=True)

    def tensor(dtype: str, *shape: int) -> dict:
        told = {"dimensions": [str(each) for each in shape]} if shape else {}
        return {"tensor": {"dtype": dtype, "encoding": "none", "shape": told}}

    def nested(**inside: dict) -> dict:
        return {"featuresDict": {"features": inside}}

    image = {"image": {"dtype": "uint8", "encodingFormat": "png", "shape": {"dimensions": ["32", "32", "3"]}}}
    step = nested(
        observation=nested(image=image, state=tensor("float32", 2)),
        action=tensor("float32", 2),
        language_instruction={"text": {}},
        reward=tensor("float32"),
        is_terminal=tensor("bool"),
    )
    (tmp / FILE).write_text(json.dumps(nested(steps={"sequence": {"feature": step, "length": "-1"}})))
    records = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        push = rng.choice([-1, -0.5, 0.5, 1], (length, 2)).astype(np.float32)
        place = 16 + np.cumsum(np.concatenate([np.zeros((1, 2)), push[:-1]]), 0)
        rows, columns = np.mgrid[0:32, 0:32]
        one = example_pb2.Example()
        put = one.features.feature
        for y, x in place:
            png = io.BytesIO()
            ball = (rows - y) ** 2 + (columns - x) ** 2 < 20
            Image.fromarray(np.repeat(np.where(ball, 230, 40).astype(np.uint8)[..., None], 3, -1)).save(png, "PNG")
            put["steps/observation/image"].bytes_list.value.append(png.getvalue())
        put["steps/observation/state"].float_list.value.extend(place.ravel())
        put["steps/action"].float_list.value.extend(push.ravel())
        put["steps/language_instruction"].bytes_list.value.extend([b"push the ball"] * length)
        put["steps/reward"].float_list.value.extend([0.0] * (length - 1) + [1.0])
        put["steps/is_terminal"].int64_list.value.extend([0] * (length - 1) + [1])
        records.append(one.SerializeToString())
    tfrecord.write(tmp / "ball-train.tfrecord-00000-of-00001", records)
    return tmp
