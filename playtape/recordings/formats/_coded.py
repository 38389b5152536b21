"""Pictures that no video holds yet, coded into one that lives as long as somebody looks at it. Visibly alike, not equal."""

import io
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from playtape.errors import BadInput, first_line
from playtape.recordings.video import Video, write_video

CRF = 8


def coded(
    name: str,
    pictures: Iterable[np.ndarray],
    size: tuple[int, int],
    fps: float | None = None,
    time_ns: Sequence[int] | np.ndarray | None = None,
    *,
    crf: int = CRF,
) -> Video:
    """Pictures uint8 [H, W, 3], all of one `size` (width, height), at a steady `fps` or shown at rising `time_ns`.

    The file goes when the Video does: save with video="copy".
    """
    folder = Path(tempfile.mkdtemp(prefix="playtape-coded-"))
    try:
        written = write_video(folder / f"{name}.mp4", pictures, fps=fps, time_ns=time_ns, crf=crf)
        video = Video(written, crop=size if size[0] % 2 or size[1] % 2 else None)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(video, shutil.rmtree, folder, ignore_errors=True)
    return video


def still(data: bytes, where: str) -> np.ndarray:
    """A PNG or JPEG file's bytes as uint8 [H, W, 3]. Raises BadInput, which says `where` it was."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.mode[0] not in "IF":
                return np.asarray(image.convert("RGB"))
            mode = image.mode
    except UnidentifiedImageError:  # its own words name an address
        raise BadInput(f"{where} has a picture that is no readable PNG or JPEG") from None
    except Exception as error:  # Pillow raises a dozen kinds for what is damaged
        raise BadInput(f"{where} has a picture that is no readable PNG or JPEG: {first_line(error)[:120]}") from error
    raise BadInput(f"{where} has a picture of more than 8 bits a colour (Pillow calls it {mode}); legal are 8")


def rate(told: float | str | None, known: float | None, assumed: float) -> tuple[float, dict[str, str]]:
    """Pictures a second of what does not say: as it is `told`, as is `known` of the data set, or `assumed`; and what the info
    says of that, of which `convert` tells. Raises BadInput for what is no rate."""
    if told is None:
        return (assumed, {"rate": "assumed"}) if known is None else (known, {"hz": f"{known:g}"})
    try:
        fps = float(told)
    except ValueError:
        fps = 0.0
    if not 0.01 <= fps <= 1000:
        raise BadInput(f"fps is {told!r}; it must be a number of pictures a second, from 0.01 to 1000")
    return fps, {"hz": f"{fps:g}"}
