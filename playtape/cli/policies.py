"""The commands that make a policy, let it play, and judge it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from playtape.cli.command import Result, Worded, value, written
from playtape.errors import BadInput


class Train(Worded):
    """Train a recipe on recordings: `playtape train RECIPE DATA... --out RUN`; `--resume RUN` goes on."""

    def run(self) -> Result:
        from playtape.label import calibrate
        from playtape.training.run import train

        result = train(list(self.words))
        return {**result, "calibration": calibrate(Path(result["output"]), result["held_out"])}

    def text(self, result: Result) -> str:
        loss = "" if result.get("loss") is None else f" to a training loss of {result['loss']:.4g}"
        held = f"; {len(result['held_out'])} recordings held out" if result["held_out"] else ""
        return f"Trained {result['steps']} steps on {result['recordings']} recordings{loss}{held}: {written(result)}"


class Sweep(Worded):
    """Train a recipe at several sizes, on several shares of the data: `playtape sweep RECIPE DATA... --out OUT`."""

    def run(self) -> Result:
        from playtape.training.sweep import sweep

        return sweep(list(self.words))

    def text(self, result: Result) -> str:
        rows = [
            f"{run['size']:>6} on {run['fraction']:<6g} {run['parameters']:>13,} parameters {run['frames']:>11,} frames"
            for run in result["runs"]
        ]
        return "\n".join([*rows, f"{len(rows)} runs in {result['output']}; `playtape evaluate scaling` judges them"])


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
class EvaluateScaling:
    """Fit the scaling law to a sweep: how its runs' losses fall with data, and how much data another loss would take."""

    runs: Positional[Path]
    """The folder of a `playtape sweep`."""
    data: Positional[Path | None] = None
    """A recording (.mcap) or a folder of them to judge by; without it, what the sweep held out."""
    kind: str = "key"
    """Of which slots: key, click, or an axis such as mouse_dx."""
    reach: tuple[float, ...] = ()
    """Perplexities: how much data would reach each."""
    picture: Path | None = None
    """Also draw points and laws into this file (.png, .svg)."""
    seed: int = 0
    """Seed of the bootstrap intervals."""

    def run(self) -> Result:
        from playtape.evaluate.scaling import evaluate_scaling

        return evaluate_scaling(
            self.runs, self.data, kind=self.kind, reach=self.reach, picture=self.picture, seed=self.seed
        )

    def text(self, result: Result) -> str:
        from playtape.evaluate.scaling import scaling_table

        return "\n".join([scaling_table(result), *([f"Wrote {self.picture}"] if self.picture else [])])


@dataclass(frozen=True)
class ImportWeights:
    """Turn the weights that a model's authors published into a checkpoint."""

    file: Positional[Path]
    """.safetensors, or a Lightning or torch file (.ckpt, .pt): a pickle, of which only tensors and plain values are read; or
    the folder of an iVideoGPT release."""
    recipe: str
    """The recipe that has the weights' sizes, such as p2p-150m."""
    out: Path
    """The checkpoint's folder."""

    def run(self) -> Result:
        from playtape.training.foreign import import_weights

        return import_weights(self.file, self.recipe, self.out)

    def text(self, result: Result) -> str:
        return f"Imported {result['parameters']:,} parameters: {written(result)}"


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
        from playtape.recordings.atomic import check_folder

        if self.film is not None and self.record is None:
            raise BadInput("--film shows recorded episodes; give --record DIR as well")
        if self.film is not None:
            check_folder(self.film, "write films")
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
        low, high = result["score_interval"] or (None, None)
        spread = "one episode, no interval" if low is None else f"95 % interval {low:.4g} to {high:.4g}"
        stages = ", ".join(f"{name} {times['p50']:g}" for name, times in result["stages_ms"].items())
        lines = [
            f"score {result['score_mean']:.4g} ({spread}): {value(result['scores'])}",
            f"{result['steps']} steps, {result['fps']:g} a second; {result['late']} late, {result['stalled']} without an answer",
            f"a step takes {value(result['latency_ms'])} ms; its stages' p50: {stages}",
        ]
        if self.record is not None:
            lines.append(f"recorded {written(result)}")
        if self.film is not None:
            lines.append(f"look at {', '.join(result['films'])}")
        return "\n".join(lines)


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
