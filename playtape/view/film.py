"""A recording as pictures that need no browser: a film with its keys and mouse drawn under it, and a contact sheet.

Both show a strip below each frame: a box a button, lit while it is held in the interval that the frame begins, an arrow for
the mouse's way in it, the time, and who is in control.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from playtape.actions import Actions, ActionSpace
from playtape.recordings import Recording, open_recording, write_video
from playtape.recordings.atomic import atomic
from playtape.view.lanes import space_of

LEAST = 384  # pixels: smaller pictures are shown at a whole multiple
STRIP, BOX = 40, 34  # pixels high; of a button's box
DARK, GREY, LIT, INK, MOVE = (24, 26, 30), (58, 62, 70), (243, 179, 74), (235, 235, 235), (90, 190, 255)
COLUMNS, ROWS = 6, 4  # of a contact sheet


def film(path: Path, out: Path, title: str = "") -> Path:
    """Write the recording at `path` as a film (.mp4); atomic."""
    recording = open_recording(path)
    fps = max(1.0, recording.video.fps)
    return write_video(out, _pictures(recording, title), fps=fps)


def contact_sheet(path: Path, out: Path, title: str = "") -> Path:
    """Write 24 moments of the recording at `path`, evenly spread over it, as one picture (.png); atomic."""
    recording = open_recording(path)
    count = min(COLUMNS * ROWS, len(recording.time_ns))
    moments = np.linspace(0, len(recording.time_ns) - 1, count).round().astype(int)
    cells = list(_pictures(recording, title, moments))
    height, width = cells[0].shape[:2]
    sheet = np.zeros((-(-count // COLUMNS) * height, min(count, COLUMNS) * width, 3), np.uint8)
    for k, cell in enumerate(cells):
        row, column = divmod(k, COLUMNS)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = cell
    with atomic(out) as temporary:
        Image.fromarray(sheet).save(temporary, format="PNG")
    return out


def film_best_and_worst(paths: list[str], scores: list[float], folder: Path) -> list[str]:
    """A film and a contact sheet of the recordings with the highest and the lowest score; gives the files written."""
    order = sorted(range(len(paths)), key=scores.__getitem__)
    written = []
    for name, k in (("best", order[-1]), ("worst", order[0])):
        title, path = f"{name}, score {scores[k]:g}", Path(paths[k])
        written.append(str(film(path, folder / f"{name}.mp4", title)))
        written.append(str(contact_sheet(path, folder / f"{name}.png", title)))
    return written


def _pictures(recording: Recording, title: str, moments: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Frames with their strips, uint8 [H, W, 3]: all, or those numbered."""
    time, space = recording.time_ns, space_of([recording])
    actions = space.actions(recording.events, np.append(time, recording.video.end_ns))
    frames = enumerate(recording.video) if moments is None else ((int(k), recording.video[int(k)]) for k in moments)
    for k, frame in islice(frames, len(time)):
        who = next((s.value for s in recording.spans if s.kind == "control" and s.start_ns <= time[k] < s.end_ns), "")
        said = next((s.value for s in recording.spans if s.kind == "text" and s.start_ns <= time[k] < s.end_ns), "")
        yield _drawn(frame, space, actions, k, "  ".join(filter(None, (f"{time[k] / 1e9:.2f} s", title or who, said))))


def _drawn(frame: np.ndarray, space: ActionSpace, actions: Actions, k: int, words: str) -> np.ndarray:
    scale = max(1, -(-LEAST // frame.shape[1]))
    picture = frame.repeat(scale, 0).repeat(scale, 1)
    height, width = picture.shape[:2]
    image = Image.new("RGB", (width, height + STRIP + 16), DARK)
    image.paste(Image.fromarray(picture))
    draw = ImageDraw.Draw(image)
    draw.text((4, height + STRIP), words, fill=INK, font=_font(11))
    held = actions.buttons[k]
    for number, name in enumerate(space.buttons):
        left = 4 + number * (BOX + 3)
        if left + BOX > width - BOX:
            break
        draw.rectangle((left, height + 3, left + BOX - 1, height + STRIP - 4), fill=LIT if held[number] else GREY)
        short = name.partition(".")[2]
        draw.text((left + 3, height + 13), short[:5], fill=DARK if held[number] else INK, font=_font(11))
    _arrow(draw, space, actions.axes[k], (width - BOX // 2 - 2, height + STRIP // 2))
    return np.asarray(image)


def _arrow(draw: Any, space: ActionSpace, axes: np.ndarray, middle: tuple[int, int]) -> None:
    """The mouse's way in the interval; its length by the square root, so that small moves can be seen."""
    names = [axis.name for axis in space.axes]
    dx, dy = (float(axes[names.index(name)]) if name in names else 0.0 for name in ("mouse.dx", "mouse.dy"))
    length = float(np.hypot(dx, dy))
    x, y = middle
    draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=GREY)
    if length:
        far = min(BOX / 2, 2 * length**0.5) / length
        draw.line((x, y, x + far * dx, y + far * dy), fill=MOVE, width=3)


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
