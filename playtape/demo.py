"""`playtape demo`: the shipped model labels the shipped sample, and a page shows how good that is.

`playtape example`: small files to try everything else on.

The sample is some twenty seconds of a person's play from the test set; the model has never seen it. The only file that may
use all tools, since tools do not import each other.
"""

import shutil
import time
from pathlib import Path
from typing import Any

from playtape.actions.games import DOOM
from playtape.errors import BadInput
from playtape.evaluate import evaluate_actions, table
from playtape.recordings import Recording, Video, open_recording, save_recording, write_video
from playtape.recordings.atomic import check_folder
from playtape.recordings.convert import find_format
from playtape.view import write_page

SAMPLE = Path(__file__).parent / "samples" / "doom.mp4"
FRAMES = 105  # of it, three seconds, stand in for a reader's own video
MADE = {
    "demos": "doom_demo",
    "p2p": "p2p",
    "episodes": "episodes_npz",
    "nitrogen": "nitrogen",
    "rlds": "rlds",
}  # folders, and their formats
HEADLINE = {  # name in the result -> (group, key) of evaluate's rows
    "turn_pearson": ("mouse.dx", "pearson"),
    "forward_state_f1": ("key.w", "state_f1"),
    "movement_state_f1": ("movement keys", "state_f1_micro"),
    "movement_onset_f1": ("movement keys", "onset_f1_collar_1_micro"),
    "fire_state_f1": ("mouse.left", "state_f1"),
    "d2e_keyboard_accuracy": ("D2E", "key_accuracy"),
    "ece": ("calibration", "ece"),
}


def demo(out: Path, *, sample: Path = SAMPLE, model: Path | None = None, progress: bool = True) -> dict[str, Any]:
    """Label `sample` (a video beside a recording of its true input) and judge the labels.

    Writes OUT/labels/NAME.mcap, OUT/index.html and OUT/timeline.png. Returns `page`, `picture`, `outputs`, the seconds of
    video, of labelling and in all, `headline` (a leaf each: value, interval, baselines) and `table`. Raises BadInput if
    the sample or the model is not there.
    """
    truth = sample.with_suffix(".mcap")
    for file in (sample, truth):
        if not file.is_file():
            raise BadInput(f"the sample {file} is not there; install Playtape again, or give a video beside its .mcap")
    from playtape.label import label  # brings torch

    started = time.perf_counter()
    out = Path(out)
    labelled = label(sample, out / "labels", model=model, replace=True, progress=progress)
    predicted = Path(labelled["outputs"][0])
    picture, page = out / "timeline.png", out / "index.html"
    found = evaluate_actions(truth, predicted, picture=picture)
    written = write_page(predicted, page, truth=truth, metrics=found)
    rows = {(row["group"], row["key"]): row for row in found["rows"]}
    return {
        "page": str(page),
        "picture": str(picture),
        "outputs": [str(predicted), str(page), str(picture)],
        "video_seconds": labelled["video_seconds"],
        "label_seconds": labelled["seconds"],
        "seconds": round(time.perf_counter() - started, 3),
        "headline": {name: _leaf(rows.get(place)) for name, place in HEADLINE.items()},
        "notes": written["notes"],
        "table": table(found),
        "text": f"\nOpen {page} in a browser; the timeline alone is {picture}",
    }


def examples(out: Path) -> dict[str, Any]:
    """What the guides' commands are about: `gameplay.mp4`, three seconds of the sample; `truth/`, the same as a recording with
    its true input; and two made-up seconds of some formats. Returns `outputs`, and `skipped`: {name: why} of formats whose
    package is not installed. Raises BadInput where one of them is there."""
    out, whole = Path(out), open_recording(SAMPLE.with_suffix(".mcap"))
    check_folder(out, "write the examples")
    taken = next((name for name in ("gameplay.mp4", "truth", *MADE) if (out / name).exists()), None)
    if taken:
        raise BadInput(f"{out} already holds {taken}; give another folder")
    frames, time_ns = whole.video[:FRAMES], whole.time_ns[:FRAMES]
    video = Video(write_video(out / "truth" / "gameplay.mp4", frames, fps=whole.video.fps))
    events = DOOM.events(DOOM.actions(whole.events, time_ns), video.time_ns)
    save_recording(Recording(video, events, info=whole.info), out / "truth" / "gameplay.mcap")
    shutil.copy(video.path, out / "gameplay.mp4")
    skipped: dict[str, str] = {}
    for name, kind in MADE.items():
        try:
            find_format(kind).example(out / name)
        except BadInput as error:  # its package is not installed
            shutil.rmtree(out / name, ignore_errors=True)
            skipped[name] = str(error)
    return {
        "outputs": [str(out / name) for name in ("gameplay.mp4", "truth", *MADE) if name not in skipped],
        "skipped": skipped,
    }


def _leaf(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """The numbers of one of evaluate's rows; None if the sample does not have it."""
    if row is None:
        return None
    return {key: row[key] for key in ("value", "low", "high", "never_pressed", "copy_previous", "mean")}
