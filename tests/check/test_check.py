"""A folder of recordings: exit codes, the report, the picture, findings as spans, and play that a policy finds unlikely."""

import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playtape.actions import ActionSpace, Axis
from playtape.check import Limits
from playtape.check.check import check
from playtape.check.likelihood import stretches, unlikely
from playtape.cli import main
from playtape.errors import BadInput
from playtape.play import play
from playtape.recordings import Span, open_recording
from playtape.recordings.respan import respan
from playtape.training import checkpoint
from tests.check.conftest import Turning
from tests.conftest import ROOT
from tests.untrained import save_untrained


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clean recordings, one told at another rate, and one with a copied part."""
    takes = [Turning(seed) for seed in range(4)]
    takes[1].info = replace(takes[1].info, extra={"hz": "30"})
    takes[3].frames[40:220] = takes[0].frames[40:220]
    for number, take in enumerate(takes):
        take.save(tmp_path / "data" / f"take{number}.mcap")
    return tmp_path / "data"


def kinds(result: dict) -> dict[str, set[str]]:
    return {Path(row["path"]).stem: {one["kind"] for one in row["findings"]} for row in result["recordings"]}


def test_processes_begin_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork after torch was used may wait forever for threads that it does not have."""

    def fork() -> int:
        raise AssertionError("a process was forked")

    for number in range(2):
        Turning(number, count=40).save(tmp_path / f"take{number}.mcap")
    monkeypatch.setattr(os, "fork", fork)
    result = check(tmp_path, workers=2, progress=False)
    assert "unusable" not in result["counts"]


def test_a_process_that_is_ended_from_outside_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel ends one where memory is short: the pool notices, and so must whoever waits for it."""

    def end(*_: object) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    start = ProcessPoolExecutor.map
    monkeypatch.setattr(ProcessPoolExecutor, "map", lambda *words, **more: (start(*words, **more), end())[0])
    with pytest.raises(BadInput, match="ended from outside, perhaps for want of memory; --workers 1 needs least"):
        check(folder, workers=2, progress=False)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_recording_and_what_only_shows_beside_others(folder: Path, workers: int) -> None:
    result = check(folder, workers=workers, progress=False)
    found = kinds(result)
    assert found["take0"] == found["take2"] == set()
    assert found["take1"] == {"rate"}
    assert "repeated-play" in found["take3"]
    assert result["exit"] == 1
    assert result["counts"]["rate"] == result["counts"]["repeated-play"] == 1
    assert result["hours"] == pytest.approx(4 * 12 / 3600, rel=0.01)
    assert result["hours_clean"] == pytest.approx(2 * 12 / 3600, rel=0.01)


def test_exit_codes_and_both_forms_of_the_report(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(folder / "take0.mcap")]) == 0
    assert "1 of 1 recordings are clean" in capsys.readouterr().out
    assert main(["check", str(folder / "take1.mcap")]) == 1
    said = capsys.readouterr().out
    assert "rate          frames come 20.00 times a second, and it says 30 (limit 2% apart)" in said
    assert "0 of 1 recordings are clean, 0.0 of 0.2 minutes" in said
    (folder / "take1.mp4").unlink()
    assert main(["check", str(folder), "--workers", "1", "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert result["exit"] == 2
    assert result["counts"]["unusable"] == 1


def test_the_picture(folder: Path, tmp_path: Path) -> None:
    result = check(folder, workers=1, picture=tmp_path / "found.png", progress=False)
    assert Path(result["picture"]).read_bytes()[:4] == b"\x89PNG"
    pixels = np.array(Image.open(result["picture"]).convert("L"))
    assert (pixels < 128).any()
    assert (pixels[[0, -1]] == 255).all()  # nothing is cut off: the legend is the lowest


def test_a_picture_of_names_that_are_odd(tmp_path: Path) -> None:
    """A dollar begins a formula in matplotlib's labels, and one that is none would be an error."""
    Turning(count=40).save(tmp_path / "data" / "a$\\b$\n.mcap")
    check(tmp_path / "data", workers=1, picture=tmp_path / "found.svg", progress=False)
    assert (tmp_path / "found.svg").stat().st_size > 1000


def test_a_picture_that_cannot_be_drawn_leaves_the_recordings_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    before = (folder / "take1.mcap").read_bytes()
    with pytest.raises(BadInput, match=r"cannot write .*found\.png"):
        check(folder, workers=1, write=True, picture=tmp_path / "file" / "found.png", progress=False)
    assert (folder / "take1.mcap").read_bytes() == before


def test_findings_become_spans_and_go_with_their_cause(folder: Path, capsys: pytest.CaptureFixture) -> None:
    path = folder / "take1.mcap"
    respan(open_recording(path), add=[Span(0, 10**9, "text", "turn")])
    events, video = open_recording(path).events, path.with_suffix(".mp4").read_bytes()
    assert main(["check", str(path), "--write"]) == 1
    assert capsys.readouterr().out.endswith("\nWrote findings into 1 recording\n")
    (text,) = [span for span in open_recording(path).spans if span.kind == "text"]
    (span,) = [span for span in open_recording(path).spans if span.kind == "finding"]
    assert text.value == "turn"
    assert span.value.startswith("rate: frames come 20.00 times a second")
    assert (span.start_ns, span.end_ns) == (0, open_recording(path).video.end_ns)
    assert open_recording(path).events.equals(events)
    assert path.with_suffix(".mp4").read_bytes() == video
    before = path.read_bytes()
    result = check(path, write=True, progress=False)
    assert (result["written"], result["unchanged"]) == ([], [str(path)])  # nothing is new
    assert main(["check", str(path), "--write"]) == 1
    assert capsys.readouterr().out.endswith("\nNothing changed in 1 recording\n")
    assert path.read_bytes() == before
    assert check(path, Limits(rate=0.9), write=True, progress=False)["written"] == [str(path)]
    assert [span.kind for span in open_recording(path).spans] == ["text"]


@pytest.mark.parametrize("locked", ["take1.mcap", "."])
def test_a_recording_that_is_read_only_is_told_and_stays(
    folder: Path, locked: str, capsys: pytest.CaptureFixture
) -> None:
    path, mode = folder / "take1.mcap", 0o444 if locked != "." else 0o555
    before = path.read_bytes()
    (folder / locked).chmod(mode)
    code = main(["check", str(path), "--write"])
    left = (folder / locked).stat().st_mode & 0o777
    (folder / locked).chmod(0o755)
    assert (code, left, path.read_bytes()) == (1, mode, before)
    what = "it" if locked != "." else f"its folder {folder}"
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        f"cannot rewrite {path}: {what} is read-only; chmod u+w makes it writable",
        "Wrote findings into 0 recordings",
    ]


def test_a_write_that_failed_is_not_all_well(folder: Path) -> None:
    """Clean by another limit, but the old finding cannot be taken out."""
    path = folder / "take1.mcap"
    check(path, write=True, progress=False)
    path.chmod(0o444)
    result = check(path, Limits(rate=0.9), write=True, progress=False)
    assert (result["counts"], result["written"], list(result["unwritten"]), result["exit"]) == ({}, [], [str(path)], 1)


def test_who_may_read_a_recording_stays(folder: Path) -> None:
    path = folder / "take1.mcap"
    path.chmod(0o640)
    assert check(path, write=True, progress=False)["written"] == [str(path)]
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_line_stays_one_whatever_a_name_holds(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    take = Turning()
    take.info = replace(take.info, extra={"hz": "30"}, player="\x1b[31mann")
    path = take.save(tmp_path / "data" / "two\nlines\x1b[2J.mcap")
    Turning(1).save(tmp_path / "data" / "clean.mcap")
    assert main(["check", str(tmp_path / "data"), "--workers", "1", "--review", "2"]) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.splitlines()[0] == str(path).replace("\n", "\\n").replace("\x1b", "\\x1b")
    assert len(said.splitlines()) == 7  # with the line above the counts


def test_a_link_that_leads_nowhere_is_unusable(folder: Path) -> None:
    (folder / "gone.mcap").symlink_to(folder / "nowhere.mcap")
    result = check(folder, workers=1, progress=False)
    (row,) = [row for row in result["recordings"] if row["name"] == "gone"]
    (one,) = row["findings"]
    assert one["kind"] == "unusable"
    assert one["text"].startswith(f"there is no recording {folder / 'gone.mcap'} (a link that leads nowhere)")
    assert result["exit"] == 2


def test_findings_are_not_what_is_learned_from_or_told(folder: Path) -> None:
    """A span of kind "finding" is a note: it masks nothing and instructs nobody."""
    from playtape.clips import instructions, observed_space, store

    path = folder / "take1.mcap"
    check(path, write=True, progress=False)
    recording = open_recording(path)
    assert store(recording, observed_space([recording], 20), (32, 32), 20).mask[:-1].all()
    assert instructions(recording.spans, recording.time_ns)[0] == []


def test_review_names_the_flagged_first(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text("recording,verdict\ntake3,accepted\n")
    words = ["check", str(folder), "--workers", "1", "--review", "2", "--verdicts", str(verdicts), "--json"]
    assert main(words) == 1
    chosen = json.loads(capsys.readouterr().out)["review"]
    assert chosen[0] == {"path": str(folder / "take1.mcap"), "why": "rate"}
    assert Path(chosen[1]["path"]).stem in ("take0", "take2")


def test_verdicts_of_other_recordings_are_noted(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text("recording,verdict\ntake3,accepted\ntake33,accepted\n")
    assert main(["check", str(folder), "--workers", "1", "--review", "1", "--verdicts", str(verdicts)]) == 1
    assert "note: 1 of 2 verdicts are of no recording here: take33" in capsys.readouterr().out.splitlines()


def test_play_that_a_policy_finds_unlikely(tmp_path: Path) -> None:
    """With a limit just above the median, the stretches that the policy loses most on, and they alone."""
    policy = save_untrained(tmp_path / "policy")
    play("scripted", "simple_fps", episodes=2, record=tmp_path / "data", max_steps=420, progress=False)
    paths = sorted((tmp_path / "data").glob("*.mcap"))
    nats = {path.stem: [one[2] for one in stretches(checkpoint.load(policy), path)] for path in paths}
    assert [len(each) for each in nats.values()] == [2, 2]
    limits = Limits(unlikely=0.1, held_share=1, active_share=0)
    found = kinds(check(tmp_path / "data", limits, policy=policy, workers=1, progress=False))
    every = np.array([x for each in nats.values() for x in each])
    limit = np.median(every) + 0.1 * 1.4826 * np.median(np.abs(every - np.median(every)))
    wanted = {name for name, each in nats.items() if max(each) > limit}
    assert wanted
    assert {name for name, kinds in found.items() if "unlikely" in kinds} == wanted


def test_a_policy_that_knows_the_recordings_or_not_their_game_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = tmp_path / "data"
    take = Turning(count=40)  # turns alone
    take.add((1.0, "key.q", 1), (1.1, "key.q", 0))
    take.save(data / "take.mcap")
    (data / "broken.mcap").write_bytes(b"")
    policy = save_untrained(tmp_path / "policy", trained_on=["take", "broken"])
    assert main(["check", str(data), "--workers", "1", "--policy", str(policy)]) == 2
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
    assert notes == [
        f"note: not among the actions of {policy}, so it is not told: key.q",
        f"note: {policy}: it was trained on 1 of these 1 recordings, so its numbers there say little",
    ]
    pad = save_untrained(tmp_path / "pad", space=ActionSpace(("pad.south",), (Axis("pad.left_x", "state"),)))
    with pytest.raises(BadInput, match=r"in .*data only key\.q, mouse\.dx is done, and .*pad acts with pad\."):
        check(data, policy=pad, workers=1, progress=False)
    (data / "take.mcap").write_bytes(b"")
    assert check(data, policy=pad, workers=1, progress=False)["counts"] == {"unusable": 2}


def test_a_stretch_that_stands_out_of_all() -> None:
    lost = {"a": [(0, 10, 1.0), (10, 20, 1.1)], "b": [(0, 10, 0.9), (10, 20, 1.9)], "c": [(0, 10, 1.0)]}
    found = {name: listed for name, listed in unlikely(lost, Limits()).items() if listed}
    ((name, (one,)),) = found.items()
    assert (name, one.start_ns, one.end_ns) == ("b", 10, 20)
    assert one.text == "the policy loses 1.90 nats here, 1.00 as a rule (limit 1.89)"
    assert unlikely({}, Limits()) == {}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--limits.held-share", "1.5"), "playtape check: limits.held-share is 1.5; it must be a number from 0 to 1\n"),
        (("--limits.idle-s", "nan"), "limits.idle-s is nan"),
        (("--limits.repeats", "1"), "limits.repeats is 1"),
        (("--workers", "0"), "--workers is 0"),
        (("--review", "-1"), "--review is -1"),
        (("--verdicts", "x.csv"), "--verdicts is for --review"),
        (("--picture", "x.txt"), "a picture must end in"),
        (("--policy", "nowhere"), "there is no checkpoint nowhere"),
    ],
)
def test_bad_words(folder: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(folder), *more]) == 2
    assert said in capsys.readouterr().err


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no recording"):
        check(tmp_path, progress=False)


def test_the_command_line_starts_without_it() -> None:
    """It takes most of a second to import, and every command would."""
    code = (
        "import sys; from playtape.cli import main; main(['--help']); sys.exit('playtape.check.check' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def test_an_untold_rate_of_frames_is_measured_only(tmp_path: Path) -> None:
    take = Turning()
    take.time_ns = np.cumsum(np.random.default_rng(0).integers(45_000_000, 55_000_000, len(take.frames)))
    take.info = replace(take.info, extra={})
    take.events = take.events.between(int(take.time_ns[0]), int(take.time_ns[-1]))
    found = kinds(check(take.save(tmp_path / "take.mcap"), progress=False))["take"]
    assert not {"rate", "gap"} & found
