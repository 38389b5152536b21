"""Recordings laid into one LeRobot data set, one after the other: each its own table and video, then all that tells of them.

While recordings are added there is no meta/info.json, without which a data set is none; it comes last. What a table is of stands
in it (_lerobot_note.py), so that whatever was finished before a cut is kept, and what tells of all is made of the tables alone.
"""

from collections.abc import Iterator
from pathlib import Path

from playtape.actions.names import INDEX, is_button
from playtape.errors import BadInput, need, within
from playtape.recordings.atomic import sync
from playtape.recordings.convert import Resize
from playtape.recordings.formats._lerobot_dataset import CHUNK, DATA_PATH, INFO, MOST_FPS, VIDEO_PATH, parquet, tables
from playtape.recordings.formats._lerobot_finish import Finished, has_video, write_table
from playtape.recordings.formats._lerobot_note import Note
from playtape.recordings.formats._lerobot_rows import Laid, laid, rate, write_pictures
from playtape.recordings.nouns import Recording

CAMERA = "observation.images.screen"
LEAST_FPS = 0.1


class Gathering:
    """A data set in the making. `held` are the places of the recordings that are in it already, whole, with their paths."""

    def __init__(self, out: Path, *, fps: float | None = None, resize: Resize | None = None):
        """Raises BadInput for a folder that holds tables of somebody else, or recordings of another rate."""
        need("pyarrow", "formats")
        self.out, self.fps, self.resize = out, fps, resize
        self.held: dict[str, Path] = {}
        self.size: tuple[int, int] | None = None
        self._numbers: dict[str, int] = {}
        for number, note in enumerate(self._notes()):
            if note.place in self._numbers:
                raise BadInput(f"{out} holds {note.place!r} twice; give another --out")
            if fps is not None and note.fps != fps:
                raise BadInput(f"{out} has {note.fps:g} frames a second, not {fps:g}; give another --out")
            self._numbers[note.place] = number
            self.fps, self.size = note.fps, note.size
            if has_video(note, out / _place(VIDEO_PATH, number, CAMERA)):
                self.held[note.place] = out / f"episode_{number:06}"

    def add(self, recording: Recording, place: str) -> tuple[Path, list[str]]:
        """The episode's path, and what is lost of it. A place that is held already is written anew.

        Raises BadInput for pictures of another size without a `resize`, and for a rate that is not steady where none is given.
        """
        number = self._numbers.get(place, len(self._numbers))
        fps = rate(recording.video) if self.fps is None else self.fps
        within("fps", fps, LEAST_FPS, MOST_FPS)
        rows = laid(recording, fps)
        own = (recording.video.width, recording.video.height)
        size = self.size or own
        if own != size and self.resize is None:
            raise BadInput(
                f"{recording.video.path} is {own[0]}x{own[1]}, and the data set {size[0]}x{size[1]}; all must be of one size"
            )
        if (self.out / INFO).exists():  # from here on it is not whole
            (self.out / INFO).unlink()
            sync(self.out / INFO.parent)
        video = self.out / _place(VIDEO_PATH, number, CAMERA)
        note = Note(
            place=place,
            fps=fps,
            size=size,
            names=rows.names,
            texts=dict(enumerate(rows.texts)),
            told=rows.told,
            picture=write_pictures(recording.video, rows, video, size, self.resize),
            video=video.stat().st_size,
            info=recording.info,
            spans=rows.spans,
            provenance=recording.provenance,
        )
        write_table(self.out / _place(DATA_PATH, number), rows.columns(number), note)
        self._numbers[place], self.fps, self.size = number, fps, size
        self.held[place] = self.out / f"episode_{number:06}"
        return self.held[place], _unsaid(recording, rows, own, size)

    def finish(self) -> None:
        """Make all that tells of the recordings, of the tables as they are; at last info.json, unless it is there still."""
        if not self._numbers or (self.out / INFO).exists():
            return
        for left in [file for place in ("data", "meta", "videos") for file in (self.out / place).rglob(".*.part.*")]:
            left.unlink(
                missing_ok=True
            )  # of a run that was killed: LeRobot would take a hidden table for one of its own
        notes = list(self._notes())
        used = {name for note in notes for name in note.names}
        names = tuple(sorted(used, key=lambda name: (not is_button(name), INDEX[name])))
        texts = tuple(dict.fromkeys(text for note in notes for text in note.texts.values()))
        told = tuple(sorted({each for note in notes for each in note.told}))
        done = Finished(self.out, CAMERA, names, texts, told)
        for number, note in enumerate(notes):
            done.add(number, note, self.out / _place(DATA_PATH, number), self.out / _place(VIDEO_PATH, number, CAMERA))
        done.write()

    def _notes(self) -> Iterator[Note]:
        """What each table says of itself, in order, without a gap."""
        for number, file in enumerate(tables(self.out, "data")):
            with parquet(file) as opened:
                note = Note.of(opened.schema_arrow.metadata)
            if note is None or note.size is None or file != self.out / _place(DATA_PATH, number):
                raise BadInput(
                    f"{self.out} holds {file.relative_to(self.out)}, which is none of Playtape's; give another --out"
                )
            yield note


def _place(template: str, number: int, key: str = "") -> str:
    return template.format(chunk_index=number // CHUNK, file_index=number % CHUNK, video_key=key)


def _unsaid(recording: Recording, rows: Laid, own: tuple[int, int], size: tuple[int, int]) -> list[str]:
    """What of a recording is lost, or told to nobody but Playtape, one sentence each."""
    found = []
    if own != size:
        found.append(
            f"the pictures are {own[0]}x{own[1]} and were made {size[0]}x{size[1]}, as the first recording's are"
        )
    if rows.resampled:
        found.append(rows.resampled)
    if any(s.kind == "masked" or (s.kind == "control" and s.value.startswith("policy")) for s in recording.spans):
        found.append(
            "LeRobot has no place for who was in control: only Playtape knows which intervals not to learn from"
        )
    if recording.confidence is not None:
        found.append("the format has no place for a labeller's confidence")
    if recording.attachments:
        found.append(f"the format has no place for {', '.join(recording.attachments)}")
    return found
