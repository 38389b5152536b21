"""A person takes over from a policy in a window, and hands back: who did what, and what is learned from it."""

from typing import Any

import numpy as np
import pytest

from playtape.actions import Actions
from playtape.clips import observed_space, store
from playtape.envs import hovercraft, nothing
from playtape.envs._window import Window
from playtape.play import play_episodes
from playtape.play.shared import Shared
from playtape.recordings import open_recording


class Brakes:
    """A policy that only brakes, and notes what it is told."""

    def __init__(self, space: Any):
        self.space, self.heard = space, []

    def start(self, seed: int) -> None:
        self.heard = []

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        action = nothing(self.space)
        action["buttons"][self.space.buttons.index("key.s")] = 1
        return action

    def told(self, action: dict[str, np.ndarray]) -> None:
        self.heard.append(action)


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return pytest.importorskip("pygame", reason="the window needs pygame-ce, which is not installed")


class Typing(Window):
    """A window in which somebody types at certain steps: {step: [(event, key), ...]}."""

    def __init__(self, pygame: Any, script: dict[int, list[tuple[str, str]]], *args: Any):
        super().__init__(*args)
        self.pygame, self.script, self.step = pygame, script, 0

    def show(self, picture: np.ndarray, lines: Any = ()) -> None:
        super().show(picture, lines)
        for kind, key in self.script.get(self.step, []):
            code = getattr(self.pygame, f"K_{key}")
            self.pygame.event.post(self.pygame.event.Event(getattr(self.pygame, kind), key=code))
        self.step += 1


def shared(pygame: Any, script: dict[int, list[tuple[str, str]]]) -> tuple[Any, Brakes, Shared]:
    env = hovercraft.make("train/easy")
    window = Typing(pygame, script, env.actions, env.observation_space.shape)
    policy = Brakes(env.actions)
    return env, policy, Shared(policy, "policy brakes", window, hz=200)


def test_who_is_in_control_is_recorded_and_only_the_person_is_learned_from(pygame, tmp_path) -> None:
    script = {4: [("KEYDOWN", "F1"), ("KEYDOWN", "w")], 9: [("KEYUP", "w"), ("KEYDOWN", "F1")]}
    env, policy, hands = shared(pygame, script)
    names = ("policy brakes", "hovercraft:train/easy")
    play_episodes(env, hands, names, range(1), tmp_path, max_steps=15, progress=False)
    recording = open_recording(next(tmp_path.glob("*.mcap")))
    spans = [span for span in recording.spans if span.kind == "control"]
    control = [(span.value, span.start_ns // 50_000_000, span.end_ns // 50_000_000) for span in spans]
    assert control == [("policy brakes", 0, 4), ("human", 4, 9), ("policy brakes", 9, 16)]
    space = env.actions
    actions: Actions = space.actions(recording.events, recording.time_ns)
    w, s = (actions.buttons[:, space.buttons.index(name)].nonzero()[0].tolist() for name in ("key.w", "key.s"))
    assert w == [4, 5, 6, 7, 8]
    assert s == [0, 1, 2, 3, 9, 10, 11, 12, 13, 14]
    assert len(policy.heard) == 5
    stored = store(recording, observed_space([recording], 20), (32, 32), 20)
    assert stored.mask.nonzero()[0].tolist() == [4, 5, 6, 7, 8]


def test_escape_ends_with_everything_let_go_and_a_whole_recording(pygame, tmp_path) -> None:
    env, _, hands = shared(pygame, {6: [("KEYDOWN", "ESCAPE")]})
    with pytest.raises(KeyboardInterrupt):
        play_episodes(env, hands, ("policy brakes", "hovercraft"), range(1), tmp_path, progress=False)
    recording = open_recording(next(tmp_path.glob("*.mcap")))
    assert len(recording.video) == 7
    assert recording.events.value[-1] == 0
    assert hands.window.closed


def test_a_pause_stops_the_game(pygame, monkeypatch) -> None:
    env, _, hands = shared(pygame, {2: [("KEYDOWN", "F2")], 5: [("KEYDOWN", "F2")]})
    result = play_episodes(env, hands, ("policy brakes", "hovercraft"), range(1), max_steps=6, progress=False)
    assert result["steps"] == 6
    assert hands.window.step == 9  # shown three times more in the pause
