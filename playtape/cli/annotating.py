"""The command that has a vision-language model write instructions into recordings."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from tyro.conf import Positional, arg

from playtape.cli.command import Result, written
from playtape.errors import BadInput


@dataclass(frozen=True)
class Annotate:
    """Have a vision-language model write text instructions into recordings."""

    data: Annotated[Positional[Path | None], arg(metavar="DATA")] = None
    """A recording (.mcap), or a folder of them."""
    endpoint: str | None = None
    """Where an OpenAI-compatible server is, such as http://127.0.0.1:8000/v1."""
    model: str | None = None
    """The name by which the server knows the model."""
    dry_run: bool = False
    """Only say what it would cost; asks nobody."""
    prompt: Path | None = None
    """Your own prompt (.txt); without it, the one that --show-prompt prints."""
    show_prompt: bool = False
    """Print the prompt, and nothing else."""
    out: Path | None = None
    """The folder for the annotated recordings and the ledger; without it they are rewritten where they are."""
    replace: bool = False
    """Take out instructions that came from elsewhere."""
    again: bool = False
    """Ask once more what is in quarantine."""
    game: str | None = None
    """The game's name for the prompt; without it, what each recording says."""
    frames_per_second: float = 1.0
    """Pictures shown of each second."""
    height: int = 360
    """Pixels; larger pictures are made smaller."""
    picture: Literal["jpeg", "png"] = "jpeg"
    """How pictures are sent."""
    chunk: float = 60.0
    """Seconds shown at once."""
    overlap: float = 10.0
    """Seconds that a chunk shares with the one before."""
    gap: float = 8.0
    """Least seconds between the starts of two instructions."""
    most_frames: int = 128
    """Pictures in one request, at most."""
    max_tokens: int = 4096
    """Tokens of one answer, at most."""
    extra: Annotated[str | None, arg(metavar="JSON")] = None
    """More fields of each request, as an object; null takes one out: {"max_tokens": null, "max_completion_tokens": 4096}."""
    no_carry: bool = False
    """Do not tell a chunk what was told of the one before; then all can be asked at once."""
    key_env: str | None = None
    """The environment's variable with the API key; without it OPENAI_API_KEY, if that is set."""
    parallel: int = 4
    """Requests at once."""
    timeout: float = 300.0
    """Seconds that an answer may take."""
    tries: int = 5
    """How often a request is sent that gets no answer."""
    asks: int = 3
    """How often a chunk is asked whose answer cannot be used."""
    price_in: float | None = None
    """Price of a million tokens in, for the estimate."""
    price_out: float | None = None
    """Price of a million tokens out."""
    tokens_per_frame: int | None = None
    """Tokens of a picture, for the estimate; without it, one for each 28 by 28 pixels."""

    def run(self) -> Result:
        from playtape.annotate import Prompt, Settings, annotate, find_key

        prompt = Prompt.read(self.prompt)
        if self.show_prompt:
            return {"prompt": prompt.text, "sha256": prompt.sha256}
        if self.data is None or self.model is None:
            missing = "DATA, a recording or a folder of them" if self.data is None else "--model, the name of a model"
            raise BadInput(f"annotate needs {missing}; playtape annotate --help shows what is legal.")
        endpoint = self.endpoint or ""
        settings = Settings(
            self.model,
            endpoint,
            None if self.dry_run else find_key(os.environ, self.key_env, endpoint),
            game=self.game or "",
            frames_per_second=self.frames_per_second,
            height=self.height,
            picture=self.picture,
            chunk_s=self.chunk,
            overlap_s=self.overlap,
            gap_s=self.gap,
            most_frames=self.most_frames,
            max_tokens=self.max_tokens,
            extra=fields(self.extra),
            carry=not self.no_carry,
            parallel=self.parallel,
            timeout_s=self.timeout,
            tries=self.tries,
            asks=self.asks,
            out=self.out,
            replace=self.replace,
            again=self.again,
            tokens_per_frame=self.tokens_per_frame,
            price_in=self.price_in,
            price_out=self.price_out,
        )
        return annotate(self.data, settings, prompt, dry_run=self.dry_run)

    def text(self, result: Result) -> str:
        from playtape.annotate.estimate import told

        if self.show_prompt:
            return str(result["prompt"]).rstrip()
        aside = [f"skipped {path}: {why}" for path, why in result["skipped"].items()]
        if self.dry_run:
            return "\n".join([*aside, told(result["estimate"])])
        for what in ("quarantined", "unanswered"):
            for row in result[what]:
                start, end = row["seconds"]
                aside.append(f"{what}: {row['recording']}, {start:g} to {end:g} s: {row['reason']}")
        aside += [f"{count} {what}" for what, count in result["mended"].items()]
        return "\n".join([*aside, self._summary(result)])

    def _summary(self, result: Result) -> str:
        from playtape.annotate.estimate import counted, money

        cost = "" if result["cost"] is None else f", {money(result['cost'])}"
        tokens = f"{result['tokens_in']:,} tokens in, {result['tokens_out']:,} out{cost}"
        kept = f", {result['kept']} of before kept" if result["kept"] else ""
        removed = f", {result['removed']} of before removed" if result["removed"] else ""
        where = written(result) if result["outputs"] else "nothing written"
        return (
            f"Told {counted(result['instructions'], 'instruction')}{kept}{removed} ({counted(result['requests'], 'request')}, "
            f"{result['known']} of {counted(result['chunks'], 'chunk')} known before, {tokens}): {where}"
        )

    def code(self, result: Result) -> int:
        """1 where something was left out."""
        return int(any(result.get(what) for what in ("quarantined", "unanswered", "skipped")))


def fields(text: str | None) -> dict[str, Any]:
    """The object that --extra gives. Raises BadInput for anything else."""
    if text is None:
        return {}
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f'--extra is no JSON ({error}); legal is an object such as {{"temperature": 0.2}}') from None
    if not isinstance(told, dict):
        raise BadInput(f'--extra is {text[:60]!r}; legal is an object such as {{"temperature": 0.2}}')
    return told
