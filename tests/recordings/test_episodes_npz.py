"""Episodes of robots: which action led where, what is cut off, and what is refused."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.recordings import Recording, open_recording, summary
from playtape.recordings.convert import convert
from playtape.recordings.formats import episodes_npz

T = 6


def pictures(count: int = T, side: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def rows(recording: Recording, count: int) -> np.ndarray:
    space = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(count)))
    return space.actions(recording.events, recording.time_ns).axes


def written(folder: Path, name: str = "one", **fields: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", **fields)
    return folder / f"{name}.npz"


def demonstration(tmp_path: Path, action: np.ndarray, **more: np.ndarray) -> Path:
    stack = np.concatenate([pictures().transpose(0, 3, 1, 2)] * 3, 1)
    return written(tmp_path, observation=stack, action=action, **more)


def test_a_demonstrations_row_led_to_its_picture(tmp_path: Path) -> None:
    action = np.linspace(-0.9, 0.9, T * 2, dtype=np.float32).reshape(T, 2)
    reward = np.arange(T, dtype=np.float32)[:, None]
    discount = np.array([1, 1, 1, 1, 1, 0], np.float32)[:, None]
    recording = episodes_npz.read(demonstration(tmp_path, action, reward=reward, discount=discount))
    np.testing.assert_allclose(rows(recording, 2)[:-1], action[1:], rtol=1e-6)
    time = recording.time_ns
    told = [(span.kind, span.start_ns, span.value) for span in recording.spans]
    assert told == [("reward", time[k], str(k + 1)) for k in range(5)] + [("end", time[4], "")]


def test_what_the_simulator_cut_off_is_cut_off_and_counted(tmp_path: Path) -> None:
    action = np.zeros((T, 2), np.float32)
    action[0], action[1], action[3] = 99, (5, -0.5), (-1.01, 1)
    recording = episodes_npz.read(demonstration(tmp_path, action))
    assert recording.warnings == ("2 of 10 numbers of actions are beyond -1 to 1 and were cut off",)
    assert rows(recording, 2)[[0, 2]].tolist() == [[1, -0.5], [-1, 1]]
    assert recording.info.extra["clipped"] == "2"


def test_what_was_cut_off_is_in_the_result_and_in_the_recording(tmp_path: Path) -> None:
    action = np.zeros((T, 2), np.float32)
    demonstration(tmp_path / "in" / "plain", action)
    action[1:4] = -7
    demonstration(tmp_path / "in" / "wild", action)
    result = convert(tmp_path / "in", tmp_path / "out", "episodes_npz", progress=False)
    wild = tmp_path / "out" / "wild" / "one.mcap"
    assert result["clipped"] == {str(wild): 6}
    assert summary(wild)["clipped"] == 6
    assert summary(tmp_path / "out" / "plain" / "one.mcap")["clipped"] is None
    space = ActionSpace((), (Axis("arm.0", "state"), Axis("arm.1", "state")))
    back = open_recording(wild)
    assert space.actions(back.events, back.time_ns).axes.min() == -1


@pytest.mark.parametrize("length", [T, T - 1])
def test_elsewhere_a_row_leads_from_its_picture(tmp_path: Path, length: int) -> None:
    action = np.random.default_rng(1).normal(0, 3, (length, 4))
    recording = episodes_npz.read(written(tmp_path, image=pictures().astype(np.int64), action=action))
    np.testing.assert_allclose(rows(recording, 4)[: T - 1], action[: T - 1], rtol=1e-6)
    assert recording.warnings == ()


def test_without_actions_it_is_a_film(tmp_path: Path) -> None:
    recording = episodes_npz.read(written(tmp_path, rgb_static=pictures()))
    assert len(recording.events) == 0
    assert recording.warnings == ("no action is told",)


def test_of_two_cameras_the_published_one_is_read(tmp_path: Path) -> None:
    dark = np.zeros_like(pictures())
    recording = episodes_npz.read(written(tmp_path, image=pictures(), aux1_image=dark))
    assert recording.video[0].max() < 10
    assert recording.info.extra["picture"] == "aux1_image"


def test_only_what_is_read_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(
        tmp_path, image=pictures(), aux1_image=pictures(), depth=np.array([{}], object), action=np.ones((T, 1))
    )
    unpacked = []
    unpack = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(
        np.lib.npyio.NpzFile, "__getitem__", lambda self, name: unpacked.append(name) or unpack(self, name)
    )
    assert len(episodes_npz.read(path).video) == T
    assert unpacked == ["aux1_image", "action"]


@pytest.mark.parametrize(
    ("folder", "key", "hz"),
    [
        ("taco_play", "rgb_static", 15),
        ("uiuc_d3field3", "image_3", 1),
        ("asu_table_top_converted_externally_to_rlds", "image", 12.5),
        ("nobodys_robot", "image", episodes_npz.FPS),
    ],
)
def test_a_data_set_says_which_camera_and_how_fast(tmp_path: Path, folder: str, key: str, hz: float) -> None:
    others = dict.fromkeys(("image", "image_1", "rgb_static", "image_3"), np.zeros_like(pictures()))
    path = written(tmp_path / folder / "train", "train_eps_00000007", **(others | {key: pictures()}))
    recording = episodes_npz.read(path)
    assert recording.info.game == folder
    assert recording.info.extra["picture"] == key
    assert recording.video.fps == pytest.approx(hz)
    assert recording.video[0].mean() > 50
    assert recording.info.split == "train"
    assert recording.info.extra["session"] == f"{folder}/train/train_eps_00000007"


@pytest.mark.parametrize(
    ("path", "split"),
    [("bair/test/traj_00001", "test"), ("vp2/validation_eps_demo_00001", "validation"), ("mine/test_of_mine", "")],
)
def test_a_split_is_read_where_it_is_told(tmp_path: Path, path: str, split: str) -> None:
    whole = tmp_path / path
    assert episodes_npz.read(written(whole.parent, whole.name, image=pictures())).info.split == split


@pytest.mark.parametrize("name", ["obs/agentview_shift_2_image", "obs/camera_image", "camera_image"])
def test_vp2_may_name_its_pictures_as_its_sources_do(tmp_path: Path, name: str) -> None:
    fields = {name: pictures(), "action": np.full((T, 4), 0.5), "obs/other": np.zeros(9)}
    recording = episodes_npz.read(written(tmp_path, **fields))
    assert recording.info.extra["picture"] == name.rpartition("/")[2]
    assert (rows(recording, 4)[:-1] == 0.5).all()


@pytest.mark.parametrize("folder", ["robonet", "RoboNet/train", "robo_net"])
@pytest.mark.parametrize("axes", [3, 5, 7])
def test_an_arm_of_robonet_has_five_numbers(tmp_path: Path, folder: str, axes: int) -> None:
    action = np.random.default_rng(2).normal(0, 1, (T - 1, axes)).astype(np.float32)
    recording = episodes_npz.read(written(tmp_path / folder, image=pictures(), action=action))
    found = rows(recording, 5)[:-1]
    np.testing.assert_allclose(found[:, : min(5, axes)], action[:, :5], rtol=1e-6)
    assert not found[:, axes:].any()
    assert len(recording.warnings) == (axes != 5)
    assert rows(episodes_npz.read(written(tmp_path / "other", image=pictures(), action=action)), axes).shape[1] == axes


def test_where_a_gripper_that_closes_by_itself_went_is_its_fifth(tmp_path: Path) -> None:
    action = np.random.default_rng(2).normal(0, 1, (T - 1, 4)).astype(np.float32)
    state = np.zeros((T, 5))
    state[:, -1] = [9, 0.2, 0.8, 0.45, 0.7, 0.1]  # the first is where it began
    bounds = {"low_bound": np.array([0, 0, 0, 0, 0.1]), "high_bound": np.array([1, 1, 1, 1, 0.9])}
    fields = {"image": pictures(), "action": action, "state": state, **bounds}
    recording = episodes_npz.read(written(tmp_path / "robonet", **fields))
    np.testing.assert_allclose(rows(recording, 5)[:-1, :4], action, rtol=1e-6)
    np.testing.assert_allclose(rows(recording, 5)[:-1, 4], [0.1, 0.9, 0.1, 0.9, 0.1], rtol=1e-6)
    assert recording.warnings == ()
    for wrong in ({"state": state[:3]}, {"state": np.full(state.shape, "x")}, {"low_bound": np.zeros(0)}):
        with pytest.raises(BadInput, match=r"state in .* it must be \[6, S\] numbers, and bounds \[S\]"):
            episodes_npz.read(written(tmp_path / "robonet", **(fields | wrong)))
    for wrong in (
        {"state": np.full((T, 5), np.nan)},
        {"low_bound": np.full(5, np.nan)},
        {"high_bound": np.full(5, 1e300)},
    ):
        (name,) = wrong
        with pytest.raises(BadInput, match=rf"{name} in .*one\.npz has .* for the gripper; it must be finite"):
            episodes_npz.read(written(tmp_path / "robonet", **(fields | wrong)))


BAD = {
    "no pictures": ({"other": np.zeros(3)}, "has no pictures: it holds other; legal are observation, "),
    "halves": ({"image": pictures() / 255}, "image in .* is float64; pictures must be whole numbers from 0 to 255"),
    "short numbers": ({"image": pictures().astype(np.int16)}, "image in .* is int16; .* from 0 to 255, uint8 or int64"),
    "wide": ({"image": np.zeros((T, 8, 8, 4), np.uint8)}, r"image in .* is \[6, 8, 8, 4\]; legal are"),
    "beyond": ({"image": pictures().astype(np.int64) * 2}, "image in .* goes from 0 to 510; pictures go from 0 to 255"),
    "flat": ({"image": pictures()[0]}, r"image in .* is \[16, 16, 3\]; legal are"),
    "one": ({"image": pictures(1)}, "of two pictures or more"),
    "short": ({"image": pictures(), "action": np.zeros((3, 2))}, r"action in .* is float64 \[3, 2\]; with 6 pictures"),
    "late": (
        {"observation": np.zeros((T, 9, 8, 8), np.uint8), "action": np.zeros((5, 2))},
        r"must be \[6, A\] numbers",
    ),
    "endless": ({"image": pictures(), "action": np.full((T, 1), np.nan)}, "has a number that is not finite"),
    "words": ({"image": pictures(), "action": np.full((T, 1), "up")}, "must be"),
    "many": ({"image": pictures(), "action": np.zeros((T, 40))}, "has 40 numbers; 1 to 32 are legal"),
    "huge": (
        {"image": pictures(), "action": np.full((T, 1), -1e300)},
        r"action in .*one\.npz goes to 1e\+300; 3\.4\S+ is",
    ),
    "earns": ({"image": pictures(), "reward": np.full(T, 1e300)}, r"reward in .*one\.npz goes to 1e\+300; 3\.4\S+ is"),
    "twice": ({"a/image": pictures(), "b/image": pictures()}, "one.npz holds a/image and b/image; legal is one image"),
    "two hands": (
        {"image": pictures(), "action": np.zeros((T, 1)), "b/action": np.ones((T, 1))},
        "one.npz holds action and b/action; legal is one action",
    ),
    "objects": (
        {"image": np.array([{}], object)},
        "is not a readable .npz file of arrays: Object arrays cannot be loaded",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_episode_is_told(tmp_path: Path, case: str) -> None:
    fields, said = BAD[case]
    with pytest.raises(BadInput, match=said):
        episodes_npz.read(written(tmp_path, **fields))


def test_what_is_no_array_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    whole = written(tmp_path / "in", image=pictures())
    written(tmp_path / "in", "wide", image=np.zeros((2, 2, 20_000, 3), np.uint8))
    with zipfile.ZipFile(whole.parent / "other.npz", "w") as packed:
        packed.writestr("image.npy", b"not npy")
    result = convert(whole.parent, tmp_path / "out", "episodes_npz", progress=False)
    assert result["outputs"] == [str(tmp_path / "out" / "one.mcap")]
    told = {Path(path).stem: why for path, why in result["failed"].items()}
    assert told.keys() == {"other", "wide"}
    assert re.match(r"image in .*other\.npz is no array of numpy's", told["other"])
    assert told["wide"].startswith("a video cannot hold pictures of 20000x2 pixels; legal are 1 to 16384 a side")


def test_the_other_order_of_bytes_is_read_as_well(tmp_path: Path) -> None:
    fields = {"image": pictures().astype(">i8"), "action": np.full((T, 2), 0.5, ">f8")}
    recording = episodes_npz.read(written(tmp_path, **fields))
    assert (rows(recording, 2)[:-1] == 0.5).all()
    like = episodes_npz.read(written(tmp_path, "two", image=pictures()))
    assert np.array_equal(recording.video[0], like.video[0])


def test_a_data_set_is_known_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "taco_play" / "train", rgb_static=pictures())
    (tmp_path / "taco_play" / "train" / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "taco_play" / "train" / "sub")
    info = episodes_npz.read(Path("../one.npz")).info
    assert (info.game, info.split) == ("taco_play", "train")


def test_damaged_files_are_told(tmp_path: Path) -> None:
    whole = written(tmp_path, image=pictures()).read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(BadInput, match=re.escape(f"{tmp_path / 'cut.npz'} is not a readable .npz file")):
            episodes_npz.read(tmp_path / "cut.npz")
