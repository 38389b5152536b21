"""A folder of recordings: exit codes, the report, the picture, findings as spans, and play that a policy finds unlikely."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playtape.check import Limits, check
from playtape.check.likelihood import load, stretches, unlikely
from playtape.cli import main
from playtape.errors import BadInput
from playtape.play import play
from playtape.recordings import Span, open_recording
from playtape.recordings.respan import respan
from tests.check.conftest import Turning
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
    assert "0 of 1 recordings are clean, 0.00 of 0.00 hours" in said
    (folder / "take1.mp4").unlink()
    assert main(["check", str(folder), "--workers", "1", "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert result["exit"] == 2
    assert result["counts"]["unusable"] == 1


def test_the_picture(folder: Path, tmp_path: Path) -> None:
    result = check(folder, workers=1, picture=tmp_path / "found.png", progress=False)
    assert Path(result["picture"]).read_bytes()[:4] == b"\x89PNG"


def test_findings_become_spans_and_go_with_their_cause(folder: Path, capsys: pytest.CaptureFixture) -> None:
    path = folder / "take1.mcap"
    respan(open_recording(path), add=[Span(0, 10**9, "text", "turn")])
    events, video = open_recording(path).events, path.with_suffix(".mp4").read_bytes()
    assert main(["check", str(path), "--write"]) == 1
    assert "Wrote findings into 1 recordings" in capsys.readouterr().out
    (text,) = [span for span in open_recording(path).spans if span.kind == "text"]
    (span,) = [span for span in open_recording(path).spans if span.kind == "finding"]
    assert text.value == "turn"
    assert span.value.startswith("rate: frames come 20.00 times a second")
    assert (span.start_ns, span.end_ns) == (0, open_recording(path).video.end_ns)
    assert open_recording(path).events.equals(events)
    assert path.with_suffix(".mp4").read_bytes() == video
    before = path.read_bytes()
    assert check(path, write=True, progress=False)["written"] == []  # nothing is new
    assert path.read_bytes() == before
    assert check(path, Limits(rate=0.9), write=True, progress=False)["written"] == [str(path)]
    assert [span.kind for span in open_recording(path).spans] == ["text"]


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


def test_play_that_a_policy_finds_unlikely(tmp_path: Path) -> None:
    """With a limit just above the median, the stretches that the policy loses most on, and they alone."""
    policy = save_untrained(tmp_path / "policy")
    play("scripted", "simple_fps", episodes=2, record=tmp_path / "data", max_steps=420, progress=False)
    paths = sorted((tmp_path / "data").glob("*.mcap"))
    nats = {path.stem: [one[2] for one in stretches(load(policy), path)] for path in paths}
    assert [len(each) for each in nats.values()] == [2, 2]
    limits = Limits(unlikely=0.1, held_share=1, active_share=0)
    found = kinds(check(tmp_path / "data", limits, policy=policy, workers=1, progress=False))
    every = np.array([x for each in nats.values() for x in each])
    limit = np.median(every) + 0.1 * 1.4826 * np.median(np.abs(every - np.median(every)))
    wanted = {name for name, each in nats.items() if max(each) > limit}
    assert wanted
    assert {name for name, kinds in found.items() if "unlikely" in kinds} == wanted


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
        (("--limits.held-share", "1.5"), "limits.held-share is 1.5"),
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


def test_an_untold_rate_of_frames_is_measured_only(tmp_path: Path) -> None:
    take = Turning()
    take.time_ns = np.cumsum(np.random.default_rng(0).integers(45_000_000, 55_000_000, len(take.frames)))
    take.info = replace(take.info, extra={})
    take.events = take.events.between(int(take.time_ns[0]), int(take.time_ns[-1]))
    found = kinds(check(take.save(tmp_path / "take.mcap"), progress=False))["take"]
    assert not {"rate", "gap"} & found
