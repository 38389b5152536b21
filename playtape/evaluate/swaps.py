"""Which frames of which recordings a policy is shown, and which others in their place. Knows no picture and no model.

Pixels2Play (arXiv 2601.04575) replaces a clip's frames by frames of other clips of the same game in the batch. Here a batch
is 32 clips of one game, each session as often as another, and other clips are those of other sessions; which of them and
which frame of it is drawn evenly for each frame. Where a game has one session alone, its longest recording is cut into
clips, and other clips are those that lie at least a clip's length away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playtape.errors import BadInput

CLIPS = 32  # a batch
ALONE = 6  # clip lengths that a game's only session must have, so that every clip has others far from it


@dataclass(frozen=True)
class Place:
    """A recording as far as it matters here. `intervals`: frames but the last, after which nothing was done."""

    name: str
    game: str
    session: str
    intervals: int


@dataclass(frozen=True, eq=False)
class Batch:
    """B clips of T frames, and for each of their frames one of another scene."""

    recording: np.ndarray  # int64 [B], into the list of places
    start: np.ndarray  # int64 [B]
    other_recording: np.ndarray  # int64 [B, T]
    other_frame: np.ndarray  # int64 [B, T]
    chance: np.ndarray  # float64 [B, T], even in [0, 1): a frame is replaced where it is below the share

    def __len__(self) -> int:
        return len(self.start)


def plan(places: Sequence[Place], frames: int, draws: int, seed: int) -> tuple[list[Batch], list[str]]:
    """`draws` batches of each game with clips of `frames` frames, and what to tell of recordings that are left out.

    Raises BadInput if no game has two scenes.
    """
    long = [k for k, place in enumerate(places) if place.intervals >= frames]
    notes = []
    if short := len(places) - len(long):
        notes.append(f"{short} recordings are left out, shorter than a clip and one frame more ({frames + 1} frames)")
    batches, alone = [], ""
    for number, game in enumerate(sorted({places[k].game for k in long})):
        members = [k for k in long if places[k].game == game]
        sessions = sorted({places[k].session for k in members})
        if len(sessions) == 1:
            members = [max(members, key=lambda k: places[k].intervals)]
            alone = _alone(places[members[0]], frames)
            notes.append(alone)
            if places[members[0]].intervals < ALONE * frames:
                continue
        draw = np.random.default_rng([seed, number])
        batches += [_batch(places, members, frames, draw) for _ in range(draws)]
    if not batches:
        raise BadInput(
            alone
            or f"every one of the {len(places)} recordings is shorter than {frames + 1} frames, a clip and one more"
        )
    return batches, notes


def _alone(place: Place, frames: int) -> str:
    have = f"{place.name} is the only session of {place.game or 'its game'}"
    if place.intervals < ALONE * frames:
        return (
            f"{have} and has {place.intervals + 1} frames, so there is no other scene to take frames from: give recordings of "
            f"two sessions, or one of at least {ALONE * frames + 1} frames"
        )
    return f"{have}: other scenes are other moments of it, at least {frames} frames away"


def _batch(places: Sequence[Place], members: Sequence[int], frames: int, draw: np.random.Generator) -> Batch:
    sessions: dict[str, list[int]] = {}
    for k in members:
        sessions.setdefault(places[k].session, []).append(k)
    order = draw.permutation(sorted(sessions))
    recording = np.array([draw.choice(sessions[str(order[k % len(order)])]) for k in range(CLIPS)])
    room = np.array([places[k].intervals - frames + 1 for k in recording])
    share = draw.random(CLIPS)
    if len(sessions) == 1:  # spread over it, so that none is near all others
        share = (np.arange(CLIPS) + share) / CLIPS
    start = (share * room).astype(np.int64)
    session = np.array([places[k].session for k in recording])
    other_recording, other_frame = np.zeros((2, CLIPS, frames), np.int64)
    for clip in range(CLIPS):
        far = session != session[clip] if len(sessions) > 1 else abs(start - start[clip]) >= 2 * frames
        other = draw.choice(np.flatnonzero(far), frames)
        other_recording[clip] = recording[other]
        other_frame[clip] = start[other] + draw.integers(frames, size=frames)
    return Batch(recording, start, other_recording, other_frame, draw.random((CLIPS, frames)))
