"""The report's page: its numbers are the ledger's, what is odd is marked, and nobody's file name becomes part of the page."""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from playtape.label import label
from playtape.label.ledger import DONE, QUARANTINED, Line
from playtape.label.report import write_report
from playtape.recordings import open_recording
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from tests.label.films import film, lines, save_model
from tests.view import browser as chromium


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    folder = save_model(tmp_path / "model")
    names = [name for name, _ in json.loads((folder / "actions.json").read_text()).items()]
    assert names
    before = checkpoint.load(folder)
    count, axes = len(before.space.buttons), len(before.space.axes)
    calibration = {
        "temperature": [1.0] * count,
        "threshold": [0.5] * count,
        "dead_zone": [0.5] * axes,
        "spread": [1.0] * axes,
    }
    calibration |= {"rate": [0.1] * (count - 1) + [0.0], "held_out": ["someone's play"]}
    checkpoint.write_json(folder / "train.json", {"calibration": calibration})
    return checkpoint.load(folder)


def done(name: str, loaded: Loaded, held: dict[str, int], intervals: int = 10_000) -> Line:
    buttons = loaded.space.buttons
    stats = {
        "held": {each: held.get(each, 0) for each in buttons},
        "pressed": dict.fromkeys(buttons, 6),
        "moved": {axis.name: intervals // 4 for axis in loaded.space.axes},
        "idle": 2_500,
        "confidence": [0] * 19 + [intervals],
    }
    return Line(name, DONE, f"{name}.mp4", 1, 1, name, "", 0, 360.0, intervals, 36.0, f"{name}.mcap", "", {}, stats, {})


def cells(page: str, first: str) -> list[str]:
    """A table row's texts, of the row whose first cell is that."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    texts = [[unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall("<td[^>]*>(.*?)</td>", row)] for row in rows]
    return next(row for row in texts if row and row[0] == first)


def test_rates_stand_beside_those_of_calibration(loaded: Loaded, tmp_path: Path) -> None:
    usual, often, seldom, *_, never = loaded.space.buttons
    held = {usual: 1_100, often: 4_000, seldom: 300, never: 200}
    found = [done("one", loaded, held), done("two", loaded, held)]
    page = write_report(tmp_path, found, loaded).read_text()
    assert cells(page, usual) == [usual, "", "11.00%", "1.0", "10.00%", "1.10"]
    assert cells(page, often)[2:] == ["40.00%", "1.0", "10.00%", "4.00"]
    assert cells(page, never)[-1] == "never before"
    marked = re.findall(r'<tr class="odd"><td>([^<]*)', page)
    assert {often, seldom, never} <= {*marked}
    assert usual not in marked
    assert "0.20" in page  # hours
    assert "25.0%" in page  # idle
    assert "10.0" in page  # times real time: 720 s of video in 72 s of work


def test_reasons_are_counted_whatever_they_name(loaded: Loaded, tmp_path: Path) -> None:
    aside = [
        Line(f"v{n}", QUARANTINED, f"in/v{n}.mp4", reason=f"in/v{n}.mp4 ends early: {n} of 90 frames are there")
        for n in range(5)
    ]
    aside.append(Line("d", QUARANTINED, "in/d.mp4", reason="it has the same bytes as in/x.mp4"))
    page = write_report(tmp_path, aside, loaded).read_text()
    assert cells(page, "5")[1] == "in/v0.mp4 ends early: 0 of 90 frames are there"
    assert "and 2 more" in page
    assert cells(page, "1")[2] == "in/d.mp4"


def test_a_name_is_never_markup(loaded: Loaded, tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>.mp4"
    page = write_report(tmp_path, [Line("x", QUARANTINED, bad, reason=f"{bad} is no `video`")], loaded).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_labelling_writes_what_the_report_says(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    film(tmp_path / "in" / "a.mp4", 60)
    result = label(tmp_path / "in" / "a.mp4", tmp_path / "out", model=model, progress=False)
    line = lines(tmp_path / "out")["a"]
    assert Path(result["report"]).is_file()
    assert line.intervals == 59
    assert sum(line.stats["confidence"]) == 59
    label(tmp_path / "in" / "a.mp4", tmp_path / "sure", model=model, min_confidence=0.5, progress=False)
    recording = open_recording(tmp_path / "sure" / "a.mcap")
    kept = int((~recording.masked(recording.time_ns)).sum())
    assert kept == sum(line.stats["confidence"][10:]), "the report says what --min-confidence 0.5 keeps"
    assert set(line.stats["held"]) == set(checkpoint.load(model).space.buttons)


@pytest.mark.skipif(chromium.find() is None, reason="needs Chromium")
def test_it_fits_on_a_screen(loaded: Loaded, tmp_path: Path, browser: chromium.Browser) -> None:
    held = dict.fromkeys(loaded.space.buttons, 2_000)
    aside = Line("b", QUARANTINED, "x" * 300, reason="why " * 60)
    path = write_report(tmp_path, [done("a" * 200, loaded, held), aside], loaded)
    browser.visit(path.as_uri(), "document.querySelectorAll('.columns b').length === 20")
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.run(width)
    assert browser.errors == []
