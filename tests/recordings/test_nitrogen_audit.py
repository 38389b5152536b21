"""What of NitroGen survives: each chunk is counted once, with the hours that it has and the reason why it is lost."""

import json
from pathlib import Path

import numpy as np
import pytest

from playtape import cli
from playtape.errors import BadInput
from playtape.recordings import write_video
from playtape.recordings.convert import convert
from playtape.recordings.nitrogen_audit import audit
from tests.recordings.nitrogen_files import ID, TWITCH, columns, files, film, packed, unpacked

ids = [f"{letter}" * 11 for letter in "abcdefg"]
SHORT, SHAPE, SLOW, BROKEN, UNTOLD, LYING, FAST = ids
HOUR = 3600.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Chunks of a second each: three are usable, and one is lost for each of the reasons."""
    film(tmp_path, frames=60)
    film(tmp_path, f"{SHORT}.mp4", 20)
    film(tmp_path, f"{SHAPE}.mp4", 30, size=(72, 72))
    film(tmp_path, f"{SLOW}.mp4", 30, 10)
    film(tmp_path, f"{UNTOLD}.mp4", 30)
    film(tmp_path, f"{LYING}.mp4", 30)
    film(tmp_path, f"{FAST}.mp4", 50, 50)
    (tmp_path / "videos" / f"{BROKEN}.mp4").write_bytes(b"none")
    busy = columns(30, south=list(range(20)))
    found = files(raw=busy) | files(number=1, game="hades", raw=columns(30, west=[4, 5, 6])) | files(TWITCH, game=None)
    for video in (SHORT, SHAPE, SLOW, BROKEN, FAST):
        found |= files(video)
    found |= files(UNTOLD, bbox_controller_overlay=None) | files(LYING, raw=columns(12))
    return unpacked(tmp_path, found)


def seconds(hours: dict[str, float]) -> list[int]:
    return [round(hours[key] * HOUR) for key in ("all", "on_disk", "usable")]


def test_each_chunk_has_its_reason(data: Path) -> None:
    result = audit(data, progress=False)
    assert seconds(result["hours"]) == [10, 9, 3]
    assert {why: (round(one["hours"] * HOUR), one["chunks"]) for why, one in result["lost"].items()} == {
        "no video": (1, 1),
        "unreadable": (1, 1),
        "too short": (1, 1),
        "wrong size": (1, 1),
        "rate differs": (1, 1),
        "overlay not told": (1, 1),
        "labels unreadable": (1, 1),
    }
    assert {name: seconds(hours) for name, hours in result["sources"].items()} == {
        "youtube": [9, 9, 3],
        "twitch": [1, 0, 0],
    }
    assert {name: seconds(hours) for name, hours in result["games"].items()} == {
        "celeste": [8, 8, 2],
        "hades": [1, 1, 1],
        "unknown": [1, 0, 0],
    }
    assert [result[key] for key in ("chunks", "videos", "usable_videos", "archives")] == [10, 9, 2, 0]
    assert round(result["other_rate_hours"] * HOUR) == 1
    (why,) = result["failed"].values()
    assert "actions_raw.parquet has 12 rows, and its metadata.json says 30" in why
    assert result["folder"] == str(data / "videos")


def test_density_is_of_the_labels_that_are_read(data: Path) -> None:
    found = audit(data, progress=False)["density"]
    share = np.array([20 / 30, 0.1, *[0] * 7])
    assert found["mean"] == pytest.approx(share.mean(), abs=1e-4)
    assert found["median"] == 0
    assert found["kept_chunks"] == pytest.approx(1 / 9, abs=1e-4)
    assert [round(found[key] * HOUR) for key in ("kept_hours", "kept_usable_hours")] == [1, 1]
    assert audit(data, density=False, progress=False)["density"] is None
    raw = columns(30) | {"j_left": [[0.06, 0.0]] * 30, "j_right": [[0.0, 0.05]] * 30}
    pushed = unpacked(data / "more", files(raw=raw, processed=columns(30)) | files(number=1, raw=raw))
    assert audit(pushed, progress=False)["density"]["mean"] == 0.5


def test_what_survives_is_what_converts(data: Path) -> None:
    result = convert(data, data / "out", "nitrogen", progress=False)
    assert len(result["outputs"]) == 3
    assert len(result["failed"]) == 7


def test_archives_are_counted_alike(data: Path, tmp_path: Path) -> None:
    there = {
        str(path.relative_to(data / "actions" / "SHARD_0000")): path.read_bytes() for path in data.rglob("*_chunk_*/*")
    }
    archive = packed(tmp_path / "packed", dict(reversed(there.items())))
    plain = audit(data, progress=False)
    result = audit(archive, data / "videos", progress=False)
    same = ("hours", "sources", "games", "lost", "density", "chunks", "videos", "usable_videos", "other_rate_hours")
    assert {key: result[key] for key in same} == {key: plain[key] for key in same}
    assert result["archives"] == 1
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-2000])
    cut = audit(archive, data / "videos", progress=False)
    assert cut["chunks"] < 10
    assert "ends early" in cut["failed"][str(archive)]
    archive.write_bytes(whole)
    both = unpacked(tmp_path / "packed", files())
    assert audit(both, data / "videos", progress=False)["repeated_chunks"] == 1


def test_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing of NitroGen in .*: no folder ID_chunk_0000, and no \.tar\.gz archive"):
        audit(tmp_path, progress=False)
    with pytest.raises(BadInput, match="there is no file or folder .*nowhere"):
        audit(tmp_path / "nowhere", progress=False)


def test_without_videos_all_is_lost(tmp_path: Path) -> None:
    result = audit(unpacked(tmp_path, files()), progress=False)
    assert seconds(result["hours"]) == [1, 0, 0]
    assert result["folder"] is None


def test_a_probe_tells_a_controller_that_shines_through(tmp_path: Path) -> None:
    """One video's pad is where it was told; another's is drawn a second time elsewhere, as on a stream's second screen."""
    rng = np.random.default_rng(0)
    rows = 300
    south = np.repeat(rng.random(rows // 3) < 0.5, 3)
    ground = rng.integers(60, 160, (12, 16, 3)).repeat(15, 0).repeat(15, 1).astype(np.uint8)
    found = {}
    for video, beyond in ((ID, 0), (TWITCH, 24)):
        pictures = np.repeat(ground[None], rows, 0)
        pictures[south, 120 - beyond : 160, 160 - beyond : 220] = 255
        write_video(tmp_path / "videos" / f"{video}.mp4", pictures, fps=30)
        where = {"resolution": [180, 240], "bbox_controller_overlay": [160, 120, 60, 40]}
        found |= files(video, rows=rows, south=np.flatnonzero(south).tolist(), **where)
    probed = audit(unpacked(tmp_path, found), probe=9, progress=False)["leaks"]
    leaks = {one["chunk"].partition("_chunk")[0]: one for one in probed}
    assert (leaks[TWITCH]["button"], leaks[TWITCH]["tells"]) == ("south", True)
    assert leaks[TWITCH]["beside"] > 0.95
    assert not leaks[ID]["tells"]


def test_on_the_command_line(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(data)
    assert cli.main(["audit", "actions", "--videos", "videos"]) == 1
    said = capsys.readouterr().out
    assert "lost: 0.0003 hours in 1 chunks, no video" in said
    assert "30.0% of the hours are usable, from 2 of 9 videos (folder of videos: videos)" in said
    assert cli.main(["audit", "actions", "--videos", "videos", "--no-density", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chunks"] == 10
    for words, why in (
        (["videos"], "there is nothing of NitroGen in videos"),
        (["actions", "--videos", "nowhere"], "there is no folder nowhere with videos"),
        (["actions", "--probe", "-1"], "--probe is -1"),
    ):
        assert cli.main(["audit", *words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert why in err
