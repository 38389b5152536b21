"""Something-Something v2 (arXiv 1706.04261), unpacked into frames: a folder a clip, in which people do something with something.

    ROOT/frames/78687/{000001.jpg, 000002.jpg, ...}
    ROOT/labels/{train.json, validation.json, test.json}, or something-something-v2-train.json and so on in ROOT

- Frames are in the order of the number that their names end in, FPS of them a second.
- What a clip's label says becomes an instruction over all of it, where a list of labels is found; which list it is, the split.
- No action is told: hands are seen and not recorded. A model that is told nothing learns from it.
"""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.recordings.formats import _numbered
from playtape.recordings.nouns import Info, Recording, Span

__all__ = ["example", "find", "read"]

FPS = 12.0
KINDS = {".jpg": "JPEG", ".jpeg": "JPEG"}
SPLITS = ("train", "validation", "test")
UP = 3  # folders above a clip's in which lists of labels are looked for


def find(root: Path) -> list[Path]:
    """The folders with JPEG frames at or below `root`, sorted."""
    return _numbered.folders(root, KINDS)


def read(path: Path) -> Recording:
    """One clip. Its video is a temporary file that lives as long as the recording: save with video="copy".

    Raises BadInput for fewer than two frames, for frames that are no pictures or not of one size, and for a list without labels.
    """
    folder = Path(os.path.abspath(path))  # noqa: PTH100  # its name counts; but labels lie beside a link, not where it leads
    frames = _numbered.frames_of(folder, KINDS)
    video = _numbered.filmed(folder, frames, KINDS, FPS)
    split, label = _told(folder)
    lost = _numbered.missing(frames)
    info = Info(
        game="something_something",
        source=folder.name,
        licence="not told",
        screen=video.crop or video.coded_size,
        split=split,
        extra={"hz": f"{FPS:g}"},
    )
    still = ActionSpace((), ())
    return Recording(
        video=video,
        events=still.events(still.zeros(len(frames)), video.time_ns),
        spans=(Span(0, video.end_ns, "text", label),) if label else (),
        info=info,
        warnings=(f"{lost} frames are missing between the first and the last",) if lost else (),
    )


def _told(folder: Path) -> tuple[str, str]:
    """The split and the label of a clip; empty where no list near it has its number."""
    for above in list(folder.parents)[:UP]:
        for split in SPLITS:
            for file in (above / f"something-something-v2-{split}.json", above / "labels" / f"{split}.json"):
                if file.is_file() and (found := _labels(file, file.stat().st_mtime_ns).get(folder.name)) is not None:
                    return split, found
    return "", ""


@lru_cache(maxsize=len(SPLITS))
def _labels(file: Path, date_ns: int) -> Mapping[str, str]:
    """{clip: label} of a list as it was published; a test list has no labels."""
    del date_ns  # a list that was changed is read again
    try:
        rows = json.loads(file.read_text())
        return {str(row["id"]): " ".join((row.get("label") or "").split()) for row in rows}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f'{file} is no list of labels; it must be [{{"id": "1", "label": "..."}}, ...]') from error


def example(tmp: Path) -> Path:
    """Two seconds of a ball that is pushed, with its label."""
    from PIL import Image

    tmp = Path(tmp)
    (tmp / "frames" / "78687").mkdir(parents=True, exist_ok=True)
    (tmp / "labels").mkdir(exist_ok=True)
    rows, columns = np.mgrid[0:36, 0:48]
    for k in range(int(2 * FPS)):
        ball = (rows - 18) ** 2 + (columns - 8 - k) ** 2 < 30
        picture = np.where(ball, 220, 60).astype(np.uint8)[..., None].repeat(3, -1)
        Image.fromarray(picture).save(tmp / "frames" / "78687" / f"{k + 1:06}.jpg", quality=95)
    told = [
        {
            "id": "78687",
            "label": "pushing a ball from left to right",
            "template": "Pushing [something] from left to right",
        }
    ]
    (tmp / "labels" / "train.json").write_text(json.dumps(told))
    return tmp
