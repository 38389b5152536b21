"""The page in a real browser, used by its keys alone."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.human.conftest import WHO, Page, opened, record
from tests.view.browser import Browser, find

pytestmark = pytest.mark.skipif(find() is None, reason="chromium is not installed")
SHOWN = "playtape.task && playtape.task.rating && playtape.task.player.video.readyState >= 2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One episode of two seconds each by two players."""
    folder = tmp_path_factory.mktemp("played")
    for name in WHO:
        record(folder / name / "run.mcap", player=name, frames=40)
    return folder


def lines(page: Page) -> list[dict[str, Any]]:
    return [json.loads(line) for line in page.ratings.path.read_text().splitlines()[1:]]


def begin(browser: Browser, page: Page, name: str = "Ann") -> None:
    browser.visit(page.address, "window.playtape && playtape.screen === 'start'")
    browser.press(*name, "Enter")
    browser.wait(SHOWN)


def test_an_episode_is_rated_with_keys_and_is_on_the_disk(browser: Browser, folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path / "r.jsonl") as page:
        begin(browser, page)
        browser.press("Enter")  # not seen yet
        browser.wait("document.getElementById('coverage').textContent.startsWith('Only 0 %')")
        browser.press(" ")
        browser.wait("playtape.task.player.video.currentTime > 0.5")
        browser.press("1", "1", "5", "6", "u")
        browser.wait("playtape.task.player.video.ended")
        browser.press("c")
        browser.press(*"12 u", "Escape")  # a comment, and no faults
        browser.press("Enter")
        browser.wait("playtape.task.place === 1")
        browser.wait("document.getElementById('saved').textContent === 'saved'")
        last = lines(page)[-1]
        assert (last["rater"], last["state"], last["comment"]) == ("Ann", "done", "12 u")
        assert [fault for fault, _ in last["marks"]] == ["wall", "wall", "idle"]
        assert all(0.5 <= time_s <= 2 for _, time_s in last["marks"])
        assert sum(end - start for start, end in last["seen"]) > 1.8
        assert last["episode"] == page.json("/session?rater=Ann")["episodes"][0]["id"]
        assert browser.errors == []


def test_an_impatient_rater_finishes_one_episode_at_a_time(browser: Browser, folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path / "r.jsonl") as page:
        begin(browser, page)
        browser.press(" ")
        browser.wait("playtape.task.player.video.ended")
        browser.run(
            "for (const key of ['Enter', 'Enter', '1', 'Enter', 's']) document.dispatchEvent("
            "new KeyboardEvent('keydown', {key, bubbles: true}))"
        )  # before the first is answered
        browser.wait(f"playtape.task.place === 1 && !playtape.busy && {SHOWN}")
        states = [one["state"] for one in page.json("/session?rater=Ann")["episodes"]]
        assert states == browser.run("playtape.session.episodes.map((one) => one.state)") == ["done", "open"]
        assert lines(page)[-1]["marks"] == []


def test_closing_the_browser_loses_nothing(browser: Browser, folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path / "r.jsonl") as page:
        begin(browser, page)
        browser.press("2", "3")
        browser.wait("!playtape.task.saver.unsaved")
        browser.visit("about:blank", "true")
        begin(browser, page)
        assert browser.run("playtape.task.rating.marks.map(([name]) => name)") == ["air", "miss"]
        assert browser.run("[...document.querySelectorAll('.fault b')].map((b) => b.textContent)") == list("011000")


def test_what_is_pressed_while_the_server_fails_is_saved_later(
    browser: Browser, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(line: object) -> None:
        raise OSError(28, "No space left on device")

    with opened(folder, tmp_path / "r.jsonl") as page:
        begin(browser, page)
        with monkeypatch.context() as patched:
            patched.setattr(page.ratings, "_append", full)
            browser.press("1", "4", "4")
            browser.wait("document.getElementById('trouble').textContent.includes('No space left')")
            assert lines(page) == []
        browser.wait("document.getElementById('trouble').hidden && !playtape.task.saver.unsaved", 20)
        assert [fault for fault, _ in lines(page)[-1]["marks"]] == ["wall", "inhuman", "inhuman"]


def test_a_pair_is_chosen_with_keys(browser: Browser, folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path / "r.jsonl") as page:
        browser.visit(page.address, "window.playtape && playtape.screen === 'start'")
        browser.press(*"Bo")
        browser.run("document.getElementById('begin-compare').click()")
        browser.wait("playtape.screen === 'compare' && playtape.task.players.every((p) => p.video.readyState >= 2)")
        browser.press("1")  # not seen yet
        browser.wait("document.getElementById('pair-coverage').textContent.startsWith('Only 0 %')")
        browser.press(" ")
        browser.wait("playtape.task.players.every((player) => player.video.ended)")
        browser.press("3")
        browser.wait("playtape.screen === 'end'")
        pair = page.json("/session?rater=Bo")["pairs"][0]
        sides = {"left": pair["left"]["id"], "right": pair["right"]["id"]}
        assert lines(page) == [{"kind": "choice", "rater": "Bo", **sides, "choice": "right", "comment": ""}]
        assert browser.errors == []


def test_a_video_that_breaks_says_so_and_can_be_skipped(browser: Browser, tmp_path: Path) -> None:
    broken = record(tmp_path / "e" / "a" / "x.mcap").with_suffix(".mp4")
    with opened(tmp_path / "e", tmp_path / "r.jsonl") as page:
        broken.write_bytes(bytes(5000))
        browser.visit(page.address, "window.playtape && playtape.screen === 'start'")
        browser.press(*"Ann", "Enter")
        browser.wait("document.querySelector('#count-stage .note')?.textContent.includes('cannot play')")
        browser.press("s")
        browser.wait("playtape.screen === 'end'")
        assert lines(page)[-1]["state"] == "skipped"


def test_steps_speed_and_time_are_keys_too(browser: Browser, folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path / "r.jsonl") as page:
        begin(browser, page)
        time_s = "playtape.task.player.video.currentTime"
        for key, expected in (("ArrowRight", 0.075), ("ArrowRight", 0.125), ("ArrowLeft", 0.075)):
            browser.press(key)
            browser.wait(f"Math.abs({time_s} - {expected}) < 0.001 && !playtape.task.player.video.seeking")
        browser.press("+")
        assert browser.run("playtape.task.player.video.playbackRate") == 1.5
        browser.press("-", "-", "-", "-", "-")
        assert browser.run("playtape.task.player.video.playbackRate") == 0.25
        browser.press("0")
        browser.wait(f"{time_s} === 0")
        browser.press("s")
        browser.wait("playtape.task.place === 1")
        browser.press("p")
        browser.wait("playtape.task.place === 0")
        browser.press("Escape")
        browser.wait("playtape.screen === 'start'")
        assert browser.errors == []


def test_every_screen_is_readable_in_both_themes(browser: Browser, folder: Path, tmp_path: Path) -> None:
    """Text and what lies under it differ in brightness as WCAG asks of text (4.5 : 1), but where it is dimmed on purpose."""
    contrast = """(() => {
      const parse = (text) => text.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
      const under = (one) => { for (; one; one = one.parentElement) {
        const colour = parse(getComputedStyle(one).backgroundColor); if (colour[3] !== 0) return colour; } };
      const seen = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && !one.closest(".dim, .unseen")
        && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
      return seen.map((one) => {
        const [a, b] = [light(parse(getComputedStyle(one).color)), light(under(one))];
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.textContent.trim().slice(0, 40)];
      });
    })()"""
    with opened(folder, tmp_path / "r.jsonl") as page:
        browser.visit(page.address, "window.playtape && playtape.screen === 'start'")
        for screen in ("start", "count"):
            if screen == "count":
                browser.press(*"Ann", "Enter")
                browser.wait(SHOWN)
            for theme in ("light", "dark"):
                features = [{"name": "prefers-color-scheme", "value": theme}]
                browser.call("Emulation.setEmulatedMedia", features=features)
                time.sleep(0.2)
                found = browser.run(contrast)
                assert len(found) > 20
                assert [one for one in found if one[0] < 4.5] == [], (screen, theme)
            wide = browser.run("document.documentElement.scrollWidth <= innerWidth")
            assert wide
