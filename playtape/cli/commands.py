"""The commands: a frozen dataclass each. Its fields are the flags, `run` calls the room that does the work (imported there, so
that `playtape --help` is quick), `text` says in a line what came out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from tyro.conf import Positional, arg

from playtape.errors import BadInput

Result = dict[str, Any]


class Command(Protocol):
    """What the words of one command line ask for."""

    def run(self) -> Result: ...

    def text(self, result: Result) -> str: ...


@runtime_checkable
class Lasting(Protocol):
    """A command that says what it has to say with `ready`, and then goes on until it is stopped."""

    def last(self, ready: Callable[[Result], None]) -> None: ...

    def text(self, result: Result) -> str: ...


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
    device: str = "auto"
    """cpu, cuda or cuda:N; without it a GPU if there is one."""

    def run(self) -> Result:
        model, source = self.model, self.source[-1] if self.source else None
        if source is None or len(self.source) > (2 if model is None else 1):
            raise BadInput(f"{len(self.source)} paths given; legal are VIDEO_OR_FOLDER or CHECKPOINT VIDEO_OR_FOLDER")
        if len(self.source) == 2:
            model = self.source[0]
        if not 0 <= self.min_confidence <= 1:
            raise BadInput(f"--min-confidence is {self.min_confidence}; legal is 0 to 1")
        from playtape.label import label

        return label(source, self.out, model=model, min_confidence=self.min_confidence, device=self.device)

    def text(self, result: Result) -> str:
        return f"Labelled {result['video_seconds']:.1f} s of video in {result['seconds']:.1f} s: {written(result)}"


@dataclass(frozen=True)
class Info:
    """Say what a recording, a video or an annotation file holds."""

    file: Positional[Path]
    """A recording (.mcap), a video, or a Pixels2Play annotation (.proto)."""

    def run(self) -> Result:
        from playtape.recordings import summary

        return summary(self.file)

    def text(self, result: Result) -> str:
        return "\n".join(f"{key:<12} {value(result[key])}" for key in result if value(result[key]))


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
class EvaluatePolicy:
    """Judge a policy by what others did in recordings, told their past and with its own, beside the trivial baselines."""

    policy: Positional[Path]
    """A policy's checkpoint folder."""
    data: Positional[Path]
    """A recording (.mcap), or a folder of them."""
    seed: int = 0
    """Seed of the draws and of the bootstrap intervals."""

    def run(self) -> Result:
        from playtape.evaluate.policy import evaluate_policy

        return evaluate_policy(self.policy, self.data, seed=self.seed)

    def text(self, result: Result) -> str:
        from playtape.evaluate.policy import policy_table

        return policy_table(result)


@dataclass(frozen=True)
class Convert:
    """Turn recordings of another format into Playtape's (OWAMcap beside a video)."""

    root: Positional[Path]
    """A file or folder of the other format."""
    format: str
    """A module of playtape/recordings/formats, or the dotted path of one elsewhere."""
    out: Path
    """The folder for the recordings."""

    def run(self) -> Result:
        from playtape.recordings.convert import convert

        return convert(self.root, self.out, self.format)

    def text(self, result: Result) -> str:
        notes = [f"{path}: {note}" for path, said in result.get("warnings", {}).items() for note in said]
        return "\n".join([*notes, f"Converted in {result['seconds']:.1f} s: {written(result)}"])


@dataclass(frozen=True)
class Play:
    """Let a player play a game."""

    player: Positional[str]
    """`scripted`, `random`, `human` (in a window), or a policy's checkpoint folder."""
    game: Positional[str]
    """A module of playtape/envs, such as doom."""
    episodes: int = 1
    """How many times."""
    seed: int = 0
    """The first episode's seed; each further one adds 1."""
    record: Path | None = None
    """Record every episode into this folder."""
    hz: float | None = None
    """Steps a second at most; without it, as fast as it goes."""
    max_steps: int | None = None
    """End every episode after this many steps."""
    temperature: float = 1.0
    """Of a policy: 1 plays as it learned, 0 always does the likeliest."""
    instruction: Annotated[str | None, arg(name="text")] = None
    """What a policy is told to do; without it, what the game itself says, if it says anything. Empty tells it nothing."""
    film: Path | None = None
    """Write a film and a contact sheet of the best and of the worst episode into this folder; needs --record."""
    window: bool = False
    """Show a policy's play in a window, where F1 takes over and hands back, F2 pauses, and Escape ends."""
    corrections: bool = False
    """The game's scripted player takes over from a policy now and then; of what is recorded, only that is learned from."""
    device: str = "auto"
    """Of a policy: cpu, cuda or cuda:N; without it a GPU if there is one."""

    def run(self) -> Result:
        from playtape.play import Manner, play

        if self.film is not None and self.record is None:
            raise BadInput("--film shows recorded episodes; give --record DIR as well")
        result = play(
            self.player,
            self.game,
            episodes=self.episodes,
            seed=self.seed,
            record=self.record,
            hz=self.hz,
            max_steps=self.max_steps,
            manner=Manner(self.temperature, self.instruction, self.device),
            window=self.window,
            corrections=self.corrections,
        )
        if self.film is not None:
            from playtape.view import film_best_and_worst

            result["films"] = film_best_and_worst(result["outputs"], result["scores"], self.film)
        return result

    def text(self, result: Result) -> str:
        said = ", ".join(
            f"{key} {value(result[key])}" for key in result if key not in ("outputs", "films") and value(result[key])
        )
        return said if self.record is None else f"{said}: {written(result)}"


@dataclass(frozen=True)
class Serve:
    """Answer the frames of other programs with a policy's actions, until stopped."""

    checkpoint: Positional[Path]
    """A policy's checkpoint folder."""
    protocol: Literal["playtape", "recap"] = "playtape"
    """`playtape`: WebSocket and msgpack. `recap`: the Pixels2Play recorder's."""
    host: str = "127.0.0.1"
    """Where to listen; elsewhere than on this machine only with a token."""
    port: int | None = None
    """0 is any that is free. Without it 8765, or for recap the recorder's Unix socket."""
    socket: Path | None = None
    """Listen at a Unix socket instead."""
    token_file: Path | None = None
    """Clients must know the word in this file; without it, the one in PLAYTAPE_TOKEN, if there is one."""
    allow_origin: tuple[str, ...] = ()
    """Web pages that may connect, such as https://example.org; without it, none."""
    clients: int = 8
    """Seats: so many are served at once."""
    temperature: float = 1.0
    """1 plays as the policy learned, 0 always does the likeliest."""
    instruction: Annotated[str | None, arg(name="text")] = None
    """What a policy is told to do as long as a client says nothing else."""
    device: str = "auto"
    """cpu, cuda or cuda:N; without it a GPU if there is one."""

    def last(self, ready: Callable[[Result], None]) -> None:
        from playtape.serve import serve
        from playtape.serve.settings import Settings, read_token

        recap = self.protocol == "recap"
        settings = Settings(
            self.protocol,
            self.host,
            self.port,
            self.socket,
            token=None if recap and self.token_file is None else read_token(self.token_file),
            origins=self.allow_origin,
            clients=self.clients,
            temperature=self.temperature,
            text=self.instruction or "",
            device=self.device,
        )
        serve(self.checkpoint, settings, ready)

    def text(self, result: Result) -> str:
        return str(result["address"])


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


@dataclass(frozen=True)
class Train:
    """Train a recipe on recordings: `playtape train RECIPE DATA... --out RUN`; `--resume RUN` goes on."""

    words: tuple[str, ...]

    def run(self) -> Result:
        from playtape.label import calibrate
        from playtape.training.run import train

        result = train(list(self.words))
        return {**result, "calibration": calibrate(Path(result["output"]), result["held_out"])}

    def text(self, result: Result) -> str:
        loss = "" if result.get("loss") is None else f" to a loss of {result['loss']:.4g}"
        return f"Trained {result['steps']} steps{loss}: {written(result)}"


@dataclass(frozen=True)
class ImportWeights:
    """Turn the weights that a model's authors published into a checkpoint."""

    file: Positional[Path]
    """.safetensors, or a Lightning or torch file (.ckpt, .pt): a pickle, of which only tensors and plain values are read."""
    recipe: str
    """The recipe that has the weights' sizes, such as p2p-150m."""
    out: Path
    """The checkpoint's folder."""

    def run(self) -> Result:
        from playtape.training.foreign import import_weights

        return import_weights(self.file, self.recipe, self.out)

    def text(self, result: Result) -> str:
        return f"Imported {result['parameters']:,} parameters: {written(result)}"


COMMANDS: dict[str, type[Command | Lasting]] = {
    "label": Label,
    "info": Info,
    "evaluate actions": EvaluateActions,
    "evaluate policy": EvaluatePolicy,
    "convert": Convert,
    "train": Train,
    "import-weights": ImportWeights,
    "play": Play,
    "serve": Serve,
    "repair": Repair,
    "view": View,
    "demo": Demo,
}


def written(result: Result) -> str:
    """Which path a result wrote: one file by its name, several by their folder."""
    outputs = result.get("outputs") or [result[key] for key in ("output", "html", "out", "path") if key in result][:1]
    if len(outputs) == 1:
        return str(outputs[0])
    folders = sorted({str(Path(output).parent) for output in outputs})
    return f"{len(outputs)} recordings in {', '.join(folders[:3])}{' ...' if folders[3:] else ''}"


def value(thing: object) -> str:
    """A field of a result for reading: lists and mappings on one line, empty things as nothing."""
    if thing is None or thing == "" or thing == [] or thing == {}:
        return ""
    if isinstance(thing, dict):
        return ", ".join(f"{key} {value(inner)}" for key, inner in thing.items())
    if isinstance(thing, list | tuple):
        return ", ".join(value(inner) for inner in thing)
    if isinstance(thing, bool):
        return "yes" if thing else "no"
    return f"{thing:.6g}" if isinstance(thing, float) else str(thing)
