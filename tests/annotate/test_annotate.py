"""From a recording to its instructions, against a server that really looks at the pictures."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader

from playtape.actions import Events
from playtape.annotate import Prompt, annotate
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, Video, open_recording, save_recording, write_video
from playtape.recordings.respan import respan
from tests.annotate.conftest import Record
from tests.annotate.served import Seen, Served, colour, instructions, second_of
from tests.annotate.watched import EVENTS, SECOND, Make, texts, watcher


def messages(path: Path) -> list[tuple[Any, ...]]:
    """All but text, to the byte, by mcap's own reader."""
    with path.open("rb") as file:
        rows = list(make_reader(file, validate_crcs=True).iter_messages(log_time_order=False))
    return sorted(
        (m.log_time, c.topic, m.publish_time, m.sequence, m.data, s.name if s else "")
        for s, c, m in rows
        if c.topic != "text"
    )


def test_what_a_model_tells_becomes_spans_at_the_right_times_and_each_event_once(record: Record, settings: Make):
    path = record()
    before, video = messages(path), hashlib.sha256(path.with_suffix(".mp4").read_bytes()).digest()
    with Served(watcher(EVENTS)) as server:
        result = annotate(path, settings(server), progress=False)
    assert texts(path) == [
        (5.0, 31.0, EVENTS[5]),
        (31.0, 55.0, EVENTS[31]),  # in the overlap: two chunks saw it
        (55.0, 98.0, EVENTS[55]),
        (98.0, 120.0, EVENTS[98]),
    ]
    assert messages(path) == before, "events, frames and everything else stay as they are"
    assert hashlib.sha256(path.with_suffix(".mp4").read_bytes()).digest() == video
    assert (result["instructions"], result["requests"], result["chunks"]) == (4, 4, 4)
    assert (result["tokens_in"], result["tokens_out"]) == (4000, 200)
    assert open_recording(path).warnings == ()


def test_the_pictures_are_those_of_their_times(record: Record, settings: Make):
    with Served() as server:
        annotate(record(), settings(server, frames_per_second=2, chunk_s=30, overlap_s=0), progress=False)
    assert [seen.seconds[0] for seen in server.seen] == [0, 30, 60, 90]
    for seen in server.seen:
        assert seen.seconds == [seen.seconds[0] + i // 2 for i in range(60)]
        labels = [f"00:{i // 2:02d}" + (".5" if i % 2 else "") for i in range(60)]
        assert [label for label, _ in seen.shown] == labels
        assert seen.formats == {"jpeg"}
        assert seen.shown[0][1].shape == (48, 64, 3), "a small picture stays as it is"


def test_pictures_are_made_smaller_keep_their_shape_and_may_be_png(record: Record, settings: Make, tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 255, (20, 300, 400, 3), dtype=np.uint8)
    video = Video(write_video(tmp_path / "wide.mp4", frames, fps=2))
    path = save_recording(Recording(video, Events.empty()), tmp_path / "wide.mcap")
    with Served() as server:
        annotate(path, settings(server, height=150, picture="png"), progress=False)
    assert {picture.shape for _, picture in server.seen[0].shown} == {(150, 200, 3)}
    assert server.seen[0].formats == {"png"}


def test_what_stays_on_the_screen_is_shown_once(record: Record, settings: Make, tmp_path: Path):
    frames = np.zeros((4, 48, 64, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[:] = colour(number)
    times = [0, 7 * SECOND, 7 * SECOND + SECOND // 2, 20 * SECOND]  # a recorder that leaves out what does not change
    video = Video(write_video(tmp_path / "still.mp4", frames, time_ns=times))
    path = save_recording(Recording(video, Events.empty()), tmp_path / "still.mcap")
    with Served() as server:
        annotate(path, settings(server), progress=False)
    assert [(label, second_of(picture)) for label, picture in server.seen[0].shown] == [
        ("00:00", 0), ("00:07", 1), ("00:08", 2), ("00:20", 3)
    ]  # fmt: skip


def test_a_chunk_is_told_what_was_told_before(record: Record, settings: Make):
    with Served(watcher(EVENTS)) as server:
        annotate(record(), settings(server), progress=False)
    first, second, third, _ = (seen.prompt for seen in server.seen)
    assert "the maze" in first
    assert "Nothing: the recording begins here." in first
    assert "From second 0 on, the player walks." in second
    assert f'"{EVENTS[5]}" (00:25 before this stretch)' in second
    assert f'"{EVENTS[31]}" (at 00:01 of this stretch)' in second
    assert "before 00:10 was seen" in second
    assert "From second 30 on" in third
    assert "{{" not in first + second + third


def test_without_carrying_on_all_chunks_are_asked_at_once(record: Record, settings: Make):
    path = record()
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server, carry=False, parallel=4), progress=False)
    assert all("From second" not in seen.prompt for seen in server.seen)
    assert [row[2] for row in texts(path)] == list(EVENTS.values())


def test_text_of_others_is_kept_unless_it_is_to_be_replaced(record: Record, settings: Make):
    mine = Span(2 * SECOND, 9 * SECOND, "text", "Press the red switch")
    control = Span(0, 120 * SECOND, "control", "human")
    path = record(spans=(mine, control))
    with Served(watcher(EVENTS)) as server:
        result = annotate(path, settings(server), progress=False)
        assert result["kept"] == 1
        assert mine in open_recording(path).spans
        result = annotate(path, settings(server, replace=True), progress=False)
    assert (result["kept"], result["removed"]) == (0, 1)
    spans = open_recording(path).spans
    assert mine not in spans
    assert control in spans
    assert len(spans) == 1 + len(EVENTS)


def test_what_an_earlier_run_wrote_gives_way_and_what_a_person_changed_stays(record: Record, settings: Make):
    path = record()
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server), progress=False)
    opened = open_recording(path)
    first = opened.spans[0]
    changed = Span(first.start_ns, first.end_ns, "text", "Go to the gate with the blue lion.")
    respan(opened, add=[changed], drop=[first])
    with Served(lambda seen: instructions(("00:20", "00:30", "Look for the key."))) as server:
        result = annotate(path, settings(server, model="eyes-2"), progress=False)
    assert (result["kept"], result["removed"]) == (1, 3)
    assert [row[2] for row in texts(path)].count("Look for the key.") == result["instructions"]
    assert changed in open_recording(path).spans
    assert open_recording(path).provenance["text.model"] == "eyes-2"


def test_a_recording_says_which_model_and_which_prompt(record: Record, settings: Make):
    path = record()
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server, extra={"temperature": 0.2}), progress=False)
        assert server.seen[0].body["temperature"] == 0.2
        assert server.seen[0].body["model"] == "eyes-1"
    provenance = open_recording(path).provenance
    assert provenance["text.model"] == "eyes-1"
    assert provenance["text.prompt_sha256"] == Prompt.read(None).sha256
    assert json.loads(provenance["text.settings"])["extra"] == {"temperature": 0.2}
    assert len(provenance["text.spans"].split()) == len(EVENTS)


def test_what_was_answered_is_not_asked_again(record: Record, settings: Make):
    path = record()
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server), progress=False)
        written = path.read_bytes(), path.stat().st_mtime_ns
        result = annotate(path, settings(server), progress=False)
        assert len(server.seen) == 4
    assert (result["requests"], result["known"], result["instructions"]) == (0, 4, 4)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == written, "nothing new, so nothing is written"


@pytest.mark.parametrize(
    "change", [{"model": "eyes-2"}, {"height": 32 * 2}, {"gap_s": 9.0}, {"game": "another"}, {"extra": {"seed": 1}}]
)
def test_another_model_or_setting_asks_again(change: dict[str, Any], record: Record, settings: Make):
    path = record()
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server), progress=False)
        annotate(path, settings(server, **change), progress=False)
        assert len(server.seen) == 8


def test_another_prompt_or_video_asks_again(record: Record, settings: Make):
    path, other = record("a.mcap"), record("b.mcap", seconds=119)
    mine = Prompt("Say something of {{length}} after {{before}}, in JSON.", "mine.txt")
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server), progress=False)
        annotate(path, settings(server), mine, progress=False)
        assert len(server.seen) == 8
        assert server.seen[4].prompt.startswith("Say something of 00:40 after Nothing")
        annotate(other, settings(server), progress=False)
        assert len(server.seen) == 12


def test_a_folder_goes_elsewhere_with_out_and_stays_untouched(record: Record, settings: Make, tmp_path: Path):
    paths = [record("a.mcap"), record("deep/b.mcap", seconds=50)]
    before = [path.read_bytes() for path in paths]
    out = tmp_path / "annotated"
    with Served(watcher(EVENTS)) as server:
        result = annotate(tmp_path / "data", settings(server, out=out), progress=False)
        assert [path.read_bytes() for path in paths] == before
        assert result["outputs"] == [str(out / "a.mcap"), str(out / "deep" / "b.mcap")]
        copy = open_recording(out / "deep" / "b.mcap")
        assert copy.video.path.samefile(paths[1].with_suffix(".mp4"))
        assert [span.value for span in copy.spans] == [EVENTS[5], EVENTS[31]]
        assert (out / "annotate.jsonl").exists()
        assert not (tmp_path / "data" / "annotate.jsonl").exists()
        annotate(tmp_path / "data", settings(server, out=out), progress=False)  # once more, over its own copies
        assert len(server.seen) == 6


def test_a_recording_that_annotate_did_not_write_is_never_replaced(record: Record, settings: Make, tmp_path: Path):
    path = record("a.mcap")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.mcap").write_bytes(path.read_bytes())
    (out / "a.mp4").write_bytes(path.with_suffix(".mp4").read_bytes())
    with Served() as server:
        with pytest.raises(BadInput, match="annotate did not write"):
            annotate(path, settings(server, out=out), progress=False)
        assert not server.seen


def test_out_may_not_lie_in_the_data(record: Record, settings: Make, tmp_path: Path):
    record()
    with pytest.raises(BadInput, match="give a folder elsewhere"):
        annotate(tmp_path / "data", settings(out=tmp_path / "data" / "annotated"), dry_run=True)


@pytest.mark.parametrize("name", ["0.3.2", "0.5.1"])
def test_recordings_of_others_on_their_own_clock(name: str, settings: Make, shared_data: Path, tmp_path: Path):
    for suffix in (".mcap", ".mkv"):
        source = shared_data / "owamcap" / f"{name}{suffix}"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    path = tmp_path / f"{name}.mcap"
    before, video = messages(path), open_recording(path).video

    def brain(seen: Seen) -> str:
        return instructions((seen.shown[1][0], None, "Write a note."))

    with Served(brain) as server:
        annotate(path, settings(server, gap_s=1), progress=False)
        seen = server.seen[0]
        start_ns = int(video.time_ns[0]) + SECOND  # one of them shows its first picture after 10 ms
        assert texts(path) == [(start_ns / SECOND, video.end_ns / SECOND, "Write a note.")]
        assert abs(seen.shown[1][1].mean() - video[int(video.index_at(start_ns))].mean()) < 3
        result = annotate(path, settings(server, gap_s=1, model="eyes-2"), progress=False)
        assert (result["kept"], len(texts(path))) == (0, 1), "ours are known again, whatever the clock"
    assert messages(path) == before
