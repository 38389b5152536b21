"""A run that is killed at any moment and begun again ends as one that nobody disturbed: to the byte, nothing lost, none twice."""

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playtape.errors import BadInput
from playtape.label import label
from playtape.label.ledger import BEGUN, DONE, LINES, QUARANTINED, Ledger
from playtape.recordings import Span, open_recording, save_recording
from tests.label.films import film, labels, lines, save_model, states

PART = 256  # intervals: the longest film is cut in three
EACH = 4  # labels between two kills, at most
pytestmark = pytest.mark.timeout(600)
BAD = ("bad/cut.mp4", "bad/noise.mp4")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number in range(17):
        film(folder / f"{number % 3}" / f"film{number:02}.mp4", 40 + number, number)
    film(folder / "long.mp4", 600, 99)
    whole = film(folder / "bad" / "cut.mp4", 90, 50)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "bad" / "noise.mp4").write_bytes(random.Random(0).randbytes(5000))
    return folder


@pytest.fixture(scope="module")
def undisturbed(model: Path, videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels of one run. As deep as the others: labels name their video by its place."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    result = label(videos, out, model=model, part=PART, progress=False)
    assert (result["done"], result["quarantined"], result["resumed"]) == (18, 2, 0)
    return out


def forked(*args: Any, **kwargs: Any) -> int:
    """Label in a process of its own, which needs no imports; its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            label(*args, progress=False, **kwargs)
            code = 0
        finally:
            os._exit(code)
    return child


def finished(out: Path) -> dict[str, int]:
    """When each label that the ledger has as done was written."""
    found = lines(out) if out.exists() else {}
    return {name: (out / line.output).stat().st_mtime_ns for name, line in found.items() if line.state == DONE}


def kill_after(child: int, out: Path, count: int, wait_s: float) -> int:
    """SIGKILL it a moment after so many labels are there; how it ended, 0 if it was through before that."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        if len(list(out.rglob("[!.]*.mcap"))) >= count:
            time.sleep(wait_s)
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.002)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment(model: Path, videos: Path, undisturbed: Path, tmp_path: Path) -> None:
    out, draw = tmp_path / "out", random.Random(1)
    kills, status, written = 0, signal.SIGKILL, dict[str, int]()
    while status == signal.SIGKILL:
        child = forked(videos, out, model=model, part=PART)
        status = kill_after(child, out, len(written) + draw.randint(0, EACH), draw.uniform(0, 0.05))
        now = finished(out)
        assert {name: time for name, time in now.items() if name in written} == written, "done, and yet done again"
        written, kills = now, kills + 1
        assert kills < 40
    assert (status, kills > 3) == (0, True)
    result = label(videos, out, model=model, part=PART, progress=False)
    assert result["done"] + result["resumed"] == 18
    assert result["resumed"] == len(written)
    assert labels(out) == labels(undisturbed)
    assert states(out) == states(undisturbed)
    assert {name for name, line in lines(out).items() if line.state == QUARANTINED} == {name[:-4] for name in BAD}
    assert {path.name for path in out.iterdir() if path.is_file()} == {"labels.parquet", "long.mcap", "report.html"}
    assert not list(out.rglob("*.part*")), "something half-written was left"


def test_workers_and_parts_change_no_byte(model: Path, videos: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = label(videos, out, model=model, workers=2, progress=False)  # the long film in one part, in other processes
    assert (result["done"], result["quarantined"]) == (18, 2)
    assert labels(out) == labels(undisturbed)
    assert states(out) == states(undisturbed)


def test_other_settings_are_refused(model: Path, undisturbed: Path, videos: Path, tmp_path: Path) -> None:
    out, one = tmp_path / "out", videos / "0" / "film00.mp4"
    label(one, out, model=model, progress=False)
    before = labels(out)
    with pytest.raises(BadInput, match=r"labels whose min_confidence is another \(0.0, now 0.9\)"):
        label(one, out, model=model, min_confidence=0.9, progress=False)
    other = save_model(tmp_path / "other", seed=1)
    with pytest.raises(BadInput, match="labels whose model is another"):
        label(one, out, model=other, progress=False)
    assert labels(out) == before
    replaced = label(one, out, model=other, replace=True, progress=False)
    assert (replaced["done"], replaced["resumed"]) == (1, 0)
    assert labels(out) != before
    assert label(one, out, model=other, progress=False)["resumed"] == 1


def test_a_replacing_run_that_was_cut_off_goes_on(model: Path, videos: Path, tmp_path: Path) -> None:
    """What was not replaced yet does not count as done by the new model."""
    out, folder = tmp_path / "out", videos / "0"
    label(folder, out, model=model, progress=False)
    other = save_model(tmp_path / "other", seed=1)
    label(videos / "0" / "film00.mp4", out, model=other, replace=True, progress=False)
    result = label(folder, out, model=other, progress=False)
    assert result["resumed"] == 1
    assert result["done"] == len(list(folder.iterdir())) - 1


def test_a_label_that_is_gone_or_a_video_that_changed_is_done_again(model: Path, tmp_path: Path) -> None:
    for number in range(3):
        film(tmp_path / "in" / f"{number}.mp4", 40, number)
    out = tmp_path / "out"
    label(tmp_path / "in", out, model=model, progress=False)
    (out / "0.mcap").unlink()
    film(tmp_path / "in" / "1.mp4", 50, 7)
    os.utime(tmp_path / "in" / "2.mp4")  # the same bytes, at another time
    result = label(tmp_path / "in", out, model=model, progress=False)
    assert [Path(path).name for path in result["outputs"]] == ["0.mcap", "1.mcap"]
    assert [Path(path).name for path in result["kept"]] == ["2.mcap"]


def test_a_label_that_was_cut_off_since_is_made_again_and_one_with_findings_stays(model: Path, tmp_path: Path) -> None:
    for number in range(2):
        film(tmp_path / "in" / f"{number}.mp4", 40, number)
    out = tmp_path / "out"
    label(tmp_path / "in", out, model=model, progress=False)
    whole = (out / "0.mcap").read_bytes()
    (out / "0.mcap").write_bytes(whole[: len(whole) // 2])
    recording = open_recording(out / "1.mcap")
    save_recording(replace(recording, spans=(Span(0, 1, "finding", "ours"),)), out / "1.mcap")
    result = label(tmp_path / "in", out, model=model, progress=False)
    assert [Path(path).name for path in result["outputs"]] == ["0.mcap"]
    assert (out / "0.mcap").read_bytes() == whole
    assert [span.value for span in open_recording(out / "1.mcap").spans] == ["ours"]


def test_two_runs_at_once_are_refused(model: Path, videos: Path, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    out = tmp_path / "out"
    out.mkdir()
    held = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="is being written to by another run"):
            label(videos, out, model=model, progress=False)
    finally:
        os.close(held)
    assert list(out.iterdir()) == []


def test_what_was_set_aside_stays_so_until_it_is_asked_for_again(model: Path, tmp_path: Path) -> None:
    good, bad = film(tmp_path / "in" / "good.mp4", 40), tmp_path / "in" / "bad.mp4"
    bad.write_bytes(b"no video")
    first = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    assert (first["done"], first["quarantined"]) == (1, 1)
    line = lines(tmp_path / "out")["bad"]
    assert label(tmp_path / "in", tmp_path / "out", model=model, progress=False)["quarantined"] == 1
    assert lines(tmp_path / "out")["bad"] == line
    assert label(tmp_path / "in", tmp_path / "out", model=model, again=True, progress=False)["quarantined"] == 1
    film(bad, 45, 3)
    mended = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    assert (mended["done"], mended["resumed"], mended["quarantined"]) == (1, 1, 0)
    assert good.is_file()


def test_ctrl_c_throws_no_suspicion(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        film(tmp_path / "in" / f"{number}.mp4", 40, number)
    out = tmp_path / "out"
    from playtape.label import tasks

    saved, calls = tasks.save_recording, []

    def interrupted(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return saved(*args)

    monkeypatch.setattr(tasks, "save_recording", interrupted)
    with pytest.raises(KeyboardInterrupt):
        label(tmp_path / "in", out, model=model, progress=False)
    assert sorted(path.name for path in out.iterdir()) == ["0.mcap", LINES]
    assert [(line.state, line.begins) for line in lines(out).values()] == [("done", 0), ("stale", 0)]


def test_what_a_killed_run_left_half_written_goes(model: Path, tmp_path: Path) -> None:
    """And only that: another's temporary file is none of ours."""
    film(tmp_path / "in" / "a[1].mp4", 40)
    out = tmp_path / "out"
    label(tmp_path / "in", out, model=model, progress=False)
    ledger = Ledger(out)
    ledger.add(replace(ledger.lines["a[1]"], state=BEGUN, begins=1))
    (out / "a[1].mcap").unlink()
    for name in (".a[1].77.part.mcap", ".labels.77.part.parquet", ".other.77.part.mcap"):
        (out / name).write_bytes(b"half")
    result = label(tmp_path / "in", out, model=model, progress=False)
    assert result["done"] == 1
    assert {path.name for path in out.iterdir()} == {
        "a[1].mcap",
        "labels.parquet",
        "report.html",
        ".other.77.part.mcap",
    }
