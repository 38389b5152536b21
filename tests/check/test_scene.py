"""What shows that pictures are not play: told with --scenes alone, where it is, and not in clean play."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Events
from playtape.check.check import Asked, check, check_one
from playtape.check.findings import Finding, Limits
from playtape.cli import main
from playtape.clips import observed_space, store
from playtape.recordings import open_recording, write_video
from tests.check.conftest import HZ, STEP, Turning

Scenes = Callable[[Turning], list[Finding]]
KINDS = ("blank", "cut", "still", "overlay", "layout", "intro", "outro")


@pytest.fixture
def scenes(tmp_path: Path) -> Scenes:
    def found(take: Turning) -> list[Finding]:
        path = take.save(tmp_path / "take.mcap")
        listed = sorted(check_one(path, Limits(), Asked(scenes=True)).findings)
        plain = check_one(path, Limits()).findings
        assert not {one.kind for one in plain} & set(KINDS)  # they are asked for
        return [one for one in listed if one.kind in KINDS]

    return found


def kinds(found: list[Finding]) -> list[str]:
    return [one.kind for one in found]


def test_clean_play_is_clean(turning: Turning, scenes: Scenes) -> None:
    assert scenes(turning) == []


@pytest.mark.parametrize(("grey", "what"), [(0, "black"), (200, "of one colour")])
def test_a_blank_picture(turning: Turning, scenes: Scenes, grey: int, what: str) -> None:
    turning.frames[100:120] = grey
    (one,) = [one for one in scenes(turning) if one.kind == "blank"]
    assert (one.start_ns, one.end_ns) == (100 * STEP, 120 * STEP)
    assert one.text == f"the picture is {what} for 1.0 s (limit 0.2 s)"


def test_a_cut_to_another_place(turning: Turning, scenes: Scenes) -> None:
    turning.frames[120:] = Turning(7).frames[120:] // 3
    assert [(one.kind, one.start_ns) for one in scenes(turning)] == [("cut", 119 * STEP)]


def test_a_light_that_goes_out_is_no_cut(turning: Turning, scenes: Scenes) -> None:
    turning.frames[121:] = turning.frames[121:] // 3
    turning.frames[120] = turning.frames[119] // 3
    assert scenes(turning) == []


def test_a_picture_that_stands_is_told_whatever_the_inputs(turning: Turning, scenes: Scenes) -> None:
    turning.frames[100:150] = turning.frames[100]
    turning.events = Events.concatenate(
        turning.events.between(0, 95 * STEP), turning.events.between(155 * STEP, 240 * STEP)
    )
    (one,) = scenes(turning)
    assert one.kind == "still"
    assert abs(one.start_ns - 100 * STEP) <= 5 * STEP
    assert abs(one.end_ns - 149 * STEP) <= 5 * STEP


def test_a_face_beside_the_play(scenes: Scenes) -> None:
    take = Turning(count=600)
    take.frames = np.repeat(take.frames, 2, axis=1)  # 160 x 120
    draw = np.random.default_rng(0)
    shade = draw.integers(0, 256, (600, 5, 6, 3), dtype=np.uint8)
    lively = draw.random(600) < 0.5
    for t in range(1, 600):
        if not lively[t]:
            shade[t] = shade[t - 1]
    take.frames[:, 80:120, 112:160] = np.repeat(np.repeat(shade, 8, axis=1), 8, axis=2)
    found = [one for one in scenes(take) if one.kind == "overlay"]
    (one,) = found
    where = "from 75% to 100% of its width, and from 67% to 100% of its height"  # whole blocks of 16 by 12
    assert one.text == f"a part of the picture moves on its own: {where}"


def test_a_frame_around_the_play(scenes: Scenes) -> None:
    take = Turning(count=480)
    take.frames[:, :, :40] = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    (one,) = [one for one in scenes(take) if one.kind == "layout"]
    assert one.text == "borders of the picture stand while the rest moves: 25% at the left"


def test_intro_and_outro(scenes: Scenes, tmp_path: Path) -> None:
    take = Turning(count=480)
    take.frames[20:30] = 0
    take.frames[450:460] = 0
    found = {one.kind: (one.start_ns, one.end_ns) for one in scenes(take)}
    assert found["intro"][0] == 0
    assert found["intro"][1] in (30 * STEP, 31 * STEP)
    assert found["outro"][0] in (449 * STEP, 450 * STEP)
    assert found["outro"][1] == open_recording(tmp_path / "take.mcap").video.end_ns


def test_videos_without_inputs_are_looked_at(turning: Turning, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    turning.frames[100:120] = 0
    (tmp_path / "videos").mkdir()
    video = write_video(tmp_path / "videos" / "walk.mp4", list(turning.frames), fps=HZ)
    assert main(["check", str(tmp_path / "videos"), "--workers", "1"]) == 2
    assert "is video without inputs; add --scenes" in capsys.readouterr().err
    result = check(tmp_path / "videos", workers=1, scenes=True, write=True, progress=False)
    assert "blank" in kinds_of(result)
    assert "unusable" not in result["counts"]
    assert "idle" not in result["counts"]  # nobody knows what was done
    assert result["unwritten"][str(video)].endswith("playtape label makes it a recording")


def kinds_of(result: dict) -> set[str]:
    return {one["kind"] for row in result["recordings"] for one in row["findings"]}


def test_findings_of_named_kinds_are_masked(turning: Turning, tmp_path: Path) -> None:
    turning.frames[100:120] = 0
    path = turning.save(tmp_path / "data" / "take.mcap")
    words = ["check", str(path), "--scenes", "--write", "--mask", "blank"]
    assert main(words) == 1
    recording = open_recording(path)
    (mask,) = [span for span in recording.spans if span.kind == "masked"]
    assert mask.value == "check: blank: the picture is black for 1.0 s (limit 0.2 s)"
    learned = store(recording, observed_space([recording], HZ), (32, 32), HZ).mask
    assert not learned[100:120].any()
    assert learned[[50, 99, 120, 200]].all()
    assert main(words) == 1
    assert open_recording(path).spans == recording.spans
    assert main(["check", str(path), "--write"]) == 0  # nothing is found, so the masks go with their cause
    assert open_recording(path).spans == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mask", "blank"), "--mask is for --write"),
        (("--write", "--mask", "blanc"), "--mask is 'blanc'; legal are held-key"),
        (("--limits.cut", "2"), "limits.cut is 2.0"),
        (("--classifier", "nowhere"), "nowhere is no classifier of pictures"),
    ],
)
def test_bad_words(
    turning: Turning, tmp_path: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture
) -> None:
    path = turning.save(tmp_path / "take.mcap")
    assert main(["check", str(path), *words]) == 2
    assert said in capsys.readouterr().err
