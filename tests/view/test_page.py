"""The page as a file: what it holds, and that it needs nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from playtape.actions import Events
from playtape.actions.runs import runs
from playtape.errors import BadInput
from playtape.recordings.encode import write_video
from playtape.recordings.recording import Recording, open_recording, save_recording
from playtape.recordings.video import Video
from playtape.view import lanes, media, page, write_page
from tests.view.conftest import SPACE, Sample, numbered


def data_of(html: Path) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html.read_text(), re.S)
    assert found is not None
    return json.loads(found.group(1))


def test_one_file_with_everything_in_it(sample: Sample, tmp_path: Path) -> None:
    found = write_page(sample.predicted, tmp_path / "new" / "page.html", truth=sample.truth)
    text = (tmp_path / "new" / "page.html").read_text()
    assert found["bytes"] == len(text.encode())
    assert found["recordings"] == ["steady"]
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["page.html"]
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert "<!--" not in text
    assert "default-src 'none'" in text
    assert "numbers </script>" not in text  # a recording's own text cannot end the data


@pytest.mark.usefixtures("odd_names")
def test_names_and_numbers_that_json_cannot_say(sample: Sample, tmp_path: Path) -> None:
    recording = open_recording(sample.truth)
    far = Events.from_rows([(10**8, "mouse.dx", 1e38), (2 * 10**8, "key.w", 1), (3 * 10**8, "key.w", 0)])
    path = sample.truth.with_name("bad\udcff.mcap")
    path.write_bytes(sample.truth.read_bytes())
    write_page(path, tmp_path / "\udcff.html")
    assert data_of(tmp_path / "\udcff.html")["recordings"][0]["name"] == "bad\\xff"
    path.unlink()
    drawn = lanes.side(
        "recorded", replace(recording, events=far), recording.time_ns, lanes.space_of([replace(recording, events=far)])
    )
    assert max(max(column) for column in drawn["axes"]) == pytest.approx(1e38)
    assert len(orjson.dumps(drawn["axes"]))


def test_the_data_are_the_recordings_actions(sample: Sample, tmp_path: Path) -> None:
    write_page(sample.predicted, tmp_path / "page.html", truth=sample.truth)
    (entry,) = data_of(tmp_path / "page.html")["recordings"]
    assert entry["time_ns"] == sample.time_ns.tolist()
    assert [side["label"] for side in entry["sides"]] == ["truth", "predicted"]
    for side, actions in zip(entry["sides"], sample.sides, strict=True):
        for b, name in enumerate(entry["buttons"]):
            assert side["runs"][b] == runs(actions.buttons[:, SPACE.buttons.index(name)]).tolist()
        for a, axis in enumerate(entry["axes"]):
            column = [one.name for one in SPACE.axes].index(axis["name"])
            assert side["axes"][a] == actions.axes[:, column].tolist()
    assert entry["sides"][0]["probability"] is None
    assert all(entry["sides"][1]["probability"])


def test_a_recording_without_truth_says_what_it_is(sample: Sample, tmp_path: Path) -> None:
    for file, label in ((sample.predicted, "predicted"), (sample.truth, "recorded")):
        write_page(file, tmp_path / "page.html")
        (entry,) = data_of(tmp_path / "page.html")["recordings"]
        assert [side["label"] for side in entry["sides"]] == [label]


def test_a_folder_is_one_page_and_its_truth_is_matched_by_stem(sample: Sample, uneven: Sample, tmp_path: Path) -> None:
    for one in (sample, uneven):
        save_recording(open_recording(one.predicted), tmp_path / "out" / one.predicted.name)
    found = write_page(tmp_path / "out", tmp_path / "page.html", truth=sample.truth.parent)
    assert found["recordings"] == ["steady", "uneven"]
    assert found["notes"] == ["no truth for uneven"]
    with pytest.raises(BadInput, match="has the name"):
        write_page(uneven.predicted.parent, tmp_path / "page.html", truth=sample.truth.parent)


def test_many_recordings_are_cut_short(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST", 2)
    for name in "abc":
        save_recording(open_recording(sample.truth), tmp_path / "out" / f"{name}.mcap")
    found = write_page(tmp_path / "out", tmp_path / "page.html")
    assert found["recordings"] == ["a", "b"]
    assert found["notes"] == ["the page shows the first 2 of 3 recordings"]


def test_a_large_video_stays_beside_the_page(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "EMBED_BYTES", 100)
    recording = open_recording(sample.truth)
    path = save_recording(recording, tmp_path / "a b" / "large.mcap", video="copy")
    found = write_page(path, tmp_path / "page.html")
    (entry,) = data_of(tmp_path / "page.html")["recordings"]
    assert entry["video"]["source"].startswith("a%20b/")
    assert "keep both together" in found["notes"][0]
    assert "video-0" not in re.findall(r'id="([^"]+)"', (tmp_path / "page.html").read_text())


def test_what_browsers_do_not_play_is_shown_as_a_short_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "COPY_NS", 1_000_000_000)
    monkeypatch.setattr(media, "COPY_WIDTH", 80)
    video = Video(write_video(tmp_path / "v.mkv", map(numbered, range(60)), fps=30))
    events = SPACE.events(SPACE.zeros(60), video.time_ns)
    save_recording(Recording(video=video, events=events), tmp_path / "v.mcap")
    found = write_page(tmp_path / "v.mcap", tmp_path / "page.html")
    (entry,) = data_of(tmp_path / "page.html")["recordings"]
    assert entry["video"]["frames"] == 30
    assert len(entry["time_ns"]) == 60
    assert "Only the first 1 s" in found["notes"][0]


def test_bad_input_leaves_no_page(tmp_path: Path) -> None:
    (tmp_path / "not.mcap").write_bytes(b"not an mcap file")
    with pytest.raises(BadInput):
        write_page(tmp_path / "not.mcap", tmp_path / "page.html")
    with pytest.raises(BadInput):
        write_page(tmp_path / "missing", tmp_path / "page.html")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["not.mcap"]


@pytest.mark.parametrize("name", ["steady.mcap", "page", "page.mp4", ""])
def test_a_page_is_named_as_one(sample: Sample, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"must end in \.html or \.htm"):
        write_page(sample.predicted, tmp_path / name if name else Path())
    assert not any(tmp_path.iterdir())


def test_a_page_never_replaces_what_it_shows(sample: Sample, tmp_path: Path) -> None:
    before = sample.predicted.read_bytes(), open_recording(sample.predicted).video.path.read_bytes()
    for shown in (sample.predicted, sample.truth, open_recording(sample.predicted).video.path):
        page = tmp_path / f"{shown.parent.name}-{shown.name}.html"
        page.hardlink_to(shown)
        with pytest.raises(BadInput, match="which it shows"):
            write_page(sample.predicted, page, truth=sample.truth)
    assert before == (sample.predicted.read_bytes(), open_recording(sample.predicted).video.path.read_bytes())
