"""The commands that make recordings, look at them, and judge them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from playtape.cli.command import Result, kept_before, value, written
from playtape.errors import BadInput, one_line

if TYPE_CHECKING:
    import numpy as np

TEXTS = ("instructions", "findings")  # of a recording's spans, each with how often it stands
SHOWN = 12  # texts of each
WIDTH = 110  # characters of one


@dataclass(frozen=True)
class Label:
    """Turn video into recordings of the keys and the mouse that made it."""

    source: Annotated[Positional[tuple[Path, ...]], arg(metavar="[CHECKPOINT] VIDEO_OR_FOLDER")]
    """A video or a folder of videos; a checkpoint folder may stand before it."""
    out: Path
    """The folder for the recordings (.mcap), one for each video."""
    model: Path | None = None
    """A checkpoint folder; without one, the model that comes with Playtape."""
    min_confidence: float = 0.0
    """Intervals the model is less sure of than this (0 to 1) are left without input."""
    mouse_scale: str = "1"
    """A factor on mouse motion, or a recording (.mcap) of a few seconds by the same hands to measure it by."""
    device: str = "auto"
    """cpu, cuda or cuda:N; without it a GPU if there is one."""
    replace: bool = False
    """Write anew what --out holds already."""
    missing: bool = False
    """Keep what --out holds already and do the rest, as after a run that was cut off."""

    def run(self) -> Result:
        model, source = self.model, self.source[-1] if self.source else None
        if source is None or len(self.source) > (2 if model is None else 1):
            raise BadInput(f"{len(self.source)} paths given; legal are VIDEO_OR_FOLDER or CHECKPOINT VIDEO_OR_FOLDER")
        if len(self.source) == 2:
            model = self.source[0]
        if not 0 <= self.min_confidence <= 1:
            raise BadInput(f"--min-confidence is {self.min_confidence}; legal is 0 to 1")
        from playtape.label import label

        return label(
            source,
            self.out,
            model=model,
            min_confidence=self.min_confidence,
            mouse_scale=_mouse_scale(self.mouse_scale),
            device=self.device,
            replace=self.replace,
            missing=self.missing,
        )

    def text(self, result: Result) -> str:
        length = f"{result['video_seconds']:.1f} s of video in {result['seconds']:.1f} s"
        done = f"Labelled {length}: {written(result)}" if result["outputs"] else "Nothing labelled"
        scale = "" if result["mouse_scale"] == 1 else f"; mouse motion times {result['mouse_scale']:g}"
        return f"{done}{scale}{kept_before(result)}"


def _mouse_scale(text: str) -> float | Path:
    """A number, or a file."""
    try:
        factor = float(text)
    except ValueError:
        if not Path(text).is_file():
            raise BadInput(
                f"--mouse-scale is {text}; it must be a number above 0, or a recording that is there"
            ) from None
        return Path(text)
    if not 0 < factor < 1e6:
        raise BadInput(f"--mouse-scale is {text}; it must be a number above 0 and below 1000000, or a recording")
    return factor


@dataclass(frozen=True)
class Info:
    """Say what a recording, a video or an annotation file holds."""

    file: Positional[Path]
    """A recording (.mcap), a video, or a Pixels2Play annotation (.proto)."""

    def run(self) -> Result:
        from playtape.recordings import summary

        return summary(self.file)

    def text(self, result: Result) -> str:
        lines = []
        for key in result:
            said = _texts(result[key]) if key in TEXTS else [value(result[key])]
            lines += [f"{name:<12} {text}" for name, text in zip([key, *[""] * len(said)], said) if text]
        return "\n".join(lines)


def _texts(counts: dict[str, int]) -> list[str]:
    """A line for each text, cut to its width, with how often it stands; the most frequent first."""
    often = sorted(counts.items(), key=lambda text: -text[1])
    lines = []
    for text, count in often[:SHOWN]:
        whole = one_line(text)
        lines.append(f"{count} x {whole if len(whole) <= WIDTH else whole[: WIDTH - 3] + '...'}")
    return [*lines, f"... and {len(often) - SHOWN} more; --json has all"] if len(often) > SHOWN else lines


@dataclass(frozen=True)
class EvaluateActions:
    """Judge predicted actions by the true ones, with D2E's metrics, honest ones, and the trivial baselines."""

    truth: Positional[Path]
    """A recording (.mcap) with the true input, or a folder of them."""
    predicted: Positional[Path]
    """The recording, or the folder of recordings of the same names, to judge."""
    picture: Path | None = None
    """Also draw truth over prediction into this file (.png, .svg)."""
    seed: int = 0
    """Seed of the bootstrap intervals."""

    def run(self) -> Result:
        from playtape.evaluate import evaluate_actions

        return evaluate_actions(self.truth, self.predicted, picture=self.picture, seed=self.seed)

    def text(self, result: Result) -> str:
        from playtape.evaluate import table

        return table(result) if self.picture is None else f"{table(result)}\nWrote {self.picture}"


@dataclass(frozen=True)
class Convert:
    """Turn recordings of another format into Playtape's (OWAMcap beside a video), or with --to back."""

    root: Positional[Path]
    """A file or folder of recordings."""
    out: Path
    """The folder for what they become."""
    format: str | None = None
    """What they are: a module of playtape/recordings/formats, or the dotted path of one elsewhere; without it, Playtape's own."""
    to: str | None = None
    """What they become, likewise."""
    replace: bool = False
    """Write anew what --out holds already."""
    missing: bool = False
    """Keep what --out holds already and do the rest, as after a run that was cut off."""

    def run(self) -> Result:
        from playtape.recordings.convert import OWN, convert

        if self.format is None and self.to is None:
            raise BadInput("say what the recordings are with --format, or what they are to become with --to")
        source, to = (OWN if name is None else name for name in (self.format, self.to))
        return convert(
            self.root,
            self.out,
            source,
            to=to,
            resize=None if to == OWN else _resize,
            replace=self.replace,
            missing=self.missing,
        )

    def text(self, result: Result) -> str:
        notes = [f"{path}: {note}" for path, said in result.get("warnings", {}).items() for note in said]
        lost = f"; {count} could not be converted" if (count := len(result.get("failed", ()))) else ""
        done = (
            f"Converted in {result['seconds']:.1f} s: {written(result)}" if result["outputs"] else "Nothing converted"
        )
        return "\n".join([*notes, f"{done}{kept_before(result)}{lost}"])

    def code(self, result: Result) -> int:
        """1 where some could not be converted."""
        return 1 if result.get("failed") else 0


def _resize(frames: "np.ndarray", size: tuple[int, int]) -> "np.ndarray":
    """The one resize, which has torch."""
    from playtape.clips import resize

    return resize(frames, size).movedim(-3, -1).numpy()


@dataclass(frozen=True)
class Repair:
    """Keep what is whole of a cut or damaged recording or video."""

    path: Positional[Path]
    """The damaged recording (.mcap) or video."""
    out: Path
    """The file to write; never the damaged one itself."""

    def run(self) -> Result:
        from playtape.recordings import repair

        return repair(self.path, self.out)

    def text(self, result: Result) -> str:
        kept = f"{result['messages']} messages" if "messages" in result else f"{result.get('frames', 0)} frames"
        damage = "; ".join(result.get("damage", ())) or "what came after is lost"
        state = "it was whole" if result.get("complete") else damage
        alone = " without its video" if "video" in result and result["video"] is None else ""
        note = f"\nIt still cannot be opened: {result['unreadable']}" if result.get("unreadable") else ""
        dropped = f", dropped {result['dropped']} of frames that are lost" if result.get("dropped") else ""
        return f"Kept {kept}{alone}{dropped} ({state}): {written(result)}{note}"


@dataclass(frozen=True)
class View:
    """Write a page that plays a recording with its keys and mouse drawn over it."""

    path: Positional[Path]
    """A recording (.mcap), or a folder of them."""
    html: Path
    """The page to write; it needs nothing but a browser."""
    truth: Path | None = None
    """The true recording, or their folder, to show beside."""

    def run(self) -> Result:
        from playtape.view import write_page

        return write_page(self.path, self.html, truth=self.truth)

    def text(self, result: Result) -> str:
        return "\n".join([*result.get("notes", ()), f"Wrote {self.html}; open it in a browser"])


@dataclass(frozen=True)
class Demo:
    """Label the sample that comes with Playtape, say how good that is, and write a page to look at."""

    out: Path = Path("out/demo")
    """The folder for the labels and the page."""

    def run(self) -> Result:
        from playtape.demo import demo

        return demo(self.out)

    def text(self, result: Result) -> str:
        return "\n".join(str(result[key]) for key in ("table", "text") if key in result) or f"Wrote {written(result)}"
