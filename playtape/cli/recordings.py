"""The commands that make recordings, look at them, and judge them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from playtape.cli.command import Result, kept_before, value, written
from playtape.errors import BadInput, one_line

if TYPE_CHECKING:
    import numpy as np

LONG = ("unreadable", "warnings")  # of a folder: a line for each of its recordings
TEXTS = ("instructions", "findings")  # of a recording's spans, each with how often it stands
SHOWN = 12  # texts of each
WIDTH = 110  # characters of one


@dataclass(frozen=True)
class Label:
    """Turn video into recordings of the keys and the mouse that made it."""

    source: Annotated[Positional[tuple[str, ...]], arg(metavar="[CHECKPOINT] INPUT...")]
    """Videos, folders, globs, manifests (.csv or .parquet with a column path or url) and URLs; a checkpoint folder may stand
    first."""
    out: Path
    """The folder for the recordings (.mcap), one for each video, with a ledger and a report."""
    model: Path | None = None
    """A checkpoint folder; without one, the model that comes with Playtape."""
    min_confidence: float = 0.0
    """Intervals in which the model is less sure than this (0 to 1) of what is active are left without input, and masked."""
    drop_idle_seconds: float | None = None
    """Of a pause in which nothing is done for longer, what is beyond is masked: not learned from."""
    mouse_scale: str = "1"
    """A factor on mouse motion, or a recording (.mcap) of a few seconds by the same hands to measure it by."""
    device: str = "auto"
    """cpu, cuda or cuda:N; without it a GPU if there is one."""
    engine: Literal["local", "ray"] = "local"
    """Where the work is done: on this machine, or on a Ray cluster (RAY_ADDRESS; without it, a Ray of its own here)."""
    workers: int = 1
    """Processes that share it, each with the model and one core; 1 is this process itself."""
    replace: bool = False
    """Write anew what --out holds already; without it, what the same model and flags have done is not done again."""
    missing: bool = False
    """Keep what --out holds already, whatever made it, and do the rest."""
    again: bool = False
    """Try once more what an earlier run set aside."""

    def run(self) -> Result:
        model, sources = self.model, self.source
        if model is None and len(sources) > 1 and (Path(sources[0]) / "model.safetensors").is_file():
            model, sources = Path(sources[0]), sources[1:]
        if not sources:
            raise BadInput("nothing to label was given; legal are INPUT... or CHECKPOINT INPUT...")
        if not 0 <= self.min_confidence <= 1:
            raise BadInput(f"--min-confidence is {self.min_confidence}; legal is 0 to 1")
        from playtape.label import label

        return label(
            sources,
            self.out,
            model=model,
            min_confidence=self.min_confidence,
            idle_seconds=self.drop_idle_seconds,
            mouse_scale=_mouse_scale(self.mouse_scale),
            device=self.device,
            engine=self.engine,
            workers=self.workers,
            replace=self.replace,
            missing=self.missing,
            again=self.again,
        )

    def text(self, result: Result) -> str:
        length = f"{result['video_seconds']:.1f} s of video in {result['seconds']:.1f} s"
        done = f"Labelled {length}: {written(result)}" if result["outputs"] else "Nothing labelled"
        aside = f"; {result['quarantined']} set aside, see {result['report']}" if result["quarantined"] else ""
        scale = "" if result["mouse_scale"] == 1 else f"; mouse motion times {result['mouse_scale']:g}"
        return f"{done}{scale}{kept_before(result)}{aside}"


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
    """Say what a recording, a video, an annotation file, a run, or a folder of recordings holds."""

    file: Positional[Path]
    """A recording (.mcap), a video, a Pixels2Play annotation (.proto), a checkpoint's folder, or one of recordings."""

    def run(self) -> Result:
        if (self.file / "train.json").is_file():
            from playtape.training.about import about

            return about(self.file)
        if self.file.is_dir():
            from playtape.recordings.inventory import inventory

            return inventory(self.file)
        from playtape.recordings import summary

        return summary(self.file)

    def code(self, result: Result) -> int:
        return 1 if result.get("unreadable") else 0

    def text(self, result: Result) -> str:
        lines = []
        for key, told in result.items():
            if key == "licences" and told == [result.get("licence")]:
                continue  # nothing but its own
            many = isinstance(told, dict) and (len(told) > SHOWN or (key in LONG and told))
            said = _texts(told) if key in TEXTS else _each(told) if many else [value(told)]
            lines += [f"{name:<12} {text}" for name, text in zip([key, *[""] * len(said)], said) if text]
        return "\n".join(lines)


def _each(told: dict[str, object]) -> list[str]:
    """A line for each of the first of many."""
    lines = [f"{one_line(name)[:WIDTH]}: {value(inner)}" for name, inner in list(told.items())[:SHOWN]]
    return [*lines, f"... and {len(told) - SHOWN} more; --json has all"] if len(told) > SHOWN else lines


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
    """What they are: a module of playtape/recordings/formats, or the dotted path of one elsewhere; without it, Playtape's
    own."""
    to: str | None = None
    """What they become, likewise."""
    videos: Path | None = None
    """Where the videos are, of a format that is labels alone (nitrogen)."""
    option: tuple[str, ...] = ()
    """What else the format can be told on reading, NAME=VALUE, as alignment=identity (nitrogen) or clock=envelope (owamcap)."""
    replace: bool = False
    """Write anew what --out holds already."""
    missing: bool = False
    """Keep what --out holds already and do the rest, as after a run that was cut off."""
    fps: float | None = None
    """Frames a second of a format that has one rate for all recordings; without it, the first one's."""

    def run(self) -> Result:
        from playtape.recordings.convert import OWN, convert

        if self.format is None and self.to is None:
            raise BadInput("say what the recordings are with --format, or what they are to become with --to")
        source, to = (OWN if name is None else name for name in (self.format, self.to))
        wrong = next((one for one in self.option if not all(one.partition("=")[::2])), None)
        if wrong is not None:
            raise BadInput(f"--option is {wrong!r}; it must be NAME=VALUE")
        options = dict(one.split("=", 1) for one in self.option)
        return convert(
            self.root,
            self.out,
            source,
            to=to,
            resize=None if to == OWN else _resize,
            replace=self.replace,
            missing=self.missing,
            fps=self.fps,
            options=options | ({} if self.videos is None else {"videos": self.videos}),
        )

    def text(self, result: Result) -> str:
        notes = _gathered(result.get("warnings", {}))
        lost = f"; {count} could not be converted" if (count := len(result.get("failed", ()))) else ""
        done = (
            f"Converted in {result['seconds']:.1f} s: {written(result)}" if result["outputs"] else "Nothing converted"
        )
        return "\n".join([*notes, f"{done}{kept_before(result)}{lost}"])

    def code(self, result: Result) -> int:
        """1 where some could not be converted."""
        return 1 if result.get("failed") else 0


def _gathered(warnings: dict[str, list[str]]) -> list[str]:
    """A line for each warning, one for all that differ in their numbers alone."""
    alike: dict[str, list[str]] = {}
    for path, said in warnings.items():
        for text in said:
            alike.setdefault(re.sub(r"\d+", "0", text), []).append(f"{path}: {text}")
    return [
        f"{lines[0]} (and {len(lines) - 1} more like it)" if len(lines) > 1 else lines[0] for lines in alike.values()
    ]


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
class Example:
    """Write the small files that the guides' commands are about: a video, its true input, and recordings of several formats."""

    out: Positional[Path] = Path()
    """The folder for them; without one this folder."""

    def run(self) -> Result:
        from playtape.demo import examples

        return examples(self.out)

    def text(self, result: Result) -> str:
        wrote = f"Wrote {', '.join(Path(path).name for path in result['outputs'])} in {one_line(self.out)}"
        return "\n".join([wrote, *(f"left out {name}: {why}" for name, why in result["skipped"].items())])


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
