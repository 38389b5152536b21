"""The page in a real browser: what it draws is what the recording says of the frame that is on the screen."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from playtape.recordings.recording import open_recording, save_recording
from playtape.view import media, write_page
from tests.view.browser import Browser, find
from tests.view.conftest import BITS, BLOCK, SPACE, Sample

pytestmark = pytest.mark.skipif(find() is None, reason="chromium is not installed")
SETTLED = "window.playtape && playtape.state().settled"
# The number that is written into the picture on the screen; null until the picture can be read.
NUMBER = f"""(() => {{
  const canvas = new OffscreenCanvas({BITS * BLOCK}, {BLOCK}), context = canvas.getContext("2d");
  const video = document.getElementById("video");
  context.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < {BITS}; bit++) {{
    if (context.getImageData(bit * {BLOCK} + {BLOCK // 2}, {BLOCK // 2}, 1, 1).data[0] > 128) number |= 1 << bit;
  }}
  return number;
}})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def expected(sample: Sample, frame: int) -> list[dict]:
    return [
        {
            "held": {name for b, name in enumerate(SPACE.buttons) if side.buttons[frame, b]},
            "axes": {axis.name: float(side.axes[frame, a]) for a, axis in enumerate(SPACE.axes)},
        }
        for side in sample.sides
    ]


def drawn(state: dict) -> list[dict]:
    return [{"held": set(side["held"]), "axes": side["axes"]} for side in state["drawn"]]


def visit(browser: Browser, sample: Sample, frame: int) -> dict:
    browser.run(f"playtape.seek({frame})")
    browser.wait(SETTLED)
    browser.wait(f"playtape.state().frame === {frame} && {NUMBER} === {frame}", 10)
    return browser.run("playtape.state()")


@pytest.mark.parametrize("which", ["sample", "uneven"])
def test_every_frame_is_drawn_with_its_own_actions(
    browser: Browser, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    sample: Sample = request.getfixturevalue(which)
    write_page(sample.predicted, tmp_path / "page.html", truth=sample.truth)
    browser.open(tmp_path / "page.html", SETTLED)
    last = len(sample.time_ns) - 1
    differing = 0
    for frame in (0, 1, 2, 31, 30, 29, 57, last - 1, last, 44):
        state = visit(browser, sample, frame)
        assert state["time_ns"] == sample.time_ns[frame]
        assert drawn(state) == expected(sample, frame)
        differing += state["drawn"][0]["held"] != state["drawn"][1]["held"]
    assert differing > 2  # or the two panels could be one
    assert browser.errors == []


def test_keys_step_and_jump_to_differences(browser: Browser, sample: Sample, tmp_path: Path) -> None:
    write_page(sample.predicted, tmp_path / "page.html", truth=sample.truth)
    browser.open(tmp_path / "page.html", SETTLED)
    visit(browser, sample, 40)
    for key, frame in (("ArrowRight", 41), ("ArrowLeft", 40), ("ArrowLeft", 39)):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key)
        browser.wait(f"playtape.state().frame === {frame} && {NUMBER} === {frame}", 10)
    truth, side = (one.buttons for one in sample.sides)
    wrong = (truth != side).any(axis=1)
    after = next(t for t in range(40, 179) if wrong[t] and not wrong[t - 1])
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="n")
    browser.wait(f"playtape.state().frame === {after}", 10)


def test_playing_keeps_picture_and_keys_together(browser: Browser, sample: Sample, tmp_path: Path) -> None:
    write_page(sample.predicted, tmp_path / "page.html", truth=sample.truth)
    browser.open(tmp_path / "page.html", SETTLED)
    browser.run("document.getElementById('speed').value = '0.25', document.getElementById('speed').onchange()")
    browser.run("playtape.toggle()")
    browser.wait("playtape.state().frame > 5", 20)
    browser.run("playtape.toggle()")
    browser.wait("!playtape.state().playing")
    browser.wait(f"{NUMBER} === playtape.state().frame", 10)
    state = browser.run("playtape.state()")
    assert state["source"] == "frame callback"
    assert drawn(state) == expected(sample, state["frame"])


def test_a_click_in_the_timeline_seeks_and_the_wheel_zooms(browser: Browser, sample: Sample, tmp_path: Path) -> None:
    write_page(sample.predicted, tmp_path / "page.html", truth=sample.truth)
    browser.open(tmp_path / "page.html", SETTLED)
    where = "document.getElementById('timeline').getBoundingClientRect().toJSON()"
    browser.run("document.getElementById('timeline').scrollIntoView()")
    box = browser.run(where)
    gutter, y = browser.run("GUTTER"), box["y"] + 40
    x = box["x"] + gutter + 0.5 * (box["width"] - gutter)
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    browser.wait(SETTLED)
    assert abs(browser.run("playtape.state().frame") - 90) <= 1
    before = browser.run("timeline.to - timeline.from")
    browser.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-200, modifiers=2)
    browser.wait(f"timeline.to - timeline.from < {before} * 0.7", 5)


def test_a_copy_that_starts_late_still_shows_the_right_frame(
    browser: Browser, uneven: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "EMBED_BYTES", 0)  # refer to the file beside the page
    write_page(uneven.predicted, tmp_path / "page.html")
    browser.open(tmp_path / "page.html", SETTLED)
    browser.run("playtape.seek(33)")
    browser.wait(SETTLED)
    state = browser.run("playtape.state()")
    assert (state["frame"], state["time_ns"]) == (33, uneven.time_ns[33])
    assert drawn(state) == expected(uneven, 33)[1:]


def test_another_recording_can_be_chosen(browser: Browser, sample: Sample, uneven: Sample, tmp_path: Path) -> None:
    for one in (sample, uneven):
        save_recording(open_recording(one.predicted), tmp_path / "out" / one.predicted.name)
    write_page(tmp_path / "out", tmp_path / "page.html")
    browser.open(tmp_path / "page.html", SETTLED)
    for number, one, frame in ((1, uneven, 61), (0, sample, 100), (1, uneven, 7)):
        browser.run(f"playtape.select({number})")
        browser.wait(SETTLED)
        state = visit(browser, one, frame)
        assert state["recording"] == one.predicted.stem
        assert drawn(state) == expected(one, frame)[1:]


def test_both_themes_draw_and_the_metrics_are_there(browser: Browser, sample: Sample, tmp_path: Path) -> None:
    rows = [
        {
            "group": "key.w",
            "key": "state_f1",
            "title": "state F1",
            "better": "higher",
            "value": 0.5,
            "low": 0.4,
            "high": None,
        }
    ]
    metrics = {"rows": rows, "bootstrap": {"note": "one <recording>"}, "warnings": ["mind the clock"]}
    write_page(sample.predicted, tmp_path / "page.html", truth=sample.truth, metrics=metrics)
    browser.open(tmp_path / "page.html", SETTLED)
    assert "0.500" in browser.run("document.getElementById('metrics-rows').textContent")
    assert "one <recording>" in browser.run("document.getElementById('metrics-note').textContent")
    assert browser.run("document.getElementById('notes').textContent") == "mind the clock"
    for dark in (False, True):
        path = tmp_path / f"{dark}.png"
        browser.screenshot(path, dark=dark)
        assert path.stat().st_size > 20_000
    assert browser.errors == []
    assert np.isclose(browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0)
