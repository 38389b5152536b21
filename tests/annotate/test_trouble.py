"""Answers, recordings and ledgers that are not as they should be: what of it stays, and what is asked again."""

import base64
import json
from pathlib import Path

import pytest

from playtape.annotate import annotate
from playtape.errors import BadInput
from playtape.recordings import Span, open_recording
from tests.annotate.conftest import Record
from tests.annotate.served import Seen, Served, content, instructions, status
from tests.annotate.watched import EVENTS, SECOND, Make, texts, watcher


def test_an_answer_that_cannot_be_used_is_asked_again_with_the_complaint(record: Record, settings: Make):
    path = record(seconds=30)
    lies = content(instructions(("00:05", "00:03", "Go to the gate."), ("09:00", None, "Go home.")))
    with Served(watcher(EVENTS), [content("I cannot say."), lies]) as server:
        result = annotate(path, settings(server), progress=False)
    assert len(server.seen) == 3
    again = [message["role"] for message in server.seen[2].body["messages"]]
    assert again == ["user", "assistant", "user"]
    complaint = server.seen[2].body["messages"][-1]["content"]
    assert 'instruction 1: "end" is "00:03", which is not after its "start" "00:05"' in complaint
    assert 'instruction 2: "start" is "09:00", but the stretch ends at 00:30' in complaint
    assert result["mended"]["answers could be used only when asked again"] == 1
    assert texts(path) == [(5.0, 30.0, EVENTS[5])]
    assert result["tokens_in"] == 3000, "what was wasted is counted too"


def test_what_cannot_be_used_at_all_is_quarantined_and_the_rest_goes_on(record: Record, settings: Make):
    path = record()
    nonsense = content("I am sorry, I see nothing.")
    with Served(
        watcher(EVENTS), [content(watch) for watch in [instructions(("00:05", None, EVENTS[5]))]] + [nonsense] * 3
    ) as server:
        result = annotate(path, settings(server), progress=False)
        (row,) = result["quarantined"]
        assert (row["chunk"], row["seconds"]) == (1, [30.0, 70.0])
        assert row["reason"] == 'there is no JSON object with "instructions" in it'
        # An open end does not reach into a stretch of which nothing is known.
        assert texts(path)[0] == (5.0, 40.0, EVENTS[5])
        assert texts(path)[-1] == (98.0, 120.0, EVENTS[98])
        assert json.loads(open_recording(path).provenance["text.without_answer_ns"]) == [[30 * SECOND, 70 * SECOND]]
        lines = [json.loads(line) for line in (path.parent / "annotate.jsonl").read_text().splitlines()]
        assert [line["state"] for line in lines] == ["answered", "quarantined", "answered", "answered"]
        assert lines[1]["answer"] == "I am sorry, I see nothing."
        assert lines[1]["asks"] == 3
        asked = len(server.seen)
        result = annotate(path, settings(server), progress=False)
        assert len(server.seen) == asked, "quarantine is not asked again by itself"
        assert len(result["quarantined"]) == 1
        result = annotate(path, settings(server, again=True), progress=False)
        assert len(server.seen) == asked + 1
        assert result["quarantined"] == []
    assert [row[2] for row in texts(path)] == list(EVENTS.values())


def test_replacing_keeps_old_text_where_nothing_came_in_its_place(record: Record, settings: Make):
    old = (Span(10 * SECOND, 20 * SECOND, "text", "one"), Span(50 * SECOND, 60 * SECOND, "text", "two"))
    path = record(spans=old)
    with Served(watcher(EVENTS), [content(instructions()), *[content("no")] * 3]) as server:
        annotate(path, settings(server, replace=True), progress=False)
    values = [row[2] for row in texts(path)]
    assert "one" not in values
    assert "two" in values


def test_a_recording_that_cannot_be_used_is_skipped(record: Record, settings: Make, tmp_path: Path):
    good = record("a.mcap", seconds=30)
    record("b.mcap", seconds=30).with_suffix(".mp4").unlink()
    with Served(watcher(EVENTS)) as server:
        result = annotate(tmp_path / "data", settings(server), progress=False)
    (skipped,) = result["skipped"].items()
    assert skipped[0].endswith("b.mcap")
    assert "but there is no file" in skipped[1]
    assert texts(good)


def test_a_recording_that_is_read_only_is_told_before_anything_is_asked(record: Record, settings: Make):
    path = record(seconds=30)
    path.chmod(0o444)
    with Served() as server:
        with pytest.raises(BadInput, match=f"cannot rewrite {path}: it is read-only"):
            annotate(path, settings(server), progress=False)
        assert not server.seen


def test_a_video_that_cannot_be_decoded_is_skipped_and_the_rest_goes_on(record: Record, settings: Make, tmp_path: Path):
    bad, good = record("a.mcap", seconds=30), record("b.mcap", seconds=31)
    data = bytearray(bad.with_suffix(".mp4").read_bytes())
    where = data.index(b"mdat") + 4
    data[where : where + 2000] = bytes(2000)
    bad.with_suffix(".mp4").write_bytes(data)
    with Served(watcher(EVENTS)) as server:
        result = annotate(tmp_path / "data", settings(server), progress=False)
    assert list(result["skipped"]) == [str(bad)]
    assert texts(good)


def test_a_recording_that_goes_away_meanwhile_is_skipped_and_the_rest_goes_on(record: Record, settings: Make):
    gone, good = record("a.mcap", seconds=30), record("b.mcap", seconds=31)

    def brain(seen: Seen) -> str:
        gone.unlink(missing_ok=True)
        return watcher(EVENTS)(seen)

    with Served(brain) as server:
        result = annotate(gone.parent, settings(server, parallel=1), progress=False)
    assert result["skipped"] == {str(gone): f"there is no recording {gone}; give an OWAMcap file (.mcap)"}
    assert texts(good)


def test_a_ledger_that_a_crash_cut_goes_on(record: Record, settings: Make, capfd):
    path = record()
    with Served(watcher(EVENTS)) as server:
        annotate(path, settings(server), progress=False)
        ledger = path.parent / "annotate.jsonl"
        ledger.write_bytes(ledger.read_bytes()[:-40])
        result = annotate(path, settings(server), progress=False)
    assert (result["known"], result["requests"]) == (3, 1)
    assert f"1 damaged lines of {ledger} are passed over" in capfd.readouterr().err
    lines = ledger.read_bytes().splitlines()
    assert len(lines) == 5
    assert [row[2] for row in texts(path)] == list(EVENTS.values())


def test_no_pictures_and_no_key_are_in_the_ledger(record: Record, settings: Make, tmp_path: Path):
    secret = "sk-very-secret-123456"
    parrot = content(instructions(("00:05", None, f"Say {secret} to the guard.")))
    with Served(tricks=[status(500, {"error": {"message": f"bad key {secret}"}}), parrot]) as server:
        annotate(record(seconds=30), settings(server, key=secret), progress=False)
        assert server.seen[0].headers["authorization"] == f"Bearer {secret}"
    for file in (tmp_path / "data").iterdir():
        assert secret.encode() not in file.read_bytes(), file
    picture = base64.b64encode(b"\xff\xd8\xff")[:4]
    assert picture not in (tmp_path / "data" / "annotate.jsonl").read_bytes()
    assert secret not in repr(settings(key=secret))
