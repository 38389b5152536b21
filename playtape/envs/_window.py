"""A window for a person: it shows a game's picture, and turns keyboard and mouse into the names of the game's action space.

A tap counts however short it is: a button is held in a step if it was down at any moment since the last read. Keys are those
with that letter on them, mouse motion is in the counts that the system reports. While a person plays a game with mouse axes,
the window holds the mouse: hidden, and unable to leave. It lets go when it loses focus or is closed, and holds it again only
on a click into it, which does not count. F1, F2 and Escape never reach a game. Needs pygame-ce (the extra `window`); one
window a process, of its main thread.
"""

import os
import time
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from playtape.actions import ActionSpace
from playtape.actions.keyboards import SIDES
from playtape.envs import gym_space, nothing
from playtape.errors import BadInput

__all__ = ["CONTROLS", "HumanPlayer", "Window"]

CONTROLS = {"key.f1": "take over", "key.f2": "pause", "key.escape": "end"}
MOUSE = {"mouse.left": 1, "mouse.middle": 2, "mouse.right": 3, "mouse.x1": 6, "mouse.x2": 7}  # pygame's numbers
AXES = ("mouse.dx", "mouse.dy", "mouse.wheel", "mouse.hwheel")
# The keys that pygame calls otherwise than by our name in capitals.
KEYS = {
    "enter": "RETURN",
    "grave": "BACKQUOTE",
    "apostrophe": "QUOTE",
    "num_lock": "NUMLOCKCLEAR",
    "numpad_add": "KP_PLUS",
    "numpad_subtract": "KP_MINUS",
    "numpad_decimal": "KP_PERIOD",
    **{f"{side}_{ours}": f"{side[0]}{theirs}" for side in ("left", "right")
       for ours, theirs in (("shift", "shift"), ("control", "ctrl"), ("alt", "alt"), ("super", "gui"))},
}  # fmt: skip
INSTALL = "a window needs the package pygame-ce, which is not installed; pip install 'playtape[window]' installs it"


class Window:
    """Shows pictures uint8 [H, W, 3] of one shape, and reads what a person does. Close it, or use it in a `with`.

    `shape`: (H, W) or more of a picture. `side`: pixels that the longer side is scaled up to, by a whole number. Raises
    BadInput where pygame is missing, where there is no screen, and for a space that keyboard and mouse cannot play.
    """

    def __init__(self, space: ActionSpace, shape: tuple[int, ...], title: str = "playtape", side: int = 768):
        self.space, self.shape = space, tuple(shape[:2])
        self.closed = False
        self.holding = False  # is the mouse held now?
        self._pygame = pygame = _pygame()
        self._buttons = _codes(pygame, space)
        self._controls = {code: CONTROLS[name] for name in CONTROLS for code in _key_codes(pygame, name)}
        self._needs_mouse = bool(space.axes)
        reach: Any = gym_space(space)["axes"]
        self._limit = reach.high
        self._wanted = False  # should the mouse be held?
        self._focused = True  # a new window is in front
        self._pressed: list[str] = []
        self._down: set[tuple[str, int]] = set()
        self._forget()
        scale = max(1, side // max(self.shape))
        self._size = self.shape[1] * scale, self.shape[0] * scale
        self._screen = _open(pygame, self._size, title)
        self._font = pygame.font.Font(None, 26)

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, picture: np.ndarray, lines: Iterable[str] = ()) -> None:
        """Draw a picture, with lines of text over its upper left corner. Does nothing once the window is closed."""
        if picture.shape != (*self.shape, 3) or picture.dtype != np.uint8:
            raise BadInput(f"the window shows uint8 {(*self.shape, 3)}, not {picture.dtype} {picture.shape}")
        self.poll()
        if self.closed:
            return
        surface = self._pygame.surfarray.make_surface(picture.swapaxes(0, 1))
        self._pygame.transform.scale(surface, self._size, self._screen)
        for row, line in enumerate(lines):
            text = self._font.render(line, True, (255, 255, 255), (0, 0, 0))
            self._screen.blit(text, (8, 8 + row * self._font.get_linesize()))
        self._pygame.display.flip()

    def read(self) -> dict[str, np.ndarray]:
        """The action of the time since the last read: buttons that were down at any moment of it, motion summed over it."""
        self.poll()
        action = nothing(self.space)
        for code in self._down | self._tapped:
            action["buttons"][self._buttons[code]] = 1
        motion = np.array([self._moved[axis.name] for axis in self.space.axes], np.float32)
        action["axes"][:] = np.clip(motion, -self._limit, self._limit)
        self._forget()
        return action

    def controls(self) -> tuple[str, ...]:
        """The control keys pressed since the last call, in order: "take over" (F1), "pause" (F2), "end" (Escape)."""
        self.poll()
        pressed, self._pressed = tuple(self._pressed), []
        return pressed

    def hold_mouse(self, wanted: bool) -> None:
        """Hold the mouse, or let go. Without focus it is held when the person clicks into the window; not for a game without."""
        self.poll()
        self._wanted = wanted and self._needs_mouse
        self._grab(self._wanted and self._focused)

    def close(self) -> None:
        """Let go of the mouse and close. Twice is fine."""
        if not self.closed:
            self._lose()
            self.closed = True
            self._pygame.display.quit()

    def poll(self) -> None:
        """Take in what happened; the other methods do so too. Call it now and then, or the system takes us for dead."""
        if self.closed:
            return
        pygame = self._pygame
        for event in pygame.event.get():
            if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
                self.close()
                return
            if event.type == pygame.WINDOWFOCUSLOST:
                self._lose()
            elif event.type == pygame.WINDOWFOCUSGAINED:
                self._focused = True
            elif event.type == pygame.KEYDOWN:
                if event.key in self._controls:
                    self._pressed.append(self._controls[event.key])
                self._press(("key", event.key))
            elif event.type == pygame.KEYUP:
                self._down.discard(("key", event.key))
            else:
                self._heed_mouse(event)

    def _heed_mouse(self, event: Any) -> None:
        pygame = self._pygame
        if event.type == pygame.MOUSEBUTTONUP:
            self._down.discard(("mouse", event.button))
        elif event.type == pygame.MOUSEBUTTONDOWN and self._needs_mouse and not self.holding:
            self._focused = True  # nobody clicks into a window without giving it focus
            self._grab(self._wanted)
        elif event.type == pygame.MOUSEBUTTONDOWN:
            self._press(("mouse", event.button))
        elif event.type == pygame.MOUSEMOTION and self.holding:
            self._moved["mouse.dx"] += event.rel[0]
            self._moved["mouse.dy"] += event.rel[1]
        elif event.type == pygame.MOUSEWHEEL and self.holding:
            self._moved["mouse.hwheel"] += event.x
            self._moved["mouse.wheel"] += event.y

    def _press(self, code: tuple[str, int]) -> None:
        if code in self._buttons:
            self._down.add(code)
            self._tapped.add(code)

    def _forget(self) -> None:
        self._tapped: set[tuple[str, int]] = set()
        self._moved = dict.fromkeys(AXES, 0.0)

    def _lose(self) -> None:
        """Without focus there is no more word of what is let go: so all is let go."""
        self._focused = False
        self._down.clear()
        self._grab(False)

    def _grab(self, held: bool) -> None:
        if held != self.holding:
            self.holding = held
            self._pygame.event.set_grab(held)  # before the other two: it undoes them where the pointer shows
            self._pygame.mouse.set_visible(not held)
            self._pygame.mouse.set_relative_mode(held)


class HumanPlayer:
    """A person at a window: shows each picture for one step of the game, and returns what was done while it was shown.

    So a game that is played by it runs at the game's own pace, or at `hz` steps a second. F2 pauses and goes on; after F1
    `handed_back` is True, until `start`. Escape or the window's cross end: `act` raises KeyboardInterrupt, as Ctrl-C would.
    """

    def __init__(self, env: Any, window: Window | None = None, hz: float | None = None):
        self.env = env.unwrapped
        self.window = window or Window(self.env.actions, self.env.observation_space.shape, type(self.env).__name__)
        self.seconds = 1 / (hz or self.env.hz)
        self.handed_back = False
        self._due = 0.0

    def start(self, seed: int | None = None) -> None:
        """Take the mouse; what was done before does not count. A person needs no seed."""
        self.handed_back, self._due = False, time.monotonic()
        self.window.hold_mouse(True)
        self.window.read()

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """One step's action, after the time of one step."""
        lines = [info["text"]] if "text" in info else []
        self.window.show(obs, lines)
        self._due = max(self._due + self.seconds, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))
        paused = self._heed(False)
        if paused:
            self.window.hold_mouse(False)
            while paused:
                self.window.show(obs, [*lines, "paused; F2 goes on, Escape ends"])
                time.sleep(0.02)
                paused = self._heed(True)
            self.start()
        return self.window.read()

    def _heed(self, paused: bool) -> bool:
        """Heed the control keys: is the game paused now?"""
        for control in self.window.controls():
            if control == "end":
                self.window.close()
            elif control == "pause":
                paused = not paused
            else:
                self.handed_back = True
                self.window.hold_mouse(False)
        if self.window.closed:
            raise KeyboardInterrupt("the window was closed")
        return paused


def _pygame() -> ModuleType:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would greet on stdout
    try:
        import pygame
    except ModuleNotFoundError as error:
        raise BadInput(INSTALL) from error
    return pygame


def _open(pygame: ModuleType, size: tuple[int, int], title: str) -> Any:
    try:
        pygame.display.init()
        pygame.font.init()
        driver = pygame.display.get_driver()
        if driver in ("dummy", "offscreen") and "SDL_VIDEODRIVER" not in os.environ:
            pygame.display.quit()
            raise BadInput(f"a window cannot be opened: there is no screen (SDL offers only {driver})")
        pygame.display.set_caption(title)
        return pygame.display.set_mode(size)
    except pygame.error as error:
        raise BadInput(f"a window cannot be opened: {error}; it needs a screen") from error


def _codes(pygame: ModuleType, space: ActionSpace) -> dict[tuple[str, int], list[int]]:
    """(device, pygame's code) -> which buttons of the space it is. Raises BadInput for what a person cannot do."""
    codes: dict[tuple[str, int], list[int]] = {}
    for k, name in enumerate(space.buttons):
        if name in CONTROLS:
            raise BadInput(f"the window keeps {name} to {CONTROLS[name]!r}; a game that is played in it cannot use it")
        if name in MOUSE:
            found = [("mouse", MOUSE[name])]
        else:
            found = [("key", code) for side in SIDES.get(name, (name,)) for code in _key_codes(pygame, side)]
        if not found:
            raise BadInput(f"the window reads keyboard and mouse, and knows no {name}")
        for code in found:
            codes.setdefault(code, []).append(k)
    for axis in space.axes:
        if axis.name not in AXES:
            raise BadInput(f"the window cannot read the axis {axis.name}; legal are {', '.join(AXES)}")
    return codes


def _key_codes(pygame: ModuleType, name: str) -> list[int]:
    """pygame's code of "key.w", none or one."""
    device, _, key = name.partition(".")
    if device != "key":
        return []
    spelled = (KEYS.get(key, ""), key, key.replace("_", ""), key.replace("numpad_", "KP_"))
    codes = [getattr(pygame, f"K_{way if len(way) == 1 else way.upper()}", None) for way in spelled if way]
    return [code for code in codes if code is not None][:1]
