"""D2E's published protocol (arXiv 2510.05684, section F.2; the script `evaluate.py` of worv-ai/D2E), to the letter.

Time is log_time - (the first screen message's log_time - its pts). Bins of 50 ms run from the later of the two first
frames to the earlier of the two ends (of any topic); the last bin may be shorter. What the script does and does not do
is kept: motion inside a button event is not counted, x1 and x2 are not counted, auto-repeats are, nothing is tolerated.

Legend: K bins, M events, S sums. Reads the messages and not a Recording, since labels are counted by virtual key.
Differences, each where the script fails: absolute raw motion is left out with a warning (the script stops); a
prediction that moves where the truth does not has no scale ratio (the script prints Infinity); older files are read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playtape.errors import BadInput
from playtape.evaluate.scores import ratio
from playtape.recordings.container import Batch, Container
from playtape.recordings.legacy import UPGRADES, schema_name

BIN_NS = 50_000_000
LONGEST_NS = 172_800_000_000_000  # two days: 3.5 million bins, of 160 bytes a side
BUTTON_FLAGS = (0x1, 0x2, 0x4, 0x8, 0x10, 0x20)  # left, right, middle: down and up of each
SUMS = 8  # an axis' sums: n, x, y, xx, yy, xy where either side moved; |x|, |y| everywhere
UNKNOWN = np.iinfo(np.int64).min
READ: dict[str, dict[str, Callable[[dict[str, Any]], int]]] = {  # topic -> the fields that count
    "screen": {"pts": lambda m: UNKNOWN if (pts := m["media_ref"].get("pts_ns")) is None else pts},
    "keyboard": {"label": lambda m: 2 * m["vk"] + (m["event_type"] == "press")},
    "mouse/raw": {
        "dx": lambda m: m["last_x"],
        "dy": lambda m: m["last_y"],
        "buttons": lambda m: m.get("button_flags", 0),
        "absolute": lambda m: m.get("us_flags", 0),
    },
}
METRICS = ("pearson_x", "pearson_y", "scale_ratio_x", "scale_ratio_y", "key_accuracy", "button_accuracy")


@dataclass(frozen=True, eq=False)
class Stream:
    """What the protocol reads of one file. All times are log_time int64 ns, rising."""

    first_ns: int  # the first screen message
    first_pts_ns: int  # and its frame
    last_ns: int  # the last message of any topic
    moves_ns: np.ndarray  # int64 [M], motion-only events
    moves: np.ndarray  # float64 [M, 2], dx and dy in counts
    keys_ns: np.ndarray  # int64 [M]
    keys: np.ndarray  # int64 [M], 2 * virtual key + (1 for a press)
    clicks_ns: np.ndarray  # int64 [M], events with button flags
    clicks: np.ndarray  # int64 [M], the flags
    absolute: int = 0  # absolute motion events, left out


@dataclass(frozen=True, eq=False)
class Bins:
    """One file in bins. Labels are sparse: `keys` and `clicks` are distinct (bin, label) int64 [M, 2] and counts [M]."""

    moves: np.ndarray  # float64 [K, 2]
    moved: np.ndarray  # bool [K]
    keys: tuple[np.ndarray, np.ndarray]
    clicks: tuple[np.ndarray, np.ndarray]


def read(path: Path) -> Stream:
    """One OWAMcap file. Raises BadInput if it has no screen message with a frame time, or is damaged."""
    found: dict[str, list[np.ndarray]] = {topic: [np.zeros((0, 1 + len(READ[topic])), np.int64)] for topic in READ}
    last = 0
    for batch in Container(path).batches():
        if len(batch.log_time):
            last = max(last, int(batch.log_time.max()))
        if batch.channel.topic in READ:
            found[batch.channel.topic].append(_columns(path, batch))
    screens, keys, mouse = (_sorted(np.concatenate(found[topic])) for topic in READ)
    if not len(screens) or screens[0, 1] == UNKNOWN:
        raise BadInput(f"{path} has no `screen` message with a pts_ns, so D2E's protocol cannot place its events")
    clicked, absolute = mouse[:, 3] != 0, mouse[:, 4] != 0
    return Stream(
        first_ns=int(screens[0, 0]),
        first_pts_ns=int(screens[0, 1]),
        last_ns=last,
        moves_ns=mouse[~clicked & ~absolute, 0],
        moves=mouse[~clicked & ~absolute, 1:3].astype(np.float64),
        keys_ns=keys[:, 0],
        keys=keys[:, 1],
        clicks_ns=mouse[clicked, 0],
        clicks=mouse[clicked, 3],
        absolute=int((absolute & ~clicked).sum()),
    )


def collapsed(stream: Stream) -> Stream:
    """Without auto-repeats: presses of keys that are down and releases of keys that are up are left out."""
    down: set[int] = set()
    keep = np.zeros(len(stream.keys), bool)
    for i, label in enumerate(stream.keys.tolist()):
        key, press = divmod(label, 2)
        keep[i] = (key not in down) if press else (key in down)
        (down.add if press else down.discard)(key)
    return replace(stream, keys_ns=stream.keys_ns[keep], keys=stream.keys[keep])


def common_range(truth: Stream, predicted: Stream) -> tuple[int, int]:
    """[start, end) in ns of the video's own time stamps. Raises BadInput if nothing is common, or absurdly much."""
    start = max(truth.first_pts_ns, predicted.first_pts_ns)
    end = min(s.first_pts_ns + s.last_ns - s.first_ns for s in (truth, predicted))
    if end <= start:
        raise BadInput(
            f"the two recordings have no time in common: the later begins at {start} ns, the earlier ends at {end} ns"
        )
    if end - start > LONGEST_NS:
        raise BadInput(
            f"the messages of the two recordings have {(end - start) / 1e9:g} s in common, by a time stamp that must be "
            f"wrong; up to {LONGEST_NS / 1e9:g} s can be compared"
        )
    return start, end


def binned(stream: Stream, start: int, end: int, bin_ns: int = BIN_NS) -> Bins:
    """The file's events in bins [start + k * bin_ns, ...) up to `end`."""
    bins = -((start - end) // bin_ns)
    offset = stream.first_ns - stream.first_pts_ns

    def place(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        video = time - offset
        kept = (video >= start) & (video < end)
        return (video[kept] - start) // bin_ns, kept

    at, kept = place(stream.moves_ns)
    moves = np.stack([np.bincount(at, stream.moves[kept, axis], minlength=bins) for axis in (0, 1)], axis=1)
    key_at, key_kept = place(stream.keys_ns)
    click_at, click_kept = place(stream.clicks_ns)
    flags = stream.clicks[click_kept]
    edges = [
        np.stack([click_at[(flags & bit) != 0], np.full(int(((flags & bit) != 0).sum()), bit)], 1)
        for bit in BUTTON_FLAGS
    ]
    return Bins(
        moves=moves,
        moved=np.bincount(at, minlength=bins) > 0,
        keys=_counted(np.stack([key_at, stream.keys[key_kept]], axis=1)),
        clicks=_counted(np.concatenate(edges)),
    )


def sums(truth: Bins, side: Bins, *, empty_bins_as_correct: bool = False) -> np.ndarray:
    """What the metrics are made of, for each bin: float64 [K, 2 * SUMS + 4]; it adds up over bins and recordings."""
    columns = []
    either = truth.moved | side.moved
    for axis in (0, 1):
        x, y = truth.moves[:, axis], side.moves[:, axis]
        columns += [either * values for values in (np.ones_like(x), x, y, x * x, y * y, x * y)] + [np.abs(x), np.abs(y)]
    for one, other in ((truth.keys, side.keys), (truth.clicks, side.clicks)):
        right, total = _agreement(one, other, len(either))
        empty = (total == 0) & empty_bins_as_correct
        columns += [right + empty, total + empty]
    return np.stack(columns, axis=1)


def metrics(total: np.ndarray) -> np.ndarray:
    """`METRICS` [..., 6] of summed sums [..., S]; NaN where the script gives None."""
    pearson, scale = [], []
    for axis in (0, 1):
        n, x, y, xx, yy, xy, size_x, size_y = np.moveaxis(total[..., axis * SUMS : (axis + 1) * SUMS], -1, 0)
        cov, var_x, var_y = n * xy - x * y, n * xx - x * x, n * yy - y * y
        flat = (var_x <= 1e-12 * n * xx) | (var_y <= 1e-12 * n * yy)
        pearson.append(np.clip(ratio(cov, np.where(flat, 0, np.sqrt(np.abs(var_x * var_y)))), -1, 1))
        scale.append(np.maximum(ratio(size_x, size_y), ratio(size_y, size_x)))
    right, labels = total[..., 2 * SUMS :: 2], total[..., 2 * SUMS + 1 :: 2]
    accuracy = ratio(right, labels)
    return np.stack([*pearson, *scale, accuracy[..., 0], accuracy[..., 1]], axis=-1)


def log_scales(total: np.ndarray) -> np.ndarray:
    """ln of what `metrics` folds at 1, [..., 2] of x and y: above 0 where the truth moves further."""
    sizes = [total[..., axis * SUMS + SUMS - 2 : (axis + 1) * SUMS] for axis in (0, 1)]  # [..., 2] each
    far = np.stack([ratio(size[..., 0], size[..., 1]) for size in sizes], axis=-1)
    return np.log(np.where(far > 0, far, np.nan))


def baselines(truth: Bins) -> dict[str, Bins]:
    """Nothing; the truth's previous bin; the truth's mean motion in each bin."""
    bins = len(truth.moved)
    nothing = (np.zeros((0, 2), np.int64), np.zeros(0, np.int64))
    still = np.zeros_like(truth.moves)
    later = Bins(
        moves=np.concatenate([still[:1], truth.moves[:-1]]),
        moved=np.concatenate([[False], truth.moved[:-1]]),
        keys=_later(truth.keys, bins),
        clicks=_later(truth.clicks, bins),
    )
    mean = Bins(np.broadcast_to(truth.moves.mean(axis=0), still.shape), np.ones(bins, bool), nothing, nothing)
    return {
        "never_pressed": Bins(still, np.zeros(bins, bool), nothing, nothing),
        "copy_previous": later,
        "mean": mean,
    }


def compare(truth: Path, predicted: Path, *, bin_ms: int = 50, empty_bins_as_correct: bool = False) -> dict[str, Any]:
    """The script's own result for two files, under its own names; None where it gives none."""
    one, other = read(truth), read(predicted)
    start, end = common_range(one, other)
    a, b = (binned(stream, start, end, bin_ms * 1_000_000) for stream in (one, other))
    total = sums(a, b, empty_bins_as_correct=empty_bins_as_correct).sum(axis=0)
    return {
        "config": {"bin_size_ms": float(bin_ms), "empty_bins_as_correct": empty_bins_as_correct},
        "summary": {"duration_sec": (end - start) / 1e9, "num_bins": len(a.moved)},
        **named(total),
    }


def named(total: np.ndarray) -> dict[str, dict[str, float | int | None]]:
    """Summed sums [S] under the script's names."""
    value = {name: None if np.isnan(v) else float(v) for name, v in zip(METRICS, metrics(total), strict=True)}
    move: dict[str, float | int | None] = {name: value[name] for name in METRICS[:4]}
    return {
        "mouse_move": {**move, "sample_count": int(total[0])},
        "mouse_button": {"button_accuracy": value["button_accuracy"], "sample_count": int(total[-1])},
        "keyboard": {"key_accuracy": value["key_accuracy"], "sample_count": int(total[-3])},
    }


def _columns(path: Path, batch: Batch) -> np.ndarray:
    """int64 [M, 1 + fields]: log_time and what `READ` takes of each message."""
    topic = batch.channel.topic
    try:
        messages = orjson.loads(b"[" + b",".join(batch.payloads) + b"]")
        upgrade = UPGRADES.get(schema_name(batch.channel.schema))
        if upgrade is not None and any(_is_old(message) for message in messages[:1] + messages[-1:]):
            messages = [upgrade(message) for message in messages]
        fields = [[take(message) for message in messages] for take in READ[topic].values()]
        return np.array([batch.log_time.astype(np.int64), *fields], np.int64).T
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadInput(f"{path}: topic {topic!r} has a message that D2E's protocol cannot read ({error})") from None


def _is_old(message: dict[str, Any]) -> bool:
    return not ("last_x" in message or "uri" in (message.get("media_ref") or {}))


def _sorted(rows: np.ndarray) -> np.ndarray:
    """By time, equal times in file order."""
    return rows[np.argsort(rows[:, 0], kind="stable")]


def _counted(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows [M, 2] and how often each stands."""
    if not len(rows):
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    return np.unique(rows, axis=0, return_counts=True)


def _agreement(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each bin: labels on either side with equal counts, and labels on either side."""
    rows = np.concatenate([one[0], other[0]])
    if not len(rows):
        return np.zeros(bins), np.zeros(bins)
    labels, group = np.unique(rows, axis=0, return_inverse=True)
    signed = np.concatenate([one[1], -other[1]])
    difference = np.bincount(group.ravel(), signed, minlength=len(labels))
    return np.bincount(labels[:, 0], difference == 0, minlength=bins), np.bincount(labels[:, 0], minlength=bins)


def _later(labels: tuple[np.ndarray, np.ndarray], bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Every label one bin later; those of the last bin fall out."""
    rows, count = labels
    kept = rows[:, 0] + 1 < bins
    return rows[kept] + np.array([1, 0]), count[kept]
