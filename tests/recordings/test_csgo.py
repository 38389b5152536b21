"""Counter-Strike's minutes as HDF5: which label belongs to which picture, what is masked, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Actions
from playtape.errors import BadInput, Truncated
from playtape.recordings import Recording, Span
from playtape.recordings.formats import csgo

h5py = pytest.importorskip("h5py")
COUNT = 8


def done(keys: str = "", *, clicks: tuple[int, int] = (0, 0), dx: int = 0, dy: int = 0) -> np.ndarray:
    """A vector in the published order; keys are words."""
    row = np.zeros(csgo.DONE)
    for key in keys.split():
        row[("w", "a", "s", "d", "space", "ctrl", "shift", "1", "2", "3", "r").index(key)] = 1
    row[11:13] = clicks
    row[13 + csgo.RIGHT.index(dx)] = row[36 + csgo.DOWN.index(dy)] = 1
    return row


def minute(path: Path, rows: list[np.ndarray], change: Callable[[h5py.File], None] | None = None) -> Path:
    """Picture i is blue of level 20 i and has no red. Everybody is well."""
    with h5py.File(path, "w") as file:
        for i, row in enumerate(rows):
            picture = np.zeros((20, 34, 3), np.uint8)
            picture[..., 0] = 20 * i % 240
            health = np.zeros(54)
            health[15] = i > 0
            file[f"frame_{i}_x"], file[f"frame_{i}_y"] = picture, row
            file[f"frame_{i}_xaux"], file[f"frame_{i}_helperarr"] = health, np.zeros(2)
        if change is not None:
            change(file)
    return path


def put(name: str, value: np.ndarray) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def rows_of(recording: Recording) -> Actions:
    return csgo.SPACE.actions(recording.events, recording.time_ns)


def held(recording: Recording, name: str) -> list[int]:
    return np.flatnonzero(rows_of(recording).buttons[:, csgo.SPACE.buttons.index(name)]).tolist()


def test_label_t_is_what_was_done_from_picture_t_on(tmp_path: Path) -> None:
    rows = [done() for _ in range(COUNT)]
    rows[3] = done("w ctrl 3", clicks=(1, 0), dx=-30, dy=4)
    recording = csgo.read(minute(tmp_path / "a.hdf5", rows))
    for name in ("key.w", "key.control", "key.3", "mouse.left"):
        assert held(recording, name) == [3]
    assert held(recording, "mouse.right") == held(recording, "key.a") == []
    assert rows_of(recording).axes.tolist() == [[-30, 4] if t == 3 else [0, 0] for t in range(COUNT)]
    assert recording.video.fps == pytest.approx(16)
    assert recording.spans == ()
    assert recording.warnings == ()


def test_every_value_of_the_mouse(tmp_path: Path) -> None:
    """The published values, not their places: 23 to the right and 15 down."""
    assert (len(csgo.RIGHT), len(csgo.DOWN), csgo.DONE) == (23, 15, 51)
    rows = [done(dx=dx, dy=csgo.DOWN[k % 15]) for k, dx in enumerate(csgo.RIGHT)] + [done()]
    axes = rows_of(csgo.read(minute(tmp_path / "a.hdf5", rows))).axes
    assert axes[:-1, 0].tolist() == list(csgo.RIGHT)
    assert axes[:-1, 1].tolist() == [csgo.DOWN[k % 15] for k in range(23)]


def test_pictures_become_red_first(tmp_path: Path) -> None:
    frames = list(csgo.read(minute(tmp_path / "a.hdf5", [done()] * COUNT)).video.stream())
    assert frames[7].shape == (20, 34, 3)
    assert frames[7][..., 2].mean() == pytest.approx(140, abs=8)
    assert frames[7][..., 0].mean() < 20
    assert [round(float(frame[..., 2].mean()) / 20) for frame in frames] == list(range(COUNT))


def test_the_dead_are_masked(tmp_path: Path) -> None:
    """The health at state 3 stands in xaux of 4. Nothing was inferred for the change to it, nor for the one from it."""

    def die(file: h5py.File) -> None:
        file["frame_4_xaux"][15] = 0
        file["frame_3_helperarr"][1] = 1
        file["frame_1_helperarr"][0] = 1

    recording = csgo.read(minute(tmp_path / "a.hdf5", [done("w")] * COUNT, die))
    time = recording.time_ns.tolist()
    assert recording.spans == (
        Span(time[1], time[2], "kill", ""),
        Span(time[3], time[4], "death", ""),
        Span(time[3], time[5], "masked", "the player is dead"),
    )


def test_an_expert_s_keys_are_told_apart_from_inferred_ones(tmp_path: Path) -> None:
    rows = [done()] * COUNT
    scraped = csgo.read(minute(tmp_path / "hdf5_dm_july2021_9.hdf5", rows)).info
    expert = csgo.read(minute(tmp_path / "hdf5_dm_july2021_expert_9.hdf5", rows)).info
    assert (scraped.extra["labels"], expert.extra["labels"]) == ("inferred", "recorded in part")
    assert (scraped.game, scraped.licence) == ("csgo", "MIT")
    assert scraped.mouse_scale == pytest.approx(0.055, abs=1e-4)


def test_a_file_without_the_rest_is_read_and_told_of(tmp_path: Path) -> None:
    def strip(file: h5py.File) -> None:
        del file["frame_2_xaux"], file["frame_0_helperarr"]

    recording = csgo.read(minute(tmp_path / "a.hdf5", [done("w")] * COUNT, strip))
    assert recording.warnings == (
        "xaux is not told of each frame, and was left out",
        "helperarr is not told of each frame, and was left out",
    )


def test_motion_that_is_not_told_is_masked(tmp_path: Path) -> None:
    rows = [done(dx=10) for _ in range(COUNT)]
    rows[2][13:36] = 0
    rows[5][36:38] = 1
    recording = csgo.read(minute(tmp_path / "a.hdf5", rows))
    assert rows_of(recording).axes[:, 0].tolist() == [10, 10, 0, 10, 10, 0, 10, 0]
    assert recording.warnings == ("2 frames tell no mouse motion, and are masked",)
    starts = [span.start_ns for span in recording.spans if span.kind == "masked"]
    assert starts == recording.time_ns[[2, 5]].tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("frame_3_y", np.zeros(50)), r"frame_3_y in .* is float64 \[50\]; legal are 51 numbers"),
        (put("frame_3_y", np.full(51, np.nan)), "frame_3_y in .* holds nan; legal are 51 finite numbers"),
        (put("frame_3_xaux", np.zeros((2, 27))), r"frame_3_xaux in .* is float64 \[2, 27\]"),
        (
            put("frame_0_x", np.zeros((20, 34), np.uint8)),
            r"frame_0_x in .* is uint8 \[20, 34\]; legal is uint8 \[H, W, 3\]",
        ),
        (put("frame_5_x", np.zeros((21, 34, 3), np.uint8)), r"legal is uint8 \[20, 34, 3\] as the first"),
        (put("frame_5_x", np.zeros((20, 34, 3))), "frame_5_x in .* is float64"),
        (lambda file: file.__delitem__("frame_5_x"), "7 pictures but no frame_5_x"),
        (lambda file: file.__delitem__("frame_5_y"), "has no data set frame_5_y of its own"),
        (lambda file: [file.__delitem__(f"frame_{i}_x") for i in range(1, COUNT)], "holds 1 pictures"),
    ],
)
def test_a_lying_file_is_told(tmp_path: Path, change: Callable[[h5py.File], None], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        csgo.read(minute(tmp_path / "a.hdf5", [done()] * COUNT, change))


def test_a_picture_that_says_it_is_enormous_is_never_read(tmp_path: Path) -> None:
    def swell(file: h5py.File) -> None:
        del file["frame_0_x"]
        file.create_dataset("frame_0_x", (1 << 20, 1 << 20, 3), np.uint8, chunks=(64, 64, 3), compression="gzip")

    with pytest.raises(BadInput, match="sides of 2 to 4096"):
        csgo.read(minute(tmp_path / "a.hdf5", [done()] * COUNT, swell))


def test_what_fails_in_coding_is_not_told_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, or an encoder that is not there, says nothing of what was read."""
    path = minute(tmp_path / "a.hdf5", [done()] * COUNT)
    for error in (ValueError("no such encoder"), OSError(28, "No space left on device"), RuntimeError("stopped")):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(csgo, "coded", fail)
        with pytest.raises(type(error), match=str(error.args[-1])) as caught:
            csgo.read(path)
        assert caught.value is error


def test_a_picture_that_is_damaged_is_told(tmp_path: Path) -> None:
    """It is read while others are coded already."""

    def pack(file: h5py.File) -> None:
        del file["frame_5_x"]
        noise = np.random.default_rng(0).integers(0, 256, (20, 34, 3), dtype=np.uint8)
        file.create_dataset("frame_5_x", data=noise, chunks=(20, 34, 3), compression="gzip")

    path = minute(tmp_path / "a.hdf5", [done()] * COUNT, pack)
    with h5py.File(path) as file:
        chunk = file["frame_5_x"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(data)
    with pytest.raises(BadInput, match="is not a readable HDF5 file"):
        csgo.read(path)


def test_other_files_are_not_read_through_a_link(tmp_path: Path) -> None:
    minute(tmp_path / "secret.hdf5", [done("w")] * COUNT)

    def link(file: h5py.File) -> None:
        del file["frame_2_y"]
        file["frame_2_y"] = h5py.ExternalLink(str(tmp_path / "secret.hdf5"), "frame_0_y")

    with pytest.raises(BadInput, match="has no data set frame_2_y of its own"):
        csgo.read(minute(tmp_path / "a.hdf5", [done()] * COUNT, link))


def test_a_truncated_and_an_empty_file(tmp_path: Path) -> None:
    data = minute(tmp_path / "a.hdf5", [done()] * COUNT).read_bytes()
    (tmp_path / "a.hdf5").write_bytes(data[:-100])
    with pytest.raises(Truncated, match="ends early"):
        csgo.read(tmp_path / "a.hdf5")
    for content in (b"", b"no such thing", data[:600]):
        (tmp_path / "a.hdf5").write_bytes(content)
        with pytest.raises(BadInput, match=r"a\.hdf5"):
            csgo.read(tmp_path / "a.hdf5")


def test_damage_inside_is_one_sentence_and_leaves_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "coded"))
    (tmp_path / "coded").mkdir()
    data = bytearray(minute(tmp_path / "a.hdf5", [done()] * COUNT).read_bytes())
    rng = np.random.default_rng(0)
    said: list[str] = []
    for _ in range(12):
        hurt = bytearray(data)
        for place in rng.integers(96, len(data), 400):
            hurt[place] ^= int(rng.integers(1, 256))
        (tmp_path / "a.hdf5").write_bytes(hurt)
        try:
            recording = csgo.read(tmp_path / "a.hdf5")
        except BadInput as error:
            said.append(str(error))
        else:
            del recording
    assert said
    assert not any("\n" in sentence for sentence in said)
    assert list((tmp_path / "coded").iterdir()) == []
