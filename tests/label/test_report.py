"""The report's page: its numbers are the ledger's, what is odd is marked, and nobody's file name becomes part of the page."""

import json
import re
import shlex
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from playtape.argv import parse
from playtape.cli import COMMANDS
from playtape.cli.recordings import Label
from playtape.cli.running import choose
from playtape.label import label
from playtape.label.ledger import DONE, QUARANTINED, Line
from playtape.label.markup import clock, length
from playtape.label.origin import Asked
from playtape.label.report import write_report
from playtape.recordings import open_recording, save_recording
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


def facts(page: str) -> dict[str, str]:
    """The numbers at the top by what they count."""
    return {name: value for value, name in re.findall("<div><b>([^<]*)</b><span>([^<]*)</span></div>", page)}


def told(page: str, name: str) -> str:
    """What stands beside a word in a list of facts."""
    found = re.search(f"<dt>{name}</dt><dd>(.*?)</dd>", page, re.DOTALL)
    assert found is not None, name
    return unescape(re.sub("<[^>]*>", " ", found[1]))


def commands(page: str) -> list[list[str]]:
    """All command lines of a page, as words."""
    found = re.findall("<code>(playtape [^<]*)</code>", page)
    return [shlex.split(unescape(each)) for each in found]


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
    assert facts(page)["minutes of video"] == "12"
    assert "25.0%" in page  # idle
    assert "10.0" in page  # times real time: 720 s of video in 72 s of work


def test_reasons_are_counted_whatever_they_name(loaded: Loaded, tmp_path: Path) -> None:
    aside = [
        Line(f"v{n}", QUARANTINED, f"in/v{n}.mp4", reason=f"in/v{n}.mp4 ends early: {n} of 90 frames are there")
        for n in range(5)
    ]
    aside.append(Line("d", QUARANTINED, "in/d.mp4", reason="it has the same bytes as in/x.mp4"))
    page = write_report(tmp_path, aside, loaded).read_text()
    assert facts(page)["quarantined"] == "5"
    assert facts(page)["the same bytes as another"] == "1"
    assert page.index("<h2>Quarantined") < page.index("<h2>The same bytes as another") < page.index("in/d.mp4")
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


def test_rows_of_too_few_intervals_are_told_apart(loaded: Loaded, tmp_path: Path) -> None:
    often, seldom, *_, never = loaded.space.buttons
    page = write_report(tmp_path, [done("a", loaded, {often: 99, seldom: 98, never: 99}, 500)], loaded).read_text()
    assert [cells(page, name)[-1] for name in (often, never)] == ["too few to say", "too few to say"]
    few = re.findall(r'<tr class="few"><td>([^<]*)', page)
    assert {often, seldom, never} <= {*few}
    assert "held in fewer than 100 intervals here" in page
    assert 'class="odd"' not in page
    page = write_report(tmp_path, [done("a", loaded, {often: 99, never: 100}, 500)], loaded).read_text()
    assert cells(page, never)[-1] == "never before"
    page = write_report(tmp_path, [done("a", loaded, {often: 99}, 1_000)], loaded).read_text()
    assert cells(page, often)[-1] == "0.99", "by the calibration 100 are expected"


def test_the_head_says_from_what_and_how(loaded: Loaded, tmp_path: Path) -> None:
    loaded = replace(loaded, train={**loaded.train, "licences": ["BSD-3-Clause"], "trained_on": ["x"]})
    line = done("a", loaded, {})
    settings = {"model": loaded.hash, "min_confidence": 0.6, "idle_seconds": 3.0, "mouse_scale": 1.5}
    one = replace(line, settings=settings, extra={"licence": "CC BY-NC 4.0", "game": "hexen <b>"})
    page = write_report(tmp_path, [one], loaded, Asked(("in",), Path("runs/my idm"))).read_text()
    assert (
        " ".join(told(page, "model").split())
        == f"idm, runs/my idm , learned from 1 recording, weights {loaded.hash[:12]}"
    )
    assert told(page, "game") == "hexen <b>"
    assert " ".join(told(page, "licences").split()).startswith("BSD-3-Clause , CC BY-NC 4.0 non-commercial")
    assert 'class="forbids">CC BY-NC 4.0<b>non-commercial</b>' in page
    assert page.count("<b>non-commercial</b>") == 1
    assert " ".join(told(page, "flags").split()) == "--min-confidence 0.6; --drop-idle-seconds 3; --mouse-scale 1.5"
    other = replace(line, settings={"model": "another", "min_confidence": 0.0, "idle_seconds": None})
    page = write_report(tmp_path, [one, other, other], loaded).read_text()
    assert "2 labels of another model" in told(page, "model")
    assert "not given: every interval keeps its input" in told(page, "flags")
    assert "2 labels" in told(page, "flags")
    assert "every label names its own" in told(page, "licences")


def test_one_is_one_and_a_second_is_no_hour(loaded: Loaded, tmp_path: Path) -> None:
    page = write_report(tmp_path, [replace(done("a", loaded, {}), video_seconds=2.96)], loaded).read_text()
    assert facts(page)["video labelled"] == "1"
    assert facts(page)["seconds of video"] == "3"
    assert "1 video, 3 seconds" in page
    lengths = [
        (0.0, "0 seconds"),
        (1.0, "1 second"),
        (119.0, "119 seconds"),
        (120.0, "2 minutes"),
        (5000, "83.3 minutes"),
    ]
    lengths += [(7200, "2 hours"), (3.6e7, "10,000 hours")]
    assert [" ".join(length(seconds)) for seconds, _ in lengths] == [words for _, words in lengths]
    assert [clock(tenths * 100_000_000) for tenths in (0, 129, 754, 36_605)] == [
        "0:00.0",
        "0:12.9",
        "1:15.4",
        "1:01:00.5",
    ]


def test_what_comes_next_are_commands_as_one_types_them(tmp_path: Path) -> None:
    model = save_model(tmp_path / "my model")
    film(tmp_path / "in" / "a.mp4", 60)
    (tmp_path / "in" / "bad's.mp4").write_bytes(b"no video")
    out = tmp_path / "the labels"
    label(tmp_path / "in", out, model=model, min_confidence=0.123456789, idle_seconds=2, progress=False)
    found = commands((out / "report.html").read_text())
    assert [words[1] for words in found] == ["label", "view", "check", "evaluate", "train"]
    assert found[4][2:4] == ["p2p-tiny", str(out)]
    for words in found[:4]:
        name, rest = choose(words[1:])
        assert str(out) in map(str, vars(parse(COMMANDS[name], rest, prog=name)).values())
    again = parse(COMMANDS["label"], found[0][2:], prog="label")
    assert isinstance(again, Label)
    assert again.again
    result = again.run()  # the same flags: nothing is refused, and what is done stays
    assert (result["done"], result["resumed"], result["quarantined"]) == (0, 1, 1)
    assert found[3][3] == "TRUTH"
    recording = open_recording(out / "a.mcap")
    save_recording(replace(recording, provenance={}, path=None), tmp_path / "in" / "a.mcap")
    again.run()
    assert commands((out / "report.html").read_text())[3][3] == str(tmp_path / "in")


def test_the_report_changes_nothing_but_itself(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    film(tmp_path / "in" / "a.mp4", 60)
    film(tmp_path / "in" / "b.mp4", 60)
    result = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    assert (result["done"], result["quarantined"]) == (1, 1), "a copy counts as before"
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    write_report(
        tmp_path / "out",
        list(lines(tmp_path / "out").values()),
        checkpoint.load(model),
        Asked((str(tmp_path / "in"),), model),
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    page = before["report.html"].decode()
    assert cells(page, "1") == ["1", str(tmp_path / "in" / "a.mp4"), str(tmp_path / "in" / "b.mp4")]
    assert "Nothing: every video could be labelled." in page


@pytest.mark.skipif(chromium.find() is None, reason="needs Chromium")
def test_pictures_are_within_the_page(tmp_path: Path, browser: chromium.Browser) -> None:
    model, name = save_model(tmp_path / "model"), "<img src=x onerror=alert(1)>" + "y" * 80
    film(tmp_path / "in" / f"{name}.mp4", 60)
    result = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    page = Path(result["report"]).read_text()
    assert "<img src=x" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    browser.visit(Path(result["report"]).as_uri(), "document.querySelectorAll('figure img').length === 12")
    browser.wait("[...document.images].every(image => image.naturalWidth === 120)")
    assert browser.run("document.querySelectorAll('figure kbd, figure .none').length >= 12")
    assert browser.run("document.querySelectorAll('.lane svg').length") == 1
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.errors == []


@pytest.mark.skipif(chromium.find() is None, reason="needs Chromium")
def test_it_fits_on_a_screen(loaded: Loaded, tmp_path: Path, browser: chromium.Browser) -> None:
    held = dict.fromkeys(loaded.space.buttons, 2_000)
    aside = Line("b", QUARANTINED, "x" * 300, reason="why " * 60)
    path = write_report(tmp_path, [done("a" * 200, loaded, held), aside], loaded)
    browser.visit(path.as_uri(), "document.querySelectorAll('.columns b').length === 20")
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.run(width)
    assert browser.errors == []
