"""The window: pictures, taps, motion, control keys, the mouse let go; and a person at it. Needs no screen: SDL has a dummy."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from playtape.actions import ActionSpace, Axis
from playtape.envs import hovercraft, simple_fps
from playtape.envs._window import HumanPlayer, Window
from playtape.errors import BadInput

SPACE = ActionSpace(
    buttons=("key.w", "key.shift", "key.left_shift", "key.numpad_4", "key.up", "mouse.left"),
    axes=(Axis("mouse.dx", "sum", 50.0), Axis("mouse.wheel", "sum", 1.0)),
)


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return pytest.importorskip("pygame", reason="the window needs pygame-ce, which is not installed")


@pytest.fixture
def window(pygame) -> Iterator[Window]:
    with Window(SPACE, (20, 30), side=60) as made:
        made.hold_mouse(True)
        made.read()
        yield made


def post(pygame: Any, kind: str, **fields: Any) -> None:
    pygame.event.post(pygame.event.Event(getattr(pygame, kind), **fields))


def held(window: Window) -> list[str]:
    return [name for name, down in zip(SPACE.buttons, window.read()["buttons"]) if down]


def test_a_picture_is_scaled_up_and_text_lies_over_it(pygame, window):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:10, :15] = (10, 200, 30)
    picture[15:, 25:] = (250, 0, 90)
    window.show(picture)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown, picture.repeat(2, 0).repeat(2, 1))
    window.show(picture, ["go"])
    told = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    assert (told == 255).all(-1).any()
    np.testing.assert_array_equal(told[40:], shown[40:])


def test_a_picture_of_another_shape_is_refused(window):
    with pytest.raises(BadInput, match=r"shows uint8 \(20, 30, 3\), not uint8 \(30, 20, 3\)"):
        window.show(np.zeros((30, 20, 3), np.uint8))


def test_a_key_is_held_until_it_is_let_go(pygame, window):
    post(pygame, "KEYDOWN", key=pygame.K_w)
    assert [held(window) for _ in range(3)] == [["key.w"]] * 3
    post(pygame, "KEYUP", key=pygame.K_w)
    assert held(window) == []


def test_a_tap_between_two_reads_is_not_lost_and_counts_once(pygame, window):
    for kind in ("KEYDOWN", "KEYUP"):
        post(pygame, kind, key=pygame.K_w)
    for kind in ("MOUSEBUTTONDOWN", "MOUSEBUTTONUP"):
        post(pygame, kind, button=1)
    window.poll()  # whoever looks at the events, the taps wait for the read
    assert window.controls() == ()
    assert held(window) == ["key.w", "mouse.left"]
    assert held(window) == []


def test_either_side_is_the_generic_key_and_other_keys_are_nothing(pygame, window):
    post(pygame, "KEYDOWN", key=pygame.K_RSHIFT)
    post(pygame, "KEYDOWN", key=pygame.K_KP_4)
    post(pygame, "KEYDOWN", key=pygame.K_UP)
    post(pygame, "KEYDOWN", key=pygame.K_x)
    assert held(window) == ["key.shift", "key.numpad_4", "key.up"]
    post(pygame, "KEYDOWN", key=pygame.K_LSHIFT)
    assert held(window)[:2] == ["key.shift", "key.left_shift"]
    post(pygame, "KEYUP", key=pygame.K_LSHIFT)
    held(window)
    assert held(window)[0] == "key.shift"  # the right one is still down


def test_motion_is_summed_since_the_last_read_and_cut_at_what_is_legal(pygame, window):
    for dx in (5, -2, 40):
        post(pygame, "MOUSEMOTION", rel=(dx, 7), pos=(0, 0), buttons=(0, 0, 0))
    post(pygame, "MOUSEWHEEL", x=0, y=-1)
    np.testing.assert_array_equal(window.read()["axes"], [43, -1])
    np.testing.assert_array_equal(window.read()["axes"], [0, 0])
    post(pygame, "MOUSEMOTION", rel=(10**6, 0), pos=(0, 0), buttons=(0, 0, 0))
    assert window.read()["axes"][0] == 20 * 50


def test_an_action_is_one_of_the_games(pygame):
    env = simple_fps.make("map00")
    with Window(env.actions, env.observation_space.shape) as window:
        post(pygame, "KEYDOWN", key=pygame.K_e)
        assert env.action_space.contains(window.read())


def test_control_keys_are_told_in_order_and_never_reach_the_game(pygame, window):
    for key in (pygame.K_F1, pygame.K_F2, pygame.K_ESCAPE, pygame.K_F1):
        post(pygame, "KEYDOWN", key=key)
    assert held(window) == []
    assert window.controls() == ("take over", "pause", "end", "take over")
    assert window.controls() == ()
    assert not window.closed  # what Escape does is the caller's affair


def is_held(pygame: Any) -> bool:
    return pygame.event.get_grab() or not pygame.mouse.get_visible()


def test_the_mouse_is_held_while_it_is_wanted(pygame, window):
    assert window.holding
    assert pygame.event.get_grab()
    assert not pygame.mouse.get_visible()
    window.hold_mouse(False)
    assert not window.holding
    assert not is_held(pygame)
    post(pygame, "MOUSEMOTION", rel=(9, 0), pos=(0, 0), buttons=(0, 0, 0))
    post(pygame, "MOUSEBUTTONDOWN", button=1)
    assert held(window) == []
    assert window.read()["axes"][0] == 0


def test_without_focus_the_mouse_is_let_go_and_so_is_every_key(pygame, window):
    post(pygame, "KEYDOWN", key=pygame.K_w)
    held(window)
    post(pygame, "WINDOWFOCUSLOST")
    assert held(window) == []
    assert not is_held(pygame)
    window.hold_mouse(True)
    assert not is_held(pygame)  # not even when asked
    post(pygame, "WINDOWFOCUSGAINED")
    window.poll()
    assert not is_held(pygame)  # only a click takes it again
    post(pygame, "MOUSEBUTTONDOWN", button=1)
    post(pygame, "MOUSEBUTTONUP", button=1)
    assert held(window) == []  # and does not count
    assert window.holding
    assert pygame.event.get_grab()
    post(pygame, "MOUSEBUTTONDOWN", button=1)
    assert held(window) == ["mouse.left"]


def test_a_closed_window_holds_nothing_and_does_nothing(pygame, window):
    let_go = []
    grab = window._grab
    window._grab = lambda wanted: (let_go.append(wanted), grab(wanted))  # ty: ignore[invalid-assignment]
    post(pygame, "QUIT")
    post(pygame, "KEYDOWN", key=pygame.K_w)
    assert held(window) == []
    assert window.closed
    assert let_go == [False]
    assert not window.holding
    window.show(np.zeros((20, 30, 3), np.uint8))
    window.hold_mouse(True)
    assert not window.holding
    assert window.controls() == ()
    window.close()


def test_an_error_closes_the_window(pygame):
    with pytest.raises(RuntimeError), Window(SPACE, (20, 30)) as window:
        window.hold_mouse(True)
        raise RuntimeError
    assert window.closed
    assert not window.holding


def test_a_game_without_mouse_never_holds_it_and_takes_its_clicks(pygame):
    with Window(ActionSpace(buttons=("key.w", "mouse.left"), axes=()), (20, 30)) as window:
        window.hold_mouse(True)
        assert not is_held(pygame)
        post(pygame, "MOUSEBUTTONDOWN", button=1)
        assert window.read()["buttons"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (ActionSpace(("pad.south",), ()), "knows no pad.south"),
        (ActionSpace(("key.f2",), ()), "keeps key.f2 to 'pause'"),
        (ActionSpace((), (Axis("pad.left_x", "state"),)), "cannot read the axis pad.left_x; legal are mouse.dx"),
    ],
)
def test_what_a_person_cannot_play_is_told(pygame, space, sentence):
    with pytest.raises(BadInput, match=sentence):
        Window(space, (20, 30))


def test_where_pygame_is_missing_the_way_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(BadInput, match=r"pip install 'playtape\[window\]'"):
        Window(SPACE, (20, 30))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_where_there_is_no_screen_it_is_told(pygame, monkeypatch):
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput, match="a window cannot be opened"):
        Window(SPACE, (20, 30))


@pytest.fixture
def person(pygame) -> Iterator[HumanPlayer]:
    env = hovercraft.make("track06")
    player = HumanPlayer(env, hz=500)
    with player.window:
        yield player


def test_a_person_plays_what_was_pressed_while_the_picture_was_shown(pygame, person):
    obs, info = person.env.reset(seed=0)
    post(pygame, "KEYDOWN", key=pygame.K_s)  # before the start: not meant
    post(pygame, "KEYUP", key=pygame.K_s)
    person.start(0)
    post(pygame, "KEYDOWN", key=pygame.K_w)
    post(pygame, "MOUSEMOTION", rel=(12, 0), pos=(0, 0), buttons=(0, 0, 0))
    action = person.act(obs, info)
    assert action["buttons"].tolist() == [1, 0, 0, 0]
    assert action["axes"].tolist() == [12.0]
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown[::4, ::4], obs)
    person.env.step(action)
    assert person.window.holding


def test_a_person_has_the_time_of_a_step(pygame):
    env = hovercraft.make("track06")
    player = HumanPlayer(env)
    with player.window:
        obs, info = env.reset(seed=0)
        player.start()
        start = time.monotonic()
        for _ in range(6):
            player.act(obs, info)
        assert 0.28 < time.monotonic() - start < 1.5  # six twentieths of a second


def test_what_a_person_is_told_is_shown(pygame):
    env = simple_fps.make("switches")
    player = HumanPlayer(env, hz=500)
    lines = []
    with player.window:
        obs, info = env.reset(seed=0)
        player.start()
        player.window.show = lambda picture, told: lines.append(list(told))  # ty: ignore[invalid-assignment]
        player.act(obs, info)
    assert lines == [[info["text"]]]


@pytest.mark.parametrize("how", ["Escape", "the cross", "in a pause"])
def test_a_person_who_ends_it_stops_the_play(pygame, person, how):
    obs, info = person.env.reset(seed=0)
    person.start()
    for key in {"Escape": [pygame.K_ESCAPE], "in a pause": [pygame.K_F2, pygame.K_ESCAPE]}.get(how, []):
        post(pygame, "KEYDOWN", key=key)
    if how == "the cross":
        post(pygame, "QUIT")
    with pytest.raises(KeyboardInterrupt):
        person.act(obs, info)
    assert person.window.closed
    assert not person.window.holding
    with pytest.raises(KeyboardInterrupt):
        person.act(obs, info)


def test_a_pause_lets_the_mouse_go_and_what_is_typed_in_it_does_not_count(pygame, person, monkeypatch):
    obs, info = person.env.reset(seed=0)
    person.start()
    seen = []

    def show(picture: np.ndarray, lines: list[str]) -> None:
        seen.append((person.window.holding, *lines))
        if len(seen) == 3:  # the second look at the pause
            post(pygame, "KEYDOWN", key=pygame.K_a)
            post(pygame, "KEYUP", key=pygame.K_a)
            post(pygame, "KEYDOWN", key=pygame.K_F2)

    monkeypatch.setattr(person.window, "show", show)
    post(pygame, "KEYDOWN", key=pygame.K_F2)
    action = person.act(obs, info)
    assert seen == [(True,), *[(False, "paused; F2 goes on, Escape ends")] * 2]
    assert not action["buttons"].any()
    assert person.window.holding


def test_f1_hands_back_until_the_next_start(pygame, person):
    obs, info = person.env.reset(seed=0)
    person.start()
    post(pygame, "KEYDOWN", key=pygame.K_F1)
    person.act(obs, info)
    assert person.handed_back
    assert not person.window.holding
    person.start()
    assert not person.handed_back
    assert person.window.holding


def test_a_person_can_play_and_be_recorded(pygame, tmp_path):
    from playtape.play import play_episodes
    from playtape.recordings import open_recording

    env = hovercraft.make("track06", seconds=1)
    player = HumanPlayer(env, hz=500)
    with contextlib.closing(player.window):
        post(pygame, "KEYDOWN", key=pygame.K_w)
        player.window.poll()
        result = play_episodes(env, player, ("human", "hovercraft:track06"), range(2), tmp_path, progress=False)
    assert result["steps"] == 40
    recording = open_recording(result["outputs"][0])
    assert recording.info.player == "human"
    assert env.actions.actions(recording.events, recording.time_ns).buttons[:-1, 0].all()  # held from the start on
