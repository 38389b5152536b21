"""Numbers and names that no recorder writes: one clear sentence or a warning, never a crash or a silently wrong time."""

from dataclasses import replace

import pytest

from playtape.errors import BadInput
from playtape.recordings import Span, Video, open_recording, repair, save_recording, summary
from tests.recordings.pictures import EPOCH

LAST = 2**63 - 1  # the latest time that int64 can say
PRESS = (EPOCH + 10**8, "keyboard", {"event_type": "press", "vk": 87})


@pytest.mark.parametrize("uri", ["file://[", "http://[::1", "//["])
def test_a_reference_that_is_no_name(mcap, tmp_path, uri):
    path = mcap([(EPOCH, "screen", {"media_ref": {"uri": uri, "pts_ns": 0}}), PRESS], screens=False)
    with pytest.raises(BadInput, match="refers to the video .* no legal name; legal is a file beside the recording"):
        open_recording(path)
    assert summary(path)["inputs"] == {"key.w": 1}
    assert repair(path, tmp_path / "out.mcap")["video"] is None
    assert summary(tmp_path / "out.mcap")["inputs"] == {"key.w": 1}


def test_a_name_that_no_file_can_have(mcap, tmp_path):
    path = mcap([(EPOCH, "screen", {"media_ref": {"uri": "x" * 5000, "pts_ns": 0}}), PRESS], screens=False)
    with pytest.raises(BadInput, match="but there is no file") as error:
        open_recording(path)
    assert len(str(error.value)) < 1000
    assert repair(path, tmp_path / "out.mcap")["messages"] == 2


@pytest.mark.parametrize(
    "record",
    [
        {"anchor_ns": str(10**40)},
        {"anchor_ns": "-5"},
        {"anchor_ns": str(EPOCH), "residual_ns": str(10**40)},
        {"anchor_ns": str(EPOCH), "drift_ppm": "nan"},
        {"anchor_ns": str(EPOCH), "drift_ppm": "inf"},
    ],
)
def test_a_clock_that_cannot_be(mcap, tmp_path, record):
    path = mcap([PRESS], metadata={"clock": record})
    with pytest.raises(BadInput, match=r"impossible clock record \(.*\); legal are an anchor_ns"):
        open_recording(path)
    result = repair(path, tmp_path / "out.mcap")
    assert "impossible clock record" in result["damage"][0]
    assert not result["complete"]
    assert result["unreadable"] is None
    assert list(open_recording(tmp_path / "out.mcap").events) == [(10**8, "key.w", 1)]


@pytest.mark.parametrize("anchor", [0, LAST, EPOCH + 5 * 10**9])
def test_a_clock_that_does_not_fit_the_screens(mcap, anchor):
    recording = open_recording(mcap([PRESS], metadata={"clock": {"anchor_ns": str(anchor)}}))
    assert any(f"clock record (anchor_ns {anchor}) is " in warning for warning in recording.warnings)
    assert list(recording.events) == [(10**8, "key.w", 1)]


@pytest.mark.parametrize("screen", ["axb", f"{10**30}x5", "0x0"])
def test_a_screen_that_cannot_be(mcap, tmp_path, screen):
    path = mcap([PRESS], metadata={"recording": {"screen": screen, "game": "g"}})
    with pytest.raises(BadInput, match=f"bad numbers .screen {screen}.; legal is screen 640x480"):
        open_recording(path)
    assert "bad numbers" in repair(path, tmp_path / "out.mcap")["damage"][0]
    assert open_recording(tmp_path / "out.mcap").info.game == "g"


def test_what_repair_cannot_mend_it_tells(mcap, tmp_path):
    path = mcap([PRESS], schemas={"keyboard": "desktop/Foo"})
    assert "unknown schema" in repair(path, tmp_path / "out.mcap")["unreadable"]


@pytest.mark.parametrize("pts", [[LAST] * 3, [0, LAST]])
def test_frames_beyond_all_time(mcap, pts):
    rows = [(EPOCH + i, "screen", {"media_ref": {"uri": "video.mp4", "pts_ns": t}}) for i, t in enumerate(pts)]
    with pytest.raises(BadInput, match=f"screen messages show no frame of video.mp4; the first has pts_ns {LAST}"):
        open_recording(mcap(rows, screens=False))


def test_screens_that_span_centuries(mcap):
    rows = [(t, "screen", {"media_ref": {"uri": "video.mp4", "pts_ns": i * 10**9}}) for i, t in enumerate((0, LAST))]
    with pytest.raises(BadInput, match="no recording is so long"):
        open_recording(mcap(rows, screens=False))


def test_an_event_beyond_all_time_is_warned_of_and_not_written(mcap, tmp_path):
    path = mcap([(LAST, "keyboard", {"event_type": "press", "vk": 87})])
    recording = open_recording(path)
    assert "1 events are more than a day before the video's start or after its end" in recording.warnings
    with pytest.raises(BadInput, match="more than a day after the video's end; legal is up to"):
        save_recording(recording, tmp_path / "out.mcap")


@pytest.mark.parametrize(
    ("topic", "time", "message"),
    [
        ("span", LAST, {"duration_ns": 1, "kind": "masked", "value": ""}),
        ("action/confidence", EPOCH, {"names": [], "offset_ns": [], "values": []}),
        ("action/confidence", EPOCH, {"names": [], "offset_ns": [0], "values": [[]]}),
        ("action/confidence", EPOCH, {"names": ["key.w"], "offset_ns": [LAST], "values": [[0.5]]}),
    ],
)
def test_a_message_that_fits_nothing_is_left_out(mcap, topic, time, message):
    recording = open_recording(mcap([PRESS, (time, topic, message)]))
    assert any("left out" in warning for warning in recording.warnings)
    assert recording.confidence is None
    assert recording.spans == ()


@pytest.mark.usefixtures("odd_names")
def test_a_video_whose_name_is_not_utf8(recording, tmp_path):
    video = recording.video.path.rename(tmp_path / "bad\udcff.mp4")
    player = replace(recording.info, player="policy \udcff")
    spans = (Span(0, 10, "control", "policy \udcff"),)
    path = save_recording(replace(recording, video=Video(video), info=player, spans=spans), tmp_path / "bad\udcff.mcap")
    back = open_recording(path)
    assert (back.video.path.name, back.info.player, back.spans[0].value) == ("bad\udcff.mp4", *["policy \\xff"] * 2)
    assert repair(path, tmp_path / "deeper" / "out.mcap")["video"] == str(video)
    assert open_recording(tmp_path / "deeper" / "out.mcap").events.equals(back.events)
