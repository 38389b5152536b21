"""Writes an episode as it is played: what was seen and done, who was in control, and what was asked for."""

import contextlib
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from playtape import envs
from playtape.errors import BadInput
from playtape.recordings import Info, RecordingWriter, Span
from playtape.recordings.licences import joined, note

LONGEST_NAME = 230  # bytes; file systems take 255, and while it is being written a name has a few more


class Tape:
    """Writes one episode, one interval late: a release is known only when the next action is. Does nothing without a folder.

    Events stand where `ActionSpace.events` puts them: presses at 1/4 of an interval, releases and motion at 3/4.
    """

    def __init__(
        self,
        env: Any,
        folder: str | Path | None,
        player: str,
        game: str,
        seed: int,
        licences: Sequence[str] = (),  # of what its player learned from
    ):
        self.licences = joined(licences, getattr(env, "licences", ()))
        self.env, self.player, self.game, self.seed = env, player, game, seed
        self.target = None if folder is None else Path(folder) / f"{_file_name(player, game, seed)}.mcap"
        self.path: Path | None = None
        self._writer: RecordingWriter | None = None
        self._before = envs.nothing(env.actions)
        self._waiting: tuple[dict[str, np.ndarray], np.ndarray] | None = None
        self._time = 0
        self._earned = False
        self._told = _Change("text")
        self._control = _Change("control")

    def __enter__(self) -> "Tape":
        return self

    def begin(self, obs: np.ndarray, info: dict[str, Any]) -> None:
        """Open the recording with the episode's first picture."""
        if self.target is None:
            return
        name, _, scenario = self.game.partition(":")
        extra = {"seed": str(self.seed), "hz": f"{self.env.hz:g}"}
        extra |= {key: str(value) for key, value in (("scenario", scenario), ("map", info.get("map"))) if value}
        extra |= getattr(self.env, "facts", {})
        about = Info(
            game=name,
            source=getattr(self.env, "source", ""),
            licence=getattr(self.env, "licence", ""),
            screen=(obs.shape[1], obs.shape[0]),
            mouse_scale=getattr(self.env, "mouse_scale", None),
            split=info.get("split", "train"),
            player=self.player,
            extra=extra,
        )
        self._writer = RecordingWriter(
            self.target, fps=self.env.hz, info=about, provenance=note(self.licences)
        ).__enter__()
        self._time = self._writer.frame(obs)
        self._told.to(str(info.get("text", "")), 0)
        self._control.to(self.player, 0)

    def add(
        self,
        action: dict[str, np.ndarray],
        obs: np.ndarray,
        info: dict[str, Any],
        who: str = "",
        *,
        reward: float = 0.0,
        ended: bool = False,
    ) -> None:
        """The action from the last picture on and who did it, the picture after it, and what the game says with that."""
        if self._writer is not None:
            self._write(action)
            self._waiting = action, obs
            shown = self._writer.frames  # the number of `obs`, which is written with the next action
            self._outcome(reward, ended, self._stamp(shown - 1), self._stamp(shown))
            for span in (
                self._control.to(who or self.player, self._stamp(shown - 1)),
                self._told.to(str(info.get("text", "")), self._stamp(shown)),
            ):
                if span is not None:
                    self._writer.span(span)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        writer = self._writer
        if writer is None:
            return
        if isinstance(error, BadInput) and isinstance(
            error.__cause__, OSError
        ):  # the disk is full: what is there stays
            writer.__exit__(kind, error, trace)
            return
        with contextlib.ExitStack() as stack:
            stack.push(writer)
            self._write(envs.nothing(self.env.actions))
            for change in (self._told, self._control):
                if (span := change.to("", self._stamp(writer.frames))) is not None:
                    writer.span(span)
            if not self._earned:  # so that a game without any is told from one whose rewards nobody wrote down
                writer.span(Span(0, self._stamp(writer.frames), "reward", "0"))
        self.path = self.target

    def _outcome(self, reward: float, ended: bool, since: int, until: int) -> None:
        """Rewards that are not 0, and the end, as spans of their interval."""
        assert self._writer is not None
        if reward:
            self._earned = True
            self._writer.span(Span(since, until, "reward", f"{reward:.9g}"))
        if ended:
            self._writer.span(Span(since, until, "end", ""))

    def _stamp(self, frame: int) -> int:
        return -int(-frame * 10**9 // Fraction(self.env.hz).limit_denominator(100_000))  # as the writer counts

    def _write(self, following: dict[str, np.ndarray]) -> None:
        """Write the waiting interval's events and the picture at its end."""
        if self._waiting is None or self._writer is None:
            return
        action, obs = self._waiting
        self._waiting = None
        space, start = self.env.actions, self._time
        length = self._stamp(self._writer.frames) - start
        early, late = start + length // 4, start + length // 4 * 3 + length % 4 * 3 // 4
        now, was, will = (np.asarray(a["buttons"], bool) for a in (action, self._before, following))
        for k in np.flatnonzero(now & ~was):
            self._writer.event(early, space.buttons[k], 1.0)
        for k in np.flatnonzero(now & ~will):
            self._writer.event(late, space.buttons[k], 0.0)
        for k, axis in enumerate(space.axes):
            value, rest = action["axes"][k], self._before["axes"][k] if axis.kind == "state" else 0
            if value != rest:
                self._writer.event(late, axis.name, float(value))
        self._before = action
        self._time = self._writer.frame(obs)


class _Change:
    """What holds from one moment to another, as spans of one kind."""

    def __init__(self, kind: str):
        self.kind, self.value, self.since = kind, "", 0

    def to(self, value: str, time_ns: int) -> Span | None:
        """From now on it is `value` ("" is nothing). Gives the span that ends, if one does."""
        if value == self.value:
            return None
        ended = Span(self.since, time_ns, self.kind, self.value) if self.value and time_ns > self.since else None
        self.value, self.since = value, time_ns
        return ended


def check_free(folder: Path, player: str, game: str, seeds: range) -> None:
    """Raises BadInput if a recording's name is too long, or if something in a folder has it, finished or not, already."""
    stem = _file_name(player, game, 0).removesuffix("0")
    if (length := len(f"{stem}{seeds[-1]}.mcap.part".encode())) > LONGEST_NAME:
        raise BadInput(
            f"{player!r} makes a file name of {length} bytes; give its folder a name that is {length - LONGEST_NAME} shorter"
        )
    if there := taken(folder, player, game, seeds):
        raise BadInput(f"{folder} already holds {there}; give another --record or --seed")


def taken(folder: Path, player: str, game: str, seeds: range) -> str:
    """What in a folder has the name of a recording of these seeds, finished or not; "" if nothing has."""
    stem = _file_name(player, game, 0).removesuffix("0")
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        found = re.fullmatch(rf"{re.escape(stem)}(\d+)\.(mcap|mp4)(\.part)?", path.name, re.ASCII)
        if found is not None and int(found[1]) in seeds:
            return path.name
    return ""


def _file_name(player: str, game: str, seed: int) -> str:
    name = "_".join((*game.replace("/", "_").split(":"), player, f"seed{seed}"))
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)
