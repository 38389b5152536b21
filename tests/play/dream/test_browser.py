"""The page in a real browser, by its keys and its mouse."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playtape.actions import ActionSpace, Axis
from playtape.imagine.env import World, open_world
from tests.play.dream.conftest import Guest, asleep
from tests.untrained import save_untrained_world
from tests.view.browser import Browser, find

pytestmark = pytest.mark.skipif(find() is None, reason="chromium is not installed")
READY = "window.playtape && playtape.state === 'ready' && playtape.frames > 0"
PIXELS = "[...document.getElementById('picture').getContext('2d').getImageData(0, 0, 16, 16).data]"
HELD = "[...document.querySelectorAll('.input.held')].map((one) => one.dataset.name)"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world without a mouse, with a key that only the page can press, and an arm."""
    space = ActionSpace(("key.w", "key.left", "key.shift", "pad.south"), (Axis("arm.0", "state", 0.5),))
    return open_world(save_untrained_world(tmp_path_factory.mktemp("run") / "keys", space=space))


def key(browser: Browser, kind: str, name: str, code: str) -> None:
    browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=code)


def click(browser: Browser, of: str) -> None:
    """As a person does, at the middle of an element."""
    x, y = middle(browser, of)
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def middle(browser: Browser, of: str) -> tuple[float, float]:
    box = browser.run(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({of}.getBoundingClientRect())")
    return box[0], box[1]


def done(dreams: Any) -> list[dict[str, np.ndarray]]:
    """What the world is told from now on."""
    env, told = dreams.open[0].env, []
    step = env.step

    def noted(action: dict[str, np.ndarray]) -> Any:
        told.append(action)
        return step(action)

    env.step = noted
    return told


def wait(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_keys_are_held_and_pictures_change(browser: Browser, keys: World) -> None:
    with asleep(keys) as (address, dreams):
        browser.visit(address, READY)
        first = browser.run(PIXELS)
        start = {tuple(start[-1].permute(1, 2, 0).flatten().tolist()) for start in keys.starts.frames}
        assert tuple(value for k, value in enumerate(first) if k % 4 < 3) in start
        told = done(dreams)
        browser.press("Enter")
        browser.wait("playtape.state === 'playing' && playtape.frames > 4")
        assert browser.run(PIXELS) != first
        key(browser, "keyDown", "W", "KeyZ")  # by the letter on it, shift or not
        key(browser, "keyDown", "ArrowLeft", "ArrowLeft")
        key(browser, "keyDown", "Shift", "ShiftRight")
        wait(lambda: told and told[-1]["buttons"].tolist() == [1, 1, 1, 0])
        assert browser.run(HELD) == ["key.w", "key.left", "key.shift"]
        key(browser, "keyUp", "w", "KeyZ")
        key(browser, "keyUp", "ArrowLeft", "ArrowLeft")
        wait(lambda: told[-1]["buttons"].tolist() == [0, 0, 1, 0])
        key(browser, "keyDown", "Escape", "Escape")
        browser.wait("playtape.state === 'paused'")
        assert browser.run(HELD) == []
        wait(lambda: not dreams.open[0].playing)
        count = len(told)
        time.sleep(0.3)
        assert len(told) - count <= 1  # the one that was under way
        assert browser.run("document.activeElement.id") == "cover"
        browser.press("Enter")
        wait(lambda: len(told) > count + 3)
        assert not told[-1]["buttons"].any()  # all was let go
        assert browser.errors == []


def test_what_no_keyboard_has_is_on_the_page(browser: Browser, keys: World) -> None:
    with asleep(keys) as (address, dreams):
        browser.visit(address, READY)
        told = done(dreams)
        browser.press("Enter")
        x, y = middle(browser, "document.querySelector('[data-name=\"pad.south\"]')")
        browser.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        wait(lambda: told and told[-1]["buttons"].tolist() == [0, 0, 0, 1])
        browser.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)
        slider = "document.querySelector('#axes input')"
        browser.run(f"{slider}.value = 1.0, {slider}.dispatchEvent(new Event('input'))")
        wait(lambda: told[-1]["axes"].tolist() == [1.0] and not told[-1]["buttons"].any())
        assert browser.errors == []


def test_the_mouse_is_held_and_let_go(browser: Browser, world: World) -> None:
    with asleep(world) as (address, dreams):
        browser.visit(address, READY)
        told = done(dreams)
        click(browser, "document.getElementById('cover')")
        browser.wait("playtape.state === 'playing' && document.pointerLockElement")
        assert not any(action["buttons"].any() for action in told)  # the click that begins is none in the world
        x, y = middle(browser, "document.getElementById('picture')")
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        before = sum(float(action["axes"][0]) for action in told)
        for step in range(1, 6):
            browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + 8 * step, y=y - 2 * step)
        wait(lambda: sum(float(action["axes"][0]) for action in told) - before >= 32)
        browser.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        wait(lambda: told[-1]["buttons"][list(world.space.buttons).index("mouse.left")] == 1)
        browser.run("document.exitPointerLock()")
        browser.wait("playtape.state === 'paused'")
        assert browser.errors == []


def test_nothing_goes_on_while_nobody_looks(browser: Browser, keys: World) -> None:
    with asleep(keys) as (address, dreams):
        browser.visit(address, READY)
        browser.press("Enter")
        browser.wait("playtape.frames > 2")
        key(browser, "keyDown", "w", "KeyW")
        browser.run("window.dispatchEvent(new Event('blur'))")
        browser.wait("playtape.state === 'paused'")
        wait(lambda: not dreams.open[0].playing)
        click(browser, "document.getElementById('cover')")
        browser.wait("playtape.state === 'playing'")
        other = browser.call("Target.createTarget", url="about:blank")["targetId"]  # a tab in front of it
        browser.call("Target.activateTarget", targetId=other)
        browser.wait("playtape.state === 'paused'")
        browser.call("Target.closeTarget", targetId=other)
        assert browser.errors == []


def test_restart_and_the_way_are_on_the_page(browser: Browser, keys: World) -> None:
    with asleep(keys, passes=3) as (address, dreams):
        browser.visit(address, READY)
        ways = "[...document.getElementById('way').options].map((one) => [one.text, one.selected])"
        assert browser.run(ways) == [
            ["exact", False], ["fast, 1 pass", False], ["fast, 2 passes", False], ["fast, 3 passes", True],
            ["fast, 4 passes", False], ["fast, 8 passes", False],
        ]  # fmt: skip
        browser.press("Enter")
        browser.wait("playtape.frames > 3")
        click(browser, "document.getElementById('restart')")
        wait(lambda: dreams.episodes == 2)
        browser.wait("playtape.frames < 30 && playtape.state === 'playing'")
        way = "document.getElementById('way')"
        browser.run(f"{way}.value = '0', {way}.dispatchEvent(new Event('change'))")
        wait(lambda: dreams.open[0].env.way.passes == 0)
        number = browser.run("playtape.number")
        browser.wait(f"playtape.number > {number + 3}")
        assert browser.errors == []


def test_a_page_that_is_closed_ends_its_dream_and_nothing_else(browser: Browser, keys: World, tmp_path: Path) -> None:
    with asleep(keys, tmp_path / "r") as (address, dreams):
        browser.visit(address, READY)
        browser.press("Enter")
        browser.wait("playtape.frames > 2")
        with Guest(address) as guest:
            assert guest.told()["recorded"]
            guest.picture()
            browser.visit("about:blank", "location.href === 'about:blank'")
            wait(lambda: len(dreams.open) == 1 and len(list(tmp_path.glob("r/*.mcap"))) == 1)
            guest.say("play")
            assert guest.picture()[0] == 1


def test_a_page_too_many_and_a_server_that_goes(browser: Browser, keys: World) -> None:
    with asleep(keys) as (address, _):
        guests = [Guest(address) for _ in range(4)]
        for guest in guests:
            guest.told()
        browser.visit(address, "window.playtape && playtape.state === 'taken'")
        assert "4 play here already" in browser.run("document.getElementById('cover').textContent")
        for guest in guests:
            guest.close()
        browser.visit("about:blank", "location.href === 'about:blank'")
        browser.visit(address, READY)
    browser.wait("playtape.state === 'lost'")


def test_another_page_cannot_talk(browser: Browser, keys: World, tmp_path: Path) -> None:
    page = tmp_path / "evil.html"
    with asleep(keys) as (address, dreams):
        where = address.replace("http", "ws")
        page.write_text(
            f"<script>const socket = new WebSocket('{where}dream'); socket.onclose = () => (gone = 1)</script>"
        )
        browser.open(page, "window.gone")
        assert dreams.episodes == 0


def test_every_pixel_is_as_large_as_every_other(browser: Browser, keys: World) -> None:
    with asleep(keys) as (address, _):
        browser.visit(address, READY)
        for width, height in ((1400, 1200), (700, 900), (333, 500)):
            browser.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            browser.wait(f"innerWidth === {width}")
            time.sleep(0.1)
            shown = browser.run("document.getElementById('picture').getBoundingClientRect().width")
            assert shown % 16 == 0
            assert shown >= 0.4 * min(width, height)
            assert browser.run("document.documentElement.scrollWidth <= innerWidth")
        browser.call("Emulation.clearDeviceMetricsOverride")
