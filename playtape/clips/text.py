"""Text instructions: which one is in force at each frame, and its embedding, made once and kept on disk.

An instruction is a span of kind "text". It holds in [start, end): a clip cut from its middle has it too. Where several
overlap, the one that began last counts, and when it ends, the one before it holds again.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playtape.clips.encoders import SentenceEncoder
from playtape.errors import BadInput
from playtape.recordings import Recording, Span
from playtape.recordings.atomic import atomic

# Words whose meaning a mirror turns round, in the languages of most walkthroughs. "leftover" is caught as well, which costs a
# mirrored clip; a missed one would teach the wrong turn.
SIDES = re.compile(
    r"(?<![a-z])(left|right|clockwise|counterclockwise|anticlockwise|east|west|port\b|starboard|links|rechts|linke|rechte"
    r"|gauche|droite|izquierd|derech|esquerd|direit|sinistra|destra)|лев|прав|左|右|왼|오른",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Text:
    """The instructions of a recording of T frames, n different ones, as an encoder of width E understands them.

    Row 0 of the tables is no instruction: zeros, and without sides.
    """

    row: np.ndarray  # int32 [T], from 0 to n
    vectors: np.ndarray  # float32 [n + 1, E]
    sided: np.ndarray  # bool [n + 1]: speaks of left or right
    began: np.ndarray  # int32 [T]: the frame at which the instruction in force began; 0 where there is none

    @classmethod
    def of(cls, recording: Recording, time_ns: np.ndarray, encoder: SentenceEncoder | None) -> "Text":
        """At frames shown at `time_ns` int64 [T]. Without an encoder nothing is said, and E is 0."""
        if encoder is None:
            nothing = np.zeros(len(time_ns), np.int32)
            return cls(nothing, np.zeros((1, 0), np.float32), np.zeros(1, bool), nothing)
        texts, row = instructions(recording.spans, time_ns)
        vectors = np.zeros((1 + len(texts), encoder.width), np.float32)
        vectors[1:] = embed(encoder, texts, beside(recording))
        began = np.zeros_like(row)
        for _, first, last in _in_order(recording.spans, time_ns):
            began[first:last] = first
        return cls(row, vectors, np.array([False, *map(sided, texts)]), np.where(row, began, 0))


def instructions(spans: Iterable[Span], time_ns: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The instructions in force at frames shown at `time_ns` int64 [T], rising: n different texts, and int32 [T].

    The number is 0 where there is none, else 1 + the text's place in the list. Of those that began together, the one that
    ends first counts, as the more particular. An empty text means that from there on there is no instruction.
    """
    row = np.zeros(len(time_ns), np.int32)
    number: dict[str, int] = {}
    for text, first, last in _in_order(spans, time_ns):
        row[first:last] = number.setdefault(text, len(number) + 1) if text else 0  # paints over what began earlier
    used, row = np.unique(np.append(0, row), return_inverse=True)  # without those that others hide
    texts = list(number)
    return [texts[i - 1] for i in used[1:]], row[1:].astype(np.int32)


def _in_order(spans: Iterable[Span], time_ns: np.ndarray) -> list[tuple[str, int, int]]:
    """Instructions and the frames [first, last) of each, so that what comes later paints over what came before."""
    found = [span for span in spans if span.kind == "text"]
    found.sort(key=lambda span: (span.start_ns, -span.end_ns, span.value))
    edges = np.searchsorted(time_ns, [[span.start_ns, span.end_ns] for span in found]).reshape(-1, 2)
    return [(span.value.strip(), first, last) for span, (first, last) in zip(found, edges.tolist())]


def sided(text: str) -> bool:
    """Does the text speak of left or right? Such a clip must not be mirrored."""
    return SIDES.search(text) is not None


def embed_all(recordings: Iterable[Recording], encoder: SentenceEncoder) -> None:
    """Make the embeddings that these recordings need, one file a folder, so that what is missing shows at once."""
    wanted: dict[Path, set[str]] = {}
    for recording in recordings:
        wanted.setdefault(beside(recording), set()).update(instructions(recording.spans, recording.time_ns)[0])
    for folder, texts in wanted.items():
        embed(encoder, sorted(texts), folder)


def embed(encoder: SentenceEncoder, texts: Sequence[str], folder: Path) -> np.ndarray:
    """float32 [n, E], from the encoder's file in `folder` as far as it has them; the others are made and added to it.

    A damaged file is made again. Several processes may share the folder: the file is replaced whole, and what two add at once
    may have to be made again. Where nothing can be written nothing is kept. Raises BadInput as the encoder does.
    """
    texts = [whole(text) for text in texts]
    keys = [_key(text) for text in texts]
    file = folder / f"text-{encoder.name}.npz"
    known = _read(file, encoder.width) if keys else {}
    if missing := {key: text for key, text in zip(keys, texts) if key not in known}:
        made = dict(zip(missing, encoder.encode(list(missing.values()))))
        known = _read(file, encoder.width) | made  # read again: another process may have added some meanwhile
        with suppress(BadInput, OSError):
            _write(file, known)
    return np.array([known[key] for key in keys], np.float32).reshape(len(keys), encoder.width)


def whole(text: str) -> str:
    """A command line can hold half a character, which no encoder knows."""
    return text.encode("utf-8", "replace").decode()


def beside(recording: Recording) -> Path:
    """The folder beside a recording in which what is made from it is kept."""
    return (recording.path or recording.video.path).parent / ".playtape"


def user_cache() -> Path:
    """The folder of this user for what belongs to no recording, as an instruction typed while playing."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "playtape"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "playtape"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "playtape"


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _read(file: Path, width: int) -> dict[bytes, np.ndarray]:
    """{SHA-256 of the text: float32 [E]}; nothing if there is no file or anything is wrong with it."""
    try:
        with np.load(file, allow_pickle=False) as content:  # a zip file: every part has a checksum
            keys, vectors = content["keys"], content["vectors"]
    except Exception:  # damage can raise a dozen kinds, and for each the answer is to make the file again
        return {}
    fits = keys.dtype == np.uint8 and keys.shape[1:] == (32,)
    if not fits or vectors.dtype != np.float32 or vectors.shape != (len(keys), width):
        return {}
    return {key.tobytes(): vector for key, vector in zip(keys, vectors)}


def _write(file: Path, known: dict[bytes, np.ndarray]) -> None:
    keys = np.frombuffer(b"".join(known), np.uint8).reshape(-1, 32)
    with atomic(file) as partial:
        np.savez(partial, keys=keys, vectors=np.array(list(known.values()), np.float32))
